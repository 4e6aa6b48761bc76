"""A timeline has what happened in an interval, in order of time, however the messages arrived."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from omoide.core.clock import FIRST, LAST
from omoide.core.errors import InvalidFields
from omoide.core.records import Change, NewConclusion, NewMessage
from omoide.services import timeline
from omoide.services.timeline import Timeline, TimelineParts
from omoide.storage import conclusion_endings, conclusions, messages, peers, timeline_messages
from omoide.storage.conclusion_endings import Ended
from omoide.storage.sqlite.engine import Connection
from tests import sql

SECOND = 1_000_000
NOW = 1_700_000_000 * SECOND


def say(db: Connection, session: str, *said: tuple[str, int]) -> None:
    batch = [NewMessage(peer, f"{peer} {at}", {}, 1, NOW + at * SECOND) for peer, at in said]
    messages.add(db, "w", session, batch, NOW, max_observers=10)


def read(db: Connection, since: int | None = None, until: int | None = None, **options: object) -> Timeline:
    asked = {"buckets": 4, "limit": 200, "before": None, **options}
    interval = [None if at is None else NOW + at * SECOND for at in (since, until)]
    return timeline.read(db, "w", "alice", "alice", TimelineParts(*interval, **asked))  # type: ignore[arg-type]


def shown(found: Timeline) -> list[tuple[str, int]]:
    return [(event.kind, (event.at - NOW) // SECOND) for event in found.events]


def pages(db: Connection, since: int | None, until: int | None, limit: int) -> list[tuple[str, int]]:
    """The events of all pages."""
    events, cursor = [], None
    while True:
        page = read(db, since, until, limit=limit, before=cursor)
        events += [(event.kind, event.subject.id, event.at) for event in page.events]
        if (cursor := page.following) is None:
            assert len(events) == len({*events}), "no event is on two pages"
            return [(kind, (at - NOW) // SECOND) for kind, _, at in events]
        assert len(page.events) == limit


@pytest.fixture
def db(db: Connection) -> Connection:
    peers.get_or_create(db, "w", "alice", Change(), NOW)
    return db


def learn(db: Connection, *times: int) -> list[str]:
    return [
        conclusions.add(db, "w", [NewConclusion(f"fact {at}", "alice", "alice", None)], NOW + at * SECOND)[0].id
        for at in times
    ]


def test_events_of_all_kinds_come_newest_first(db: Connection) -> None:
    say(db, "s", ("alice", 10), ("bob", 11), ("alice", 12))
    old, _, wrong, same = learn(db, 12, 20, 21, 22)
    pk = {id: pk for pk, id in sql.rows(db, "SELECT pk, id FROM conclusions")}
    conclusion_endings.end(db, [Ended(pk[old], "superseded", "x")], NOW + 20 * SECOND)
    conclusion_endings.end(db, [Ended(pk[wrong], "invalid", None)], NOW + 30 * SECOND)
    conclusion_endings.end(db, [Ended(pk[same], "merged", "x")], NOW + 31 * SECOND)
    ends = [("merged", 31), ("corrected", 30)]
    learned = [("learned", 22), ("learned", 21), ("superseded", 20), ("learned", 20), ("learned", 12)]
    assert shown(read(db)) == [*ends, *learned, ("said", 12), ("said", 10)]
    assert pages(db, None, None, 2) == shown(read(db))


def test_buckets_cover_the_whole_life_and_count_each_kind(db: Connection) -> None:
    say(db, "s", ("alice", 0), ("bob", 1), ("alice", 2), ("alice", 7))
    learn(db, 3)
    found = read(db)
    assert found.interval == (NOW, NOW + 7 * SECOND + 1)
    assert [each.counts["said"] for each in found.buckets] == [1, 1, 0, 1]
    assert [each.counts["learned"] for each in found.buckets] == [0, 1, 0, 0]
    assert read(db, buckets=0).buckets == []


def test_the_end_of_an_interval_is_not_in_it(db: Connection) -> None:
    say(db, "s", ("alice", 1), ("alice", 2), ("alice", 3))
    assert shown(read(db, 1, 3)) == [("said", 2), ("said", 1)]
    assert [each.counts["said"] for each in read(db, 1, 3, buckets=2).buckets] == [1, 1]


def test_nothing_and_extreme_times_are_no_fault(db: Connection) -> None:
    assert read(db) == Timeline(None, (), (), None, is_cut=False)
    extremes = [NewMessage("alice", "x", {}, 1, at) for at in (FIRST, LAST)]
    messages.add(db, "w", "s", extremes, NOW, max_observers=10)
    whole = read(db)
    assert whole.interval == (FIRST, LAST)
    assert len(whole.buckets) == 4
    asked = TimelineParts(None, FIRST, 4, 200, None)
    assert timeline.read(db, "w", "alice", "alice", asked).events == []


@pytest.mark.parametrize("cursor", ["", "x", "1.2", "1.3.1", "9" * 30 + ".0.1", "1.0.-1"])
def test_what_is_no_cursor_is_refused(cursor: str, db: Connection) -> None:
    with pytest.raises(InvalidFields):
        read(db, before=cursor)


def test_an_interval_that_ends_before_it_begins_is_refused(db: Connection) -> None:
    with pytest.raises(InvalidFields):
        read(db, 2, 2)


def test_what_is_too_much_to_count_is_said_to_be_cut(db: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline_messages, "MOST_READ", 3)
    say(db, "s", ("alice", 1), ("alice", 2))
    say(db, "t", ("alice", 3), ("alice", 4))
    found = read(db)
    assert (sum(each.counts["said"] for each in found.buckets), found.is_cut) == (3, True)


@pytest.mark.parametrize("seed", range(20))
def test_timelines_equal_those_of_a_plain_search(seed: int, db: Connection) -> None:
    chance = random.Random(seed)
    said: list[tuple[str, str, int]] = []
    for session in "stuv":
        at = chance.randrange(60)
        for _ in range(chance.randrange(1, 25)):
            at += chance.randrange(-2 if session in "uv" else 0, 5)
            said.append((chance.choice(["alice", "bob"]), session, at))
            say(db, session, (said[-1][0], at))
    for pk, peer, session, at in sql.rows(
        db,
        """SELECT m.pk, p.id, s.id, (m.created_at - ?) / 1000000 FROM messages m
           JOIN peers p ON p.pk = m.peer JOIN sessions s ON s.pk = m.session""",
        (NOW,),
    ):
        if chance.random() < 0.1:
            sql.change(db, "DELETE FROM messages WHERE pk = ?", (pk,))
            said.remove((peer, session, at))
    for _ in range(5):
        since, until = sorted(chance.sample(range(-5, 120), 2))
        mine = sorted((at for peer, _, at in said if peer == "alice" and since <= at < until), reverse=True)
        assert [at for _, at in pages(db, since, until, chance.randrange(1, 6))] == mine
        found = read(db, since, until, buckets=until - since)
        counted = {each.at: each.counts["said"] for each in found.buckets if each.counts["said"]}
        assert counted == Counter(NOW + at * SECOND for at in mine)
