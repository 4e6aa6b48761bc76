"""Killed while it brings an earlier file up to date, the program goes on at the next start where it was."""

from __future__ import annotations

import contextlib
import gzip
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.storage.sqlite import inspection
from tests.storage.test_upgrades import FILES, known_steps

SEED = 20261123
MESSAGES_A_KILL = 50
UPGRADE = """
import sys
from pathlib import Path
from omoide.storage.engine import prepare_store
print("ready", flush=True)
sys.stdin.readline()
prepare_store(Path(sys.argv[1]))
"""


def first_version(path: Path, messages: int) -> None:
    """A file of the first version with so many messages that it takes a while to bring it up to date."""
    with gzip.open(FILES / "schema_1.db.gz") as packed, path.open("wb") as file:
        shutil.copyfileobj(packed, file)
    with contextlib.closing(sqlite3.connect(path)) as db:
        (session, workspace, peer, last) = db.execute(
            "SELECT session, workspace, peer, max(seq) FROM messages GROUP BY session ORDER BY max(seq) DESC LIMIT 1"
        ).fetchone()
        many = [
            (f"many-{n:016}", workspace, session, last + n, peer, f"I own item number {n}.")
            for n in range(1, messages + 1)
        ]
        db.executemany(
            """INSERT INTO messages (id, workspace, session, seq, peer, content, metadata, token_count, created_at)
               VALUES (?, ?, ?, ?, ?, ?, '{}', 6, 1)""",
            many,
        )
        db.execute("UPDATE sessions SET message_count = ? WHERE pk = ?", (last + messages, session))
        db.commit()


def upgrade(path: Path, killed_after: float | None) -> float:
    """Bring the file up to date, or be killed after so many seconds; how long it took."""
    command = [sys.executable, "-c", UPGRADE, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        began = time.monotonic()
        process.stdin.write("go\n")
        process.stdin.flush()
        if killed_after is not None:
            time.sleep(killed_after)  # the moment of the kill is what is tried here
            process.kill()
        assert process.wait() == 0 or killed_after is not None
        return time.monotonic() - began


def test_what_kills_an_upgrade_leaves_a_sound_file_with_every_row(
    tmp_path: Path, kills: int, tally: Callable[[str], None]
) -> None:
    chance = random.Random(SEED)
    original, path = tmp_path / "original.db", tmp_path / "omoide.db"
    first_version(original, MESSAGES_A_KILL * kills)
    shutil.copy(original, path)
    longest = upgrade(path, None)
    with inspection.opened(path, busy_timeout=5) as db:
        expected = db.execute("SELECT id, seq, content, created_at FROM messages ORDER BY id").fetchall()
    steps: list[int] = []
    for _ in range(max(2, kills // 8)):
        if not steps or steps[-1] == len(known_steps()):
            for beside in ("-wal", "-shm"):
                Path(f"{path}{beside}").unlink(missing_ok=True)
            shutil.copy(original, path)
        longest = min(longest, max(upgrade(path, chance.uniform(0, longest)), longest / 2))
        with inspection.opened(path, busy_timeout=5) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert db.execute("SELECT id, seq, content, created_at FROM messages ORDER BY id").fetchall() == expected
            applied = inspection.schema(db).applied
            assert list(applied) == known_steps()[: len(applied)]
            steps.append(len(applied))
    upgrade(path, None)
    with inspection.opened(path, busy_timeout=5) as db:
        assert inspection.schema(db).is_current
        assert inspection.damage(db) == []
    tally(f"killed while upgrading: {len(steps)}; schema found after each: {steps}")
