"""Run schemathesis against a server: all checks and phases, including links between operations.

The suite runs a few cases of each operation with authentication on; `make schemathesis` runs many, on and off. Without
keys, tests/contract/test_operations.py compares what the server answers with the document.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from omoide.core import clock
from omoide.core.auth import Keyring, Principal
from tests.conftest import SECRET
from tests.contract.conformance import OPERATIONS
from tests.server_process import Server

Start = Callable[..., Server]
COMMAND = str(Path(sys.executable).with_name("schemathesis"))
ROOT = Path(__file__).parents[2]
EXAMPLES = 4
"""Default number of cases that each phase generates for an operation."""


@pytest.fixture
def examples(request: pytest.FixtureRequest) -> int:
    """The option `--schemathesis-examples`, which `make schemathesis` sets high."""
    return int(request.config.getoption("--schemathesis-examples") or EXAMPLES)


def run(document: str, server: Server, folder: Path, examples: int, *options: str) -> str:
    """Run schemathesis and return its output; fail if it found a fault. It stores faults in its working directory."""
    command = [COMMAND, "--config-file", str(ROOT / "schemathesis.toml"), "run", document, "--url", server.url]
    command += ["--checks", "all", "--max-examples", str(examples), "--seed", "1"]
    command += ["--no-color", "--workers", "1", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]
    return done.stdout


def count_tested(said: str) -> int:
    """The number of operations, from schemathesis' output."""
    found = re.search(r"Tested:\s+(\d+)\b", said)
    assert found, said[-2_000:]
    return int(found[1])


def without_security(document: Any) -> Any:
    """The document for a server with authentication off."""
    for item in document["paths"].values():
        for operation in item.values():
            if isinstance(operation, dict):
                operation.pop("security", None)
    return document


@pytest.fixture
def start(db_path: Path) -> Iterator[Start]:
    """Start a fresh server, because the generated cases depend on earlier responses."""
    with ExitStack() as stack:

        def started(**settings: str) -> Server:
            running = Server(db_path, **settings)
            stack.callback(running.stop)
            return running

        yield started


def test_the_server_conforms_with_authentication_on(start: Start, tmp_path: Path, examples: int) -> None:
    guarded = start(auth="true", jwt_secret=SECRET)
    key = Keyring(SECRET).mint(Principal(admin=True), now=clock.now())
    options = ["--header", f"Authorization: Bearer {key}"]
    said = run(f"{guarded.url}/openapi.json", guarded, tmp_path, examples, *options)
    assert "Stateful" in said
    assert count_tested(said) == len(OPERATIONS)


def test_the_server_conforms_with_authentication_off(start: Start, tmp_path: Path, examples: int) -> None:
    if examples <= EXAMPLES:
        pytest.skip("tried by make schemathesis")
    server = start()
    with server.client() as client:
        document = without_security(client.get("/openapi.json").json())
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(document))
    said = run(str(path), server, tmp_path, examples)
    assert "Stateful" in said
    assert count_tested(said) == len(OPERATIONS)
