"""Receipts of idempotency keys: a repeated call returns the messages that the first one stored."""

from __future__ import annotations

from omoide.core.errors import Conflict
from omoide.core.records import Idempotency, Message
from omoide.storage import messages, sessions
from omoide.storage.base import Transaction
from omoide.storage.messages import AppendPoint

FORGET_AT_A_TIME = 100
"""Expired receipts removed per call at most."""


def find(
    db: Transaction, workspace_id: str, session_id: str, idempotency: Idempotency, now: int
) -> list[Message] | None:
    """The messages that an earlier call with the key stored in the session; None if there was none.

    Removes expired receipts. Raises Conflict if the earlier call had other messages.
    """
    oldest = now - idempotency.keep
    expired = "SELECT session, key FROM receipts WHERE created_at < ? ORDER BY created_at LIMIT ?"
    db.execute(f"DELETE FROM receipts WHERE (session, key) IN ({expired})", (oldest, FORGET_AT_A_TIME))
    session = sessions.find(db, workspace_id, session_id)
    if session is None:
        return None
    db.lock("sessions", session.pk)
    receipt = db.execute(
        "SELECT digest, first_seq, count FROM receipts WHERE session = ? AND key = ? AND created_at >= ?",
        (session.pk, idempotency.key, oldest),
    ).fetchone()
    if receipt is None:
        return None
    digest, first, count = receipt
    if digest != idempotency.digest:
        raise Conflict("This Idempotency-Key was used for other messages in this session")
    if type(first) is not int or type(count) is not int:
        raise Conflict("The record of this Idempotency-Key is damaged: nothing was stored")
    return messages.through(db, session.pk, first, first + count - 1)


def add(db: Transaction, point: AppendPoint, count: int, idempotency: Idempotency) -> None:
    """Record that a call with the key stored `count` messages at this point."""
    db.execute(
        """INSERT INTO receipts (session, key, digest, first_seq, count, created_at) VALUES (?, ?, ?, ?, ?, ?)
           ON CONFLICT (session, key) DO UPDATE SET digest = excluded.digest, first_seq = excluded.first_seq,
           count = excluded.count, created_at = excluded.created_at""",
        (point.ground.session, idempotency.key, idempotency.digest, point.first, count, point.now),
    )
