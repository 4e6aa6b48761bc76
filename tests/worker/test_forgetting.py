"""Each kind of deletion erases a word from all files, wherever it went: nothing that came only from it is left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from omoide.core import clock
from omoide.core.records import Derived
from omoide.storage import conclusions, dreams, scopes
from omoide.storage.base import Transaction
from tests import sql
from tests.security.in_process import application
from tests.worker.stored_content import W, Yard
from tests.worker.worker_fixture import Home

CITY, PET, NOTE = "Zqxquibbledcityjwk", "Zqxquibbledpetjwk", "zqxquibblednotejwk"
WORDS = (CITY, PET, NOTE)


@pytest.fixture
def yard(db_path: Path) -> Iterator[Yard]:
    with application(db_path) as app:
        home = Home(db_path)
        asyncio.run(home.open())
        yield Yard(app, home)
        home.store.close()


def derive(db: Transaction, observer: str, word: str) -> None:
    """Derive a conclusion from all of the observer's about alice that have the word."""
    pair = conclusions.pair(db, "w", observer, "alice")
    assert pair is not None
    sources = [each.id for each in conclusions.oldest(db, "w", pair, None, 99) if word in each.content]
    workspace = sql.value(db, "SELECT workspace FROM peers WHERE pk = ?", (pair[0],))
    if sources:
        new = Derived("deductive", f"{word} matters to alice", tuple(sources), {"premises": [word]})
        assert dreams.add_derived(db, workspace, pair, None, [new], clock.now()) == []


def fill(yard: Yard) -> list[str]:
    """Tell the words to every observer, and let a later statement supersede one; returns the ids of the messages."""
    store = yard.home.store
    yard.ok("POST", f"{W}/sessions", {"id": "s", "peers": {"alice": {}, "bob": {"observe_others": True}}})
    asyncio.run(store.write(scopes.get_or_create, "w", "early", None, 0))
    asyncio.run(store.write(scopes.add_sessions, "w", "early", ["s"], clock.now()))
    said = yard.say("s", f"I live in {CITY}.", f"My dog is {PET}.", metadata={"k": NOTE})
    yard.work()
    asyncio.run(store.write(scopes.get_or_create, "w", "late", None, 0))
    asyncio.run(store.write(scopes.add_sessions, "w", "late", ["s"], clock.now()))
    yard.work()
    for observer in ("alice", "bob", "scope.early", "scope.late"):
        for word in (CITY, PET):
            asyncio.run(store.write(derive, observer, word))
    yard.ok("POST", f"{W}/sessions", {"id": "t", "peers": {"bob": {"observe_others": True}}})
    yard.ok("POST", f"{W}/sessions/t/messages", {"messages": [{"peer_id": "alice", "content": "I live in Lisbon."}]})
    yard.ok("POST", f"{W}/sessions/s/messages", {"messages": [{"peer_id": "carol", "content": "Hello there."}]})
    yard.work()
    yard.sql("INSERT INTO summaries SELECT pk, 'honcho_chat_summary_short', ?, 'm', 2, 1, 1 FROM sessions", NOTE)
    held = {form for _, form in yard.holding(*WORDS)}
    assert {*WORDS} <= held
    assert yard.sql("SELECT count(*) FROM conclusions WHERE ended_as = 'superseded'")[0][0] > 1
    return [message["id"] for message in said]


def messages(yard: Yard, ids: list[str]) -> None:
    for id in ids:
        yard.ok("DELETE", f"{W}/sessions/s/messages/{id}")
    yard.sql("DELETE FROM summaries WHERE session <> 1")  # the test gave one to every session


def session(yard: Yard, ids: list[str]) -> None:
    yard.ok("DELETE", f"{W}/sessions/s")
    yard.sql("DELETE FROM summaries WHERE session <> 1")


def peer(yard: Yard, ids: list[str]) -> None:
    yard.ok("DELETE", f"{W}/peers/alice")


def workspace(yard: Yard, ids: list[str]) -> None:
    yard.ok("DELETE", f"{W}/sessions/s")
    yard.ok("DELETE", f"{W}/sessions/t")
    yard.ok("DELETE", W)


@pytest.mark.parametrize("delete", [messages, session, peer, workspace])
def test_nothing_that_came_only_from_it_is_left_in_any_file(
    delete: Callable[[Yard, list[str]], None], yard: Yard
) -> None:
    ids = fill(yard)
    delete(yard, ids)
    yard.work()
    assert yard.holding(*WORDS) == set()
    yard.check()


