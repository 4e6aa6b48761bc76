"""Output, backups and refusals of `omoide repair`, and damage to indexes and whole tables."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from omoide.cli.main import main
from omoide.storage.sqlite.engine import Store
from tests.damage import sample_database

Invoke = Callable[..., Result]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("repairs") / "sound.db"
    sample_database.build(path)
    return path


@pytest.fixture
def database(sound: Path, db_path: Path) -> Path:
    shutil.copyfile(sound, db_path)
    return db_path


@pytest.fixture
def invoke(database: Path) -> Invoke:
    return lambda command, *args: CliRunner().invoke(main, [command, "--db", str(database), *args])


def change(path: Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()


def test_repair_is_a_dry_run_without_apply(invoke: Invoke, database: Path) -> None:
    change(database, "UPDATE sessions SET metadata = 'none' WHERE id = 'pier'")
    said = invoke("repair")
    assert said.exit_code == 0
    assert "metadata of row 1 of sessions (workspace harbour) is not a JSON object: now metadata is '{}'" in said.output
    assert "Nothing was changed" in said.output
    assert "metadata of row 1 of sessions" in invoke("check").output
    done = invoke("repair", "--apply")
    assert done.exit_code == 0, done.output
    assert "is sound" in invoke("check").output
    assert "nothing to repair" in invoke("repair", "--apply").output


def test_repair_saves_the_previous_rows(invoke: Invoke, database: Path) -> None:
    change(
        database,
        "UPDATE messages SET content = x'ff41' WHERE pk = 3",
        "UPDATE members SET session = 999 WHERE session = 1",
    )
    assert invoke("repair", "--apply").exit_code == 0
    (kept,) = database.parent.glob("omoide.db.repair-*.jsonl")
    assert kept.stat().st_mode & 0o077 == 0
    lines = [json.loads(line) for line in kept.read_text().splitlines()]
    assert [line["was"]["content"] for line in lines if line["table"] == "messages"] == [{"bytes": "ff41"}]
    assert all(line["was"]["session"] == 999 for line in lines if line["table"] == "members")
    with contextlib.closing(sqlite3.connect(database)) as db:
        assert db.execute("SELECT content FROM messages WHERE pk = 3").fetchone() == ("\N{REPLACEMENT CHARACTER}A",)
        assert db.execute("SELECT count(*) FROM members WHERE session = 999").fetchone() == (0,)


def test_repair_refuses_while_the_database_is_open(invoke: Invoke, database: Path) -> None:
    store = Store.open(database)
    try:
        refused = invoke("repair", "--apply")
    finally:
        store.close()
    assert refused.exit_code == 1
    assert "is in use" in refused.output


def test_a_missing_index_is_reported_and_recreated_at_the_start(invoke: Invoke, database: Path) -> None:
    change(database, "DROP INDEX messages_seq", "DROP INDEX jobs_due")
    said = invoke("check").output
    assert "schema: index messages_seq is missing" in said
    assert "schema: index jobs_due is missing" in said
    Store.prepare(database)
    assert "is sound" in invoke("check").output


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("DROP TABLE message_words", "schema: table message_words is missing"),
        ("DELETE FROM message_words_data WHERE id > 10", "message_words"),
        ("DELETE FROM conclusion_words_docsize", "words: row"),
        ("DROP TABLE message_vectors", "schema: table message_vectors is missing"),
        ("DROP TABLE segments", "schema: table segments is missing"),
        ("DROP TABLE shares", "schema: table shares is missing"),
        ("DROP TRIGGER jobs_freed", "schema: trigger jobs_freed is missing"),
        ("UPDATE segments SET rows = x'00'", "segments: segment"),
        ("CREATE TRIGGER stray AFTER INSERT ON messages BEGIN SELECT 1; END", "schema: trigger stray"),
        ("UPDATE sessions SET message_count = 2 WHERE id = 'pier'", "rows: "),
    ],
)
def test_damaged_derived_data_is_reported_and_rebuilt(
    statement: str, named: str, invoke: Invoke, database: Path
) -> None:
    change(database, statement)
    assert named in invoke("check").output
    assert invoke("repair", "--apply").exit_code == 0
    assert "is sound" in invoke("check").output


def test_a_missing_table_that_cannot_be_derived_is_refused(invoke: Invoke, database: Path) -> None:
    change(database, "PRAGMA foreign_keys=OFF", "DROP TABLE cards")
    refused = invoke("repair", "--apply")
    assert refused.exit_code == 1
    assert "The table cards is missing" in refused.output
    assert "schema: table cards is missing" in invoke("check").output


def test_the_doctor_names_the_row_the_workspace_and_the_fault(invoke: Invoke, database: Path) -> None:
    change(database, "UPDATE peers SET metadata = '[1]', created_at = 'yesterday' WHERE id = 'alice'")
    said = invoke("doctor").output
    assert "metadata of row 1 of peers (workspace harbour) is not a JSON object (1 more row" in said
    assert "created_at of row 1 of peers (workspace harbour) is not a time from 1970 to 2109" in said


@pytest.mark.parametrize("table", ["conclusion_messages", "conclusion_topics"])
def test_what_is_linked_with_a_missing_conclusion_is_reported_and_removed(
    table: str, invoke: Invoke, database: Path
) -> None:
    change(database, f"UPDATE {table} SET conclusion = 4711 WHERE conclusion = (SELECT min(conclusion) FROM {table})")
    said = invoke("check").output
    assert f"of {table}" in said
    assert "refers to row 4711 of conclusions" in said
    assert invoke("repair", "--apply").exit_code == 0
    assert "is sound" in invoke("check").output
    with contextlib.closing(sqlite3.connect(database)) as db:
        assert db.execute(f"SELECT count(*) FROM {table} WHERE conclusion = 4711").fetchone() == (0,)
        assert db.execute(f"SELECT count(*) > 0 FROM {table}").fetchone() == (1,)


CONTRADICTIONS = {
    "links with missing messages": (
        """UPDATE conclusion_messages SET message = 4711 WHERE conclusion =
               (SELECT min(conclusion) FROM conclusion_messages)""",
        "refers to row 4711 of messages",
    ),
    "links with messages of another workspace": (
        """UPDATE conclusion_messages SET message = (SELECT m.pk FROM messages m JOIN workspaces w ON w.pk = m.workspace
               WHERE w.id = 'quay' LIMIT 1) WHERE (message, conclusion) IN (SELECT l.message, l.conclusion
               FROM conclusion_messages l JOIN conclusions c ON c.pk = l.conclusion
               JOIN workspaces w ON w.pk = c.workspace WHERE w.id = 'harbour' LIMIT 1)""",
        "messages behind conclusions are in a different workspace",
    ),
    "topics of another pair": (
        """UPDATE conclusion_topics SET observed = (SELECT pk FROM peers WHERE id = 'bob' LIMIT 1)
           WHERE conclusion = (SELECT min(t.conclusion) FROM conclusion_topics t JOIN peers p ON p.pk = t.observed
           WHERE p.id = 'alice')""",
        "topics are of another pair than their conclusion",
    ),
    "an end without a time": (
        """UPDATE conclusions SET ended_as = 'superseded' WHERE pk =
               (SELECT min(pk) FROM conclusions WHERE deleted_at IS NULL)""",
        "conclusions have ended without a time",
    ),
    "an offset beyond a day": ("UPDATE messages SET utc_offset = 2000 WHERE pk = 3", "utc_offset of row 3 of messages"),
    "an unknown ending": (
        "UPDATE conclusions SET ended_as = 'gone', deleted_at = 5 WHERE pk = 1",
        "ended_as of row 1 of conclusions",
    ),
}


def test_a_current_conclusion_with_a_damaged_ending_stays_current(invoke: Invoke, database: Path) -> None:
    change(database, "UPDATE conclusions SET ended_as = 'gone' WHERE pk = 1")
    assert invoke("repair", "--apply").exit_code == 0
    with contextlib.closing(sqlite3.connect(database)) as db:
        assert db.execute("SELECT ended_as, deleted_at FROM conclusions WHERE pk = 1").fetchone() == (None, None)


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_rows_about_changes_that_contradict_others_are_reported_and_repaired(
    name: str, invoke: Invoke, database: Path
) -> None:
    statement, fault = CONTRADICTIONS[name]
    change(database, statement)
    said = invoke("check").output
    assert fault in said, said
    assert invoke("repair", "--apply").exit_code == 0
    assert "is sound" in (said := invoke("check").output), said
