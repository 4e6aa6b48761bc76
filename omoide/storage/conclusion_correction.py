"""Replace conclusions by what a caller says is true instead. The old ones are kept as invalid.

The same statement of the pair from other sessions, and its copies in scopes, are replaced as well, each by a version of
its own, so that a session or a scope can still be forgotten without the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from omoide.core.clock import derived_id, new_id
from omoide.core.records import Fact
from omoide.storage import conclusion_endings, conclusion_links, conclusions, embeddings, rows, scope_copies
from omoide.storage.base import Transaction
from omoide.storage.column_validation import as_text
from omoide.storage.conclusion_endings import Ended, Pair
from omoide.storage.conclusions import ConclusionRow, Target
from omoide.storage.content_hash import content_hash

_LOST = ("origin", "corrects", "reason", "utc_offset")
"""Details of a conclusion that are not those of its correction."""


class Replaced(NamedTuple):
    """A conclusion that was corrected: its row and id, the pair, and the id of the new version."""

    pk: int
    id: str
    pair: Pair
    successor: str


def correct(db: Transaction, pk: int, fact: Fact, reason: str | None, now: int) -> list[Replaced]:
    """Replace the current conclusion in this row by the fact, and return what was replaced, beginning with it."""
    replaced: dict[str, Replaced] = {}
    for each in dict.fromkeys(_same(db, pk, fact)):
        one = _replace(db, each, fact, reason, now, replaced)
        replaced[one.id] = one
    embeddings.enqueue(db, now)
    return [*replaced.values()]


def _same(db: Transaction, pk: int, fact: Fact) -> Iterator[int]:
    """The row, and those of the same statement, originals before their copies."""
    observer, observed, digest, level = db.execute(
        "SELECT observer, observed, same, level FROM conclusions WHERE pk = ?", (pk,)
    ).fetchone()
    originals = [pk]
    if level == "explicit" and digest is not None and digest != content_hash(fact.content):
        originals += [each.pk for each in conclusion_links.with_text(db, (observer, observed), [digest])]
    yield from originals
    for each in originals:
        for copy in scope_copies.of(db, each):
            if conclusion_links.in_row(db, copy) is not None:
                yield copy


def _replace(
    db: Transaction, pk: int, fact: Fact, reason: str | None, now: int, replaced: dict[str, Replaced]
) -> Replaced:
    """Store the fact in the place of one conclusion. Copies in scopes are those of the new originals, by their ids."""
    workspace, observer, observed, session, *values = db.execute(
        "SELECT workspace, observer, observed, session, id, level, source_ids, details FROM conclusions WHERE pk = ?",
        (pk,),
    ).fetchone()
    id, level, source_ids, text = rows.mended(_STORED, (*values,))
    details = rows.from_text(text)
    origin = replaced.get(str(details.get("origin")))
    given = {**{key: value for key, value in details.items() if key not in _LOST}, "corrects": id}
    if origin is not None:
        given["origin"] = origin.successor
    new = ConclusionRow(
        new_id(now) if origin is None else derived_id(origin.successor, _uid(db, observer)),
        fact.content,
        now,
        given,
        level,
        None if source_ids is None else conclusions.sources_of((source_ids,)),
        topics=fact.topics,
    )
    target = conclusions.insert(db, Target(workspace, (observer, observed), session), new, now)
    conclusion_links.copy_messages(db, pk, target)
    _set_validity(db, pk, target, fact)
    because = {} if reason is None else {"reason": reason}
    db.execute("UPDATE conclusions SET details = ? WHERE pk = ?", (rows.to_text({**details, **because}), pk))
    conclusion_endings.end(db, [Ended(pk, "invalid", new.id)], now)
    return Replaced(pk, id, (observer, observed), new.id)


_STORED = ["conclusions.id", "conclusions.level", "conclusions.source_ids", "conclusions.details"]


def _uid(db: Transaction, peer: int) -> str:
    uid: Any = db.execute("SELECT uid FROM peers WHERE pk = ?", (peer,)).fetchone()[0]
    return str(uid)


def _set_validity(db: Transaction, old: int, new: int, fact: Fact) -> None:
    """The time in which the corrected statement holds: as its text says, else that of the old one."""
    if fact.valid_from is None and fact.valid_until is None:
        db.execute(
            """UPDATE conclusions SET valid_from = (SELECT valid_from FROM conclusions WHERE pk = ?),
                   valid_until = (SELECT valid_until FROM conclusions WHERE pk = ?) WHERE pk = ?""",
            (old, old, new),
        )
    else:
        db.execute(
            "UPDATE conclusions SET valid_from = ?, valid_until = ? WHERE pk = ?",
            (fact.valid_from, fact.valid_until, new),
        )


def superseded(db: Transaction, replaced: Replaced) -> list[tuple[int, str]]:
    """Row and text of what a corrected conclusion had superseded."""
    found = db.execute(
        "SELECT pk, content FROM conclusions WHERE successor = ? AND ended_as = 'superseded'", (replaced.id,)
    )
    return [(pk, as_text(content)) for pk, content in found]


def restore(db: Transaction, replaced: Replaced, pks: Sequence[int]) -> None:
    """Make conclusions current again that a corrected one had superseded, because the correction does not."""
    db.executemany(
        """UPDATE conclusions SET deleted_at = NULL, ended_as = NULL, successor = NULL,
               valid_until = CASE WHEN valid_until = (
                   SELECT coalesce(o.valid_from, o.said_at) FROM conclusions o WHERE o.pk = ?)
                   OR valid_until <= valid_from THEN NULL ELSE valid_until END WHERE pk = ?""",
        [(replaced.pk, pk) for pk in pks],
    )
    if pks:  # it began to hold when it superseded these
        db.execute(
            """UPDATE conclusions SET valid_from = NULL WHERE id = ? AND valid_from = (
                   SELECT o.said_at FROM conclusions o WHERE o.pk = ?)""",
            (replaced.successor, replaced.pk),
        )
