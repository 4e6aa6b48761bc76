"""Servers in processes of their own: Omoide as `omoide serve` starts it, and the floor it is measured against."""

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
STOP_SECONDS = 30
DATABASE = "omoide.db"

Address = tuple[str, int]


class Server:
    """A running server, stopped when its `with` block ends. `started` is when its process was made (perf_counter)."""

    def __init__(self, command: Sequence[str], folder: Path, **settings: str) -> None:
        """Run the command in the folder and return once it serves. Raises RuntimeError with its log if it stops."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OMOIDE_")}
        environment |= {f"OMOIDE_{name.upper()}": value for name, value in settings.items()}
        self.started = time.perf_counter()
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, cwd=folder)
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
        # A pipe that nobody reads would stop the server once it is full.
        self._reader = threading.Thread(target=self.log.extend, args=(self.process.stderr,), daemon=True)
        self._reader.start()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.terminate()
        self.process.wait(timeout=STOP_SECONDS)
        self._reader.join()
        if self.process.stderr is not None:
            self.process.stderr.close()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Within the block nothing of it runs: what it has left to do takes no time from what is measured then."""
        processes = process_tree.family(self.process.pid)
        try:
            for pid in processes:
                _signal(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in processes:
                _signal(pid, signal.SIGCONT)

    def processor_seconds(self) -> float:
        """How long its processes have computed so far."""
        return process_tree.processor_seconds(self.process.pid)

    def resident_bytes(self) -> int:
        """How much of its processes is in memory now."""
        return process_tree.resident_bytes(self.process.pid)


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def omoide(folder: Path, *flags: str, **settings: str) -> Server:
    """Omoide on `folder/omoide.db`, with its defaults where no setting is given.

    It runs in the folder, so that no settings file is read.
    """
    return omoide_of(None, folder, flags, settings)


def omoide_of(checkout: Path | None, folder: Path, flags: Sequence[str], settings: Mapping[str, str]) -> Server:
    """The same of another checkout of this repository, if one is given."""
    command = str(python_of(checkout).with_name("omoide"))
    return Server([command, "serve", "--port", "0", "--db", str(folder / DATABASE), *flags], folder, **settings)


def python_of(checkout: Path | None) -> Path:
    """The interpreter of a checkout of this repository in which `make setup` was run, or this one."""
    return Path(sys.executable) if checkout is None else checkout.absolute() / ".venv" / "bin" / "python"


def floor(folder: Path) -> Server:
    """The hand-written server, on `folder/floor.db`."""
    return Server([sys.executable, "-m", "benchmarks.floor", str(folder / "floor.db")], ROOT)
