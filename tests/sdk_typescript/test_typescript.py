"""The official TypeScript SDK against the same server: the tests are JavaScript, run by Node's own test runner."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server_process import Server

HERE = Path(__file__).parent
NODE = shutil.which("node")
FILES = sorted(HERE.glob("*.test.js"))


@pytest.fixture(scope="module")
def restless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that reasons about what was said at once."""
    running = Server(tmp_path_factory.mktemp("restless") / "omoide.db", debounce_seconds="0")
    yield running
    assert running.stop() == -signal.SIGTERM, "".join(running.log)


@pytest.mark.skipif(NODE is None, reason="Node is not installed")
@pytest.mark.skipif(not (HERE / "node_modules").exists(), reason="the SDK is not installed: make node")
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_rule_holds_for_the_typescript_sdk(file: Path, restless: Server) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HONCHO_")}
    environment["OMOIDE_URL"] = restless.url
    command = [str(NODE), "--test-reporter=spec", file.name]  # with --test a second Node would run it
    done = subprocess.run(command, cwd=HERE, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "ℹ fail 0" in done.stdout
    assert "ℹ pass 0" not in done.stdout


def test_the_lock_names_no_registry() -> None:
    assert "resolved" not in (HERE / "package-lock.json").read_text()
