"""Run an example as a process that cannot reach the network."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.handlers.thinking import ReasonedWorkspace
from tests.server_process import Server

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
OFFLINE = ROOT / "tests/offline"
TELEMETRY_OFF = {
    "CREWAI_DISABLE_TELEMETRY": "true",
    "LANGSMITH_TRACING": "false",
    "OPENAI_AGENTS_DISABLE_TRACING": "1",
    "OTEL_SDK_DISABLED": "true",
}


def environment(server: Server, home: Path, **more: str) -> dict[str, str]:
    """The environment of an example: an empty home, the server's address, and no way to the network.

    The process exits with 99 at the first attempt to reach another machine.
    """
    path = os.pathsep.join(map(str, (OFFLINE, EXAMPLES)))
    given = {"HOME": str(home), "PATH": os.environ["PATH"], "OMOIDE_URL": server.url, "PYTHONPATH": path}
    return given | TELEMETRY_OFF | more


def output(command: Sequence[str], given: str, env: dict[str, str]) -> str:
    """What a command prints, fed `given`. It must succeed."""
    done = subprocess.run(command, input=given, env=env, cwd=env["HOME"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def python(example: str, given: str, env: dict[str, str], *arguments: str, by: str = sys.executable) -> str:
    """What an example in Python prints."""
    return output([by, str(EXAMPLES / example), *arguments], given, env)


def interpreter(framework: str) -> str:
    """The interpreter of an environment for examples; make test-examples installs them."""
    return str(ROOT / ".venv/examples" / framework / "bin/python")


def settle(server: Server, workspace_id: str) -> None:
    """Wait until everything said in the workspace has been reasoned about."""
    with server.client() as http:
        ReasonedWorkspace(http, workspace_id).settle()
