"""Servers of benchmarks are forked from a process that has loaded everything, like all others of tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.fork_server import Forked, fork_server
from tests.server_process import COMMAND


@pytest.fixture(autouse=True)
def _forked_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Forked:
        assert command[0] == str(COMMAND)
        return fork_server().start(command[1:], cwd=folder, env=environment)

    monkeypatch.setattr("benchmarks.servers.start", start)
