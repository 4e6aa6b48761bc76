"""A deleted message takes what came only from it; what other messages support stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from omoide.core import clock
from omoide.core.config_resolution import Defaults
from omoide.core.errors import NotFound
from omoide.core.records import PageRequest
from omoide.storage import Transaction, message_deletion, messages, scopes, session_clone, summaries
from omoide.storage.export import reader
from omoide.storage.export.importer import import_workspace
from tests import sql
from tests.worker.test_deletion_cascade import ANA, card, derive, derived, told
from tests.worker.worker_fixture import Home, configure

Play = Callable[..., Any]
DEFAULTS = Defaults()


async def ids(home: Home, text: str = "", session: str = "s") -> list[str]:
    page = await home.store.read(messages.page, "w", session, PageRequest(1, 100))
    return [each.id for each in page.items if text in each.content]


async def remove(home: Home, text: str, session: str = "s") -> None:
    """Delete the messages that contain the text."""
    for id in await ids(home, text, session):
        await home.store.write(message_deletion.delete, "w", session, id, clock.now(), defaults=DEFAULTS)


async def consistent(home: Home) -> bool:
    faults: list[tuple[int]] = await home.store.read(
        sql.rows,
        """SELECT count(*) FROM sessions s WHERE (SELECT count(*) FROM messages m WHERE m.session = s.pk) + s.removed
           <> s.message_count""",
    )
    return faults == [(0,)]


def test_a_deleted_message_disappears_from_everything_derived_from_it(play: Play) -> None:
    async def story(home: Home) -> None:
        await home.say("bob Hello.")
        await home.store.write(sql.change, "UPDATE members SET observe_others = 1")
        await home.say("alice I live in Lisbon.", "alice My dog is Rex.")
        await home.work()
        await home.store.write(scopes.get_or_create, "w", "late", None, 0)
        await home.store.write(scopes.add_sessions, "w", "late", ["s"], clock.now())
        await home.work()
        (lisbon,) = (each.id for each in home.known() if "Lisbon" in each.content)
        await derive(home, "alice knows Portugal", [lisbon])
        assert all("Lisbon" in told(home, observer) for observer in (ANA, "bob", "scope.late"))
        await remove(home, "Lisbon")
        for _ in ("at once", "after the work"):
            assert not any("Lisbon" in told(home, observer) for observer in (ANA, "bob", "scope.late"))
            assert derived(home) == []
            await home.work()
        assert card(home) == card(home, "scope.late") == ["RELATIONSHIP: dog Rex"]
        assert await consistent(home)

    play(story)


def test_a_conclusion_with_other_sources_stays_and_loses_the_source(play: Play) -> None:
    async def story(home: Home) -> None:
        await home.say("alice I own a boat.")
        await home.work()
        await home.say("alice Hello.", "alice I own a boat.")
        await home.work()
        first, last = await ids(home, "boat")
        (boat,) = home.known()
        assert (boat.times_derived, boat.details["message_ids"]) == (2, [first, last])
        await home.store.write(message_deletion.delete, "w", "s", last, clock.now(), defaults=DEFAULTS)
        (boat,) = home.known()
        assert (boat.times_derived, boat.details["message_ids"]) == (1, [first])
        assert boat.said_at == (await home.store.read(messages.get, "w", "s", first)).created_at
        await home.store.write(message_deletion.delete, "w", "s", first, clock.now(), defaults=DEFAULTS)
        assert home.known() == []

    play(story)


def test_what_a_deleted_message_had_superseded_is_current_again(play: Play) -> None:
    async def story(home: Home) -> None:
        for city in ("Porto", "Lisbon"):
            await home.say(f"alice I live in {city}.")
            await home.work()
        await remove(home, "Lisbon")
        assert home.texts() == ["alice lives in Porto"]
        await home.work()
        assert card(home) == ["ATTRIBUTE: lives in Porto"]

    play(story)


def test_lists_count_and_page_without_deleted_messages(play: Play) -> None:
    async def story(home: Home) -> None:
        await home.say(*(f"alice m{number}" for number in range(1, 8)))
        for gone in ("m1", "m4", "m7"):
            await remove(home, gone)
        await home.say("alice m8")

        async def page(number: int, *, reverse: bool = False) -> tuple[list[str], int]:
            found = await home.store.read(messages.page, "w", "s", PageRequest(number, 2, reverse))
            return [each.content for each in found.items], found.total

        assert [await page(number) for number in (1, 2, 3, 4)] == [
            (["m2", "m3"], 5),
            (["m5", "m6"], 5),
            (["m8"], 5),
            ([], 5),
        ]
        assert await page(1, reverse=True) == (["m8", "m6"], 5)
        copy = await session_clone.clone(home.store, "w", "s", None)
        found = await home.store.read(messages.page, "w", copy.id, PageRequest(1, 9))
        assert [each.content for each in found.items] == ["m2", "m3", "m5", "m6", "m8"]
        await home.say("alice m9", session=copy.id)
        assert await consistent(home)

    play(story)


def test_the_newest_message_is_known_after_it_was_deleted(play: Play) -> None:
    async def story(home: Home) -> None:
        await home.say("alice first", "alice second", "alice third")
        await remove(home, "third")
        newest = await home.store.read(lambda db: [*messages.newest_first(db, "w", "s", 1)])
        assert [each.content for each in newest] == ["second", "first"]
        await remove(home, "first")
        await remove(home, "second")
        await home.say("alice fourth")
        newest = await home.store.read(lambda db: [*messages.newest_first(db, "w", "s", 1)])
        assert [each.content for each in newest] == ["fourth"]

    play(story)


def test_waiting_work_leaves_out_a_deleted_message(play: Play) -> None:
    async def story(home: Home) -> None:
        await home.say("alice I own a boat.", "alice I own a kite.")
        await remove(home, "boat")
        units = "SELECT units FROM jobs WHERE kind = 'representation'"
        assert await home.store.read(sql.column, units) == [1]
        await remove(home, "kite")
        assert await home.store.read(sql.column, units) == []
        await home.say("alice I own a cat.")
        await home.work()
        assert home.texts() == ["alice owns a cat"]

    play(story)


@pytest.mark.parametrize("verb", ["derive", "summarize"])
def test_running_work_stores_nothing_of_a_message_deleted_meanwhile(verb: str, play: Play) -> None:
    async def story(home: Home) -> None:
        home.meanwhile(verb, lambda: remove(home, "Lisbon"))
        await configure(home, summary={"messages_per_short_summary": 10})
        await home.say("alice I live in Lisbon.", "alice My dog is Rex.", *["alice Hello."] * 10)
        await home.work()
        assert "Lisbon" not in told(home)
        assert home.texts() == ["alice's dog is Rex"]
        for each in (await home.store.read(summaries.of_session, "w", "s")).values():
            assert "Lisbon" not in each.content

    play(story)


def test_summaries_are_made_again_without_a_deleted_message(play: Play) -> None:
    async def story(home: Home) -> None:
        await configure(home, summary={"messages_per_short_summary": 10})

        async def short() -> tuple[int, bool] | None:
            found = (await home.store.read(summaries.of_session, "w", "s")).get(summaries.SHORT)
            return (found.seq, "Lisbon" in found.content) if found else None

        await home.say(*(f"alice {number}" for number in range(10)), "alice I live in Lisbon.", "alice Hello.")
        await home.work()
        assert await short() == (10, False)
        await remove(home, "Hello")
        assert await short() == (10, False), "it ends before the deleted message"
        await home.say(*(f"alice {number}" for number in range(9)))
        await home.work()
        assert await short() == (20, True)
        await remove(home, "Lisbon")
        assert await short() is None
        await home.work()
        assert await short() == (20, False)
        for number in range(7):
            await remove(home, str(number))
            await home.work()
        assert await short() is None, "less than eight messages remain"

    play(story)


def test_a_message_of_another_session_or_workspace_is_not_found(play: Play) -> None:
    async def story(home: Home) -> None:
        await home.say("alice Hello.")
        await home.say("alice Hello.", session="t")
        (id,) = await ids(home)
        for place in (("w", "t"), ("v", "s"), ("w", "missing")):
            with pytest.raises(NotFound, match=id):
                await home.store.write(message_deletion.delete, *place, id, clock.now(), defaults=DEFAULTS)
        await remove(home, "Hello")
        with pytest.raises(NotFound):
            await home.store.write(message_deletion.delete, "w", "s", id, clock.now(), defaults=DEFAULTS)

    play(story)


@pytest.mark.parametrize("gone", [["m2"], ["m1", "m5"], ["m1", "m2", "m3", "m4", "m5"]], ids=["one", "ends", "all"])
def test_an_export_without_deleted_messages_can_be_imported(gone: list[str], play: Play) -> None:
    async def story(home: Home) -> None:
        await home.say(*(f"alice m{number}" for number in range(1, 6)))
        await home.say("bob m6 comes and stays")
        for text in [*gone, "m6"]:
            await remove(home, text)

        def exported(db: Transaction) -> list[bytes]:
            workspace = reader.find(db, "w")
            header = reader.header(db, workspace, program="1", now=clock.now())
            return [orjson.dumps(header), *reader.lines(db, workspace)]

        lines = await home.store.read(exported)
        await import_workspace(home.store, iter(lines), name="copy", restart=False, shown=lambda *_: None)
        found = await home.store.read(messages.page, "copy", "s", PageRequest(1, 100))
        assert [each.content for each in found.items] == [m for m in ("m1", "m2", "m3", "m4", "m5") if m not in gone]
        assert await consistent(home)
        counts = await home.store.read(sql.rows, "SELECT message_count, removed FROM sessions")
        assert counts == [(6, len(gone) + 1)] * 2

    play(story)
