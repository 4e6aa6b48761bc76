"""The application in this process, for tests that need only its settings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
from starlette.types import ASGIApp

from omoide.asgi.app import create_app
from omoide.core.settings import Settings
from tests.postgresql import located

T = TypeVar("T")


def settings_of(**given: Any) -> Settings:
    return Settings(**given)


class Application:
    def __init__(self, app: ASGIApp, runner: asyncio.Runner) -> None:
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")
        self._runner = runner

    def ask(self, method: str, path: str, headers: Any = None, **options: Any) -> httpx.Response:
        return self._runner.run(self._client.request(method, path, headers=headers, **options))

    def run(self, work: Callable[[httpx.AsyncClient], Coroutine[Any, Any, T]]) -> T:
        """Run `work` in the application's event loop, for concurrent requests."""
        return self._runner.run(work(self._client))

    def close(self) -> None:
        self._runner.run(self._client.aclose())


@contextmanager
def application(db: Path, **settings: Any) -> Iterator[Application]:
    """The application on a database, within its lifespan."""
    app = create_app(settings_of(db=located(db), **settings))
    with asyncio.Runner() as runner:
        said: asyncio.Queue[Any] = asyncio.Queue()
        heard: asyncio.Queue[Any] = asyncio.Queue()

        async def begin() -> asyncio.Future[None]:
            living = asyncio.ensure_future(app({"type": "lifespan", "asgi": {}, "state": {}}, said.get, heard.put))
            await said.put({"type": "lifespan.startup"})
            assert (await heard.get())["type"] == "lifespan.startup.complete"
            return living

        async def end() -> None:
            await said.put({"type": "lifespan.shutdown"})
            await living

        living = runner.run(begin())
        made = Application(app, runner)
        yield made
        made.close()
        runner.run(end())
