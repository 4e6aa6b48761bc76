"""Revive conclusions when what ended them is deleted.

A conclusion is current again if nothing else took its place. If its successor had been ended itself, what took the
place of the successor ends it instead. Of several that are revived together and are about the same thing, only the one
said last is current.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from omoide.core.records import Ending
from omoide.storage import rows, vector_segments
from omoide.storage.base import Transaction
from omoide.storage.dialect import ORDERED_JOIN, array, greatest, in_array, unnest


class _Version(NamedTuple):
    """A conclusion, its end, and when it began to hold. Times in microseconds."""

    pk: int
    id: str
    pair: tuple[int, int]
    ending: Ending | None
    successor: str | None
    said_at: int
    start: int
    valid_until: int | None


_COLUMNS = """c.pk, c.id, c.observer, c.observed, c.ended_as, c.successor, c.said_at, c.valid_from, c.valid_until"""
_GIVEN = unnest("text", "wanted")
_BY_ID = f"SELECT {_COLUMNS} FROM {_GIVEN} {ORDERED_JOIN} conclusions c ON c.id = wanted.value ORDER BY c.pk"
_BY_SUCCESSOR = f"""SELECT {_COLUMNS} FROM {_GIVEN} {ORDERED_JOIN} conclusions c
    ON c.successor IS NOT NULL AND c.successor = wanted.value ORDER BY c.pk"""
_VALIDATED = ["", "", "", "", "conclusions.ended_as", "conclusions.successor", "conclusions.said_at"]
_VALIDATED += ["conclusions.valid_from", "conclusions.valid_until"]


def revive(db: Transaction, ids: Collection[str]) -> list[int]:
    """Revive the conclusions that these ended, which are about to be deleted; returns the rows that are current again.

    Call it while the rows of `ids` still say how they ended.
    """
    if not ids:
        return []
    gone = {each.id: each for each in _versions(db, _BY_ID, ids)}
    heirs = [each for each in _versions(db, _BY_SUCCESSOR, gone) if each.id not in gone and each.ending]
    if not heirs:
        return []
    later = {each.successor for each in gone.values() if each.successor} - gone.keys()
    starts = {each.id: each.start for each in (*gone.values(), *_versions(db, _BY_ID, later))}
    endings = {each: _end_without(each, gone) for each in heirs}
    freed = [each for each, (ending, _) in endings.items() if ending is None]
    endings |= _ended_by_each_other(db, [each for each in freed if each.ending == "superseded"])
    starts |= {each.id: each.start for each in freed}
    db.executemany(
        """UPDATE conclusions SET deleted_at = CASE WHEN CAST(? AS TEXT) IS NULL THEN NULL ELSE deleted_at END,
               ended_as = ?, successor = ?, valid_until = ? WHERE pk = ?""",
        [
            (ending, ending, successor, _valid_until(each, ending, starts, successor), each.pk)
            for each, (ending, successor) in endings.items()
        ],
    )
    db.executemany(
        "UPDATE conclusions SET valid_until = NULL WHERE pk = ? AND deleted_at IS NULL AND valid_until <= valid_from",
        [(each.pk,) for each in freed],
    )
    revived = [each.pk for each, (ending, _) in endings.items() if ending is None]
    if revived:
        vector_segments.reload(db)  # searches have dropped them from memory
    return revived


def _versions(db: Transaction, query: str, values: Iterable[str]) -> list[_Version]:
    return [_version(rows.mended(_VALIDATED, row)) for row in db.execute(query, (array([*values]),)).fetchall()]


def _version(row: rows.Row) -> _Version:
    pk, id, observer, observed, ending, successor, said_at, valid_from, valid_until = row
    start = said_at if valid_from is None else valid_from
    return _Version(pk, id, (observer, observed), ending, successor, said_at, start, valid_until)


def _end_without(version: _Version, gone: Mapping[str, _Version]) -> tuple[Ending | None, str | None]:
    """How the version has ended, and by what, once `gone` is deleted."""
    ending, successor = version.ending, version.successor
    for _ in gone:
        over = gone.get(successor or "")
        if over is None:
            break
        if over.ending is None or over.successor is None:
            return None, None
        ending, successor = _combined(ending, over.ending), over.successor
    return (None, None) if successor in gone else (ending, successor)


def _combined(first: Ending | None, second: Ending) -> Ending:
    """How something ends if its successor, which ended it as `first`, has ended as `second` and is deleted."""
    if first is None or first == "merged":
        return second
    return first if second in ("merged", first) else "superseded"


def _ended_by_each_other(
    db: Transaction, freed: Sequence[_Version]
) -> dict[_Version, tuple[Ending | None, str | None]]:
    """Those that a newer one on the same topic supersedes."""
    topics = {each: _topics(db, each.pk) for each in freed} if len(freed) > 1 else {}
    in_order = sorted(topics, key=lambda each: (each.said_at, each.pk))
    found: dict[_Version, tuple[Ending | None, str | None]] = {}
    for number, older in enumerate(in_order):
        newer = [each for each in in_order[number + 1 :] if each.pair == older.pair and topics[each] & topics[older]]
        if newer:
            found[older] = "superseded", newer[-1].id
    return found


def _topics(db: Transaction, pk: int) -> set[int]:
    return {topic for (topic,) in db.execute("SELECT topic FROM conclusion_topics WHERE conclusion = ?", (pk,))}


def _valid_until(
    version: _Version, ending: Ending | None, starts: Mapping[str, int], successor: str | None
) -> int | None:
    """When the version ceased to hold: what its own text says, or the start of what supersedes it.

    No text says that something ends before it begins: `revive` takes such an end for that of an earlier supersession.
    """
    was = version.valid_until
    said = None if version.ending == "superseded" and was == starts.get(version.successor or "") else was
    if ending != "superseded" or said is not None:
        return said
    return starts.get(successor or "")


def versions_from(db: Transaction, session: int) -> list[str]:
    """The ids of conclusions from the session that took the place of others, or whose place others took.

    All of them, because one from elsewhere may have been ended by a chain of these.
    """
    found = db.execute(
        """SELECT id FROM conclusions WHERE session = ? AND ended_as IS NOT NULL
           UNION SELECT s.id FROM conclusions s JOIN conclusions c ON c.successor = s.id WHERE s.session = ?""",
        (session, session),
    )
    return [id for (id,) in found]


def merged_elsewhere(db: Transaction, session: int) -> list[int]:
    """The rows of conclusions from the session that were merged into one from elsewhere."""
    found = db.execute(
        """SELECT c.pk FROM conclusions c JOIN conclusions s ON s.id = c.successor
           WHERE c.session = ? AND c.ended_as = 'merged' AND s.session IS DISTINCT FROM c.session""",
        (session,),
    )
    return [pk for (pk,) in found]


def earlier_versions(db: Transaction, ids: Collection[str]) -> list[int]:
    """The rows of the texts that these conclusions merged or corrected, directly or through each other."""
    found: dict[str, int] = {}
    waiting = [*ids]
    while waiting:
        new = db.execute(
            f"""SELECT id, pk FROM conclusions WHERE successor IS NOT NULL AND successor {in_array("text")}
                AND ended_as IN ('merged', 'invalid')""",
            (array(waiting),),
        ).fetchall()
        waiting = [id for id, _ in new if id not in found]
        found |= dict(new)
    return [*found.values()]


def discount(db: Transaction, pks: Collection[int]) -> None:
    """Take the counts of conclusions that are about to be deleted from those that they were merged into."""
    merged = db.execute(
        f"""SELECT successor, sum(times_derived) FROM conclusions
            WHERE pk {in_array("bigint")} AND ended_as = 'merged' AND successor IS NOT NULL GROUP BY successor""",
        (array([*pks]),),
    ).fetchall()
    db.executemany(
        f"UPDATE conclusions SET times_derived = {greatest('1', 'times_derived - ?')} WHERE id = ?",
        [(times, id) for id, times in merged],
    )
