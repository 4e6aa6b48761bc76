"""The texts of conclusions that have ended, and that no current conclusion has: their card lines go, and answers about
now leave them out."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from omoide.core.records import Ending, Moment
from omoide.storage import rows
from omoide.storage.base import Transaction
from omoide.storage.column_validation import as_text
from omoide.storage.conclusion_endings import Ended, Pair
from omoide.storage.conclusion_links import IS_CURRENT
from omoide.storage.dialect import ORDERED_JOIN, array, unnest

_CURRENT = f"""SELECT 1 FROM conclusions c
    WHERE c.observer = ? AND c.observed = ? AND c.same = e.same AND {IS_CURRENT}"""


def gone(db: Transaction, pair: Pair, endings: Collection[Ended]) -> frozenset[str]:
    """The texts of superseded and invalid conclusions of the pair that no current one has."""
    pks = array([each.pk for each in endings if each.ending != "merged"])
    found = db.execute(
        f"""SELECT e.content FROM {unnest("bigint", "wanted")} {ORDERED_JOIN} conclusions e ON e.pk = wanted.value
           WHERE e.deleted_at IS NOT NULL AND NOT EXISTS ({_CURRENT})""",
        (pks, *pair),
    )
    return frozenset(as_text(content) for (content,) in found)


def newest_gone(db: Transaction, pair: Pair, limit: int) -> list[str]:
    """The texts of the pair's superseded and invalid conclusions that no current one has, the last ended first."""
    found = db.execute(
        f"""SELECT e.content FROM conclusions e LEFT JOIN sessions s ON s.pk = e.session
           WHERE e.observer = ? AND e.observed = ? AND e.ended_as IS NOT NULL AND e.ended_as <> 'merged'
           AND s.deleted_at IS NULL AND NOT EXISTS ({_CURRENT}) ORDER BY e.deleted_at DESC, e.pk DESC LIMIT ?""",
        (*pair, *pair, limit),
    )
    return [*dict.fromkeys(as_text(content) for (content,) in found)]


class MessageStatement(NamedTuple):
    """A conclusion from a message."""

    message_id: str
    content: str
    ending: Ending | None
    """How it has ended; None: it is current."""


def of_messages(
    db: Transaction, message_ids: Collection[str], observer_id: str | None, moment: Moment
) -> list[MessageStatement]:
    """The conclusions of the observer (None: of any) from these messages, with how they had ended at the moment."""
    observed = "" if observer_id is None else "JOIN peers o ON o.pk = c.observer AND o.id = ?"
    found = db.execute(
        f"""SELECT m.id, c.content, c.ended_as, c.deleted_at, c.valid_until FROM {unnest("text", "wanted")}
           {ORDERED_JOIN} messages m ON m.id = wanted.value
           {ORDERED_JOIN} conclusion_messages l ON l.message = m.pk
           {ORDERED_JOIN} conclusions c ON c.pk = l.conclusion {observed}
           WHERE c.deleted_at IS NULL OR c.ended_as IS NOT NULL""",
        (array([*message_ids]), *(() if observer_id is None else (observer_id,))),
    ).fetchall()
    statements = [_of_message(row) for row in found]
    return [
        MessageStatement(id, content, _then(ending, at or 0, until, moment))
        for id, content, ending, at, until in statements
    ]


def _then(ending: Ending | None, at: int, valid_until: int | None, moment: Moment) -> Ending | None:
    if moment.as_of is not None and at > moment.as_of:
        return None
    held = moment.valid_at is not None and (valid_until is None or valid_until > moment.valid_at)
    return None if held and ending == "superseded" else ending


_of_message = rows.reader(
    ["", *(f"conclusions.{name}" for name in ("content", "ended_as", "deleted_at", "valid_until"))], tuple
)
