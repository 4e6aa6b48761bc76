"""Each migration step runs once, however many processes open the file and however often."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from pathlib import Path
from typing import IO

import sqlite_utils

from omoide.core.records import PageRequest
from omoide.storage import messages
from omoide.storage.sqlite.engine import Connection, Store
from omoide.storage.sqlite.migrations import migrations
from tests.read_now import read_now
from tests.storage.row_factories import kinds, pragma, put

PROCESSES = 4
OPEN_AND_WRITE = """
import asyncio, sys
from pathlib import Path
from omoide.core.jobs import NewJob
from omoide.storage import queue
from tests.postgresql import open_store
print("ready", flush=True)
sys.stdin.readline()
store = open_store(Path(sys.argv[1]))
asyncio.run(store.write(queue.add, NewJob(sys.argv[2], {}), 0))
store.close()
"""


def steps(db: Connection) -> list[str]:
    return [name for (name,) in db.execute("SELECT name FROM _sqlite_migrations ORDER BY name")]


def schema(db: Connection) -> list[tuple[object, ...]]:
    return [tuple(row) for row in db.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY name")]


def stream(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


def test_processes_that_open_a_new_file_together_create_one_schema(db_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        running = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", OPEN_AND_WRITE, str(db_path), str(n)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for n in range(PROCESSES)
        ]
        for process in running:
            assert stream(process.stdout).readline() == "ready\n"
        for process in running:
            stream(process.stdin).write("go\n")
            stream(process.stdin).flush()
    assert [process.returncode for process in running] == [0] * PROCESSES
    store = Store.open(db_path)
    assert len(read_now(store, steps)) == len(set(read_now(store, steps))) > 0
    assert sorted(read_now(store, kinds)) == [str(n) for n in range(PROCESSES)]
    store.close()


def test_opening_again_changes_neither_schema_nor_content(store: Store, db_path: Path) -> None:
    asyncio.run(store.write(put, "it"))
    before = read_now(store, schema), read_now(store, steps), read_now(store, pragma, "data_version")
    again = Store.open(db_path)
    assert (read_now(again, schema), read_now(again, steps), read_now(store, pragma, "data_version")) == before
    assert read_now(again, kinds) == ["it"]
    again.close()


OLD_ROWS = """
INSERT INTO workspaces VALUES (1, 'w', 'u1', '{}', '{}', 1, NULL);
INSERT INTO peers VALUES (1, 1, 'p', 'u2', '{}', '{}', 1);
INSERT INTO sessions VALUES (1, 1, 's', 'u3', '{}', '{}', 1, NULL, 2);
INSERT INTO members VALUES (1, 1, 1, NULL, NULL, NULL);
INSERT INTO messages VALUES (1, 'm1', 1, 1, 1, 1, 'a cello in Lisbon', '{"k": 1}', 4, 5);
INSERT INTO messages VALUES (9, 'm2', 1, 1, 2, 1, 'rain again', '{}', 2, 6);
INSERT INTO jobs VALUES (7, 'purge_session', '{"session": 3}', 1, 1, 2, NULL, 'reason');
"""


def test_a_file_of_the_first_version_keeps_everything_and_is_searchable(db_path: Path) -> None:
    old = sqlite_utils.Database(str(db_path))
    migrations.apply(old, stop_before="m0002_memory")
    old.executescript(OLD_ROWS)
    old.close()
    store = Store.open(db_path)
    page = read_now(store, messages.page, "w", "s", PageRequest())
    assert [(m.id, m.content, m.metadata) for m in page.items] == [
        ("m1", "a cello in Lisbon", {"k": 1}),
        ("m2", "rain again", {}),
    ]
    job = read_now(store, lambda db: db.execute("SELECT pk, kind, attempts, error, failed_at FROM jobs").fetchone())
    assert tuple(job) == (7, "purge_session", 2, "reason", None)
    found = read_now(store, lambda db: db.execute("SELECT rowid FROM message_words('text: cellos')").fetchall())
    assert [tuple(row) for row in found] == [(1,)]
    store.close()
