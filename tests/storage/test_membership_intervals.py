"""A member that left and rejoined keeps access to the messages of each stay, regardless of clocks."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from omoide.core import clock
from omoide.core.records import NewMessage, Observation, SessionChange
from omoide.storage import (
    deletion_cascade,
    members,
    membership_intervals,
    message_scope,
    message_search,
    messages,
    purge,
    sessions,
)
from omoide.storage.export import importer, reader
from omoide.storage.message_scope import WITNESS, MessageSearch
from omoide.storage.messages import Stretch, WindowSize
from omoide.storage.sqlite import backup
from omoide.storage.sqlite.engine import Connection, Store
from omoide.storage.sqlite.integrity import row_consistency
from tests import sql
from tests.read_now import read_now
from tests.storage.row_factories import cloned

NOW = 1_760_000_000_000_000
"""The time of all writes unless a test gives another, so that times cannot distinguish them."""
HOUR = 3_600_000_000


class WrittenSession:
    """The session `s` of the workspace `w`, on a writer connection."""

    def __init__(self, db: Connection) -> None:
        self.db = db

    def say(self, *contents: str, peer: str = "bob", now: int = NOW, session: str = "s") -> None:
        batch = [NewMessage(peer, content, {}, 1, None) for content in contents]
        messages.add(self.db, "w", session, batch, now, max_observers=10)

    def join(self, peer: str = "alice", now: int = NOW, session: str = "s") -> None:
        change = SessionChange(peers={peer: Observation(None, None)})
        sessions.get_or_create(self.db, "w", session, change, now)

    def leave(self, peer: str = "alice", now: int = NOW) -> None:
        sessions.remove_peers(self.db, "w", "s", [peer], now)

    def set(self, *peers: str, now: int = NOW) -> None:
        given = {peer: Observation(None, None) for peer in peers}
        sessions.set_peers(self.db, "w", "s", given, now, max_observers=10)

    def found(self, **limits: Any) -> list[str]:
        within = message_scope.resolve(self.db, MessageSearch("w", **limits))
        pks = [] if within is None else message_search.newest(self.db, within, 100, oldest_first=True)
        return [message.content for message in message_search.fetch(self.db, pks)]

    def witnessed(self, session: str = "s") -> list[str]:
        return self.found(filters={WITNESS: "alice"}, session_id=session)

    def stays(self, session: str = "s", peer: str = "alice") -> list[tuple[int, int | None]]:
        query = """SELECT x.first, x.last FROM stays x JOIN sessions s ON s.pk = x.session JOIN peers p ON p.pk = x.peer
            WHERE s.id = ? AND p.id = ? ORDER BY x.first"""
        return [tuple(row) for row in sql.rows(self.db, query, (session, peer))]


Story = Callable[[WrittenSession], None]


def play(store: Store, story: Story) -> None:
    """Run the story in one write, and check the consistency of the rows afterwards."""
    asyncio.run(store.write(lambda db: story(WrittenSession(db))))
    assert read_now(store, lambda db: [*row_consistency.contradictions(db)]) == []


def comes_and_goes(talk: WrittenSession) -> None:
    talk.say("before")
    talk.join()
    talk.say("first stay")
    talk.leave()
    talk.say("away")
    talk.join()
    talk.say("second stay")
    talk.leave()
    talk.say("after")


def test_messages_of_each_stay_remain_visible(store: Store) -> None:
    def story(talk: WrittenSession) -> None:
        comes_and_goes(talk)
        assert talk.witnessed() == ["first stay", "second stay"]
        talk.join()
        assert talk.witnessed() == ["first stay", "second stay"]
        assert talk.stays() == [(2, 2), (4, 4), (6, None)]

    play(store, story)


def test_a_perspective_excludes_messages_while_its_peer_was_away(store: Store) -> None:
    def story(talk: WrittenSession) -> None:
        comes_and_goes(talk)
        assert talk.found(member="alice") == ["before", "first stay", "second stay"]
        assert talk.found(member="bob") == ["before", "first stay", "away", "second stay", "after"]
        assert talk.found(reader="alice") == []
        talk.join()
        assert talk.found(reader="alice") == ["first stay", "second stay"]
        assert talk.found(reader="alice", sessions=["s"]) == ["before", "first stay", "away", "second stay", "after"]

    play(store, story)


def test_a_stay_without_messages_still_marks_the_first_join(store: Store) -> None:
    def story(talk: WrittenSession) -> None:
        talk.join()
        talk.leave()
        talk.say("away")
        assert talk.found(member="alice") == []
        talk.join()
        talk.leave()
        talk.join()
        assert talk.found(member="alice") == talk.witnessed() == []
        assert talk.stays() == [(1, 0), (2, None)]

    play(store, story)


def test_leaving_and_rejoining_between_two_messages_misses_none(store: Store) -> None:
    def story(talk: WrittenSession) -> None:
        talk.join()
        talk.say("one")
        for _ in range(3):
            talk.leave()
            talk.join()
        talk.say("two")
        assert talk.stays() == [(1, 1), (2, None)]
        assert talk.witnessed() == ["one", "two"]

    play(store, story)


def test_an_author_who_had_left_rejoins_for_the_whole_batch(store: Store) -> None:
    def story(talk: WrittenSession) -> None:
        talk.say("hello", peer="alice")
        talk.leave()
        talk.say("away")
        batch = [NewMessage("bob", "with her", {}, 1, None), NewMessage("alice", "back", {}, 1, None)]
        messages.add(talk.db, "w", "s", batch, NOW, max_observers=10)
        assert talk.witnessed() == ["hello", "with her", "back"]

    play(store, story)


def test_a_clock_set_back_moves_no_message_into_or_out_of_a_stay(store: Store) -> None:
    def story(talk: WrittenSession) -> None:
        talk.say("before")
        talk.join(now=NOW)
        talk.say("first stay", now=NOW - HOUR)
        talk.leave(now=NOW - 2 * HOUR)
        talk.say("away", now=NOW - HOUR)
        talk.join(now=NOW - 3 * HOUR)
        talk.say("second stay", now=NOW - 4 * HOUR)
        assert {*talk.witnessed()} == {"first stay", "second stay"}

    play(store, story)


def test_replacing_members_ends_and_begins_only_affected_stays(store: Store) -> None:
    def story(talk: WrittenSession) -> None:
        talk.say("one")
        talk.set("alice", "bob")
        talk.say("two")
        talk.set("alice", "bob")
        talk.say("three")
        talk.set("bob")
        talk.say("four")
        talk.set("alice", "bob")
        talk.say("five")
        assert talk.witnessed() == ["two", "three", "five"]
        assert talk.stays(peer="bob") == [(1, None)]

    play(store, story)


@pytest.mark.parametrize(
    ("through", "expected"),
    [
        (None, ["first stay", "second stay", "since"]),
        (1, []),
        (2, ["first stay"]),
        (3, ["first stay"]),
        (4, ["first stay", "second stay"]),
    ],
)
def test_a_copy_of_a_session_keeps_what_its_members_saw(
    store: Store, through: int | None, expected: Sequence[str]
) -> None:
    def story(talk: WrittenSession) -> None:
        comes_and_goes(talk)
        talk.join()
        talk.say("since")
        query = "SELECT id FROM messages WHERE seq = ?"
        until = None if through is None else sql.value(talk.db, query, (through,))
        copy = cloned(talk.db, "w", "s", until, NOW)
        assert talk.witnessed(copy.id) == expected
        talk.say("in the copy", session=copy.id)
        assert talk.witnessed(copy.id) == [*expected, "in the copy"]

    play(store, story)


def test_messages_while_a_learner_was_away_are_not_in_its_window(store: Store) -> None:
    def story(talk: WrittenSession) -> None:
        talk.say("before", peer="carol")
        talk.join()
        talk.say("I am here", "and listen")
        talk.leave()
        talk.say("a question", peer="carol")
        talk.say("the answer")
        talk.join()
        talk.say("and a comment", peer="carol")
        talk.say("so it is")
        pks = {id: pk for pk, id in sql.rows(talk.db, "SELECT pk, id FROM peers")}
        session = sql.value(talk.db, "SELECT pk FROM sessions")
        learning = [pks["bob"], pks["alice"]]
        window = messages.window(talk.db, Stretch(session, 2, 7), pks["bob"], WindowSize(1_000), learning)
        said = ["before", "I am here", "and listen", "the answer", "and a comment", "so it is"]
        assert [message.content for message in window.messages] == said
        assert window.own == 4

    play(store, story)


def test_the_stays_of_a_deleted_session_are_removed_with_it(store: Store) -> None:
    def story(talk: WrittenSession) -> None:
        comes_and_goes(talk)
        pk = sql.value(talk.db, "SELECT pk FROM sessions")
        deletion_cascade.delete_session(talk.db, "w", "s", NOW)
        while purge.session(talk.db, pk):
            pass
        assert sql.count(talk.db, "stays") == 0

    play(store, story)


# Export and import.


def exported(path: Path) -> list[bytes]:
    with backup.snapshot(path, busy_timeout=5) as db:
        workspace = reader.find(db, "w")
        header = reader.header(db, workspace, program="0", now=NOW)
        return [json.dumps(header).encode(), *reader.lines(db, workspace)]


def bring(store: Store, lines: Sequence[bytes]) -> None:
    asyncio.run(importer.import_workspace(store, iter(lines), name=None, restart=False, shown=lambda *_: None))


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Store]:
    with contextlib.closing(Store.open(tmp_path / "other.db")) as opened:
        yield opened


def of_the_first_format(lines: Sequence[bytes]) -> list[bytes]:
    header = json.loads(lines[0]) | {"format": 1}
    header["counts"].pop("stay")
    rest = [line for line in lines[1:] if json.loads(line)["kind"] != "stay"]
    return [json.dumps(header).encode(), *rest]


def test_an_export_contains_the_stays(store: Store, other: Store, db_path: Path) -> None:
    play(store, comes_and_goes)
    bring(other, exported(db_path))

    def story(talk: WrittenSession) -> None:
        assert talk.stays() == [(2, 2), (4, 4)]
        assert talk.witnessed() == ["first stay", "second stay"]

    play(other, story)


def test_the_last_stay_is_derived_for_an_export_without_stays(
    store: Store, other: Store, db_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(membership_intervals, "DERIVED_AT_A_TIME", 1)

    def past(talk: WrittenSession) -> None:
        for hour, deed in enumerate((talk.join, talk.leave, talk.join, talk.leave)):
            talk.say(f"before {hour}", now=NOW + 2 * hour * HOUR)
            deed(now=NOW + (2 * hour + 1) * HOUR)
        talk.say("after", now=NOW + 9 * HOUR)

    play(store, past)
    bring(other, of_the_first_format(exported(db_path)))

    def story(talk: WrittenSession) -> None:
        assert talk.stays() == [(4, 4)]
        assert talk.stays(peer="bob") == [(1, None)]

    play(other, story)


def stay(**given: Any) -> dict[str, Any]:
    return {"kind": "stay", "session": "s", "peer": "alice", "first": 2, "last": 2, **given}


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([stay(peer="carol")], "no earlier line defines the peer 'carol'"),
        ([stay(peer="dora")], "no earlier line makes 'dora' a member"),
        ([stay(last=None)], "the peer has left"),
        ([stay(last=6)], "refers to message 6 of a session that has 5"),
        ([stay(first=7, last=6)], "refers to message 6 of a session that has 5"),
        ([stay(first=4)], "last: 2 is less than 4"),
        ([stay(), stay()], "overlaps with an earlier stay"),
    ],
)
def test_an_import_refuses_impossible_stays(
    store: Store, other: Store, db_path: Path, lines: Sequence[dict[str, Any]], reason: str
) -> None:
    def story(talk: WrittenSession) -> None:
        comes_and_goes(talk)
        talk.say("hello", peer="dora", session="another")

    play(store, story)
    header, *rest = of_the_first_format(exported(db_path))
    counts = {**json.loads(header)["counts"], "stay": len(lines)}
    after = max(n for n, line in enumerate(rest) if json.loads(line)["kind"] == "message") + 1
    rest[after:after] = [json.dumps(line).encode() for line in lines]
    head = json.dumps(json.loads(header) | {"format": 2, "counts": counts}).encode()
    with pytest.raises(importer.InvalidExport, match=reason):
        bring(other, [head, *rest])


# Data from before stays were stored.


def test_stays_are_derived_from_the_stored_times(store: Store) -> None:
    def story(talk: WrittenSession) -> None:
        for number in range(9):
            talk.say(f"number {number}", now=NOW + number * HOUR)
        talk.join("alice", now=NOW + 2 * HOUR + 1_000)
        talk.join("carol", now=NOW - HOUR)
        talk.leave("carol", now=NOW + 5 * HOUR)
        talk.join("dora", now=NOW + 20 * HOUR)
        sql.change(talk.db, "DELETE FROM stays")
        assert membership_intervals.derive(talk.db) is not None
        found = {peer: talk.stays(peer=peer) for peer in ("alice", "bob", "carol", "dora")}
        assert found == {"alice": [(4, None)], "bob": [(1, None)], "carol": [(1, 6)], "dora": [(10, None)]}

    play(store, story)


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM stays",
        "UPDATE stays SET last = 2 WHERE last IS NULL",
        "UPDATE stays SET last = NULL WHERE last = 4",
        "UPDATE stays SET last = 99 WHERE last = 4",
        "UPDATE stays SET last = 4 WHERE last = 2",
    ],
)
def test_stays_that_contradict_other_rows_are_reported(store: Store, damage: str) -> None:
    def story(db: Connection) -> list[str]:
        comes_and_goes(WrittenSession(db))
        sql.change(db, damage)
        return [*row_consistency.contradictions(db)]

    assert any("stay" in line for line in asyncio.run(store.write(story)))


def test_configuring_a_peer_makes_it_a_member(store: Store) -> None:
    def story(talk: WrittenSession) -> None:
        talk.say("one")
        talk.join("alice", session="another")
        sessions.configure_peers(talk.db, "w", "s", {"alice": Observation(None, None)}, clock.now(), max_observers=10)
        talk.say("two")
        assert members.is_active(talk.db, "w", "s", "alice")
        assert talk.witnessed() == ["two"]

    play(store, story)
