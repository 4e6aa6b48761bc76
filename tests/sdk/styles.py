"""The two styles of calling the official Python SDK: sync, and async through `.aio`.

A test names the sync method, and the style calls it or its async equivalent: `call(session.messages, size=2)`. So each
rule is written once for both. The SDK's own behaviour (parsing, local checks) is not tested here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from honcho import Honcho

Method = Callable[..., Any]


class Style(Protocol):
    """A style of calling methods of the SDK."""

    def __call__(self, method: Method, *arguments: Any, **options: Any) -> Any:
        """Call the method and return its result."""

    def walk(self, page: Any) -> list[Any]:
        """The items of this page and of all following ones."""

    def stream(self, method: Method, *arguments: Any, **options: Any) -> tuple[list[str], Any]:
        """The pieces of a streamed answer, and the stream after its end."""

    def together(self, method: Method, arguments: Iterable[Any]) -> list[Any]:
        """Call the method concurrently for each argument; return the results."""

    def close(self, honcho: Honcho) -> None:
        """Close the connections that the client opened itself."""


class Plain:
    def __call__(self, method: Method, *arguments: Any, **options: Any) -> Any:
        return method(*arguments, **options)

    def walk(self, page: Any) -> list[Any]:
        return list(page)

    def stream(self, method: Method, *arguments: Any, **options: Any) -> tuple[list[str], Any]:
        response = method(*arguments, **options)
        return list(response), response

    def together(self, method: Method, arguments: Iterable[Any]) -> list[Any]:
        with ThreadPoolExecutor() as pool:
            return list(pool.map(method, arguments))

    def close(self, honcho: Honcho) -> None:
        honcho._http.close()  # the SDK has no public way


class Awaited:
    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner

    def __call__(self, method: Method, *arguments: Any, **options: Any) -> Any:
        async def called() -> Any:
            return await _twin(method)(*arguments, **options)

        return self._runner.run(called())

    def walk(self, page: Any) -> list[Any]:
        async def walked() -> list[Any]:
            return [item async for item in page]

        return self._runner.run(walked())

    def stream(self, method: Method, *arguments: Any, **options: Any) -> tuple[list[str], Any]:
        async def streamed() -> tuple[list[str], Any]:
            response = await _twin(method)(*arguments, **options)
            return [piece async for piece in response], response

        return self._runner.run(streamed())

    def together(self, method: Method, arguments: Iterable[Any]) -> list[Any]:
        async def gathered() -> list[Any]:
            return await asyncio.gather(*(_twin(method)(argument) for argument in arguments))

        return self._runner.run(gathered())

    def close(self, honcho: Honcho) -> None:
        honcho._http.close()
        if honcho._async_http_built is not None:
            self._runner.run(honcho._async_http_built[1].close())


def _twin(method: Method) -> Method:
    """The method of the same name under `.aio`; the method itself if the object has none, such as a page."""
    owner = method.__self__  # type: ignore[attr-defined]
    twin: Method = getattr(getattr(owner, "aio", owner), method.__name__)
    return twin
