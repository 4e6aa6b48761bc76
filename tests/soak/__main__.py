"""`python -m tests.soak --minutes 20 --report docs/reference/soak.md`: exits with 1 if a criterion is not met."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from omoide.core.webhook_protocol import DELIVERY_HEADER
from tests.inference.completions import streaming
from tests.inference.fault_proxy import Fault, FaultProxy
from tests.server_process import COMMAND, Server
from tests.soak.faults import Troublemaker
from tests.soak.final_check import differences, drained
from tests.soak.ledger import SoakLedger
from tests.soak.load import CONSTANT, LoadClient
from tests.soak.memory import WARM_UP, SoakPhase, Watcher
from tests.soak.report import SoakOutcome, report
from tests.worker.provider import SENTENCE, provider

CLIENTS = 4
GROWING_PART = 0.5
"""Fraction of the time in which data grows; in the rest its amount is constant."""

SETTINGS = {
    "durability": "full",
    "model_debounce_seconds": "0.5",
    "deduplicate": "false",  # so that duplicate conclusions stay visible
    "busy_timeout_seconds": "1",  # so that a locked file causes errors
    "model": "openai:toy",
    "model_api_key": "soak",
    "model_retries": "1",
    "webhook_secret": "a secret that signs what the soak sends",
    "webhook_private_targets": "true",
    "log_level": "info",
    "log_format": "json",
}


class Received:
    """Test events received by the endpoint at `url`, by the ids of their deliveries."""

    def __init__(self) -> None:
        self.delivered: set[str] = set()
        self.tried = 0
        self.url = ""


@contextmanager
def receiver() -> Iterator[Received]:
    """Serve a webhook endpoint on loopback that refuses every fifth delivery, which is then retried."""
    received = Received()

    class SoakWebhookHandler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            received.tried += 1
            refuses = received.tried % 5 == 0
            if event["type"] == "test.event" and not refuses:
                received.delivered.add(self.headers[DELIVERY_HEADER])
            self.send_response(500 if refuses else 204)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Do not log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), SoakWebhookHandler)
    received.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _streamed(asked: dict[str, Any]) -> Fault | None:
    """Stream the provider's sentence if the request asks for a stream."""
    return streaming(SENTENCE) if asked.get("stream") else None


def soak(folder: Path, minutes: float) -> SoakOutcome:
    """Run a server with growing data and faults, then with constant data, and check the stored data."""
    ledger, over = SoakLedger(), threading.Event()
    with provider(_streamed) as asked, receiver() as received:
        server = Server(folder / "omoide.db", "--workers", "2", model_base_url=f"{asked.url}/v1", **SETTINGS)
        try:
            _prepare(server, received.url)
            watcher = Watcher(server.process.pid, server.db, over)
            watcher.start()
            with server.client() as http:
                growing, broken = _growing(server, asked, ledger, watcher, minutes * 60 * GROWING_PART)
                seconds = drained(http, asked.asked.clear)
                constant, more = _constant(server, asked, ledger, watcher, minutes * 60 * (1 - GROWING_PART))
                drained(http, asked.asked.clear)
                broken += more + differences(http, ledger)
        finally:
            over.set()
            server.stop()
    broken += [f"unexplained: {each}" for each in ledger.unexplained()]
    if len(received.delivered) < ledger.events:
        broken.append(f"{ledger.events} events were acknowledged, {len(received.delivered)} delivered")
    checked = subprocess.run([COMMAND, "check", "--db", server.db], capture_output=True, text=True, check=False)
    broken += [f"omoide check: {line}" for line in (checked.stdout + checked.stderr).splitlines() if checked.returncode]
    return SoakOutcome(growing, constant, ledger, seconds, len(received.delivered), server.db.stat().st_size, broken)


def _prepare(server: Server, endpoint: str) -> None:
    httpx.post(f"{server.url}/v3/workspaces", json={"id": "w0"}).raise_for_status()
    httpx.post(f"{server.url}/v3/workspaces/w0/webhooks", json={"url": endpoint}).raise_for_status()
    httpx.put(f"{server.url}/v3/workspaces/aside/peers/p", json={}).raise_for_status()


def _growing(
    server: Server, asked: FaultProxy, ledger: SoakLedger, watcher: Watcher, seconds: float
) -> tuple[SoakPhase, list[str]]:
    """Add data while faults happen. Return the phase and the failures of clients."""
    began, stop = time.monotonic(), threading.Event()
    clients = [LoadClient(server.url, ledger, seed, stop) for seed in range(CLIENTS)]
    faults = Troublemaker(server, asked, ledger, stop, spares_worker_from=began + WARM_UP * seconds)
    broken = _run(clients, [faults], asked, stop, seconds)
    return watcher.phase(began), broken


def _constant(
    server: Server, asked: FaultProxy, ledger: SoakLedger, watcher: Watcher, seconds: float
) -> tuple[SoakPhase, list[str]]:
    """Delete as much as is added, without faults. Return the phase and the failures of clients."""
    began, stop = time.monotonic(), threading.Event()
    clients = [LoadClient(server.url, ledger, CLIENTS + number, stop, CONSTANT) for number in range(CLIENTS)]
    broken = _run(clients, [], asked, stop, seconds)
    return watcher.phase(began), broken


def _run(
    clients: Sequence[LoadClient],
    others: Sequence[threading.Thread],
    asked: FaultProxy,
    stop: threading.Event,
    seconds: float,
) -> list[str]:
    """Run all threads for `seconds` or until a client fails. Return the failures of clients."""
    end = time.monotonic() + seconds
    for thread in (*clients, *others):
        thread.start()
    while time.monotonic() < end and not any(client.failure for client in clients):
        time.sleep(1)
        asked.asked.clear()
        asked.headers.clear()
    stop.set()
    for thread in (*clients, *others):
        thread.join()
    return [f"a client failed: {client.failure!r}" for client in clients if client.failure]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--report", type=Path, help="file for the report; default: only print it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        outcome = soak(Path(folder), options.minutes)
    text = report(outcome)
    if options.report:
        options.report.write_text(text)
    print(text)
    return 0 if outcome.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
