"""How processes that serve tell the process that works: a pipe, made before both are forked.

What is written says nothing but "look". A pipe that is full, or that nobody reads, has said so already: whoever writes
never waits, and the worker looks by itself from time to time.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable


class WakePipe:
    """Both ends, held by every process, so that it outlives each of them."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)

    def ring(self) -> None:
        """Wake whoever listens."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._write, b"!")

    def listen(self, wake: Callable[[], None]) -> None:
        """Call `wake` in the running loop whenever it rings, and once for all that rang before."""

        def heard() -> None:
            with contextlib.suppress(BlockingIOError):
                os.read(self._read, 65_536)
            wake()

        asyncio.get_running_loop().add_reader(self._read, heard)


class WorkerElsewhere:
    """Stands beside an API for the worker that is another process."""

    def __init__(self, pipe: WakePipe) -> None:
        self._pipe = pipe

    def wake(self) -> None:
        self._pipe.ring()

    async def run(self) -> None:
        """Nothing runs here."""
        await asyncio.get_running_loop().create_future()
