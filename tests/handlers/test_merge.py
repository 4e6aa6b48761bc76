"""Merging peers: everything of one becomes the other's, and its id an alias or free."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from omoide.core import clock
from omoide.core.auth import ADMIN, Keyring, Principal
from tests.conftest import SECRET
from tests.handlers.workspace import WorkspaceClient, until
from tests.server_process import Server

Fresh = Callable[[str], str]


@pytest.fixture(scope="module")
def eager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that reasons at once."""
    running = Server(tmp_path_factory.mktemp("eager") / "omoide.db", debounce_seconds="0")
    yield running
    assert running.stop() == -signal.SIGTERM, "".join(running.log)


@pytest.fixture(scope="module")
def http(eager: Server) -> Iterator[httpx.Client]:
    with eager.client() as client:
        yield client


@pytest.fixture
def ws(http: httpx.Client, fresh: Fresh) -> WorkspaceClient:
    """alice (in the session a) and ally (in b) are the same human; bob observes both."""
    workspace = WorkspaceClient(http, fresh("merge"))
    workspace.session("a", peers={"alice": {}, "bob": {"observe_others": True}})
    workspace.session("b", peers={"ally": {}, "bob": {"observe_others": True}})
    return workspace


def settle(ws: WorkspaceClient) -> None:
    until(lambda: _open(ws) == 0)


def _open(ws: WorkspaceClient) -> int:
    status = ws.ok("GET", "/queue/status")
    return int(status["pending_work_units"] + status["in_progress_work_units"])


def merge(ws: WorkspaceClient, peer: str = "ally", into: str = "alice", **options: Any) -> httpx.Response:
    return ws.call("POST", f"/peers/{peer}/merge", {"into": into, **options})


def merged(ws: WorkspaceClient, peer: str = "ally", into: str = "alice", **options: Any) -> None:
    """Merge, and wait until nothing is left to move."""
    begun = merge(ws, peer, into, **options)
    assert begun.status_code == 202, begun.text
    until(lambda: merge(ws, peer, into).status_code != 202)
    settle(ws)


def known(ws: WorkspaceClient, observer: str, observed: str) -> dict[str, int]:
    """Text → times derived of the current conclusions of a pair."""
    filters = {"observer_id": observer, "observed_id": observed}
    page = ws.ok("POST", "/conclusions/list?size=100", {"filters": filters})
    return {each["content"]: each["times_derived"] for each in page["items"]}


def conclude(ws: WorkspaceClient, content: str, observer: str, observed: str) -> Any:
    new = {"content": content, "observer_id": observer, "observed_id": observed}
    return ws.ok("POST", "/conclusions", {"conclusions": [new]})[0]


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["detail"]


def test_messages_memberships_and_conclusions_move(ws: WorkspaceClient) -> None:
    ws.say("a", "I work as a nurse.", peer="alice")
    ws.say("b", "I have two cats.", peer="ally")
    settle(ws)
    merged(ws)
    assert ws.peers() == ["alice", "bob"]
    assert (ws.members("a"), ws.members("b")) == (["alice", "bob"], ["alice", "bob"])
    messages = ws.ok("POST", "/sessions/b/messages/list")["items"]
    assert [(each["peer_id"], each["content"]) for each in messages] == [("alice", "I have two cats.")]
    for observer in ("alice", "bob"):
        assert known(ws, observer, "alice") == {"alice works as a nurse": 1, "alice has two cats": 1}


def test_moved_texts_are_found_by_words_and_by_meaning(ws: WorkspaceClient) -> None:
    ws.say("b", "My telescope is broken.", peer="ally")
    settle(ws)
    merged(ws)
    for query in ("telescope", "astronomy instrument"):
        found = ws.ok("POST", "/peers/alice/search", {"query": query})
        assert [each["content"] for each in found] == ["My telescope is broken."]
        filters = {"observer_id": "alice", "observed_id": "alice"}
        nearest = ws.ok("POST", "/conclusions/query", {"query": query, "filters": filters})
        assert [each["content"] for each in nearest] == ["alice's telescope is broken"]


def test_equal_conclusions_become_one(ws: WorkspaceClient) -> None:
    ws.say("a", "I love tea.", peer="alice")
    ws.say("b", "I love tea.", peer="ally")
    conclude(ws, "alice is tall", "bob", "alice")
    conclude(ws, "ally is tall", "bob", "ally")
    settle(ws)
    merged(ws)
    assert known(ws, "alice", "alice") == {"alice loves tea": 2}
    assert known(ws, "bob", "alice") == {"alice loves tea": 2, "alice is tall": 2}


def test_what_one_said_of_the_other_becomes_about_itself(ws: WorkspaceClient) -> None:
    conclude(ws, "ally is careful", "alice", "ally")
    conclude(ws, "alice is loud", "ally", "alice")
    conclude(ws, "bob is kind", "ally", "bob")
    merged(ws)
    assert known(ws, "alice", "alice").keys() == {"alice is careful", "alice is loud"}
    assert known(ws, "alice", "bob") == {"bob is kind": 1}


