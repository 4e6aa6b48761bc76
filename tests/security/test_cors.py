"""CORS and DNS rebinding: only web pages of permitted origins may use the server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from omoide.core import clock
from omoide.core.auth import ADMIN, Keyring
from tests.conftest import SECRET
from tests.security.in_process import Application, application, settings_of
from tests.server_process import Server

PAGE = "https://app.example.org"
LISTED = "/v3/workspaces/list"
FORM: dict[str, Any] = {"data": {"peer_id": "p"}, "files": {"file": ("a.txt", b"Planted.", "text/plain")}}
Fresh = Callable[[str], str]


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    """A server without authentication, with two host names and two allowed origins."""
    db = tmp_path_factory.mktemp("named") / "omoide.db"
    hosts, origins = "127.0.0.1,memory.example.org", f"{PAGE}, http://localhost:5173"
    with application(db, allowed_hosts=hosts, cors_origins=origins) as app:
        yield app


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    """A server with authentication and one allowed origin."""
    db = tmp_path_factory.mktemp("locked") / "omoide.db"
    with application(db, auth=True, jwt_secret=SECRET, cors_origins=PAGE) as app:
        yield app


def asking(origin: str, headers: str = "authorization") -> dict[str, str]:
    """The headers of a preflight."""
    return {"Origin": origin, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": headers}


# Without authentication.


@pytest.mark.parametrize("origin", [PAGE, "null", "http://127.0.0.1:1", "http://localhost.example.org", "file://"])
def test_a_page_of_another_origin_stores_nothing(origin: str, http: httpx.Client, fresh: Fresh) -> None:
    path = f"/v3/workspaces/{fresh('planted')}/sessions/s/messages"
    refused = http.post(f"{path}/upload", headers={"Origin": origin}, **FORM)
    assert refused.status_code == 403
    assert "OMOIDE_CORS_ORIGINS" in refused.json()["detail"]
    assert http.post(f"{path}/list").json()["items"] == []


def test_the_documentation_page_may_send_requests(server: Server, http: httpx.Client) -> None:
    assert http.post(LISTED, headers={"Origin": server.url}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["rebound.example.org", "rebound.example.org:8000", "127.0.0.1.nip.io", "localhost.example.org", "a@b", "[::1"],
)
def test_an_unknown_host_name_is_refused_on_loopback(host: str, http: httpx.Client) -> None:
    refused = http.post(LISTED, headers={"Host": host})
    assert refused.status_code == 403
    assert "OMOIDE_ALLOWED_HOSTS" in refused.json()["detail"]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "LOCALHOST:8000", "api.localhost:1", "[::1]:8000", "10.0.0.1"]
)
def test_local_names_and_addresses_are_accepted(host: str, http: httpx.Client) -> None:
    assert http.get("/health", headers={"Host": host}).status_code == 200


def test_a_server_with_configured_host_names_accepts_only_these(named: Application) -> None:
    hosts = ("memory.example.org", "MEMORY.example.org:80", "127.0.0.1", "localhost", "other.example.org")
    assert [named.ask("GET", "/health", {"Host": host}).status_code for host in hosts] == [200, 200, 200, 403, 403]


def test_a_public_server_accepts_any_host_name(tmp_path: Path) -> None:
    with application(tmp_path / "omoide.db", host="0.0.0.0", public_without_auth=True) as public:
        assert public.ask("GET", "/health", {"Host": "omoide:8000"}).status_code == 200
        assert public.ask("GET", "/health", {"Host": "omoide:8000", "Origin": PAGE}).status_code == 403


def test_configured_origins_may_use_the_api(named: Application) -> None:
    answer = named.ask("POST", LISTED, {"Origin": PAGE})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, PAGE)
    assert named.ask("POST", LISTED, {"Origin": f"{PAGE}.evil"}).status_code == 403


# With authentication.


def test_a_preflight_needs_no_key(locked: Application) -> None:
    answer = locked.ask("OPTIONS", LISTED, asking(PAGE, "authorization, content-type, idempotency-key"))
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, PAGE)
    assert "PUT" in answer.headers["access-control-allow-methods"]
    allowed = {name.strip().lower() for name in answer.headers["access-control-allow-headers"].split(",")}
    assert {"authorization", "content-type", "idempotency-key"} <= allowed


def test_a_refusal_is_readable_by_an_allowed_origin(locked: Application) -> None:
    refused = locked.ask("POST", LISTED, {"Origin": PAGE})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, PAGE)
    token = Keyring(SECRET).mint(ADMIN, now=clock.now())
    fine = locked.ask("POST", LISTED, {"Origin": PAGE, "Authorization": f"Bearer {token}"})
    assert (fine.status_code, fine.headers["access-control-allow-origin"]) == (200, PAGE)
    assert "Origin" in fine.headers["vary"]


def test_browser_credentials_are_never_allowed(locked: Application, named: Application) -> None:
    for app in (locked, named):
        for answer in (app.ask("OPTIONS", LISTED, asking(PAGE)), app.ask("GET", "/health", {"Origin": PAGE})):
            assert "access-control-allow-origin" in answer.headers
            assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("origin", ["https://evil.example.org", f"{PAGE}.evil", "http://app.example.org", "null"])
def test_other_origins_are_not_allowed(origin: str, locked: Application) -> None:
    refused = locked.ask("OPTIONS", LISTED, asking(origin))
    assert refused.status_code == 400
    for answer in (refused, locked.ask("GET", "/health", {"Origin": origin})):
        assert "access-control-allow-origin" not in answer.headers


def test_without_the_setting_there_is_no_cors(guarded: Server) -> None:
    with guarded.client() as client:
        assert client.options(LISTED, headers=asking(PAGE)).status_code == 405
        assert not [
            name for name in client.get("/health", headers={"Origin": PAGE}).headers if "access-control" in name
        ]


@pytest.mark.parametrize(
    "origin", ["app.example.org", "https://app.example.org/", "https://*.example.org", "https://a b"]
)
def test_an_invalid_origin_is_a_wrong_setting(origin: str) -> None:
    with pytest.raises(ValidationError, match="is not an origin"):
        settings_of(cors_origins=(origin,))
