"""The tenants: each has its own workspace, key and network address, as if on separate machines."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.http_client import request
from benchmarks.servers import Address
from omoide.core import clock
from omoide.core.auth import Keyring, Principal

SECRET = "a secret for benchmarks, of more than 32 bytes"
SETTINGS = {"jwt_secret": SECRET, "debounce_seconds": "1"}
"""Settings of all measured servers. Messages are debounced for only one second, so that this delay does not hide
waiting for the worker."""
LIGHT_SOURCE = "127.0.0.1"
HEAVY_SOURCE = "127.0.0.2"


@dataclass(frozen=True)
class Tenant:
    """A caller with the local address `source` and a key for one workspace."""

    server: Address
    workspace: str
    source: str
    key: str

    @property
    def base(self) -> str:
        return f"/v3/workspaces/{self.workspace}"

    def get(self, path: str) -> bytes:
        """A GET request; `path` is relative to the workspace."""
        return request("GET", f"{self.base}{path}", key=self.key)

    def post(self, path: str, body: object) -> bytes:
        return request("POST", f"{self.base}{path}", body, key=self.key)

    def delete(self, path: str) -> bytes:
        return request("DELETE", f"{self.base}{path}", key=self.key)

    def create_workspace(self) -> bytes:
        return request("POST", "/v3/workspaces", {"id": self.workspace}, key=self.key)


def tenant(server: Address, workspace: str, source: str) -> Tenant:
    key = Keyring(SECRET).mint(Principal(workspace=workspace), now=clock.now())
    return Tenant(server, workspace, source, key)


def admin_key() -> str:
    return Keyring(SECRET).mint(Principal(admin=True), now=clock.now())
