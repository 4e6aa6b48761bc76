"""Segments that differ from their vectors are reported, and can be rebuilt."""

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
from omoide.storage import vector_segments
from omoide.storage.sqlite.engine import Connection, Store, connect
from omoide.storage.sqlite.integrity.segment_check import segment_faults
from omoide.storage.sqlite.leader_lock import LeaderLock
from omoide.storage.vectors import Segment
from tests.read_now import read_now
from tests.storage.test_vector_segments import WORDS, is_true, say


@pytest.fixture
def db_path(tmp_path: Path) -> Path:
    """A file with two workspaces: the first has rows 1 to 6 in two segments, the other rows 7 to 9 in one."""
    path = tmp_path / "omoide.db"
    store = Store.open(path)
    for workspace, count in (("a", 4), ("a", 2), ("b", 3)):
        asyncio.run(store.write(say, workspace, "s", count))
    store.close()
    return path


def rewritten(change: Callable[[Segment], Segment]) -> Callable[[Connection], object]:
    """Replace the first segment by a changed one, as a bug would."""

    def damage(db: Connection) -> None:
        size, rows = db.execute("SELECT size, rows FROM segments WHERE pk = 1").fetchone()
        vector_segments._replace(db, 1, change(vector_segments.read(rows, size, WORDS)))

    return damage


def turned(segment: Segment) -> Segment:
    """Flip one sign of one row."""
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
        ["1 rows in segment 1 of messages have signs that differ from their vectors, for example row 3"],
    ),
    "peers are different": (
        rewritten(moved),
        ["2 rows in segment 1 of messages have a different session or peer in it, for example row 2"],
    ),
    "rows are missing": (
        rewritten(lambda segment: segment.at(slice(0, 2))),
        ["2 rows of messages have a vector but are in no segment, for example row 3"],
    ),
    "a segment is missing": (
        told("DELETE FROM segments WHERE pk = 1"),
        ["4 rows of messages have a vector but are in no segment, for example row 1"],
    ),
    "a segment is duplicated": (
        told("INSERT INTO segments SELECT 9, workspace, source, first, last, size, rows FROM segments WHERE pk = 1"),
        ["4 rows of messages are in more than one segment, for example row 1"],
    ),
    "a row does not exist": (
        rewritten(numbered(1, 2, 3, 99)),
        [
            "1 rows in segment 1 of messages are beyond row 9, for example row 99",
            "1 rows in segment 1 have no vector in messages, for example row 99",
            "1 rows of messages have a vector but are in no segment, for example row 4",
        ],
    ),
    "a vector is missing": (
        told("DELETE FROM message_vectors WHERE pk = 2"),
        ["1 rows in segment 1 have no vector in messages, for example row 2"],
    ),
    "a vector is different": (
        told("UPDATE message_vectors SET vector = zeroblob(length(vector)) WHERE pk = 4"),
        ["1 rows in segment 1 of messages have signs that differ from their vectors, for example row 4"],
    ),
    "the workspace is different": (
        told("UPDATE segments SET workspace = 2 WHERE pk = 1"),
        ["4 rows in segment 1 of messages belong to a different workspace, for example row 1"],
    ),
    "the range of rows is wrong": (
        told("UPDATE segments SET first = 3 WHERE pk = 1"),
        ["segment 1 of messages declares rows 3 to 4, but holds rows 1 to 4"],
    ),
    "a segment is truncated": (
        told("UPDATE segments SET rows = substr(rows, 1, 50) WHERE pk = 3"),
        [
            "segment 3 of messages has 50 bytes, but 3 rows need 96",
            "3 rows of messages have a vector but are in no segment, for example row 7",
        ],
    ),
    "a segment is garbage": (
        told("UPDATE segments SET rows = 'nothing of ours', size = 'much', workspace = 'mine' WHERE pk = 3"),
        [
            "segment 3 of messages has 15 bytes, but 0 rows need 0",
            "3 rows of messages have a vector but are in no segment, for example row 7",
        ],
    ),
    "the embedder is missing": (
        told("DELETE FROM embedder"),
        ["3 segments exist without an embedder"],
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_to_a_segment_is_reported(damage: str, db_path: Path) -> None:
    inflict, named = DAMAGES[damage]
    with contextlib.closing(connect(db_path, durability="normal", busy_timeout=1)) as db:
        assert list(segment_faults(db)) == []
        inflict(db)
        assert list(segment_faults(db)) == named


def test_missing_segments_of_a_workspace_being_purged_are_no_fault(db_path: Path) -> None:
    with contextlib.closing(connect(db_path, durability="normal", busy_timeout=1)) as db:
        db.execute("UPDATE workspaces SET deleted_at = 1 WHERE pk = 1")
        vector_segments.remove_workspace(db, 1)
        assert list(segment_faults(db)) == []


@pytest.fixture
def check(db_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run `omoide check` in this process."""
    monkeypatch.chdir(db_path.parent)
    return lambda *flags: CliRunner().invoke(main, ["check", *flags])


def test_segments_are_rebuilt_only_while_no_server_runs(db_path: Path, check: Callable[..., Result]) -> None:
    with contextlib.closing(connect(db_path, durability="normal", busy_timeout=1)) as db:
        rewritten(turned)(db)
    found = check()
    assert found.exit_code == 1
    assert found.stdout == (
        "segments: 1 rows in segment 1 of messages have signs that differ from their vectors, for example row 3\n"
    )
    assert "omoide check --rebuild-segments" in found.stderr

    server = LeaderLock(db_path)
    assert server.take()
    refused = check("--rebuild-segments")
    assert (refused.exit_code, refused.output) == (1, "Error: omoide.db is in use: stop the server first\n")
    server.close()

    mended = check("--rebuild-segments")
    assert mended.output.startswith("omoide.db is sound: ")
    assert mended.exit_code == 0
    store = Store.open(db_path)
    assert read_now(store, is_true)
    store.close()


def test_a_missing_database_is_not_created(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["check", "--rebuild-segments", "--db", "none.db"])
    assert done.output == "Error: There is no database none.db.\n"
    assert [*tmp_path.iterdir()] == []