@pytest.mark.parametrize("newer", ["alice", "ally"])
def test_the_newer_statement_of_either_supersedes(ws: WorkspaceClient, newer: str) -> None:
    homes = {"alice": ("a", "Rome"), "ally": ("b", "Bonn")}
    for peer in sorted(homes, key=lambda each: each == newer):
        session, town = homes[peer]
        ws.say(session, f"I live in {town}.", peer=peer)
        settle(ws)
    merged(ws)
    assert known(ws, "alice", "alice") == {f"alice lives in {homes[newer][1]}": 1}


def test_given_lines_of_the_target_come_first_and_cards_are_renewed(ws: WorkspaceClient) -> None:
    ws.say("b", "I work as a nurse.", peer="ally")
    settle(ws)
    ws.ok("PUT", "/peers/ally/card", {"peer_card": ["INSTRUCTION: be brief", "IDENTITY: Ally"]})
    ws.ok("PUT", "/peers/alice/card", {"peer_card": ["IDENTITY: Alice", "INSTRUCTION: be brief"]})
    ws.ok("PUT", "/peers/bob/card?target=ally", {"peer_card": ["ATTRIBUTE: a friend"]})
    merged(ws)
    card = ["IDENTITY: Alice", "INSTRUCTION: be brief", "IDENTITY: Ally"]
    until(lambda: ws.ok("GET", "/peers/alice/card")["peer_card"] == [*card, "ATTRIBUTE: is a nurse"])
    assert ws.ok("GET", "/peers/bob/card?target=alice")["peer_card"][0] == "ATTRIBUTE: a friend"


def test_metadata_of_the_target_wins(ws: WorkspaceClient) -> None:
    ws.peer("alice", metadata={"name": "Alice"}, configuration={"observe_me": True})
    ws.peer("ally", metadata={"name": "Ally", "mail": "a@example.com"}, configuration={"observe_me": False})
    merged(ws)
    peer = ws.peer("ally")
    assert (peer["id"], peer["metadata"]) == ("alice", {"name": "Alice", "mail": "a@example.com"})
    assert peer["configuration"] == {"observe_me": True}


def test_in_a_shared_session_the_stays_are_united(ws: WorkspaceClient) -> None:
    ws.say("a", "one", peer="alice")
    ws.ok("DELETE", "/sessions/a/peers", ["alice"])
    ws.say("a", "two", peer="bob")
    ws.say("a", "three", peer="ally")
    merged(ws)
    assert ws.members("a") == ["bob", "alice"]
    own = ws.ok("POST", "/sessions/a/messages/list", {"filters": {"peer_id": "ally"}})["items"]
    assert [each["content"] for each in own] == ["one", "three"]


def test_the_queue_status_counts_what_the_old_peer_said(ws: WorkspaceClient) -> None:
    ws.say("a", "I work as a nurse.", peer="alice")
    ws.say("b", "I have a cat.", "I have a dog.", peer="ally")
    settle(ws)

    def done(**query: str) -> int:
        return int(ws.ok("GET", "/queue/status", params=query)["completed_work_units"])

    assert (done(sender_id="alice"), done(sender_id="ally"), done(observer_id="bob")) == (1, 2, 3)
    merged(ws, keep_alias=False)
    assert (done(sender_id="alice"), done(sender_id="ally"), done(observer_id="bob"), done()) == (3, 0, 3, 3)
    assert done(observer_id="alice") == 3


def test_the_queue_status_of_the_target_has_what_is_still_reasoned_about(ws: WorkspaceClient) -> None:
    ws.say("b", "I play chess.", peer="ally")
    begun = merge(ws)
    waiting = ws.ok("GET", "/queue/status?sender_id=alice")
    assert (begun.status_code, waiting["total_work_units"]) == (202, 1)
    merged(ws)


def test_what_was_said_before_is_still_reasoned_about(ws: WorkspaceClient) -> None:
    ws.say("b", "I play chess.", peer="ally")
    merged(ws)
    assert known(ws, "alice", "alice") == {"alice plays chess": 1}


def test_the_alias_stays_and_new_messages_are_the_targets(ws: WorkspaceClient) -> None:
    merged(ws)
    (message,) = ws.say("b", "I paint.", peer="ally")
    assert message["peer_id"] == "alice"
    settle(ws)
    assert known(ws, "ally", "ally") == known(ws, "alice", "alice") == {"alice paints": 1}
    assert ws.peers() == ["alice", "bob"]


def test_a_freed_id_is_another_peer(ws: WorkspaceClient) -> None:
    ws.say("b", "I paint.", peer="ally")
    settle(ws)
    merged(ws, keep_alias=False)
    assert refusal(merge(ws)) == (404, f"Peer ally not found in workspace {ws.id}")
    assert ws.peer("ally")["id"] == "ally"
    assert known(ws, "ally", "ally") == {}
    assert known(ws, "alice", "alice") == {"alice paints": 1}


