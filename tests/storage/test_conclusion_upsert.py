"""Facts are stored once per observer and session, reinforced when they recur, and cited by their new id."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from omoide.core.clock import DAY, to_micros
from omoide.core.job_payloads import DreamPayload
from omoide.core.records import Change, Conclusion, Derived, Fact, Merge, SessionChange
from omoide.storage import conclusion_upsert, conclusions, dreams, peers, queue, sessions
from omoide.storage.conclusion_upsert import NearDuplicate
from omoide.storage.dreams import Schedule
from omoide.storage.sqlite import fulltext
from omoide.storage.sqlite.engine import Connection
from tests import sql
from tests.storage.row_factories import steps

NOW = 10_000_000
SAID = to_micros(datetime(2026, 11, 22, tzinfo=UTC))


@pytest.fixture
def db(db: Connection) -> Connection:
    for name in ("s", "t"):
        sessions.get_or_create(db, "w", name, SessionChange(), NOW)
    for name in ("alice", "bob"):
        peers.get_or_create(db, "w", name, Change(), NOW)
    return db


SELF, OTHER = (1, 1), (2, 1)
"""The pairs alice about alice, and bob about alice."""


def fact(content: str, *message_ids: str, day: int = 0) -> Fact:
    return Fact(content, message_ids or ("m1",), SAID + day * DAY)


def learn(db: Connection, *facts: Fact, pair: tuple[int, int] = SELF, session: int = 1, **twins: NearDuplicate) -> int:
    numbered = {int(number.lstrip("n")): twin for number, twin in twins.items()}
    return conclusion_upsert.upsert(db, conclusions.Target(1, pair, session), facts, numbered, NOW)


def known(db: Connection, observer: str = "alice") -> list[Conclusion]:
    pair = conclusions.pair(db, "w", observer, "alice")
    assert pair is not None
    return conclusions.oldest(db, "w", pair, None, 99)


def texts(db: Connection) -> list[tuple[str, int]]:
    return [(each.content, each.times_derived) for each in known(db)]


def test_a_fact_is_stored_with_its_time_and_its_messages(db: Connection) -> None:
    assert learn(db, fact("alice sings", "m1", "m2", day=3)) == 1
    (kept,) = known(db)
    assert (kept.level, kept.session_id, kept.said_at, kept.times_derived) == (
        "explicit",
        "s",
        SAID + 3 * DAY,
        1,
    )
    assert kept.details == {"message_ids": ["m1", "m2"]}
    assert kept.source_ids is None


def test_facts_learned_together_keep_their_order_and_are_indexed(db: Connection) -> None:
    learn(db, fact("alice hums"))
    assert learn(db, *(fact(f"alice owns boat {number}") for number in range(90))) == 90
    assert texts(db)[1:] == [(f"alice owns boat {number}", 1) for number in range(90)]
    pks = fulltext.holding(db, fulltext.of_conclusions(1, SELF), ["boat"], 999)
    assert [*reversed(pks)] == [each.pk for each in known(db)[1:]]


def test_facts_learned_together_that_differ_in_case_count_as_one(db: Connection) -> None:
    assert learn(db, fact("alice SINGS", "m1"), fact("alice hums"), fact("alice sings", "m2")) == 2
    assert texts(db) == [("alice SINGS", 2), ("alice hums", 1)]


def test_a_text_replaced_by_an_earlier_fact_is_new_when_it_recurs(db: Connection) -> None:
    learn(db, fact("alice sings"))
    (old,) = known(db)
    twin = NearDuplicate(old.pk, is_poorer=True)
    assert learn(db, fact("alice sings in a choir"), fact("alice sings"), n0=twin) == 1
    assert texts(db) == [("alice sings in a choir", 2), ("alice sings", 1)]


def test_the_same_text_in_the_same_session_reinforces(db: Connection) -> None:
    assert learn(db, fact("alice sings")) == 1
    assert learn(db, fact(" Alice SINGS ")) == 0
    assert texts(db) == [("alice sings", 2)]


def test_reinforcing_advances_said_at_and_adds_the_message(db: Connection) -> None:
    learn(db, fact("alice lives in Porto", "m1", day=1))
    learn(db, fact("alice lives in Lisbon", "m2", day=2))
    learn(db, fact("alice lives in Porto", "m3", day=3))
    porto, lisbon = known(db)
    assert porto.said_at > lisbon.said_at
    assert porto.details == {"message_ids": ["m1", "m3"]}
    learn(db, fact("alice does live in Porto", "m4", day=2), n0=NearDuplicate(porto.pk, is_poorer=False))
    assert known(db)[0].said_at == porto.said_at, "an earlier message does not lower said_at"


def test_the_same_text_is_separate_per_session_and_observer(db: Connection) -> None:
    learn(db, fact("alice sings"))
    assert learn(db, fact("alice sings"), session=2) == 1
    assert learn(db, fact("alice sings"), pair=OTHER) == 1
    assert texts(db) == [("alice sings", 1), ("alice sings", 1)]
    assert len(known(db, "bob")) == 1


def test_a_deleted_conclusion_is_learned_again(db: Connection) -> None:
    learn(db, fact("alice sings"))
    conclusions.delete(db, "w", known(db)[0].id, NOW)
    assert learn(db, fact("alice sings")) == 1
    assert texts(db) == [("alice sings", 1)]


def test_a_richer_near_duplicate_replaces_the_poorer_one(db: Connection) -> None:
    learn(db, fact("alice sings"))
    old = known(db)[0]
    assert learn(db, fact("alice sings in a choir"), n0=NearDuplicate(old.pk, is_poorer=True)) == 0
    assert texts(db) == [("alice sings in a choir", 2)]


def test_a_poorer_fact_only_reinforces_its_near_duplicate(db: Connection) -> None:
    learn(db, fact("alice sings in a choir"))
    learn(db, fact("alice sings"), n0=NearDuplicate(known(db)[0].pk, is_poorer=False))
    assert texts(db) == [("alice sings in a choir", 2)]


def test_a_deleted_near_duplicate_is_ignored(db: Connection) -> None:
    learn(db, fact("alice sings in a choir"))
    gone = known(db)[0]
    conclusions.delete(db, "w", gone.id, NOW)
    assert learn(db, fact("alice sings"), n0=NearDuplicate(gone.pk, is_poorer=False)) == 1
    assert texts(db) == [("alice sings", 1)]


def derive(db: Connection, content: str, *sources: str, level: str = "deductive") -> list[Derived]:
    new = Derived(level, content, sources, {"premises": ["x"]})  # type: ignore[arg-type]
    return dreams.add_derived(db, 1, SELF, None, [new], NOW)


def test_a_replaced_source_is_cited_by_its_new_id(db: Connection) -> None:
    learn(db, fact("alice sings"), fact("alice dances"))
    sings, dances = known(db)
    derive(db, "alice performs", sings.id, dances.id)
    learn(db, fact("alice sings loudly"), n0=NearDuplicate(sings.pk, is_poorer=True))
    loudly = next(each for each in known(db) if each.content == "alice sings loudly")
    performs = next(each for each in known(db) if each.level == "deductive")
    assert performs.source_ids == [loudly.id, dances.id]


def test_a_derived_conclusion_has_the_time_of_its_newest_source(db: Connection) -> None:
    learn(db, fact("alice sings", day=1), fact("alice dances", day=5))
    assert derive(db, "alice performs", *(each.id for each in known(db))) == []
    performs = known(db)[-1]
    assert (performs.said_at, performs.session_id) == (SAID + 5 * DAY, None)
    assert performs.details == {"premises": ["x"]}


def test_a_derived_conclusion_with_unknown_sources_is_refused(db: Connection) -> None:
    learn(db, fact("alice sings"), pair=OTHER)
    foreign = known(db, "bob")[0].id
    learn(db, fact("alice dances"))
    own = known(db)[0].id
    for sources in ((), ("nobody",), (foreign,), (own, foreign)):
        assert len(derive(db, "alice performs", *sources)) == 1
    assert len(derive(db, "alice contradicts herself", own, own, level="contradiction")) == 1
    assert texts(db) == [("alice dances", 1)]


def test_an_identical_derived_conclusion_is_stored_once(db: Connection) -> None:
    learn(db, fact("alice sings"))
    for _ in range(2):
        assert derive(db, "alice performs", known(db)[0].id) == []
    assert len(known(db)) == 2


def test_merging_adds_up_counts_and_skips_missing_conclusions(db: Connection) -> None:
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
    dreams.learned(db, 1, SELF, fresh, now, schedule)


def test_a_dream_is_enqueued_at_the_threshold_after_idle_time(db: Connection) -> None:
    count(db, 2, NOW)
    assert due(db) is None
    count(db, 1, NOW + 10)
    assert due(db) == NOW + 110
    count(db, 0, NOW + 50)
    assert due(db) == NOW + 150, "continued learning defers the dream"


def test_no_dream_is_enqueued_without_a_schedule(db: Connection) -> None:
    count(db, 9, NOW, None)
    assert due(db) is None


def test_a_dream_keeps_the_minimum_interval_and_resets_the_count(db: Connection) -> None:
    count(db, 5, NOW)
    job = queue.claim(db, NOW + 100, lease=9)
    assert job is not None
    dreams.dreamed(db, SELF, 4, NOW + 100)
    queue.finish(db, job, NOW + 100)
    assert dreams.since(db, SELF) == 1, "conclusions added during the dream count for the next one"
    count(db, 2, NOW + 120)
    assert due(db) == NOW + 1_100


def test_a_dream_with_a_clock_ahead_does_not_delay_the_next_one(db: Connection) -> None:
    dreams.dreamed(db, SELF, 0, NOW + 10**15)
    count(db, 5, NOW)
    assert due(db) == NOW + 1_000


def test_a_requested_dream_is_due_now_and_enqueued_once(db: Connection) -> None:
    count(db, 3, NOW)
    dreams.request(db, "w", DreamPayload("alice", "alice", None, "omni"), NOW)
    dreams.request(db, "w", DreamPayload("alice", "alice", None, "card_refresh", rebuild=True), NOW)
    kinds = [queue.claim(db, NOW, lease=9) for _ in range(3)]
    assert [job and job.payload["type"] for job in kinds] == ["omni", "card_refresh", None]
    dreams.request(db, "w", DreamPayload("alice", "alice", None, "omni"), NOW)
    assert queue.claim(db, NOW, lease=9) is None, "a running one is enough"


def test_merging_cost_does_not_grow_with_the_number_of_conclusions(db: Connection) -> None:
    def cost() -> int:
        learn(db, fact("alice sings"), fact("alice does sing"))
        sings, does_sing = known(db)[-2:]
        return steps(db, lambda db: dreams.merge(db, SELF, [Merge(sings.id, (does_sing.id,))], NOW))

    with sql.transaction(db):
        before = cost()
        learn(db, *(fact(f"alice knows the number {number}") for number in range(1_000)))
        assert cost() < 2 * before + 10


def test_lookup_cost_does_not_grow_with_conclusions_of_other_sessions(db: Connection) -> None:
    learn(db, *(fact(f"alice owns boat {number}") for number in range(90)))

    def found() -> list[str]:
        return [each.content for each in conclusion_upsert.known(db, SELF, 1, 500)]

    expected = [f"alice owns boat {number}" for number in reversed(range(90))]
    assert found() == expected
    few = steps(db, lambda _: found())
    learn(db, *(fact(f"alice has read book {number}") for number in range(3_000)), session=2)
    assert found() == expected
    assert 0 < steps(db, lambda _: found()) < 2 * few


def test_only_the_newest_conclusions_of_a_session_are_looked_up(db: Connection) -> None:
    learn(db, *(fact(f"alice owns boat {number}") for number in range(9)))
    learn(db, fact("alice sings"), pair=OTHER)
    assert [each.content for each in conclusion_upsert.known(db, SELF, 1, 2)] == [
        "alice owns boat 8",
        "alice owns boat 7",
    ]