def test_nothing_of_a_deleted_conclusion_is_left_in_any_file(yard: Yard) -> None:
    yard.ok("POST", f"{W}/sessions", {"id": "s", "peers": {"alice": {}}})
    texts = (f"alice lives in {CITY}", f"alice's dog is {PET}")
    given = [{"content": text, "observer_id": "alice", "observed_id": "alice"} for text in texts]
    kept, merged = yard.ok("POST", f"{W}/conclusions", {"conclusions": given})
    asyncio.run(yard.home.store.write(derive, "alice", CITY))
    yard.ok("POST", f"{W}/schedule_dream", {"observer": "alice", "dream_type": "omni"})
    yard.work()
    yard.sql(
        "UPDATE conclusions SET deleted_at = 1, ended_as = 'merged', successor = ? WHERE id = ?",
        kept["id"],
        merged["id"],
    )
    assert {CITY, PET} <= {form for _, form in yard.holding(*WORDS)}
    yard.ok("DELETE", f"{W}/conclusions/{kept['id']}")
    yard.work()
    assert yard.holding(*WORDS) == set()
    yard.check()


def test_a_deleted_peer_is_gone_at_once_and_its_id_starts_empty(yard: Yard) -> None:
    fill(yard)
    yard.ok("PUT", f"{W}/peers/bob/card?target=alice", {"peer_card": ["Owes me a book."]})
    old = next(each for each in yard.ok("POST", f"{W}/peers/list")["items"] if each["id"] == "alice")
    yard.ok("DELETE", f"{W}/peers/alice")
    assert "alice" not in {each["id"] for each in yard.ok("POST", f"{W}/peers/list")["items"]}
    for _ in ("at once", "after the work"):
        listed = yard.ok("POST", f"{W}/sessions/s/messages/list")
        assert ([each["peer_id"] for each in listed["items"]], listed["total"]) == (["carol"], 1)
        assert {each["peer_id"] for each in yard.ok("POST", f"{W}/search", {"query": CITY})} <= {"carol"}
        assert yard.ok("POST", f"{W}/conclusions/list")["items"] == []
        assert yard.ok("GET", f"{W}/sessions/s/peers")["total"] == 2
        new = yard.ok("POST", f"{W}/peers", {"id": "alice"})
        assert new["created_at"] > old["created_at"]
        assert yard.ok("GET", f"{W}/peers/bob/card?target=alice")["peer_card"] is None
        assert yard.ok("POST", f"{W}/peers/alice/sessions")["total"] == 0
        assert yard.ok("POST", f"{W}/peers/alice/representation", {})["representation"] == ""
        yard.work()
    yard.ok("POST", f"{W}/sessions/s/messages", {"messages": [{"peer_id": "alice", "content": "I live in Bonn."}]})
    yard.work()
    assert {each["content"] for each in yard.ok("POST", f"{W}/conclusions/list")["items"]} == {"alice lives in Bonn"}
    yard.check()


def test_a_peer_that_does_not_exist_and_a_scope_cannot_be_deleted(yard: Yard) -> None:
    yard.ok("POST", f"{W}/scopes", {"id": "work"})
    assert yard.refused("DELETE", f"{W}/peers/nobody") == 404
    assert yard.refused("DELETE", f"{W}/peers/scope.work") == 422
    assert yard.refused("DELETE", "/v3/workspaces/other/peers/alice") == 404


def test_what_deleted_sessions_taught_lives_on_nowhere(yard: Yard) -> None:
    for number in range(3):
        yard.ok("POST", f"{W}/sessions", {"id": f"s{number}"})
        yard.say(f"s{number}", "I live in Madrid and I love playing chess with my brother.")
    yard.work()
    yard.ok("POST", f"{W}/schedule_dream", {"observer": "alice", "dream_type": "omni"})
    yard.work()
    assert len({each["level"] for each in yard.ok("POST", f"{W}/conclusions/list")["items"]}) > 1
    for number in range(3):
        yard.ok("DELETE", f"{W}/sessions/s{number}")
    yard.work()
    assert yard.ok("POST", f"{W}/conclusions/list")["items"] == []
    assert not yard.ok("GET", f"{W}/peers/alice/card")["peer_card"]
    assert "Madrid" not in (
        yard.ok("POST", f"{W}/peers/alice/chat", {"query": "Where does alice live?"})["content"] or ""
    )
    assert "Madrid" not in yard.ok("POST", f"{W}/peers/alice/representation", {})["representation"]
