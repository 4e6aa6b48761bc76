"""What is learned is kept once for each observer and session, counted when it comes again, cited under its new id."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from omoide.records import Change, Conclusion, Derived, Fact, Merge, SessionChange
from omoide.store import Connection, Store, conclusions, dreams, learning, peers, queue, sessions, words
from omoide.store.dreams import Schedule
from omoide.store.learning import Twin
from tests.store.rows import steps

NOW = 10_000_000
SAID = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def db(db_path: Path) -> Iterator[Connection]:
    store = Store.open(db_path)
    connection = store._writer.connection
    for name in ("s", "t"):
        sessions.get_or_create(connection, "w", name, SessionChange(), NOW, max_observers=9)
    for name in ("alice", "bob"):
        peers.get_or_create(connection, "w", name, Change(), NOW)
    yield connection
    store.close()


SELF, OTHER = (1, 1), (2, 1)
"""What alice knows about herself, and what bob knows about her."""


def fact(content: str, *message_ids: str, day: int = 0) -> Fact:
    return Fact(content, message_ids or ("m1",), SAID + timedelta(days=day))


def learn(db: Connection, *facts: Fact, pair: tuple[int, int] = SELF, session: int = 1, **twins: Twin) -> int:
    numbered = {int(number.lstrip("n")): twin for number, twin in twins.items()}
    return learning.learn(db, 1, pair, session, facts, numbered, NOW)


def known(db: Connection, observer: str = "alice") -> list[Conclusion]:
    pair = conclusions.pair(db, "w", observer, "alice")
    assert pair is not None
    return conclusions.recent(db, "w", pair, None, 99)[::-1]


def texts(db: Connection) -> list[tuple[str, int]]:
    return [(each.content, each.times_derived) for each in known(db)]


def test_a_fact_is_kept_with_its_own_time_and_the_messages_that_say_it(db: Connection) -> None:
    assert learn(db, fact("alice sings", "m1", "m2", day=3)) == 1
    (kept,) = known(db)
    assert (kept.level, kept.session_id, kept.said_at, kept.times_derived) == (
        "explicit",
        "s",
        SAID + timedelta(days=3),
        1,
    )
    assert kept.details == {"message_ids": ["m1", "m2"]}
    assert kept.source_ids is None


def test_facts_learned_together_stand_in_their_order_and_can_be_found_by_their_words(db: Connection) -> None:
    learn(db, fact("alice hums"))
    assert learn(db, *(fact(f"alice owns boat {number}") for number in range(90))) == 90
    assert texts(db)[1:] == [(f"alice owns boat {number}", 1) for number in range(90)]
    pks = words.holding(db, words.of_conclusions(1, SELF), ["boat"], 999)
    assert [*reversed(pks)] == [each.pk for each in known(db)[1:]]


def test_facts_learned_together_that_differ_in_case_count_as_one(db: Connection) -> None:
    assert learn(db, fact("alice SINGS", "m1"), fact("alice hums"), fact("alice sings", "m2")) == 2
    assert texts(db) == [("alice SINGS", 2), ("alice hums", 1)]


def test_a_text_that_was_replaced_by_the_fact_before_is_new_when_it_comes_again(db: Connection) -> None:
    learn(db, fact("alice sings"))
    (old,) = known(db)
    twin = Twin(old.pk, is_poorer=True)
    assert learn(db, fact("alice sings in a choir"), fact("alice sings"), n0=twin) == 1
    assert texts(db) == [("alice sings in a choir", 2), ("alice sings", 1)]


def test_the_same_text_in_the_same_session_counts_twice(db: Connection) -> None:
    assert learn(db, fact("alice sings")) == 1
    assert learn(db, fact(" Alice SINGS ")) == 0
    assert texts(db) == [("alice sings", 2)]


def test_what_is_said_again_holds_as_of_then_and_knows_who_said_so(db: Connection) -> None:
    learn(db, fact("alice lives in Porto", "m1", day=1))
    learn(db, fact("alice lives in Lisbon", "m2", day=2))
    learn(db, fact("alice lives in Porto", "m3", day=3))
    porto, lisbon = known(db)
    assert porto.said_at > lisbon.said_at
    assert porto.details == {"message_ids": ["m1", "m3"]}
    learn(db, fact("alice does live in Porto", "m4", day=2), n0=Twin(porto.pk, is_poorer=False))
    assert known(db)[0].said_at == porto.said_at, "what was said before makes nothing older"


def test_the_same_text_in_another_session_or_for_another_observer_is_kept_apart(db: Connection) -> None:
    learn(db, fact("alice sings"))
    assert learn(db, fact("alice sings"), session=2) == 1
    assert learn(db, fact("alice sings"), pair=OTHER) == 1
    assert texts(db) == [("alice sings", 1), ("alice sings", 1)]
    assert len(known(db, "bob")) == 1


def test_what_was_deleted_is_learned_anew(db: Connection) -> None:
    learn(db, fact("alice sings"))
    conclusions.delete(db, "w", known(db)[0].id, NOW)
    assert learn(db, fact("alice sings")) == 1
    assert texts(db) == [("alice sings", 1)]


def test_a_richer_twin_takes_the_place_of_the_poorer_one(db: Connection) -> None:
    learn(db, fact("alice sings"))
    old = known(db)[0]
    assert learn(db, fact("alice sings in a choir"), n0=Twin(old.pk, is_poorer=True)) == 0
    assert texts(db) == [("alice sings in a choir", 2)]


def test_a_poorer_fact_only_counts_for_its_twin(db: Connection) -> None:
    learn(db, fact("alice sings in a choir"))
    learn(db, fact("alice sings"), n0=Twin(known(db)[0].pk, is_poorer=False))
    assert texts(db) == [("alice sings in a choir", 2)]


def test_a_twin_that_is_gone_meanwhile_is_no_twin(db: Connection) -> None:
    learn(db, fact("alice sings in a choir"))
    gone = known(db)[0]
    conclusions.delete(db, "w", gone.id, NOW)
    assert learn(db, fact("alice sings"), n0=Twin(gone.pk, is_poorer=False)) == 1
    assert texts(db) == [("alice sings", 1)]


def derive(db: Connection, content: str, *sources: str, level: str = "deductive") -> list[Derived]:
    new = Derived(level, content, sources, {"premises": ["x"]})  # type: ignore[arg-type]
    return dreams.add_derived(db, 1, SELF, None, [new], NOW)


def test_a_source_that_is_replaced_is_cited_under_its_new_id(db: Connection) -> None:
    learn(db, fact("alice sings"), fact("alice dances"))
    sings, dances = known(db)
    derive(db, "alice performs", sings.id, dances.id)
    learn(db, fact("alice sings loudly"), n0=Twin(sings.pk, is_poorer=True))
    loudly = next(each for each in known(db) if each.content == "alice sings loudly")
    performs = next(each for each in known(db) if each.level == "deductive")
    assert performs.source_ids == [loudly.id, dances.id]


def test_what_is_derived_is_as_new_as_its_newest_source(db: Connection) -> None:
    learn(db, fact("alice sings", day=1), fact("alice dances", day=5))
    assert derive(db, "alice performs", *(each.id for each in known(db))) == []
    performs = known(db)[-1]
    assert (performs.said_at, performs.session_id) == (SAID + timedelta(days=5), None)
    assert performs.details == {"premises": ["x"]}


def test_what_is_derived_from_nothing_known_is_refused(db: Connection) -> None:
    learn(db, fact("alice sings"), pair=OTHER)
    foreign = known(db, "bob")[0].id
    learn(db, fact("alice dances"))
    own = known(db)[0].id
    for sources in ((), ("nobody",), (foreign,), (own, foreign)):
        assert len(derive(db, "alice performs", *sources)) == 1
    assert len(derive(db, "alice contradicts herself", own, own, level="contradiction")) == 1
    assert texts(db) == [("alice dances", 1)]


def test_the_same_is_derived_once(db: Connection) -> None:
    learn(db, fact("alice sings"))
    for _ in range(2):
        assert derive(db, "alice performs", known(db)[0].id) == []
    assert len(known(db)) == 2


def test_merging_counts_for_the_kept_one_and_passes_over_what_is_gone(db: Connection) -> None:
    learn(db, fact("alice sings"), fact("alice does sing"), fact("alice dances"))
    learn(db, fact("alice does sing"))
    sings, does_sing, dances = known(db)
    derive(db, "alice performs", does_sing.id)
    conclusions.delete(db, "w", dances.id, NOW)
    dreams.merge(db, SELF, [Merge(sings.id, (does_sing.id, dances.id, sings.id)), Merge("gone", (sings.id,))], NOW)
    assert texts(db) == [("alice sings", 3), ("alice performs", 1)]
    assert known(db)[-1].source_ids == [sings.id]


def test_only_derived_conclusions_become_outdated(db: Connection) -> None:
    learn(db, fact("alice sings"))
    derive(db, "alice performs", known(db)[0].id)
    dreams.outdate(db, SELF, [each.id for each in known(db)], NOW)
    assert texts(db) == [("alice sings", 1)]


PLAN = Schedule(threshold=3, idle=100, between=1_000)


def due(db: Connection) -> int | None:
    return queue.next_due(db, NOW - 1)


def count(db: Connection, fresh: int, now: int, schedule: Schedule | None = PLAN) -> None:
    dreams.learned(db, 1, SELF, {"observer": "alice", "observed": "alice"}, fresh, now, schedule)


def test_a_dream_is_owed_when_enough_is_new_and_nothing_more_comes(db: Connection) -> None:
    count(db, 2, NOW)
    assert due(db) is None
    count(db, 1, NOW + 10)
    assert due(db) == NOW + 110
    count(db, 0, NOW + 50)
    assert due(db) == NOW + 150, "what is still being learned keeps the dream waiting"


def test_no_dream_is_owed_where_none_is_wanted(db: Connection) -> None:
    count(db, 9, NOW, None)
    assert due(db) is None


def test_a_dream_keeps_its_distance_from_the_last_one_and_starts_counting_anew(db: Connection) -> None:
    count(db, 5, NOW)
    job = queue.claim(db, NOW + 100, lease=9)
    assert job is not None
    dreams.dreamed(db, SELF, 4, NOW + 100)
    queue.finish(db, job, NOW + 100)
    assert dreams.since(db, SELF) == 1, "what came during the dream counts for the next"
    count(db, 2, NOW + 120)
    assert due(db) == NOW + 1_100


def test_a_dream_by_a_clock_that_was_ahead_holds_up_no_later_one(db: Connection) -> None:
    dreams.dreamed(db, SELF, 0, NOW + 10**15)
    count(db, 5, NOW)
    assert due(db) == NOW + 1_000


def test_a_dream_that_is_asked_for_is_due_now_and_owed_once(db: Connection) -> None:
    count(db, 3, NOW)
    dreams.request(db, "w", "alice", "alice", "omni", None, False, NOW)
    dreams.request(db, "w", "alice", "alice", "card_refresh", None, True, NOW)
    kinds = [queue.claim(db, NOW, lease=9) for _ in range(3)]
    assert [job and job.payload["type"] for job in kinds] == ["omni", "card_refresh", None]
    dreams.request(db, "w", "alice", "alice", "omni", None, False, NOW)
    assert queue.claim(db, NOW, lease=9) is None, "one that runs is enough"


def test_merging_costs_no_more_where_much_is_known(db: Connection) -> None:
    def cost() -> int:
        learn(db, fact("alice sings"), fact("alice does sing"))
        sings, does_sing = known(db)[-2:]
        return steps(db, lambda db: dreams.merge(db, SELF, [Merge(sings.id, (does_sing.id,))], NOW))

    db.execute("BEGIN")
    before = cost()
    learn(db, *(fact(f"alice knows the number {number}") for number in range(1_000)))
    assert cost() < 2 * before + 10
    db.execute("COMMIT")


def test_what_a_session_taught_is_looked_up_at_the_same_cost_however_much_others_did(db: Connection) -> None:
    learn(db, *(fact(f"alice owns boat {number}") for number in range(90)))

    def found() -> list[str]:
        return [each.content for each in learning.known(db, SELF, 1, 500)]

    expected = [f"alice owns boat {number}" for number in reversed(range(90))]
    assert found() == expected
    few = steps(db, lambda _: found())
    learn(db, *(fact(f"alice has read book {number}") for number in range(3_000)), session=2)
    assert found() == expected
    assert 0 < steps(db, lambda _: found()) < 2 * few


def test_only_the_newest_of_what_a_session_taught_a_pair_is_looked_up(db: Connection) -> None:
    learn(db, *(fact(f"alice owns boat {number}") for number in range(9)))
    learn(db, fact("alice sings"), pair=OTHER)
    assert [each.content for each in learning.known(db, SELF, 1, 2)] == ["alice owns boat 8", "alice owns boat 7"]
