"""A deleted conclusion takes what rests on it, and what it had superseded is current again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from omoide.core import clock
from omoide.storage import conclusions, deletion_cascade, scopes
from tests import sql
from tests.worker.test_deletion_cascade import ANA, card, delete, derive, derived, told
from tests.worker.worker_fixture import Home

Play = Callable[..., Any]


async def remove(home: Home, content: str, observer: str = ANA) -> None:
    """Delete the observer's conclusion with this text, as the operation does."""
    id = next(each.id for each in home.known(observer, ANA) if each.content == content)
    await home.store.write(deletion_cascade.delete_conclusion, "w", id, clock.now())


async def home_in(home: Home, *cities: str) -> None:
    """Alice moves from city to city, each time in a session named like the city."""
    for city in cities:
        await home.say(f"alice I live in {city}.", session=city.lower())
        await home.work()


def test_a_deleted_conclusion_takes_what_was_derived_from_it_and_its_card_line(play: Play) -> None:
    async def story(home: Home) -> None:
        await home.say("alice I am allergic to peanuts.", "alice My dog is Rex.")
        await home.work()
        allergy, dog = (each.id for each in home.known())
        first = await derive(home, "alice avoids satay", [allergy])
        await derive(home, "alice orders soup", [first, dog])
        await derive(home, "alice walks a lot", [dog])
        await remove(home, "alice is allergic to peanuts")
        for _ in ("at once", "after the work"):
            assert derived(home) == ["alice walks a lot"]
            assert "peanut" not in told(home)
            await home.work()
        assert card(home) == ["RELATIONSHIP: dog Rex"]

    play(story)


def test_what_a_deleted_conclusion_had_superseded_is_current_again(play: Play) -> None:
    async def story(home: Home) -> None:
        await home_in(home, "Porto", "Lisbon")
        assert home.texts() == ["alice lives in Lisbon"]
        await remove(home, "alice lives in Lisbon")
        assert home.texts() == ["alice lives in Porto"]
        assert (home.known()[0].ended_as, home.known()[0].valid_until) == (None, None)
        await home.work()
        assert card(home) == ["ATTRIBUTE: lives in Porto"]

    play(story)


def test_what_was_superseded_in_between_is_superseded_by_the_next_one(play: Play) -> None:
    async def story(home: Home) -> None:
        await home_in(home, "Porto", "Lisbon", "Rome")
        await delete(home, "lisbon")
        assert home.texts() == ["alice lives in Rome"]
        await remove(home, "alice lives in Rome")
        assert home.texts() == ["alice lives in Porto"]

    play(story)


def test_only_the_newest_of_those_revived_together_is_current(play: Play) -> None:
    async def story(home: Home) -> None:
        await home_in(home, "Rome", "Porto", "Lisbon")
        # As if the talk about Porto had been imported later: both are superseded by the same conclusion.
        await home.store.write(
            sql.change,
            "UPDATE conclusions SET successor = (SELECT successor FROM conclusions WHERE content LIKE '%Porto') "
            "WHERE content LIKE '%Rome'",
        )
        await remove(home, "alice lives in Lisbon")
        assert home.texts() == ["alice lives in Porto"]
        await remove(home, "alice lives in Porto")
        assert home.texts() == ["alice lives in Rome"]

    play(story)


def test_no_conclusion_is_current_again_with_an_end_before_its_beginning(play: Play) -> None:
    async def story(home: Home) -> None:
        await home_in(home, "Porto", "Lisbon")
        # As if the statement about Lisbon had begun to hold at another time when it superseded the other one.
        await home.store.write(
            sql.change, "UPDATE conclusions SET valid_from = 2000, valid_until = 1000 WHERE content LIKE '%Porto'"
        )
        await remove(home, "alice lives in Lisbon")
        assert home.texts() == ["alice lives in Porto"]
        assert home.known()[0].valid_until is None

    play(story)


def test_earlier_versions_of_a_deleted_conclusion_are_deleted(play: Play) -> None:
    end = """UPDATE conclusions SET deleted_at = 1, ended_as = ?,
        successor = (SELECT id FROM conclusions WHERE content LIKE ?) WHERE content LIKE ?"""

    async def story(home: Home) -> None:
        await home.say("alice My cat is Tom.", "alice My dog is Rex.", "alice My parrot is Ada.")
        await home.work()
        await home.store.write(sql.change, end, ("merged", "%dog%", "%cat%"))
        await home.store.write(sql.change, end, ("invalid", "%parrot%", "%dog%"))
        await remove(home, "alice's parrot is Ada")
        await home.work()
        assert home.texts() == []
        assert await home.store.read(sql.count, "conclusions", "ended_as IS NOT NULL") == 0

    play(story)


def test_a_deleted_conclusion_is_deleted_in_scopes_but_not_at_other_observers(play: Play) -> None:
    async def story(home: Home) -> None:
        await home.say("bob Hello.")
        await home.store.write(sql.change, "UPDATE members SET observe_others = 1")
        await home.say("alice I own a boat.")
        await home.work()
        await home.store.write(scopes.get_or_create, "w", "late", None, 0)
        await home.store.write(scopes.add_sessions, "w", "late", ["s"], clock.now())
        await home.work()
        await home.say("alice I own a kite.")
        await home.work()
        assert len(home.texts("scope.late", ANA)) == 2
        for text in home.texts():
            await remove(home, text)
        assert (home.texts(), home.texts("scope.late", ANA)) == ([], [])
        assert len(home.texts("bob", ANA)) == 2

    play(story)


def test_copies_in_a_scope_know_their_messages_and_what_superseded_them(play: Play) -> None:
    async def story(home: Home) -> None:
        await home_in(home, "Porto", "Lisbon")
        await home.store.write(scopes.get_or_create, "w", "late", None, 0)
        await home.store.write(scopes.add_sessions, "w", "late", ["porto"], clock.now())
        await home.work()
        assert home.texts("scope.late", ANA) == ["alice lives in Porto"], "the scope does not know of the move"
        await home.store.write(scopes.add_sessions, "w", "late", ["lisbon"], clock.now())
        await home.work()
        (copy,) = home.known("scope.late", ANA)
        assert copy.content == "alice lives in Lisbon"
        linked = "conclusion_messages x JOIN conclusions c ON c.pk = x.conclusion"
        assert await home.store.read(sql.count, linked, "c.id = ?", (copy.id,)) == 1
        await home.store.write(scopes.remove_session, "w", "late", "lisbon", clock.now())
        await home.work()
        assert home.texts("scope.late", ANA) == ["alice lives in Porto"]

    play(story)


def test_deleting_a_conclusion_changes_nothing_for_an_unrelated_pair(play: Play) -> None:
    async def story(home: Home) -> None:
        await home.say("alice My dog is Rex.", "bob I own a boat.")
        await home.work()
        await remove(home, "alice's dog is Rex")
        await home.work()
        pair = await home.store.read(conclusions.pair, "w", "bob", "bob")
        assert pair is not None
        assert home.texts("bob", "bob") == ["bob owns a boat"]

    play(story)
