"""Segments that do not say what the vectors say are found out, whatever is wrong, and can be made anew."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from omoide.cli.main import main
from omoide.store import Connection, Store, segments
from omoide.store.database import connect
from omoide.store.leadership import Leadership
from omoide.store.segment_faults import segment_faults
from omoide.store.segments import Segment
from tests.store.test_segments import WORDS, is_true, say


@pytest.fixture
def db_path(tmp_path: Path) -> Path:
    """A file with two workspaces: the first has the rows 1 to 6 in two segments, the other 7 to 9 in one."""
    path = tmp_path / "omoide.db"
    store = Store.open(path)
    for workspace, count in (("a", 4), ("a", 2), ("b", 3)):
        asyncio.run(store.write(say, workspace, "s", count))
    store.close()
    return path


def rewritten(change: Callable[[Segment], Segment]) -> Callable[[Connection], object]:
    """The first segment, as a fault of the program would leave it."""

    def damage(db: Connection) -> None:
        size, rows = db.execute("SELECT size, rows FROM segments WHERE pk = 1").fetchone()
        segments._replace(db, 1, change(segments.read(rows, size, WORDS)))

    return damage


def turned(segment: Segment) -> Segment:
    """One sign of one row is the other one."""
    bits = segment.bits.copy()
    bits[0, 2] ^= np.uint64(1)
    return replace(segment, bits=bits)


def moved(segment: Segment) -> Segment:
    return replace(segment, second=segment.second + np.array([0, 1, 0, 1], np.uint32))


def numbered(*pks: int) -> Callable[[Segment], Segment]:
    return lambda segment: replace(segment, pks=np.array(pks, np.int64))


def told(statement: str) -> Callable[[Connection], object]:
    return lambda db: db.execute(statement)


DAMAGES: dict[str, tuple[Callable[[Connection], object], list[str]]] = {
    "a sign is turned": (
        rewritten(turned),
        ["1 rows in segment 1 of messages have other signs than their vectors, row 3 for one"],
    ),
    "owners are others": (
        rewritten(moved),
        ["2 rows in segment 1 of messages have another session or peer there, row 2 for one"],
    ),
    "rows are left out": (
        rewritten(lambda segment: segment.at(slice(0, 2))),
        ["2 rows of messages have a vector and are in no segment, row 3 for one"],
    ),
    "a segment is lost": (
        told("DELETE FROM segments WHERE pk = 1"),
        ["4 rows of messages have a vector and are in no segment, row 1 for one"],
    ),
    "a segment is there twice": (
        told("INSERT INTO segments SELECT 9, workspace, source, first, last, size, rows FROM segments WHERE pk = 1"),
        ["4 rows of messages stand in segments more than once, row 1 for one"],
    ),
    "a row is nobody's": (
        rewritten(numbered(1, 2, 3, 99)),
        [
            "1 rows in segment 1 of messages are beyond row 9, row 99 for one",
            "1 rows in segment 1 are of no vector of messages, row 99 for one",
            "1 rows of messages have a vector and are in no segment, row 4 for one",
        ],
    ),
    "a vector is gone": (
        told("DELETE FROM message_vectors WHERE pk = 2"),
        ["1 rows in segment 1 are of no vector of messages, row 2 for one"],
    ),
    "a vector is another": (
        told("UPDATE message_vectors SET vector = zeroblob(length(vector)) WHERE pk = 4"),
        ["1 rows in segment 1 of messages have other signs than their vectors, row 4 for one"],
    ),
    "the workspace is another": (
        told("UPDATE segments SET workspace = 2 WHERE pk = 1"),
        ["4 rows in segment 1 of messages belong to another workspace than it does, row 1 for one"],
    ),
    "its reach is told wrong": (
        told("UPDATE segments SET first = 3 WHERE pk = 1"),
        ["segment 1 of messages says that it reaches from row 3 to 4: it is 1 to 4"],
    ),
    "it is cut off": (
        told("UPDATE segments SET rows = substr(rows, 1, 50) WHERE pk = 3"),
        [
            "segment 3 of messages has 50 bytes, where 3 rows take 96",
            "3 rows of messages have a vector and are in no segment, row 7 for one",
        ],
    ),
    "it is of something else": (
        told("UPDATE segments SET rows = 'nothing of ours', size = 'much', workspace = 'mine' WHERE pk = 3"),
        [
            "segment 3 of messages has 15 bytes, where 0 rows take 0",
            "3 rows of messages have a vector and are in no segment, row 7 for one",
        ],
    ),
    "nobody knows whose vectors": (
        told("DELETE FROM embedder"),
        ["3 segments are there, and no embedder whose vectors they could be of"],
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_to_a_segment_is_named(damage: str, db_path: Path) -> None:
    inflict, named = DAMAGES[damage]
    with contextlib.closing(connect(db_path, durability="normal", busy_timeout=1)) as db:
        assert list(segment_faults(db)) == []
        inflict(db)
        assert list(segment_faults(db)) == named


def test_the_segments_of_what_is_being_removed_are_not_missed(db_path: Path) -> None:
    with contextlib.closing(connect(db_path, durability="normal", busy_timeout=1)) as db:
        db.execute("UPDATE workspaces SET deleted_at = 1 WHERE pk = 1")
        segments.remove_workspace(db, 1)
        assert list(segment_faults(db)) == []


@pytest.fixture
def check(db_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """`omoide check` within this process."""
    monkeypatch.chdir(db_path.parent)
    return lambda *flags: CliRunner().invoke(main, ["check", *flags])


def test_segments_are_made_anew_once_no_server_runs(db_path: Path, check: Callable[..., Result]) -> None:
    with contextlib.closing(connect(db_path, durability="normal", busy_timeout=1)) as db:
        rewritten(turned)(db)
    found = check()
    assert found.exit_code == 1
    assert found.stdout == (
        "segments: 1 rows in segment 1 of messages have other signs than their vectors, row 3 for one\n"
    )
    assert "omoide check --rebuild-segments" in found.stderr

    server = Leadership(db_path)
    assert server.take()
    refused = check("--rebuild-segments")
    assert (refused.exit_code, refused.output) == (1, "Error: omoide.db is in use: stop the server first\n")
    server.close()

    mended = check("--rebuild-segments")
    assert mended.output.startswith("omoide.db is sound: ")
    assert mended.exit_code == 0
    store = Store.open(db_path)
    assert store.read(is_true)
    store.close()


def test_where_there_is_no_database_none_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["check", "--rebuild-segments", "--db", "none.db"])
    assert done.output == "Error: There is no database none.db.\n"
    assert [*tmp_path.iterdir()] == []
