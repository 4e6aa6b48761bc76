"""Delete a message with what came only from it.

A conclusion that other messages support as well stays, without the message, unless its text has words that only the
deleted message has. All others are deleted with what rests on them: see `deletion_cascade`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import orjson

from omoide.core.config_resolution import Defaults
from omoide.core.errors import NotFound
from omoide.storage import deletion_cascade, message_removal, messages, rows
from omoide.storage.base import Transaction
from omoide.storage.column_validation import as_text
from omoide.storage.dialect import array, greatest, in_array
from omoide.storage.message_removal import Removal

STEM_CHARACTERS = 5
"""Words are the same if they begin with the same characters, as many as these."""


def delete(
    db: Transaction, workspace_id: str, session_id: str, message_id: str, now: int, *, defaults: Defaults
) -> None:
    """Delete the message. Raises NotFound if it is not in this session of this workspace."""
    missing = NotFound(f"Message with ID {message_id} not found")
    row = db.execute("SELECT workspace, session, seq, peer, pk FROM messages WHERE id = ?", (message_id,)).fetchone()
    if row is None:
        raise missing
    workspace, session, seq, peer, pk = row
    db.lock("sessions", session)
    if messages.find(db, workspace_id, session_id, message_id) is None:  # or another write has deleted it meanwhile
        raise missing
    forget(db, workspace, [pk], now)
    message_removal.remove(db, Removal(workspace, session, [(seq, peer, pk)]), now, defaults)


def forget(db: Transaction, workspace: int, pks: Collection[int], now: int) -> None:
    """Delete the conclusions that came only from these messages, and take the messages from the others' sources."""
    found = db.execute(
        f"SELECT DISTINCT conclusion FROM conclusion_messages WHERE message {in_array('bigint')} ORDER BY conclusion",
        (array([*pks]),),
    ).fetchall()
    gone = frozenset(pks)
    deletion_cascade.forget(db, workspace, [pk for (pk,) in found if not _kept(db, pk, gone)], now)
    db.executemany("DELETE FROM conclusion_messages WHERE message = ?", [(pk,) for pk in pks])


def _kept(db: Transaction, conclusion: int, gone: frozenset[int]) -> bool:
    """Whether other messages support the conclusion, from which those that are gone are then taken."""
    sources = db.execute(
        """SELECT m.pk, m.id, m.created_at, m.content FROM conclusion_messages x JOIN messages m ON m.pk = x.message
           WHERE x.conclusion = ? ORDER BY m.pk""",
        (conclusion,),
    ).fetchall()
    removed = [row for row in sources if row[0] in gone]
    remaining = [row for row in sources if row[0] not in gone]
    row = db.execute(
        "SELECT content, details, times_derived, said_at FROM conclusions WHERE pk = ?", (conclusion,)
    ).fetchone()
    if row is None:
        return True
    content, details, times, said_at = rows.mended(_STORED, row)
    if not remaining or _only_in(content, *([as_text(row[3]) for row in some] for some in (removed, remaining))):
        return False
    times_of = [rows.mended(["messages.created_at"], (row[2],))[0] for row in remaining]
    said = max(times_of) if said_at in {row[2] for row in removed} else said_at
    stored = rows.from_text(details)
    ids = {row[1] for row in removed}
    if "message_ids" in stored:
        stored["message_ids"] = [id for id in stored["message_ids"] if id not in ids]
    db.execute(
        f"""UPDATE conclusions SET details = ?, said_at = ?, times_derived = {greatest("1", "? - ?")} WHERE pk = ?""",
        (orjson.dumps(stored).decode(), said, times, len(removed), conclusion),
    )
    return True


_STORED = ["conclusions.content", "conclusions.details", "conclusions.times_derived", "conclusions.said_at"]


def _only_in(content: str, removed: Sequence[str], remaining: Sequence[str]) -> bool:
    """Whether the text has words from the removed messages that the remaining ones do not have. Pure."""
    return bool(_stems([content]) & _stems(removed) - _stems(remaining))


def _stems(texts: Sequence[str]) -> set[str]:
    return {word[:STEM_CHARACTERS] for text in texts for word in re.findall(r"\w+", text.casefold())}
