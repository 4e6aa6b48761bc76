"""Options of a client's constructor that affect its requests."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from honcho.api_types import MessageResponse

from tests.sdk.conftest import Connect
from tests.sdk.styles import Style
from tests.server_process import Server


def test_a_client_reads_server_and_workspace_from_the_environment(
    server: Server, connect: Connect, fresh: Callable[[str], str], call: Style, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = fresh("workspace")
    monkeypatch.setenv("HONCHO_URL", server.url)
    monkeypatch.setenv("HONCHO_WORKSPACE_ID", workspace)
    honcho = connect(server, None, base_url=None)
    assert call(honcho.peer, "alice").workspace_id == workspace


def test_a_url_may_end_in_slashes(server: Server, connect: Connect, fresh: Callable[[str], str], call: Style) -> None:
    honcho = connect(server, fresh("workspace"), base_url=f"{server.url}//")
    assert call(honcho.peer, "alice").id == "alice"


def test_additional_query_parameters_and_headers_are_ignored(
    server: Server, connect: Connect, fresh: Callable[[str], str], call: Style
) -> None:
    own = {"default_query": {"tenant": "x"}, "default_headers": {"X-Honcho-Host": "a program of ours"}}
    honcho = connect(server, fresh("workspace"), **own)
    session = call(honcho.session, "first", peers="alice")
    assert [peer.id for peer in call(session.peers)] == ["alice"]
    assert [found.id for found in call(honcho.sessions).items] == ["first"]


def test_a_key_is_ignored_while_authentication_is_off(
    server: Server, connect: Connect, fresh: Callable[[str], str], call: Style
) -> None:
    assert call(connect(server, fresh("workspace"), api_key="any text").peer, "alice").id == "alice"


def test_fields_that_a_client_does_not_know_are_ignored(
    server: Server, connect: Connect, fresh: Callable[[str], str], call: Style
) -> None:
    workspace = fresh("workspace")
    honcho = connect(server, workspace, default_query={"costs": "true"})
    session, alice = call(honcho.session, "first"), call(honcho.peer, "alice")
    call(session.add_messages, alice.message("hello"))
    assert [each.content for each in call(session.context).messages] == ["hello"]
    with server.client() as http:
        assert "costs" in http.get(f"/v3/workspaces/{workspace}/sessions/first/context?costs=true").json()
        explained = http.post(f"/v3/workspaces/{workspace}/search", json={"query": "hello", "explain": True}).json()
    assert "match" in explained[0]
    assert MessageResponse.model_validate(explained[0]).content == "hello"
