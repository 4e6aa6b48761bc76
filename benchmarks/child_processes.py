"""Clients in separate processes, so that the work of one does not distort the timing of another."""

from __future__ import annotations

import asyncio
import multiprocessing
import traceback
from collections.abc import Callable, Coroutine
from multiprocessing.connection import Connection
from typing import Any, Generic, TypeVar

import uvloop

T = TypeVar("T")
SHUTDOWN_GRACE_SECONDS = 20.0


class Control:
    """The child's side: reports the start of the load to the parent, and waits for its stop message."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def begun(self) -> None:
        self._pipe.send(("begun", None))

    async def until_stopped(self) -> None:
        sent = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._pipe.fileno(), sent.set)
        try:
            await sent.wait()
        finally:
            loop.remove_reader(self._pipe.fileno())


Work = Callable[..., Coroutine[Any, Any, T]]


class ClientProcess(Generic[T]):
    """A process that runs `work(control, *arguments)` on a fresh event loop; both must be picklable."""

    def __init__(self, work: Work[T], *arguments: object) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_run, args=(theirs, work, arguments), daemon=True)
        self._process.start()
        theirs.close()

    def wait_until_begun(self, seconds: float) -> None:
        """Wait for the start of the load. Raises TimeoutError, or RuntimeError if the child failed first."""
        self._receive("begun", seconds)

    def stop(self) -> None:
        self._pipe.send("stop")

    def result(self, seconds: float) -> T:
        """Wait up to `seconds` for the return value of the work. Raises TimeoutError, RuntimeError."""
        found: T = self._receive("done", seconds)
        self._process.join(SHUTDOWN_GRACE_SECONDS)
        return found

    def kill(self) -> None:
        """Kill the process, unless it has ended."""
        if self._process.is_alive():
            self._process.kill()
        self._process.join()
        self._pipe.close()

    def _receive(self, expected: str, seconds: float) -> Any:
        if not self._pipe.poll(seconds):
            raise TimeoutError(f"the client did not report '{expected}' within {seconds:g} s")
        try:
            kind, value = self._pipe.recv()
        except EOFError:
            raise RuntimeError("the client's process ended without a report") from None
        if kind == "failed":
            raise RuntimeError(f"the client failed:\n{value}")
        return value if kind == expected else self._receive(expected, seconds)


def _run(pipe: Connection, work: Work[Any], arguments: tuple[object, ...]) -> None:
    try:
        pipe.send(("done", uvloop.run(work(Control(pipe), *arguments))))
    except BaseException:
        pipe.send(("failed", traceback.format_exc()))
