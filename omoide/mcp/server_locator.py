"""Find the server of a database file, or start one that all agents share."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from pathlib import Path

from omoide.core.server_registry import LOG, POLL_SECONDS, AgentsLock, ServerClaim, announced_url, claim

START_SECONDS = 60
"""The longest that a server may take to start, or to end."""
LOG_LINES = 5


class NoServer(Exception):
    """There is no server, and none could be started. The message is for the user."""


class ServerLocator:
    """Finds the server of one database. `grace` is how many seconds a server that it starts outlives the agents."""

    def __init__(self, db: Path, grace: float, *, creates_folder: bool) -> None:
        self.db = db
        self._creates_folder = creates_folder
        self._grace = grace
        self._agents: AgentsLock | None = None
        self._starting: subprocess.Popen[bytes] | None = None

    def url(self) -> str:
        """The server's URL; blocks until it serves. Raises NoServer."""
        try:
            return self._url(time.monotonic() + START_SECONDS)
        except OSError as error:
            raise NoServer(f"{self.db} cannot be used: {error.strerror}") from error

    def _url(self, deadline: float) -> str:
        if self._agents is None:
            if self._creates_folder:
                self.db.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            agents = AgentsLock(self.db)
            agents.share(START_SECONDS)
            self._agents = agents
        while time.monotonic() < deadline:
            if (claimed := claim(self.db)) is not None:
                with contextlib.closing(claimed):  # the server has it open by then
                    self._require_no_failure()
                    self._start(claimed)
            elif (url := announced_url(self.db)) is not None:
                self._starting = None
                return url
            time.sleep(POLL_SECONDS)
        raise NoServer(f"the server of {self.db} has not started within {START_SECONDS} s: see {self._log}")

    def _start(self, claimed: ServerClaim) -> None:
        """Start a server that is independent of this process and holds the claim."""
        command = [sys.executable, "-P", "-m", "omoide", "serve-agents", "--db", str(self.db)]
        with self._log.open("wb") as log:
            self._starting = subprocess.Popen(
                [*command, "--claim", str(claimed.file), "--grace", str(self._grace)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.db.parent,
                pass_fds=[claimed.file],
                start_new_session=True,
            )
        threading.Thread(target=self._starting.wait, daemon=True).start()  # else it would remain as a zombie

    def _require_no_failure(self) -> None:
        """Raise NoServer if the server that was started has ended before it served: another would as well."""
        starting, self._starting = self._starting, None
        if starting is not None:
            starting.wait()
            said = self._log.read_text(errors="replace").strip().splitlines()[-LOG_LINES:]
            raise NoServer("\n".join(["the server could not be started:", *said]))

    @property
    def _log(self) -> Path:
        return Path(f"{self.db}{LOG}")
