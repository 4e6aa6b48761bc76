"""The entries of an older file get their new form in steps, while rows are added and removed."""

from __future__ import annotations

import asyncio
import gzip
import shutil
from pathlib import Path

import pytest

from omoide.core.settings import Settings
from omoide.storage.sqlite import fulltext, fulltext_conversion, fulltext_rebuild, inspection
from omoide.storage.sqlite.engine import Connection
from omoide.storage.sqlite.integrity.row_consistency import contradictions
from tests import sql
from tests.storage.files.make import SETTINGS
from tests.storage.test_fulltext import found, remove, say
from tests.storage.test_upgrades import FILES, work

TEXTS = ("我周末常去公园", "ฉันชอบกินผัดไทย", "Đà Nẵng", "plain", "Zürich")
WORDS = ("公园", "ผัดไทย", "nang", "plain", "zurich")


def make_old(db: Connection) -> None:
    """Give all entries the form of an older file."""
    db.execute("INSERT INTO message_words (message_words) VALUES ('delete-all')")
    db.execute("INSERT INTO reindexing SELECT 'message_words', 0, max(pk) FROM messages")
    fulltext.add_entries(db, fulltext.MESSAGES, sql.column(db, "SELECT pk FROM messages"))


def hits(db: Connection) -> list[list[int]]:
    return [found(db, word) for word in WORDS]


def test_entries_of_an_older_file_are_converted_in_steps(db: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fulltext_rebuild, "ROWS_AT_A_TIME", 2)
    say(db, "s1", *TEXTS)
    say(db, "s2", *TEXTS)
    say(db, "s3", *TEXTS)
    make_old(db)
    assert hits(db) == [[], [], [], [14, 9, 4], [15, 10, 5]]
    assert not fulltext.is_converted(db, fulltext.MESSAGES)
    assert fulltext_conversion.convert(db, fulltext.MESSAGES)
    remove(db, "s1")  # some of these entries are converted, others are not
    remove(db, "s2")
    say(db, "s4", *TEXTS)
    assert [*contradictions(db)] == []
    while fulltext_conversion.convert(db, fulltext.MESSAGES):
        assert [*contradictions(db)] == []
    assert fulltext.is_converted(db, fulltext.MESSAGES)
    assert hits(db) == [[16, 11], [17, 12], [18, 13], [19, 14], [20, 15]]


def test_a_rebuild_ends_the_conversion(db: Connection) -> None:
    say(db, "s1", *TEXTS)
    make_old(db)
    job = fulltext_rebuild.empty(db, fulltext.MESSAGES)
    assert job.through is not None
    fulltext_rebuild.add_missing(db, fulltext.MESSAGES, 0, job.through)
    assert not fulltext_conversion.convert(db, fulltext.MESSAGES)
    assert hits(db) == [[1], [2], [3], [4], [5]]
    assert [*contradictions(db)] == []


def test_words_of_an_older_file_are_found_once_its_jobs_are_done(db_path: Path) -> None:
    with gzip.open(FILES / "schema_12.db.gz") as packed, db_path.open("wb") as file:
        shutil.copyfileobj(packed, file)
    with sql.opened(db_path) as db:
        sql.change(db, "UPDATE messages SET content = ? WHERE pk = 1", [TEXTS[0]])
        sql.change(db, "INSERT INTO message_words (message_words) VALUES ('delete-all')")
        sql.change(db, "INSERT INTO message_words (rowid, place, text) SELECT pk, '', content FROM messages")
    asyncio.run(work(Settings.model_validate({"db": db_path, **SETTINGS})))
    with inspection.opened(db_path, busy_timeout=5) as db:
        assert fulltext.holding(db, fulltext.IndexScope(fulltext.MESSAGES), ["公园"], 10) == [1]
