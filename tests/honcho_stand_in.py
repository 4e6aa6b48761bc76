"""A small Honcho server of its own data, for what the original answers otherwise than we do, and for its failures.

It has the paths and page shapes of the original's version 3 and refuses what it would: conclusions have no sources,
times and messages; members may have ids from before there were rules; a session may be inactive; there are no scopes.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

KEY = "a-key-of-the-workspace"
WORKSPACE = "old"
LONG_AGO = "2024-01-15T10:30:00Z"
Failure = tuple[int, dict[str, str]]


class StandIn:
    """The data of the server, and what it does besides answering."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[str] = []
        self.peers: list[dict[str, Any]] = [self.entity("ana"), self.entity("bot", configuration={"observe_me": False})]
        self.sessions: list[dict[str, Any]] = [self.entity("s", is_active=True)]
        self.members: dict[str, dict[str, Any]] = {"ana": {"observe_me": None, "observe_others": None}}
        self.messages: dict[str, list[dict[str, Any]]] = {"s": []}
        self.conclusions: list[dict[str, Any]] = []
        self.fail: Callable[[str], Failure | None] = lambda path: None
        """Status and headers to answer a request for the path with, instead."""

    @staticmethod
    def entity(id: str, **more: Any) -> dict[str, Any]:
        empty = {"workspace_id": WORKSPACE, "metadata": {}, "configuration": {}, "created_at": LONG_AGO}
        return {"id": id, **empty, **more}

    def say(self, number: int, content: str = "", peer: str = "ana", **more: Any) -> None:
        """Add the message with this number to the session."""
        message = {"peer_id": peer, "session_id": "s", "content": content or f"message {number}", "token_count": 2}
        times = {"workspace_id": WORKSPACE, "metadata": {}, "created_at": f"2024-02-01T10:{number % 60:02}:00.000001Z"}
        self.messages["s"].append({"id": f"{number:021}", **message, **times, **more})

    def conclude(self, number: int, content: str, **more: Any) -> None:
        pair = {"observer_id": "ana", "observed_id": "ana", "session_id": "s", "level": "explicit"}
        times = {"created_at": f"2024-03-01T00:00:{number:02}.5Z"}
        self.conclusions.append({"id": f"conclusion-{number:010}", "content": content, **pair, **times, **more})

    def answer(self, path: list[str], query: dict[str, list[str]]) -> Any:
        """The answer to a request for `/v3/…`; None if there is no such thing."""
        match path:
            case ["workspaces"]:
                return self.entity(WORKSPACE, metadata={"plan": "free"})
            case ["workspaces", _, "peers", "list"]:
                return _page(self.peers, query)
            case ["workspaces", _, "sessions", "list"]:
                return _page(self.sessions, query)
            case ["workspaces", _, "sessions", _, "peers"]:
                return _page([self.entity(peer) for peer in self.members], query)
            case ["workspaces", _, "sessions", _, "peers", peer, "config"]:
                return self.members[peer]
            case ["workspaces", _, "sessions", session, "messages", "list"]:
                return _page(self.messages[session], query)
            case ["workspaces", _, "sessions", session, "summaries"]:
                return {"id": session, "short_summary": None, "long_summary": None}
            case ["workspaces", _, "conclusions", "list"]:
                newest = sorted(self.conclusions, key=lambda each: each["created_at"], reverse="reverse" not in query)
                return _page(newest, query)
            case ["workspaces", _, "peers", peer, "card"]:
                return {"peer_card": [f"Name: {peer}"] if peer == "ana" else None}
        return None


def _page(items: list[Any], query: dict[str, list[str]]) -> dict[str, Any]:
    page, size = int(query.get("page", ["1"])[0]), int(query.get("size", ["50"])[0])
    assert size <= 100, "the original refuses larger pages"
    some = items[(page - 1) * size : page * size]
    return {"items": some, "total": len(items), "page": page, "size": size, "pages": -(-len(items) // size)}


@contextmanager
def serving(data: StandIn) -> Iterator[StandIn]:
    """Serve the data; `url` is its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = urlsplit(self.path)
            path = [unquote(part) for part in parts.path.split("/")[2:]]
            data.requests.append(parts.path)
            if failure := data.fail(parts.path):
                self._send(failure[0], {"detail": "failing"}, failure[1])
            elif self.headers.get("Authorization") != f"Bearer {KEY}":
                self._send(401, {"detail": "Invalid JWT"}, {})
            elif path == ["workspaces", "list"]:
                self._send(401, {"detail": "Resource requires admin privileges"}, {})
            elif (found := data.answer(path, parse_qs(parts.query))) is None:
                self._send(404, {"detail": "Not Found"}, {})
            else:
                self._send(200, found, {})

        do_GET = do_POST

        def _send(self, status: int, body: Any, headers: dict[str, str]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    data.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield data
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
