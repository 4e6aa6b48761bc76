"""Serve the page under `/ui/`, and lead to it from `/`.

The page is `static/` (ours) and `vendor/` (bundled packages of others). All its URLs are relative, so it works behind a
path prefix; its views are in the fragment of the address, so there is one document. Browsers keep the files, and ask
whether they changed by their ETag.
"""

from __future__ import annotations

import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

FOLDER = Path(__file__).parent
MOUNTED = "/ui/"
KINDS = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = [
    (b"cache-control", b"no-cache"),
    (b"content-security-policy", POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
]
POINTER = orjson.dumps({"name": "Omoide", "ui": "ui/", "docs": "docs", "openapi": "openapi.json", "health": "health"})


@dataclass(frozen=True)
class StaticFile:
    """A file of the page, read when it is first asked for."""

    path: Path

    @cached_property
    def content(self) -> bytes:
        return self.path.read_bytes()

    @cached_property
    def etag(self) -> bytes:
        return b'"' + hashlib.sha256(self.content).hexdigest()[:32].encode() + b'"'

    @property
    def media_type(self) -> str:
        suffix = self.path.suffix
        return KINDS.get(suffix) or mimetypes.guess_type(self.path.name)[0] or "text/plain; charset=utf-8"


class StaticFiles:
    """Middleware that answers GET and HEAD for `/` and the page's files; everything else goes on to the API."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.files = {MOUNTED: StaticFile(FOLDER / "static" / "index.html")}
        for folder in ("static", "vendor"):
            for path in sorted((FOLDER / folder).rglob("*")):
                if path.suffix in {".js", ".css", ".svg", ".txt"}:
                    self.files[MOUNTED + path.relative_to(FOLDER).as_posix()] = StaticFile(path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or path.startswith("/v") or scope["method"] not in ("GET", "HEAD"):
            await self.app(scope, receive, send)
        elif path == "/":
            await _answer_root(scope, send)
        elif path == "/ui":
            await _redirect(send, b"ui/")
        elif (file := self.files.get(path)) is not None:
            await _answer_file(file, scope, send)
        else:
            await self.app(scope, receive, send)


async def _answer_root(scope: Scope, send: Send) -> None:
    if b"text/html" in _header(scope, b"accept"):
        await _redirect(send, b"ui/")
        return
    headers = [(b"content-type", b"application/json"), (b"vary", b"accept")]
    await _respond(scope, send, 200, headers, POINTER)


async def _answer_file(file: StaticFile, scope: Scope, send: Send) -> None:
    headers = [*HEADERS, (b"etag", file.etag)]
    if _header(scope, b"if-none-match") == file.etag:
        await _respond(scope, send, 304, headers, b"")
        return
    headers.append((b"content-type", file.media_type.encode()))
    await _respond(scope, send, 200, headers, file.content)


async def _redirect(send: Send, location: bytes) -> None:
    headers = [(b"location", location), (b"content-length", b"0"), (b"vary", b"accept")]
    await send({"type": "http.response.start", "status": 307, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _respond(scope: Scope, send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    if status != 304:
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def _header(scope: Scope, name: bytes) -> bytes:
    return next((value for key, value in scope["headers"] if key == name), b"")
