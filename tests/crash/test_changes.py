"""Many clients change what is remembered at the same time; afterwards it is consistent, and so are its copies."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.crash import change_invariants
from tests.crash.changing_clients import WORKSPACE, ChangingClient
from tests.crash.test_kill import until_drained
from tests.fork_server import ROOT, fork_server
from tests.server_process import Server

SEED = 20261130
CLIENTS = 5


def run(*arguments: str) -> None:
    done = fork_server().run(*arguments, cwd=ROOT, env=os.environ)
    assert done.returncode == 0, done.stdout + done.stderr


def test_changes_at_the_same_time_leave_consistent_memories(
    tmp_path: Path, change_seconds: float, tally: Callable[[str], None]
) -> None:
    server = Server(
        tmp_path / "omoide.db", "--workers", "2",
        debounce_seconds="0", dream_threshold="10", dream_idle_minutes="0", dream_min_hours="0",
    )  # fmt: skip
    clients = [ChangingClient(server, SEED + number) for number in range(CLIENTS)]
    copy, lines = tmp_path / "copy.db", tmp_path / "w.jsonl"
    try:
        for client in clients:
            client.start()
        time.sleep(change_seconds / 2)  # the length of the trial
        run("backup", "--db", str(server.db), str(copy))
        run("export", "--db", str(server.db), WORKSPACE, str(lines))
        time.sleep(change_seconds / 2)
        for client in clients:
            client.stop()
        for client in clients:
            client.join()
        assert [fault for client in clients for fault in client.faults] == []
        until_drained(server.db)
    finally:
        server.stop()
    answers = sum((client.answers for client in clients), Counter[tuple[str, int]]())
    tally(f"answers: {dict(sorted(answers.items()))}")
    assert change_invariants.faults(server.db) == []
    run("import", "--db", str(copy), "--as", "again", str(lines))
    run("check", "--db", str(copy))
    assert "Traceback" not in "".join(server.log)
