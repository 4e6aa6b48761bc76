"""Workspaces by the SDK: create, list, delete. Their metadata is in
test_metadata_and_configuration.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from honcho import ConflictError, Honcho, NotFoundError, Session

from tests.sdk.conftest import Connect
from tests.sdk.styles import Style
from tests.server_process import Server


def test_a_clients_first_request_creates_its_workspace(honcho: Honcho, call: Style) -> None:
    call(honcho.peers)
    assert len(honcho.uid) == 21
    assert honcho.workspace_id in call.walk(call(honcho.workspaces, size=100))


def test_a_workspace_keeps_its_uid(honcho: Honcho, server: Server, connect: Connect, call: Style) -> None:
    other = connect(server, honcho.workspace_id)
    call(honcho.refresh)
    call(other.refresh)
    assert honcho.uid == other.uid


def test_workspaces_are_listed_oldest_first(
    server: Server, connect: Connect, fresh: Callable[[str], str], call: Style
) -> None:
    names = [fresh("workspace") for _ in range(3)]
    clients = [connect(server, name) for name in names]
    before = call(clients[0].workspaces).total
    for client in clients:
        call(client.refresh)
    newest = call(clients[0].workspaces, size=2, reverse=True)
    assert newest.items == names[:0:-1]
    assert newest.total == before + 3
    assert call(newest.get_next_page).items[0] == names[0]
    assert [name for name in call.walk(call(clients[0].workspaces, size=100)) if name in names] == names


def test_a_workspace_can_be_deleted_right_after_its_last_session(honcho: Honcho, call: Style) -> None:
    session = call(honcho.session, "first", peers=["alice"])
    call(session.delete)
    call(honcho.delete_workspace, honcho.workspace_id)
    assert honcho.workspace_id not in call.walk(call(honcho.workspaces, size=100))


def test_a_workspace_with_an_active_session_is_not_deleted(honcho: Honcho, call: Style) -> None:
    session = call(honcho.session, "first")
    with pytest.raises(ConflictError, match="active session") as refused:
        call(honcho.delete_workspace, honcho.workspace_id)
    assert (refused.value.status, refused.value.code) == (409, "conflict")
    assert [found.id for found in call(honcho.sessions).items] == [session.id]


def test_deleting_a_workspace_that_does_not_exist_is_not_found(honcho: Honcho, call: Style) -> None:
    with pytest.raises(NotFoundError, match=f"Workspace {honcho.workspace_id} not found"):
        call(honcho.delete_workspace, honcho.workspace_id)


def test_a_workspace_recreated_after_deletion_is_another_and_empty(
    honcho: Honcho, server: Server, connect: Connect, call: Style
) -> None:
    call(honcho.set_metadata, {"team": "research"})
    call(honcho.peer, "alice")
    call(honcho.delete_workspace, honcho.workspace_id)
    again = connect(server, honcho.workspace_id)
    assert call(again.get_metadata) == {}
    assert call(again.peers).items == []
    assert again.uid != honcho.uid


def test_workspaces_share_nothing(server: Server, connect: Connect, fresh: Callable[[str], str], call: Style) -> None:
    one, other = connect(server, fresh("workspace")), connect(server, fresh("workspace"))
    alice = call(one.peer, "alice", metadata={"of": "one"})
    session = call(one.session, "first")
    [message] = call(session.add_messages, alice.message("Only here."))
    assert call(call(other.peer, "alice").get_metadata) == {}
    assert call(other.sessions).items == []
    assert call(Session("first", other).messages).items == []
    with pytest.raises(NotFoundError):
        call(Session("first", other).get_message, message.id)