def test_a_dry_run_tells_what_would_move_and_changes_nothing(ws: WorkspaceClient) -> None:
    ws.say("b", "I paint.", "I have a cat.", peer="ally")
    settle(ws)
    ws.ok("PUT", "/peers/ally/card", {"peer_card": ["IDENTITY: Ally"]})
    card = ws.ok("GET", "/peers/bob/card?target=ally")["peer_card"]
    before = [ws.peers(), known(ws, "ally", "ally"), ws.members("b")]
    answer = merge(ws, dry_run=True)
    counts = {"messages": 2, "sessions": 1, "conclusions": 4, "cards": 1 + (card is not None)}
    assert (answer.status_code, answer.json()) == (
        200,
        {"peer_id": "ally", "into": "alice", "state": "planned", **counts},
    )
    assert [ws.peers(), known(ws, "ally", "ally"), ws.members("b")] == before


def test_aliases_follow_when_their_peer_is_merged_itself(ws: WorkspaceClient) -> None:
    merged(ws, "ally", "alice")
    merged(ws, "alice", "bob")
    assert [ws.peer(id)["id"] for id in ("ally", "alice", "bob")] == ["bob"] * 3


def test_scopes_keep_what_they_know(ws: WorkspaceClient) -> None:
    ws.ok("POST", "/scopes", {"id": "th"})
    ws.ok("POST", "/scopes/th/sessions", {"session_ids": ["b"]})
    ws.say("b", "I play chess.", peer="ally")
    settle(ws)
    merged(ws)
    assert known(ws, "scope.th", "alice") == {"alice plays chess": 1}


def test_a_session_that_is_deleted_later_takes_what_moved(ws: WorkspaceClient) -> None:
    ws.say("b", "I play chess.", peer="ally")
    settle(ws)
    merged(ws)
    ws.ok("DELETE", "/sessions/b")
    assert known(ws, "alice", "alice") == {}


def test_wrong_merges_are_refused(ws: WorkspaceClient) -> None:
    assert refusal(merge(ws, "alice", "alice")) == (422, "A peer cannot be merged into itself")
    missing = f"Peer nobody not found in workspace {ws.id}"
    assert refusal(merge(ws, "nobody", "alice")) == refusal(merge(ws, "alice", "nobody")) == (404, missing)
    for pair in (("scope.th", "alice"), ("alice", "scope.th")):
        status, detail = refusal(merge(ws, *pair))
        assert (status, "Scopes are not merged" in detail) == (422, True)
    merged(ws)
    assert refusal(merge(ws, "ally", "bob")) == (409, "Peer ally is an alias of alice already: it was merged")
    assert refusal(merge(ws, "alice", "ally")) == (409, "Peer ally is an alias of alice: name that peer")
    assert merge(ws).status_code == 200


@pytest.mark.parametrize("keep_alias", [True, False])
def test_keys_of_the_old_id_are_refused(guarded: Server, fresh: Fresh, keep_alias: bool) -> None:
    keyring, name = Keyring(SECRET), fresh("merge")

    def client(peer: str | None = None) -> httpx.Client:
        principal = Principal(workspace=name, peer=peer) if peer else ADMIN
        return guarded.client(headers={"Authorization": f"Bearer {keyring.mint(principal, now=clock.now())}"})

    with client() as admin, client("ally") as old, client("alice") as kept:
        ws, as_old = WorkspaceClient(admin, name), WorkspaceClient(old, name)
        ws.peer("alice"), ws.peer("ally")
        assert as_old.call("GET", "/peers/ally/card").status_code == 200
        merged(ws, keep_alias=keep_alias)
        for path in ("/peers/ally/card", "/peers/alice/card"):
            assert as_old.call("GET", path).status_code == 401
        assert as_old.call("POST", "/peers", {"id": "ally"}).status_code == 401
        assert WorkspaceClient(kept, name).call("GET", "/peers/alice/card").status_code == 200
        if keep_alias:
            minted = admin.post("/v3/keys", params={"workspace_id": name, "peer_id": "ally"}).json()["key"]
            with guarded.client(headers={"Authorization": f"Bearer {minted}"}) as new:
                assert WorkspaceClient(new, name).call("GET", "/peers/alice/card").status_code == 200
        if not keep_alias:
            ws.peer("ally")
            assert as_old.call("GET", "/peers/ally/card").status_code == 401
            with client("ally") as renewed:
                assert WorkspaceClient(renewed, name).call("GET", "/peers/ally/card").status_code == 200


def test_deleting_the_peer_frees_its_aliases(ws: WorkspaceClient) -> None:
    ws.say("b", "I play chess.", peer="ally")
    merged(ws)
    ws.ok("DELETE", "/peers/ally")
    assert ws.peers() == ["bob"]
    assert ws.peer("ally")["id"] == "ally"
    assert known(ws, "ally", "ally") == {}
