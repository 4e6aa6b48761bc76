"""Wake the worker from the API processes: a pipe that is created before forking.

A byte means "check for jobs". Writing never blocks: a full pipe already carries that signal, and the worker polls
anyway.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable


class WakePipe:
    """Both ends of the pipe. Every process keeps both open, so the pipe outlives each of them."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)

    def ring(self) -> None:
        """Wake the listener."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._write, b"!")

    def listen(self, wake: Callable[[], None]) -> None:
        """Call `wake` in the running loop on every signal, including one that is pending."""

        def heard() -> None:
            with contextlib.suppress(BlockingIOError):
                os.read(self._read, 65_536)
            wake()

        asyncio.get_running_loop().add_reader(self._read, heard)


class RemoteWorker:
    """Replaces the worker in an API process whose worker is another process."""

    def __init__(self, pipe: WakePipe) -> None:
        self._pipe = pipe

    def wake(self) -> None:
        self._pipe.ring()

    async def run(self) -> None:
        """Wait forever: the worker runs elsewhere."""
        await asyncio.get_running_loop().create_future()
