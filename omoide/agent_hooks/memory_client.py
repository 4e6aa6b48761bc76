"""A small client of the API, of Python's own modules: hooks start often, and other clients take longer to load."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit

MOST_BYTES = 20_000_000


class MemoryUnavailable(Exception):
    """The server did not answer as hoped; the message says why."""


class MemoryClient:
    """Sends requests to one workspace, all of them within a number of seconds."""

    def __init__(self, url: str, workspace: str, key: str | None, seconds: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise MemoryUnavailable("the URL must be that of a server, such as http://localhost:8000")
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port
        self._path = f"{parts.path.partition('/mcp')[0].rstrip('/')}/v3/workspaces/{quote(workspace, safe='')}"
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        self._deadline = time.monotonic() + seconds

    def get(self, *path: str, **query: object) -> object:
        """The JSON of a resource, None if there is none. Raises MemoryUnavailable."""
        return self._request("GET", path, query, None, {})

    def post(self, *path: str, body: object, idempotency_key: str | None = None, **query: object) -> object:
        """The JSON of the answer, None if the resource does not exist. Raises MemoryUnavailable."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return self._request("POST", path, query, json.dumps(body).encode(), headers)

    def _request(
        self, method: str, path: tuple[str, ...], query: Mapping[str, object], body: bytes | None, more: dict[str, str]
    ) -> object:
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise MemoryUnavailable("there was not enough time")
        target = "/".join([self._path, *(quote(part, safe="") for part in path)]) + (
            f"?{urlencode(query)}" if query else ""
        )
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=remaining)
        try:
            connection.request(method, target, body, self._headers | more)
            response = connection.getresponse()
            content = response.read(MOST_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise MemoryUnavailable(f"no answer from {self._host}: {error or type(error).__name__}") from error
        finally:
            connection.close()
        if response.status == 404:
            return None
        if not 200 <= response.status < 300:
            said = " ".join(content[:300].decode(errors="replace").split())
            raise MemoryUnavailable(f"the server answered {response.status}: {said}")
        try:
            return json.loads(content)
        except ValueError as error:
            raise MemoryUnavailable("the answer is not JSON: is this an Omoide server?") from error
