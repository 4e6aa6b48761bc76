"""A real language model on this machine, and a proxy before it that makes it fail on demand."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from honcho import Honcho

from tests.inference.fault_proxy import FaultProxy, fault_proxy
from tests.server_process import Server

ROOT = Path(__file__).parents[2]
KEY = "sk-local-7b1e-not-to-be-seen"
# The model does not always find an end; what it says is broken off here, whatever the request allows.
MOST_OUTPUT_TOKENS = 120
AFTER_SHORT = 10
"""Messages after which a session is summarized on the server that thinks."""


@pytest.fixture(scope="session")
def small_model() -> Iterator[httpx.Client]:
    """A client of a server with a model named smollm2, which is small, slow and not clever."""
    command = [sys.executable, "-m", "tests.llm.small_model"]
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, cwd=ROOT, **options) as process:  # type: ignore[call-overload]
        url = process.stdout.readline().strip()
        assert url, "the model did not start: run make test-llm, which installs it"
        with httpx.Client(base_url=url, timeout=None) as client:
            yield client
        process.stdin.close()


@pytest.fixture(scope="session")
def endpoint(small_model: httpx.Client) -> Iterator[FaultProxy]:
    """A proxy before the model that passes everything on unless a test sets its `fault`."""

    def cut(body: bytes) -> bytes:
        request = json.loads(body)
        return json.dumps({**request, "max_tokens": min(request["max_tokens"], MOST_OUTPUT_TOKENS)}).encode()

    with fault_proxy(small_model, cut) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def thinking(endpoint: FaultProxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that reasons with the model, about what was said at once."""
    running = Server(
        tmp_path_factory.mktemp("thinking") / "omoide.db",
        model="openai:smollm2",
        model_base_url=f"{endpoint.url}/v1",
        model_api_key=KEY,
        model_timeout_seconds="600",
        model_retries="1",
        messages_per_short_summary=str(AFTER_SHORT),
        model_debounce_seconds="0",
    )
    yield running
    assert running.stop() == -signal.SIGTERM, "".join(running.log)
    assert KEY not in "".join(running.log)


@pytest.fixture
def honcho(thinking: Server, endpoint: FaultProxy, fresh: Callable[[str], str]) -> Iterator[Honcho]:
    """A client of a workspace that is not there yet; what was asked of the model before is forgotten."""
    endpoint.fault = None
    endpoint.asked.clear()
    client = Honcho(base_url=thinking.url, workspace_id=fresh("workspace"))
    yield client
    client._http.close()  # the SDK has no public way
