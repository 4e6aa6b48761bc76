"""A real server in processes of its own, as `omoide serve` starts it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx

from benchmarks import process_tree
from tests.fork_server import Forked, fork_server
from tests.postgresql import location

COMMAND = Path(sys.executable).with_name("omoide")
STARTED = "Application startup complete"
READY = re.compile(r"running on (http://[^ ]+)")


class Server:
    """A running server: `url` to reach it, `db` its file, `log` what it has said so far.

    It is forked from a process that has loaded everything, unless `by_command`.
    """

    by_command = False
    command = COMMAND

    def __init__(self, db: Path, *flags: str, python_path: str | None = None, **settings: str) -> None:
        self.db = db
        self.flags = flags
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("OMOIDE_")}
        self.environment["OMOIDE_WORKER_NICENESS"] = "0"  # tests fill the processors and wait for the worker
        self.environment["OMOIDE_DURABILITY"] = "normal"  # a killed process loses nothing that it has written
        self.environment["OMOIDE_EMBEDDER"] = "wordllama"  # the default takes longer to load, and for each text
        self.environment |= {f"OMOIDE_{name.upper()}": value for name, value in settings.items()}
        if python_path is not None:
            self.by_command = True
            self.environment["PYTHONPATH"] = python_path
        self.processes = max(1, int(flags[flags.index("--workers") + 1])) if "--workers" in flags else 1
        self.log: list[str] = []
        self.start()

    def start(self) -> None:
        """Start, and return once it serves. Raises RuntimeError with its log if it stops instead."""
        arguments = ["serve", "--port", "0", "--db", self.location(), *self.flags]
        self.process: subprocess.Popen[str] | Forked
        self.process = self._command(arguments) if self.by_command else self._fork(arguments)
        assert self.process.stderr is not None
        begin = len(self.log)
        for line in self.process.stderr:
            self.log.append(line)
            said = "".join(self.log[begin:])
            if (ready := READY.search(said)) and said.count(STARTED) == self.processes:
                self.url = ready[1]
                self._reading = threading.Thread(target=self.log.extend, args=(self.process.stderr,), daemon=True)
                self._reading.start()
                return
        self.process.stderr.close()
        raise RuntimeError(f"the server did not start:\n{''.join(self.log)}")

    def location(self) -> str:
        """The database, as `--db` takes it."""
        return location(self.db)

    def _command(self, arguments: list[str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(self.command), *arguments],
            stderr=subprocess.PIPE, text=True, env=self.environment, cwd=self.db.parent,
        )  # fmt: skip

    def _fork(self, arguments: list[str]) -> Forked:
        return fork_server().start(arguments, cwd=self.db.parent, env=self.environment)

    def client(self, **options: object) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=60, **options)  # type: ignore[arg-type]

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self._ended()

    def stop(self) -> int:
        """Ask it to end, and return its exit code: minus the signal's number if it ended in good order."""
        self.process.terminate()
        return self._ended()

    def _ended(self) -> int:
        code = self.process.wait(timeout=30)
        self._reading.join()
        assert self.process.stderr is not None
        self.process.stderr.close()
        return code

    def resident_bytes(self) -> int:
        return process_tree.resident_bytes(self.process.pid)


class CommandServer(Server):
    """A server that the installed command starts, its start included."""

    by_command = True
