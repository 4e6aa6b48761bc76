"""A deleted session disappears from everything derived from it; content of other sessions stays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from omoide.core import clock
from omoide.core.job_payloads import DreamPayload
from omoide.core.records import Change, Derived, SessionChange
from omoide.storage import (
    Transaction,
    cards,
    conclusions,
    deletion_cascade,
    dreams,
    observer_queries,
    scopes,
    session_clone,
    sessions,
    workspaces,
)
from tests import sql
from tests.read_now import read_now
from tests.worker.worker_fixture import Home

Play = Callable[..., Any]
ANA = "alice"


async def delete(home: Home, *names: str) -> None:
    for name in names:
        await home.store.write(deletion_cascade.delete_session, "w", name, clock.now())


async def dream(home: Home, observer: str = ANA, observed: str = ANA, session: str | None = None) -> None:
    await home.store.write(dreams.request, "w", DreamPayload(observer, observed, session, "omni"), clock.now())
    await home.work()


def card(home: Home, observer: str = ANA) -> list[str]:
    return read_now(home.store, cards.get, "w", observer, ANA) or []


def derived(home: Home, observer: str = ANA) -> list[str]:
    return [each.content for each in home.known(observer, ANA) if each.level != "explicit"]


def told(home: Home, observer: str = ANA) -> str:
    """The text of an observer's whole memory."""
    known = home.known(observer, ANA)
    return "\n".join([*card(home, observer), *(f"{each.content} {each.details}" for each in known)])


async def derive(home: Home, content: str, sources: Sequence[str], session: str | None = None) -> str:
    """Store a conclusion derived from those with these ids; return its id."""

    def store(db: Transaction) -> None:
        pair = conclusions.pair(db, "w", ANA, ANA)
        workspace = sql.value(db, "SELECT pk FROM workspaces")
        assert pair is not None
        new = Derived("deductive", content, tuple(sources), {"premises": []})
        assert (
            dreams.add_derived(db, workspace, pair, observer_queries.session_pk(db, "w", session), [new], clock.now())
            == []
        )

    await home.store.write(store)
    return next(each.id for each in home.known() if each.content == content)


MOVED = ("alice I moved to Lisbon. I live in Lisbon now.", "alice My dog is Rex.")


@pytest.mark.parametrize(
    ("gone", "silent", "kept"),
    [("old", "Porto", "lives in Lisbon"), ("new", "Lisbon", "lives in Porto")],
    ids=["the older session", "the newer session"],
)
def test_a_deleted_session_disappears_from_everything_derived_from_it(
    gone: str, silent: str, kept: str, play: Play
) -> None:
    async def story(home: Home) -> None:
        await home.say("alice I live in Porto and work at Siemens.", session="old")
        await home.work()
        await home.say(*MOVED, session="new")
        await home.work()
        await dream(home)
        assert derived(home) == ["alice lives in Lisbon now; before: Porto"]
        await delete(home, gone)
        assert silent not in told(home), "at once, before any job has run"
        await home.work()
        assert silent not in told(home)
        assert f"ATTRIBUTE: {kept}" in card(home)
        await delete(home, *{"old", "new"} - {gone})
        await home.work()
        assert told(home) == ""

    play(story)


def test_a_pattern_is_derived_again_from_the_remaining_sessions(play: Play) -> None:
    async def story(home: Home) -> None:
        for number in range(4):
            await home.say("alice I love playing chess.", session=f"s{number}")
        await home.work()
        await dream(home)
        await delete(home, "s1")
        await home.work()
        assert derived(home) == ["alice likes playing chess (said in 3 sessions)"]
        await delete(home, "s3")
        await home.work()
        assert (derived(home), len(home.known())) == ([], 2)
        assert card(home) == ["ATTRIBUTE: likes playing chess"]

    play(story)


def test_conclusions_derived_indirectly_from_a_deleted_session_are_deleted(play: Play) -> None:
    async def story(home: Home) -> None:
        await home.say("alice I own a boat.", session="s")
        await home.say("alice I own a kite.", session="t")
        await home.work()
        boat, kite = (each.id for each in home.known())
        first = await derive(home, "likes water", [boat])
        second = await derive(home, "likes swimming", [first])
        await derive(home, "likes summer", [second, kite])
        await derive(home, "likes wind", [kite], session="s")
        await derive(home, "likes autumn", [kite, await derive(home, "likes storms", [kite])])
        await home.store.write(outdate, ["likes water", "likes storms"])
        await delete(home, "s")
        assert derived(home) == ["likes wind", "likes autumn"]
        assert {each.session_id for each in home.known() if each.level != "explicit"} == {None}
        await home.work()
        assert "likes wind" in derived(home), "although it was dreamed in the deleted session"

    def outdate(db: Transaction, contents: Sequence[str]) -> None:
        pair = conclusions.pair(db, "w", ANA, ANA)
        assert pair is not None
        found = [sql.value(db, "SELECT id FROM conclusions WHERE content = ?", (text,)) for text in contents]
        dreams.outdate(db, pair, found, clock.now())
        sql.change(db, "DELETE FROM conclusions WHERE deleted_at IS NOT NULL")  # as the purge does

    play(story)


