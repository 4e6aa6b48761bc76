"""The shell script runs as it is, and remembers."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.examples.processes import EXAMPLES, environment, output
from tests.server_process import Server

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def test_the_second_run_knows_what_was_said_in_the_first(restless: Server, tmp_path: Path) -> None:
    command = ["sh", str(EXAMPLES / "curl.sh")]
    env = environment(restless, tmp_path)
    first, second = (output(command, "", env).splitlines() for _ in range(2))
    assert "Lisbon" not in first[1]
    assert "moved to Lisbon" in first[4]
    assert '"ATTRIBUTE: is a nurse"' in first[5]
    assert "moved to Lisbon" in second[1]
