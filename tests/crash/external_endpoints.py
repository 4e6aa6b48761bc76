"""What a server under trial reaches outside of itself: an endpoint that embeds, and one that takes its events."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def vector(text: str, model: str) -> list[float]:
    """Always the same for a text and a model, and far from that of any other text. The model m32 has 32 dimensions."""
    digest = hashlib.shake_128(f"{model} {text}".encode()).digest(int(model.removeprefix("m")))
    return [byte - 127.5 for byte in digest]


class _Outside(BaseHTTPRequestHandler):
    disable_nagle_algorithm = True
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = {}
        if self.path.endswith("/embeddings"):
            made = (vector(text, asked["model"]) for text in asked["input"])
            answer = {"data": [{"index": n, "embedding": each} for n, each in enumerate(made)]}
        body = json.dumps(answer).encode()
        with contextlib.suppress(ConnectionError):  # whoever asked was killed
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):
            super().handle()

    def log_message(self, format: str, *args: object) -> None:
        """Keeps the test output quiet."""


@contextlib.contextmanager
def outside() -> Iterator[str]:
    """The address of both, as long as the block lasts."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Outside) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