def test_every_observer_forgets_a_deleted_session(play: Play) -> None:
    async def story(home: Home) -> None:
        await home.say("bob Hello.")
        await home.store.write(sql.change, "UPDATE members SET observe_others = 1")
        await home.store.write(cards.put, "w", "bob", ANA, ["Owes me a book."], 0)
        await home.say("alice I live in Lisbon.")
        await home.say("alice My dog is Rex.", session="t")
        await home.work()
        await home.store.write(scopes.get_or_create, "w", "late", None, 0)
        await home.store.write(scopes.add_sessions, "w", "late", ["s", "t"], clock.now())
        await home.work()
        assert all("Lisbon" in told(home, observer) for observer in (ANA, "bob", "scope.late"))
        await delete(home, "s")
        for _ in ("at once", "after the work"):
            assert not any("Lisbon" in told(home, observer) for observer in (ANA, "bob", "scope.late"))
            assert card(home, "bob") == ["Owes me a book."]
            await home.work()
        assert card(home) == card(home, "scope.late") == ["RELATIONSHIP: dog Rex"]

    play(story)


def test_a_clone_keeps_the_contents_of_its_deleted_source(play: Play) -> None:
    async def story(home: Home) -> None:
        await home.say("alice I live in Lisbon.")
        await home.work()
        copy = await session_clone.clone(home.store, "w", "s", None)
        await home.say("alice My dog is Rex.", session=copy.id)
        await home.work()
        await delete(home, "s")
        await home.work()
        assert (home.texts(), card(home)) == (["alice's dog is Rex"], ["RELATIONSHIP: dog Rex"])
        assert await home.store.read(sql.count, "messages") == 2

    play(story)


def test_a_card_follows_a_deletion_even_without_dreams(play: Play) -> None:
    async def story(home: Home) -> None:
        await home.say("alice I live in Lisbon.")
        await home.say("alice My dog is Rex.", session="t")
        await home.work()
        await home.store.write(workspaces.update, "w", Change(configuration={"dream": {"enabled": False}}), 0)
        await delete(home, "s")
        await home.work()
        assert card(home) == ["RELATIONSHIP: dog Rex"]

    play(story)


def test_a_scope_forgets_a_session_even_without_dreams(play: Play) -> None:
    async def story(home: Home) -> None:
        change = SessionChange(scopes=["th"])
        for name, line in (("s", "alice I live in Lisbon."), ("t", "alice My dog is Rex.")):
            await home.store.write(sessions.get_or_create, "w", name, change, 0)
            await home.say(line, session=name)
        await home.work()
        await home.store.write(workspaces.update, "w", Change(configuration={"dream": {"enabled": False}}), 0)
        await home.store.write(scopes.remove_session, "w", "th", "s", clock.now())
        await home.work()
        assert told(home, "scope.th").count("Lisbon") == 0
        assert card(home, "scope.th") == ["RELATIONSHIP: dog Rex"]

    play(story)


@pytest.mark.parametrize("verb", ["dream", "card"])
def test_a_dream_stores_nothing_of_a_session_deleted_meanwhile(verb: str, play: Play) -> None:
    async def story(home: Home) -> None:
        await home.say("alice I live in Porto.", session="old")
        await home.work()
        await home.say(*MOVED, session="new")
        await home.work()
        home.meanwhile(verb, lambda: delete(home, "new"))
        await dream(home, session="new")
        assert "Lisbon" not in told(home)
        assert card(home) == ["ATTRIBUTE: lives in Porto"]
        assert await home.store.read(sql.rows, "SELECT kind FROM jobs WHERE kind = 'dream'") == []

    play(story)


def test_a_card_renewed_meanwhile_does_not_restore_a_deleted_session(play: Play) -> None:
    async def story(home: Home) -> None:
        await home.say("alice I live in Porto.")
        await home.work()
        home.meanwhile("card", lambda: delete(home, "s"))
        await home.say("alice My dog is Rex.", session="t")
        await home.work()
        assert card(home) == ["RELATIONSHIP: dog Rex"]

    play(story)


def test_a_deleted_session_does_not_count_towards_the_next_dream(play: Play) -> None:
    async def story(home: Home) -> None:
        await home.say("alice I live in Porto.", "alice My dog is Rex.")
        await home.say("alice I own a boat.", session="t")
        await home.work()
        pair = await home.store.read(conclusions.pair, "w", ANA, ANA)
        assert pair is not None
        assert await home.store.read(dreams.since, pair) == 3
        await delete(home, "s")
        assert await home.store.read(dreams.since, pair) == 1

    play(story)


def test_a_card_is_rebuilt_from_more_conclusions_than_a_dream_reads(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omoide.worker.dream.MOST_CONCLUSIONS", 2)

    async def story(home: Home) -> None:
        for number, line in enumerate(["I live in Porto.", "My dog is Rex.", "My cat is Tom.", "I work at Acme."]):
            await home.say(f"alice {line}", session=f"s{number}")
        await home.work()
        await delete(home, "s1")
        await home.work()
        assert card(home) == ["ATTRIBUTE: lives in Porto", "ATTRIBUTE: works at Acme", "RELATIONSHIP: cat Tom"]

    play(story)
