"""Which server serves a database file, and which agents use it: two companion files, locked with `flock`.

The kernel releases the locks when their processes have ended, however that happens, so files that remain mean nothing.
A lock belongs to an open file, so it can be handed to a child process: an agent that finds no server takes the server's
lock and gives it to the server that it starts, and there is no moment at which two could start one.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

SERVER, AGENTS, LOG = ".server", ".agents", ".server.log"
"""Suffixes of companion files: of the server's lock and address, of the agents' lock, and the log of a server that an
agent has started."""

POLL_SECONDS = 0.02


class _Record(TypedDict):
    """What the server's file says."""

    url: str
    pid: int
    shared: bool


@dataclass(frozen=True, slots=True)
class ServerClaim:
    """The exclusive right to be the server that agents find, held by every process that has `file` open.

    `is_shared` says that agents have started the server, which thus gives way to one that a user starts.
    """

    file: int
    is_shared: bool = False

    def announce(self, host: str, port: int) -> None:
        """Write where the server listens."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        shown = f"[{host}]" if ":" in host else host
        record = json.dumps({"url": f"http://{shown}:{port}", "pid": os.getpid(), "shared": self.is_shared})
        os.pwrite(self.file, f"{record}\n".encode(), 0)

    def close(self) -> None:
        """Give the claim up, unless another process has the file open too."""
        os.close(self.file)


def claim(db: Path) -> ServerClaim | None:
    """Claim to be the server of a database; None if there is one. Raises OSError if the file cannot be opened."""
    file = os.open(f"{db}{SERVER}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    os.ftruncate(file, 0)
    return ServerClaim(file)


def claim_from_agents(db: Path, seconds: float) -> ServerClaim | None:
    """Like `claim`, but a server that agents have started is asked to end, and awaited for so long."""
    deadline = time.monotonic() + seconds
    asked = None
    while (claimed := claim(db)) is None and time.monotonic() < deadline:
        record = _announced(db)
        if record is not None and not record["shared"]:
            return None
        if record is not None and record["pid"] != asked:
            asked = record["pid"]
            try:
                os.kill(asked, signal.SIGTERM)
            except PermissionError:  # another user's
                return None
            except ProcessLookupError:
                pass  # it has just ended
        time.sleep(POLL_SECONDS)
    return claimed


def was_claimed(db: Path) -> bool:
    """Whether a server has served this database before."""
    return Path(f"{db}{SERVER}").exists()


def announced_url(db: Path) -> str | None:
    """Where the server listens that holds the claim; None as long as it is starting."""
    record = _announced(db)
    return None if record is None else record["url"]


def _announced(db: Path) -> _Record | None:
    try:
        record: _Record = json.loads(Path(f"{db}{SERVER}").read_bytes())
    except (OSError, ValueError):  # not written yet
        return None
    return record


class AgentsLock:
    """The agents' lock: shared by all agents, taken exclusively by a server that ends because there is none."""

    def __init__(self, db: Path) -> None:
        self._file = os.open(f"{db}{AGENTS}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def share(self, seconds: float) -> bool:
        """Register this process as an agent until it ends, once a server that is ending has ended; returns whether
        that was possible in this time."""
        deadline = time.monotonic() + seconds
        while not self._locked(fcntl.LOCK_SH):
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def wait_for_none(self) -> None:
        """Block until there is no agent."""
        fcntl.flock(self._file, fcntl.LOCK_EX)
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def exclude(self) -> bool:
        """Let no agent register until this is released, if there is none; returns whether there is none."""
        return self._locked(fcntl.LOCK_EX)

    def release(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def _locked(self, kind: int) -> bool:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(self._file, kind | fcntl.LOCK_NB)
            return True
        return False
