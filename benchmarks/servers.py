"""Run servers in subprocesses: Omoide with `omoide serve`, and the floor."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

from benchmarks import process_tree

ROOT = Path(__file__).parent.parent
READY = re.compile(r"running on (http://[^ ]+)")
SHUTDOWN_GRACE_SECONDS = 30
DATABASE = "omoide.db"

Address = tuple[str, int]


def start(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, cwd=folder)


class ServerProcess:
    """A running server, stopped when its `with` block ends. `started` is the process's start time (perf_counter)."""

    def __init__(self, command: Sequence[str], folder: Path, **settings: str) -> None:
        """Run the command in the folder and wait until it serves. Raises RuntimeError with its log if it exits."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OMOIDE_")}
        environment |= {f"OMOIDE_{name.upper()}": value for name, value in settings.items()}
        self.started = time.perf_counter()
        self.process = start(command, environment, folder)
        self.log: list[str] = []
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line)
            if ready := READY.search(line):
                url = urlsplit(ready[1])
                self.address: Address = (url.hostname or "127.0.0.1", url.port or 80)
                break
        else:
            raise RuntimeError(f"the server did not start:\n{''.join(self.log)}")
        # Keep reading: a full pipe would block the server.
        self._reader = threading.Thread(target=self.log.extend, args=(self.process.stderr,), daemon=True)
        self._reader.start()

    def __enter__(self) -> ServerProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.terminate()
        self.process.wait(timeout=SHUTDOWN_GRACE_SECONDS)
        self._reader.join()
        if self.process.stderr is not None:
            self.process.stderr.close()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the processes (SIGSTOP) within the block, so that their work does not affect the measurement."""
        processes = process_tree.family(self.process.pid)
        try:
            for pid in processes:
                _signal(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in processes:
                _signal(pid, signal.SIGCONT)

    def processor_seconds(self) -> float:
        """Total CPU time of its processes."""
        return process_tree.processor_seconds(self.process.pid)

    def resident_bytes(self) -> int:
        """Total resident memory of its processes."""
        return process_tree.resident_bytes(self.process.pid)


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def omoide(folder: Path, *flags: str, **settings: str) -> ServerProcess:
    """Run Omoide on `folder/omoide.db`, with these settings and the defaults.

    It runs in the folder, so that no settings file is read.
    """
    return omoide_of(None, folder, flags, settings)


def omoide_of(checkout: Path | None, folder: Path, flags: Sequence[str], settings: Mapping[str, str]) -> ServerProcess:
    """Like `omoide`, of another checkout of this repository if given."""
    command = str(python_of(checkout).with_name("omoide"))
    return ServerProcess([command, "serve", "--port", "0", "--db", str(folder / DATABASE), *flags], folder, **settings)


def python_of(checkout: Path | None) -> Path:
    """The interpreter of a checkout in which `make setup` was run, or the current one."""
    return Path(sys.executable) if checkout is None else checkout.absolute() / ".venv" / "bin" / "python"


def floor(folder: Path) -> ServerProcess:
    """Run the floor on `folder/floor.db`."""
    return ServerProcess([sys.executable, "-m", "benchmarks.baseline_server", str(folder / "floor.db")], ROOT)
