"""Deletions and merges that meet each other, or work that has begun, leave nothing that refers to what is gone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from omoide.core import clock
from omoide.core.config_resolution import defaults_of
from omoide.core.records import MessageBatch, NewMessage
from omoide.services import ingest
from omoide.storage import message_deletion, peer_deletion, peer_merge, scopes
from tests import sql
from tests.crash.change_invariants import broken
from tests.worker.test_conclusion_deletion import home_in
from tests.worker.test_deletion_cascade import ANA, card, delete
from tests.worker.worker_fixture import Home, jobs

Play = Callable[..., Any]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


async def say_long_ago(home: Home, content: str, session: str) -> None:
    message = NewMessage(ANA, content, {}, 0, clock.to_micros(LONG_AGO))
    await ingest.add_messages(home.deps, MessageBatch("w", session, [message]))


async def message_in(home: Home, session: str) -> str:
    query = "SELECT m.id FROM messages m JOIN sessions s ON s.pk = m.session WHERE s.id = ?"
    return str(await home.store.read(sql.value, query, (session,)))


async def is_sound(home: Home) -> bool:
    await home.work()
    assert await home.store.read(broken) == []
    return not [each for each in jobs(home) if each[1]]


def test_a_deleted_session_with_several_versions_revives_what_they_ended(play: Play) -> None:
    async def story(home: Home) -> None:
        await home_in(home, "Porto")
        for city in ("Lisbon", "Rome"):
            await home.say(f"alice I live in {city}.", session="moves")
            await home.work()
        await delete(home, "moves")
        assert home.texts() == ["alice lives in Porto"]
        assert await is_sound(home)

    play(story)


def test_nothing_is_ended_by_what_is_deleted_with_its_successor(play: Play) -> None:
    async def story(home: Home) -> None:
        await home_in(home, "Porto")
        for city in ("Lisbon", "Rome"):
            await home.say(f"alice I live in {city}.", session="moves")
            await home.work()
        # As if the move to Lisbon had been imported later: both are superseded by the same conclusion.
        of_rome = "(SELECT id FROM conclusions WHERE content LIKE '%Rome')"
        await home.store.write(sql.change, f"UPDATE conclusions SET successor = {of_rome} WHERE content LIKE '%Porto'")
        await delete(home, "moves")
        assert home.texts() == ["alice lives in Porto"]
        assert await is_sound(home)

    play(story)


def test_nothing_is_ended_by_a_session_that_was_deleted_before(play: Play) -> None:
    async def story(home: Home) -> None:
        await home_in(home, "Rome")
        await say_long_ago(home, "I live in Porto.", "early")
        await delete(home, "rome")
        assert await is_sound(home)
        assert home.texts() == ["alice lives in Porto"]

    play(story)


def test_conclusions_of_a_deleted_session_are_merged_with_no_others(play: Play) -> None:
    async def story(home: Home) -> None:
        await home.say("alice I love tea.", session="a")
        await home.say("ally I love tea.", session="b")
        await home.work()
        await home.store.write(peer_merge.start, "w", "ally", ANA, clock.now(), keep_alias=True)
        await delete(home, "a")
        assert await is_sound(home)
        assert [(each.content, each.times_derived) for each in home.known()] == [("alice loves tea", 1)]

    play(story)


def test_a_deleted_peer_leaves_no_dreams_to_those_who_knew_it(play: Play) -> None:
    async def story(home: Home) -> None:
        await home.store.write(scopes.get_or_create, "w", "th", None, 0)
        await home.say("alice My dog is Rex.", "alice I work as a nurse.")
        await home.store.write(scopes.add_sessions, "w", "th", ["s"], clock.now())
        await home.work()
        assert card(home, "scope.th")
        await home.store.write(peer_deletion.delete, "w", ANA, clock.now(), defaults=defaults_of(home.settings))
        await home.store.write(scopes.remove_session, "w", "th", "s", clock.now())
        assert await is_sound(home)

    play(story)


@pytest.mark.parametrize("taken", ["the message", "the session"])
def test_what_is_deleted_while_its_peer_is_merged_leaves_the_card_of_the_other(play: Play, taken: str) -> None:
    async def story(home: Home) -> None:
        await home.say("alice I work as a nurse.", session="a")
        await home.say("ally My dog is Rex.", session="b")
        await home.work()
        await home.store.write(peer_merge.start, "w", "ally", ANA, clock.now(), keep_alias=True)
        if taken == "the session":
            await delete(home, "b")
        else:
            of_b = ("w", "b", await message_in(home, "b"), clock.now())
            await home.store.write(message_deletion.delete, *of_b, defaults=defaults_of(home.settings))
        assert "Rex" not in str(card(home)), "at once"
        assert await is_sound(home)
        assert card(home) == ["ATTRIBUTE: is a nurse"]
        assert home.texts() == ["alice works as a nurse"]

    play(story)
