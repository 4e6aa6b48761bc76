"""Authorization of MCP clients: challenges, the metadata of RFC 9728, and origins of web pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.client.auth.utils import (
    build_protected_resource_metadata_discovery_urls,
    extract_resource_metadata_from_www_auth,
)
from mcp.shared.auth_utils import check_resource_allowed
from pydantic import ValidationError

from omoide.core import clock
from omoide.core.auth import ADMIN, Keyring
from tests.conftest import SECRET
from tests.security.in_process import Application, application, settings_of
from tests.server_process import Server

WELL_KNOWN = "/.well-known/oauth-protected-resource"
PAGE = "https://app.example.org"
ISSUER = "https://login.example.org"
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
ADDRESSES = ("/mcp", "/mcp/demo", "/mcp/a%2Fb%22c")


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    """A server behind a proxy, which has an authorization server."""
    db = tmp_path_factory.mktemp("proxied") / "omoide.db"
    public = "https://example.org/memory/"
    with application(
        db, auth=True, jwt_secret=SECRET, public_url=public, authorization_servers=ISSUER, cors_origins=PAGE
    ) as app:
        yield app


def refused(ask: Callable[..., Any], path: str, **headers: str) -> str:
    answer = ask("POST", path, json=LIST, headers=headers)
    assert answer.status_code == 401, answer.text
    return str(answer.headers["WWW-Authenticate"])


@pytest.mark.parametrize("path", ADDRESSES)
def test_a_refused_client_finds_the_metadata_without_a_key(guarded: Server, path: str) -> None:
    with guarded.client() as http:
        challenge = refused(http.request, path)
        url = extract_resource_metadata_from_www_auth(
            httpx2.Response(401, headers={"WWW-Authenticate": challenge}, request=httpx2.Request("POST", guarded.url))
        )
        assert url == f"{guarded.url}{WELL_KNOWN}{path}"
        assert url == build_protected_resource_metadata_discovery_urls(None, guarded.url + path)[0]
        metadata = http.get(url).json()
        assert check_resource_allowed(guarded.url + path, metadata["resource"])
        assert http.get(WELL_KNOWN).json()["resource"] == guarded.url
    assert metadata == {
        "resource": guarded.url + path,
        "bearer_methods_supported": ["header"],
        "resource_name": "Omoide",
    }


def test_an_invalid_key_is_called_so(guarded: Server) -> None:
    with guarded.client() as http:
        assert refused(http.request, "/mcp").startswith("Bearer resource_metadata=")
        assert refused(http.request, "/mcp", Authorization="Bearer no").startswith('Bearer error="invalid_token", ')


def test_metadata_names_what_clients_know(proxied: Application) -> None:
    where = "https://example.org/.well-known/oauth-protected-resource/memory/mcp/demo"
    assert refused(proxied.ask, "/mcp/demo") == f'Bearer resource_metadata="{where}"'
    for path in (f"{WELL_KNOWN}/memory/mcp/demo", f"{WELL_KNOWN}/mcp/demo/"):
        metadata = proxied.ask("GET", path).json()
        assert metadata["resource"] == "https://example.org/memory/mcp/demo"
        assert metadata["authorization_servers"] == [ISSUER]
    assert proxied.ask("GET", f"{WELL_KNOWN}/memory").json()["resource"] == "https://example.org/memory"


@pytest.mark.parametrize("path", ["/v3/workspaces", "/mcp/a/b", "x", "/memoryx/mcp"])
def test_other_resources_have_no_metadata(proxied: Application, path: str) -> None:
    assert proxied.ask("GET", WELL_KNOWN + path).status_code == 404


def test_without_authentication_there_is_no_metadata(server: Server) -> None:
    with server.client() as http:
        assert http.get(WELL_KNOWN).status_code == 404


def test_a_strange_host_is_not_quoted(proxied: Application, tmp_path: Path) -> None:
    with application(tmp_path / "omoide.db", auth=True, jwt_secret=SECRET) as app:
        assert '", x="' not in refused(app.ask, "/mcp", Host='a", x="b')


def test_pages_of_other_origins_are_refused_with_authentication_too(proxied: Application) -> None:
    key = {"Authorization": f"Bearer {Keyring(SECRET).mint(ADMIN, now=clock.now())}"}
    accepted = {"Accept": "application/json, text/event-stream", **key}

    def status(origin: dict[str, str], path: str = "/mcp") -> int:
        return proxied.ask("POST", path, {**accepted, **origin}, json=LIST).status_code

    assert [status({"Origin": origin}) for origin in ("https://evil.example", "null")] == [403, 403]
    assert [status({"Origin": origin}) for origin in (PAGE, "https://example.org", "http://127.0.0.1")] == [200] * 3
    assert status({}) == 200
    assert status({"Origin": "https://evil.example"}, "/v3/workspaces/list") == 200


def test_a_refusal_can_be_read_by_pages_of_configured_origins(proxied: Application) -> None:
    answer = proxied.ask("POST", "/mcp", {"Origin": PAGE}, json=LIST)
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert "WWW-Authenticate" in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize("url", ["example.org", "https://u@example.org", "https://example.org/?x=1", 'https://a"b'])
def test_an_invalid_public_url_is_a_wrong_setting(url: str) -> None:
    with pytest.raises(ValidationError, match="public_url"):
        settings_of(public_url=url)
