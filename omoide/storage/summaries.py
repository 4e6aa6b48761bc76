"""Summaries of sessions: the latest one of each kind."""

from __future__ import annotations

from collections.abc import Mapping

from omoide.core.clock import after_ids, valid
from omoide.core.records import Moment, Summary
from omoide.storage import rows
from omoide.storage.base import Transaction

SHORT = "honcho_chat_summary_short"
LONG = "honcho_chat_summary_long"

FEWEST_MESSAGES = 8
"""A session with this many messages has a short summary once it has been quiet."""


def of_session(db: Transaction, workspace_id: str, session_id: str) -> dict[str, Summary]:
    """Kind → summary, for the existing ones."""
    query = """
        SELECT x.kind, x.content, x.message, x.seq, x.token_count, x.created_at FROM summaries x
        JOIN sessions s ON s.pk = x.session JOIN workspaces w ON w.pk = s.workspace
        WHERE w.id = ? AND w.deleted_at IS NULL AND s.id = ? AND s.deleted_at IS NULL"""
    found = map(_record, db.execute(query, (workspace_id, session_id)))
    return {summary.summary_type: summary for summary in found}


def reached(db: Transaction, session: int, kind: str) -> int:
    """The position that the summary of a kind covers; 0 without one."""
    row = db.execute("SELECT seq FROM summaries WHERE session = ? AND kind = ?", (session, kind)).fetchone()
    return 0 if row is None else int(rows.mended(["summaries.seq"], row)[0])


def known(found: Mapping[str, Summary], moment: Moment) -> Mapping[str, Summary]:
    """The summaries whose messages had all come by `as_of`. What held at a time, a summary does not tell."""
    if moment.valid_at is not None:
        return {}
    as_of = moment.as_of
    return (
        found if as_of is None else {kind: each for kind, each in found.items() if each.message_id < after_ids(as_of)}
    )


def _made(row: rows.Row) -> Summary:
    kind, content, message, seq, token_count, created_at = row
    return Summary(content, message, seq, kind, valid(created_at), token_count)


_record = rows.reader(
    [f"summaries.{name}" for name in ("kind", "content", "message", "seq", "token_count", "created_at")], _made
)


def put(db: Transaction, session: int, summary: Summary, now: int) -> None:
    """Replace the summary of its kind, unless the stored one covers more messages."""
    db.execute(
        """INSERT INTO summaries (session, kind, content, message, seq, token_count, created_at)
           VALUES (?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (session, kind) DO UPDATE SET content = excluded.content, message = excluded.message,
           seq = excluded.seq, token_count = excluded.token_count, created_at = excluded.created_at
           WHERE excluded.seq >= summaries.seq""",
        (session, summary.summary_type, summary.content, summary.message_id, summary.seq, summary.token_count, now),
    )
