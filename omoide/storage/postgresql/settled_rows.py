"""Row numbers that no write can still commit rows below of.

Writes run concurrently, so a row may commit after one with a higher number. A write that inserts messages or
conclusions first takes an advisory lock that carries the number that the sequence has reached (`0002_settled_rows`):
its rows get higher ones. So all rows up to the lowest number of these locks are committed, or never will be.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from omoide.storage.base import Store, Transaction
from omoide.storage.embedding_tables import Source

KINDS: Mapping[Source, int] = {"messages": 0x6F6D, "conclusions": 0x6F6E}
"""The upper 16 bits of the locks' keys; the others are the number. The step has the same constants."""

NUMBER = 2**48 - 1

LOOK_AGAIN_SECONDS = 0.05


async def settled(store: Store, source: Source) -> int:
    """The row number up to which all rows of the table are committed that any write has begun to store.

    Waits for the writes that run at the time of the call, so that their rows are below the number. Raises Unavailable.
    """
    # Not in one snapshot: a row whose write ends in between must be seen by the statement that uses the number.
    reached = await store.read_single(_reached, source)
    while True:
        lowest = await store.read_single(_lowest, source)
        if lowest is None or lowest >= reached:
            return reached
        await asyncio.sleep(LOOK_AGAIN_SECONDS)


def _reached(db: Transaction, source: Source) -> int:
    """The last number that the sequence gave."""
    (number,) = db.execute(f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {source}_pk_seq").fetchone()
    return int(number)


def _lowest(db: Transaction, source: Source) -> int | None:
    """The lowest number of a running write; None if none runs."""
    key = "(CAST(classid AS bigint) << 32 | CAST(objid AS bigint))"
    (lowest,) = db.execute(
        f"""SELECT min({key} & ?) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND {key} >> 48 = ?
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())""",
        (NUMBER, KINDS[source]),
    ).fetchone()
    return None if lowest is None else int(lowest)
