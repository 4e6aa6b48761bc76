"""Every stay of a peer in a session is kept, with when it was and who added and removed the peer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from omoide.core import clock
from omoide.core.auth import ADMIN, Keyring, Principal
from tests.conftest import SECRET
from tests.handlers.workspace import WorkspaceClient, until
from tests.server_process import Server

Fresh = Callable[[str], str]


@pytest.fixture
def ws(workspace_client: WorkspaceClient) -> WorkspaceClient:
    workspace_client.session("s", peers={"alice": {}})
    return workspace_client


def history(ws: WorkspaceClient, peer: str = "alice", session: str = "s") -> list[Any]:
    stays: list[Any] = ws.ok("GET", f"/sessions/{session}/peers/{peer}/history")["stays"]
    return stays


def who(ws: WorkspaceClient, peer: str = "alice", session: str = "s") -> list[tuple[str | None, str | None]]:
    return [(stay["added_by"], stay["removed_by"]) for stay in history(ws, peer, session)]


def test_each_stay_has_its_times_the_newest_first(ws: WorkspaceClient) -> None:
    ws.ok("DELETE", "/sessions/s/peers", ["alice"])
    ws.ok("POST", "/sessions/s/peers", {"alice": {}})
    now, first = history(ws)
    assert first["joined_at"] < first["left_at"] < now["joined_at"]
    assert now["left_at"] is None
    assert who(ws) == [("admin", None), ("admin", "admin")]


def test_a_stay_without_messages_is_kept(ws: WorkspaceClient) -> None:
    for _ in range(2):
        ws.ok("PUT", "/sessions/s/peers", {})
        ws.ok("PUT", "/sessions/s/peers", {"alice": {}})
    assert [stay["left_at"] is None for stay in history(ws)] == [True, False, False]


def test_adding_a_member_again_begins_no_stay(ws: WorkspaceClient) -> None:
    ws.ok("POST", "/sessions/s/peers", {"alice": {"observe_me": False}})
    ws.say("s", "Hello")
    ws.ok("PUT", "/sessions/s/peers", {"alice": {}})
    assert len(history(ws)) == 1


def test_an_author_and_a_configured_peer_join(ws: WorkspaceClient) -> None:
    ws.say("s", "Hello", peer="bob")
    ws.peer("carol")
    ws.ok("PUT", "/sessions/s/peers/carol/config", {"observe_me": False})
    assert who(ws, "bob") == who(ws, "carol") == [("admin", None)]


def test_the_members_of_a_copy_joined_it(ws: WorkspaceClient) -> None:
    copy = ws.ok("POST", "/sessions/s/clone")["id"]
    assert who(ws, session=copy) == [("server", None)]


def test_a_peer_that_was_never_in_the_session_has_no_history(ws: WorkspaceClient) -> None:
    ws.peer("bob")
    for peer in ("bob", "nobody"):
        assert ws.call("GET", f"/sessions/s/peers/{peer}/history").status_code == 404
    assert ws.call("GET", "/sessions/t/peers/alice/history").status_code == 404


def test_a_merged_peer_keeps_the_stays_of_both(ws: WorkspaceClient) -> None:
    ws.ok("POST", "/sessions/s/peers", {"ally": {}})
    until(lambda: ws.call("POST", "/peers/ally/merge", {"into": "alice"}).status_code == 200)
    assert who(ws) == who(ws, "ally") == [("admin", None), ("admin", None)]


def test_callers_are_named_by_what_their_key_is_limited_to(guarded: Server, fresh: Fresh) -> None:
    keyring, name = Keyring(SECRET), fresh("history")

    def client(principal: Principal) -> httpx.Client:
        return guarded.client(headers={"Authorization": f"Bearer {keyring.mint(principal, now=clock.now())}"})

    keys = {
        "admin": ADMIN,
        "workspace": Principal(workspace=name),
        "session:s": Principal(workspace=name, session="s"),
    }
    with client(ADMIN) as admin, client(Principal(workspace=name, peer="bob")) as bob:
        WorkspaceClient(bob, name).session("own", peers={"bob": {}})
        ws = WorkspaceClient(admin, name)
        ws.session("s")
        assert who(ws, "bob", "own") == [("peer:bob", None)]
        for said, key in keys.items():
            with client(key) as http:
                caller = WorkspaceClient(http, name)
                caller.ok("POST", "/sessions/s/peers", {"alice": {}})
                assert who(caller)[0] == (said, None)
                caller.ok("DELETE", "/sessions/s/peers", ["alice"])
                assert who(caller)[0] == (said, said)
        assert WorkspaceClient(bob, name).call("GET", "/sessions/s/peers/alice/history").status_code == 401


def test_only_workspace_keys_list_the_peers_that_have_left(guarded: Server, fresh: Fresh) -> None:
    keyring, name = Keyring(SECRET), fresh("former")

    def listed(principal: Principal) -> list[str]:
        with guarded.client(headers={"Authorization": f"Bearer {keyring.mint(principal, now=clock.now())}"}) as http:
            found = WorkspaceClient(http, name).ok("GET", "/sessions/s/peers?former=true")
        return [peer["id"] for peer in found["items"]]

    with guarded.client(headers={"Authorization": f"Bearer {keyring.mint(ADMIN, now=clock.now())}"}) as http:
        ws = WorkspaceClient(http, name)
        ws.session("s", peers={"alice": {}, "bob": {}})
        ws.ok("DELETE", "/sessions/s/peers", ["alice"])
    assert listed(Principal(workspace=name)) == ["alice", "bob"]
    assert listed(Principal(workspace=name, session="s")) == listed(Principal(workspace=name, peer="bob")) == ["bob"]
