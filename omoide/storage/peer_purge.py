"""Remove the rows of a deleted peer in batches, so that other writes can run in between.

Its messages are removed as single ones are: conclusions about others that came only from them are deleted.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from omoide.core import clock
from omoide.storage import message_deletion, message_removal, purge
from omoide.storage.base import Transaction
from omoide.storage.dialect import array, in_array
from omoide.storage.engine import fulltext, secure_delete
from omoide.storage.message_removal import Removal
from omoide.storage.purge import CHARACTERS_AT_A_TIME, ROWS_AT_A_TIME


@secure_delete.overwriting
def peer(db: Transaction, pk: int) -> bool:
    """Remove some rows of a deleted peer; False once all are removed, including the peer itself."""
    row = db.execute("SELECT workspace FROM peers WHERE pk = ? AND kind = 'deleted'", (pk,)).fetchone()
    if row is None:
        return False
    if found := _messages(db, row[0], pk):
        _remove(db, row[0], found)
        return True
    if purge.conclusions_of(db, pk):
        return True
    for table, column in (
        ("stays", "peer"),
        ("visits", "peer"),
        ("members", "peer"),
        ("dreams", "observer"),
        ("dreams", "observed"),
    ):
        db.execute(f"DELETE FROM {table} WHERE {column} = ?", (pk,))
    db.execute("DELETE FROM cards WHERE observer = ?", (pk,))
    db.execute("DELETE FROM peers WHERE pk = ?", (pk,))
    return False


def _messages(db: Transaction, workspace: int, peer: int) -> list[tuple[int, int, int]]:
    """Session, position and row of some messages of the peer: those that the full-text index finds, then any others."""
    newest = fulltext.newest(db, fulltext.of_messages(workspace, None, peer), ROWS_AT_A_TIME)
    found = db.execute(
        f"""SELECT session, seq, pk, length(content) FROM messages WHERE pk {in_array("bigint")} AND peer = ?
            ORDER BY session, pk""",
        (array(newest), peer),
    ).fetchall()
    if not found:
        found = db.execute(
            """SELECT m.session, m.seq, m.pk, length(m.content) FROM members x JOIN messages m ON m.session = x.session
               WHERE x.peer = ? AND m.peer = ? LIMIT ?""",
            (peer, peer, ROWS_AT_A_TIME),
        ).fetchall()
    total = itertools.accumulate(row[3] or 0 for row in found)
    return [row[:3] for row, characters in zip(found, total, strict=True) if characters <= CHARACTERS_AT_A_TIME] or [
        row[:3] for row in found[:1]
    ]


def _remove(db: Transaction, workspace: int, found: Sequence[tuple[int, int, int]]) -> None:
    message_deletion.forget(db, workspace, [pk for _, _, pk in found], clock.now())
    for session, rows in itertools.groupby(sorted(found), key=lambda row: row[0]):
        message_removal.remove_rows(db, Removal(workspace, session, [(seq, 0, pk) for _, seq, pk in rows]))
