"""An export in pieces, from one snapshot, read as fast as they are taken."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Iterator

import orjson

from omoide.core import clock
from omoide.core.errors import OmoideError, Unavailable
from omoide.storage.base import Store, Transaction
from omoide.storage.export import reader

PIECE_BYTES = 65_536
"""Of lines that are read at a time: some milliseconds."""
MOST_AT_A_TIME = 2
"""Exports of one process. Each keeps what is written meanwhile in the write-ahead log."""

_running: set[object] = set()


async def export(store: Store, workspace_id: str, *, program: str, seconds: float) -> AsyncGenerator[bytes, None]:
    """Yield the lines of a workspace, several at a time, the header first.

    Before the first piece it raises NotFound, and Unavailable if `MOST_AT_A_TIME` are running; later,
    ConnectionAbortedError if reading fails or takes longer than `seconds`.
    """
    if len(_running) >= MOST_AT_A_TIME:
        raise Unavailable(f"{MOST_AT_A_TIME} exports are in progress: try again when one has ended")
    running = object()
    _running.add(running)
    ends_at = time.monotonic() + seconds
    try:
        async with store.long_read() as snapshot:
            header, lines = await snapshot.step(lambda db: _begun(db, workspace_id, program))
            yield header
            try:
                while piece := await snapshot.step(lambda _: _piece(lines)):
                    if time.monotonic() > ends_at:
                        raise ConnectionAbortedError(f"the export took longer than {seconds:g} s")
                    yield piece
            except OmoideError as error:
                raise ConnectionAbortedError(error.detail) from error
    finally:
        _running.discard(running)


def _begun(db: Transaction, workspace_id: str, program: str) -> tuple[bytes, Iterator[bytes]]:
    exported = reader.find(db, workspace_id)
    header = reader.header(db, exported, program=program, now=clock.now())
    return orjson.dumps(header, option=orjson.OPT_APPEND_NEWLINE), reader.lines(db, exported)


def _piece(lines: Iterator[bytes]) -> bytes:
    """The next lines; empty at the end."""
    gathered, size = [], 0
    for line in lines:
        gathered.append(line)
        size += len(line)
        if size >= PIECE_BYTES:
            break
    return b"".join(gathered)
