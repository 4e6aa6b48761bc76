"""Responses that a browser saves as a file."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator


class Download(AsyncIterator[bytes]):
    """The pieces of a file. `headers` are sent with the first."""

    def __init__(self, pieces: AsyncIterator[bytes], name: str, ending: str) -> None:
        self._pieces = pieces
        file_name = re.sub(r"[^A-Za-z0-9_-]", "_", name) + ending
        self.headers = [(b"content-disposition", f'attachment; filename="{file_name}"'.encode())]

    async def __anext__(self) -> bytes:
        return await anext(self._pieces)

    async def aclose(self) -> None:
        if (close := getattr(self._pieces, "aclose", None)) is not None:
            await close()
