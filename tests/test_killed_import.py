"""An import of conversations that is killed continues where it was, and stores nothing twice."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from benchmarks import killed_import
from tests.fork_server import fork_server

MESSAGES = 5_000


def test_an_import_that_is_killed_resumes_without_doubles_or_gaps(tmp_path: Path) -> None:
    export, db = tmp_path / "conversations.json", tmp_path / "omoide.db"
    killed_import.write_export(export, MESSAGES)
    arguments = ["import", str(export), "--from", "chatgpt", "--workspace", "w", "--db", str(db)]
    with open(os.devnull, "wb") as nowhere:
        running = fork_server().start(
            arguments, cwd=tmp_path, env=os.environ, stdout=nowhere.fileno(), stderr=nowhere.fileno()
        )
    before = killed_import.kill_when(
        1_000, db, lambda: running.poll() is not None, lambda: running.send_signal(signal.SIGKILL)
    )
    assert running.wait(30) == -signal.SIGKILL
    assert 1_000 <= before < MESSAGES
    done = fork_server().run(*arguments, cwd=tmp_path, env=os.environ)
    assert f"; {before:,} messages were already there." in done.stdout, done.stderr
    assert killed_import.stored(db) == MESSAGES
    assert killed_import.damage(db, MESSAGES) == 0
