"""The newest messages of a session are those with the latest time, in whatever order they arrived."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pytest

from omoide.core.records import NewMessage
from omoide.storage import deletion_cascade, event_time_order, messages, purge
from omoide.storage.sqlite.engine import Connection
from omoide.storage.sqlite.integrity.row_consistency import contradictions
from tests import sql
from tests.storage.row_factories import cloned, steps

NOW = 1_700_000_000_000_000
DAY = 86_400_000_000


@pytest.fixture
def db(db: Connection) -> Iterator[Connection]:
    yield db
    assert [*contradictions(db)] == []


def say(db: Connection, *times: int | None, session: str = "s", now: int = NOW) -> None:
    batch = [NewMessage("alice", f"said at {time}", {}, 1, time) for time in times]
    messages.add(db, "w", session, batch, now, max_observers=9)


def newest(db: Connection, session: str = "s", since: int = 1) -> list[int]:
    """Positions, newest first."""
    found = messages.newest_first(db, "w", session, since)
    ids = [message.id for message in found]
    return [sql.value(db, "SELECT seq FROM messages WHERE id = ?", (id,)) for id in ids]


def kept(db: Connection) -> int:
    return sql.count(db, "said_order")


@pytest.mark.parametrize("few", [0, 100], ids=["by the index", "read and sorted"])
@pytest.mark.parametrize(
    "batches",
    [
        [[NOW, NOW], [NOW - DAY, NOW - DAY + 1]],
        [[NOW - DAY], [NOW], [None]],
        [[NOW, NOW - 1]],
        [[None], [NOW - DAY], [None], [NOW - 2 * DAY]],
        [[-5, -5, -7]],
        *[[[random.Random(n).randrange(5) for _ in range(3)] for _ in range(4)] for n in range(3)],
    ],
)
def test_newest_is_by_time_then_by_arrival(
    batches: Sequence[Sequence[int | None]], few: int, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "FEW", few)
    for batch in batches:
        say(db, *batch)
    times = [NOW if time is None else time for batch in batches for time in batch]
    expected = sorted(range(1, len(times) + 1), key=lambda seq: (times[seq - 1], seq), reverse=True)
    for since in (1, 2, len(times)):
        assert newest(db, since=since) == [seq for seq in expected if seq >= since or seq == expected[0]]
    assert bool(kept(db)) is (expected != [*range(len(times), 0, -1)])
    listed = messages.through(db, 1, 1, len(times))
    assert [message.created_at for message in listed] == times, "lists keep the order of arrival"


def test_concurrent_writers_do_not_break_the_order(db: Connection) -> None:
    say(db, None, now=NOW)
    say(db, None, now=NOW - event_time_order.JITTER)
    assert (newest(db), kept(db)) == ([2, 1], 0)
    say(db, None, now=NOW - event_time_order.JITTER - 1)
    assert (newest(db), kept(db)) == ([1, 2, 3], 3)


def test_a_clone_records_the_order_of_its_messages(db: Connection) -> None:
    say(db, NOW, NOW + 1, NOW - DAY)
    ids = [message.id for message in messages.through(db, 1, 1, 3)]
    whole = cloned(db, "w", "s", None, NOW)
    part = cloned(db, "w", "s", ids[1], NOW)
    assert newest(db, whole.id) == [2, 1, 3]
    assert newest(db, part.id) == [2, 1]
    say(db, NOW - 2 * DAY, session=part.id)
    assert newest(db, part.id) == [2, 1, 3]
    assert newest(db) == [2, 1, 3]


def test_the_order_is_purged_with_its_session(db: Connection) -> None:
    say(db, NOW, NOW - DAY, NOW - DAY)
    deletion_cascade.delete_session(db, "w", "s", NOW)
    while purge.session(db, 1):
        pass
    assert kept(db) == 0


def test_messages_of_a_long_session_are_read_lazily(db: Connection) -> None:
    say(db, *range(100))
    for _ in range(20):
        say(db, *[NOW - DAY] * 100)
    say(db, 5)
    assert len(newest(db)) == kept(db) == 2_101
    assert steps(db, lambda db: next(messages.newest_first(db, "w", "s", 1))) < 10
