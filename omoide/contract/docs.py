"""Serve the document and its page from memory: `/openapi.json`, `/openapi.yaml` and `/docs`.

The page is swagger-ui 5, which supports 3.1, vendored in `swagger_ui/` (Apache-2.0, see its LICENSE and NOTICE). Its
URLs are relative, so it works behind a path prefix. A browser that opens `/` is redirected to it.
"""

from __future__ import annotations

from collections.abc import Awaitable
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from omoide.contract.document import Document

ASSETS = Path(__file__).parent / "swagger_ui"
TO_PAGE = [(b"location", b"docs"), (b"content-length", b"0")]
PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>{title}</title>
  <link rel="icon" href="data:,">
  <link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
  <div id="swagger-ui"></div>
  <script src="docs/swagger-ui-bundle.js"></script>
  <script>
    SwaggerUIBundle({{url: "openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null}});
  </script>
</body>
</html>
"""


class Docs:
    """Middleware that answers GET and HEAD for the document and its page."""

    def __init__(self, app: ASGIApp, *, document: Document) -> None:
        self.app = app
        page = PAGE.format(title=document.raw["info"]["title"]).encode()
        self.pages: dict[str, tuple[bytes, bytes]] = {
            "/openapi.json": (b"application/json", document.json),
            "/openapi.yaml": (b"application/yaml", document.source),
            "/docs": (b"text/html; charset=utf-8", page),
        }
        self.assets = {
            "/docs/swagger-ui-bundle.js": b"text/javascript; charset=utf-8",
            "/docs/swagger-ui.css": b"text/css; charset=utf-8",
        }

    def page(self, path: str) -> tuple[bytes, bytes] | None:
        if path in self.assets and path not in self.pages:
            # Loaded on first use: two megabytes that most servers never need.
            self.pages[path] = (self.assets[path], (ASSETS / path.rpartition("/")[2]).read_bytes())
        return self.pages.get(path)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http" or scope["path"].startswith("/v") or scope["method"] not in ("GET", "HEAD"):
            return self.app(scope, receive, send)
        return self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/" and any(
            name == b"accept" and b"text/html" in value for name, value in scope["headers"]
        ):
            await send({"type": "http.response.start", "status": 307, "headers": TO_PAGE})
            await send({"type": "http.response.body", "body": b""})
            return
        # `/docs/` is not served: the page's relative URLs would point one level too deep.
        if (page := self.page(scope["path"])) is None:
            await self.app(scope, receive, send)
            return
        media, content = page
        headers = [(b"content-type", media), (b"content-length", str(len(content)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else content})
