"""The versions of a conclusion: what it replaced and what replaced it, any number of times; bounded.

A version has at most one successor, but may have several predecessors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from omoide.core.records import Conclusion, Message
from omoide.storage import conclusions
from omoide.storage.base import Transaction
from omoide.storage.conclusion_reach import Reach
from omoide.storage.conclusion_sources import MOST_MESSAGES, linked, readable_ids, shown
from omoide.storage.conclusions import COLUMNS, FROM_KEPT, record
from omoide.storage.dialect import array, in_array


@dataclass(frozen=True, slots=True)
class Version:
    conclusion: Conclusion
    messages: Sequence[Message]
    """The newest messages behind it, newest first."""
    predecessors: Sequence[Conclusion]
    """The versions that it took the place of, the last to end first."""


@dataclass(frozen=True, slots=True)
class VersionHistory:
    """Versions, the last to be said first. `is_cut`: there are more."""

    versions: Sequence[Version]
    is_cut: bool


def history(db: Transaction, workspace_id: str, conclusion_id: str, reach: Reach, most: int) -> VersionHistory:
    """The versions before and after a conclusion, and itself. Raises NotFound as `conclusions.get` does."""
    first = conclusions.get(db, workspace_id, conclusion_id, reach)
    found = {each.id: each for each in _later(db, workspace_id, first, reach, most)}
    level = [*found.values()]
    is_cut = False
    while level and not is_cut:
        earlier = _ended_by(db, workspace_id, [each.id for each in level], reach, most + 1)
        level = [each for each in earlier if each.id not in found]
        is_cut = len(found) + len(level) > most
        found |= {each.id: each for each in level[: most - len(found)]}
    by_successor: dict[str | None, list[Conclusion]] = {}
    for each in sorted(found.values(), key=lambda each: (each.ended_at or 0, each.pk), reverse=True):
        by_successor.setdefault(each.successor, []).append(each)
    visible = reach.messages(db, workspace_id)
    versions = [
        Version(each, linked(db, each.pk, visible, MOST_MESSAGES), by_successor.get(each.id, ()))
        for each in sorted(found.values(), key=_newest_last, reverse=True)
    ]
    if reach.is_limited:
        readable = readable_ids(db, workspace_id, found.values(), reach)
        versions = [replace(each, conclusion=shown(each.conclusion, each.messages, readable)) for each in versions]
    return VersionHistory(versions, is_cut)


def _newest_last(version: Conclusion) -> tuple[int, bool, int, int]:
    """Order by when it was said; of several said at once, the one that ended last is the newest."""
    return version.said_at, version.ended_at is None, version.ended_at or version.created_at, version.pk


def _later(db: Transaction, workspace_id: str, first: Conclusion, reach: Reach, most: int) -> list[Conclusion]:
    """The conclusion and its successors, as far as they are within reach."""
    found = {first.id: first}
    last = first
    within = reach.conclusions()
    query = f"SELECT {COLUMNS} {FROM_KEPT} AND c.id = ? AND {within.sql}"
    while last.successor is not None and last.successor not in found and len(found) < most:
        row = db.execute(query, (workspace_id, last.successor, *within.params)).fetchone()
        if row is None:
            break
        last = record(row)
        found[last.id] = last
    return [*found.values()]


def _ended_by(db: Transaction, workspace_id: str, ids: Sequence[str], reach: Reach, limit: int) -> list[Conclusion]:
    """The conclusions whose place these took, newest first."""
    within = reach.conclusions()
    found = db.execute(
        f"""SELECT {COLUMNS} {FROM_KEPT} AND c.successor {in_array("text")} AND c.ended_as IS NOT NULL
            AND {within.sql} ORDER BY c.pk DESC LIMIT ?""",
        (workspace_id, array(ids), *within.params, limit),
    )
    return [record(row) for row in found]
