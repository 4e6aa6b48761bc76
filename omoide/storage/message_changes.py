"""What has become of the statements in messages: which of them were corrected, or have changed since."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Literal, NamedTuple

from omoide.core.records import Conclusion
from omoide.storage.base import Transaction
from omoide.storage.conclusion_links import IS_CURRENT
from omoide.storage.conclusion_reach import EVERYTHING, Reach
from omoide.storage.conclusions import COLUMNS, FROM_KEPT_IDS, record
from omoide.storage.dialect import ORDERED_JOIN, array, unnest

MOST_STEPS = 20
"""Successors that are followed from a conclusion to the current one."""

_REPEATED = f"""SELECT 1 FROM conclusions c
    WHERE c.observer = e.observer AND c.observed = e.observed AND c.same = e.same AND {IS_CURRENT}"""


class MessageChange(NamedTuple):
    """A statement of a message that no longer counts."""

    message_id: str
    kind: Literal["corrected", "changed"]
    """`corrected`: it was never true; `changed`: it was true when it was said."""
    at: int
    """When it was corrected, or when what took its place was said; microseconds since 1970."""
    content: str | None
    """The current conclusion that took its place; None: there is none, or the key may not read it."""


def of_messages(
    db: Transaction, workspace_id: str, message_ids: Collection[str], reach: Reach = EVERYTHING
) -> list[MessageChange]:
    """The changes of these messages that the key may read, in order of time; one for each text that took a place.

    A statement that another current conclusion of the same observer repeats has not changed.
    """
    links = _ended(db, message_ids)
    known = _kept(db, workspace_id, [conclusion for _, conclusion in links], reach)
    wanted = {each.successor for each in known.values() if each.successor}
    for _ in range(MOST_STEPS):
        if not (missing := wanted - known.keys()):
            break
        found = _kept(db, workspace_id, missing, reach)
        known |= found
        wanted = {each.successor for each in found.values() if each.successor}
    changes = sorted(_changes(links, known), key=lambda each: (each.at, each.message_id))
    return [*{(each.message_id, each.content): each for each in reversed(changes)}.values()][::-1]


def _changes(links: list[tuple[str, str]], known: Mapping[str, Conclusion]) -> Iterator[MessageChange]:
    for message_id, conclusion_id in links:
        if (old := known.get(conclusion_id)) is None:
            continue
        new = _current(old, known)
        if old.ended_as == "invalid":
            yield MessageChange(message_id, "corrected", old.ended_at or 0, None if new is None else new.content)
        elif new is not None and message_id not in new.message_ids:
            yield MessageChange(message_id, "changed", new.said_at, new.content)


def _current(old: Conclusion, known: Mapping[str, Conclusion]) -> Conclusion | None:
    """The current conclusion in the place of this one, as far as it is known."""
    new, seen = old, {old.id}
    while new.ended_as is not None:
        if new.successor is None or new.successor in seen or new.successor not in known:
            return None
        new = known[new.successor]
        seen.add(new.id)
    return new


def _ended(db: Transaction, message_ids: Collection[str]) -> list[tuple[str, str]]:
    """Message and conclusion, for the superseded and corrected ones whose text no current one of the pair has."""
    found = db.execute(
        f"""SELECT m.id, e.id FROM {unnest("text", "wanted")} {ORDERED_JOIN} messages m ON m.id = wanted.value
            {ORDERED_JOIN} conclusion_messages l ON l.message = m.pk
            {ORDERED_JOIN} conclusions e ON e.pk = l.conclusion
            WHERE e.ended_as IN ('superseded', 'invalid') AND NOT EXISTS ({_REPEATED})""",
        (array([*message_ids]),),
    )
    return [(message, conclusion) for message, conclusion in found]


def _kept(db: Transaction, workspace_id: str, ids: Collection[str], reach: Reach) -> dict[str, Conclusion]:
    """The conclusions by id, with those that have ended, that the key may read."""
    if not ids:
        return {}
    visible = reach.conclusions()
    found = db.execute(
        f"SELECT {COLUMNS} {FROM_KEPT_IDS} AND {visible.sql}", (array({*ids}), workspace_id, *visible.params)
    )
    return {each.id: each for each in map(record, found)}
