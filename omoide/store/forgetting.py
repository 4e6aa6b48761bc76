"""What goes with the conclusions that a deletion takes away: what was derived from them, and what cards say of them.

All of it happens in the transaction of the deletion, so that nothing of it can be read afterwards:

- A derived conclusion goes if any of its sources does, directly or through others: its text and the sentences that it
  quotes cannot be told apart. What the remaining sources support is drawn again by a dream, which is enqueued.
- A derived conclusion that was dreamed in a deleted session but rests on others only is kept, without the session.
- A card keeps the lines that callers gave. The others do not say what they came from; they are removed, and a job
  writes those again that the remaining conclusions support.
- Dreams that run begin again (`dream_queue.interrupt`): what they have read may be deleted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import orjson

from omoide.store import backfills, cards, conclusions, dream_queue
from omoide.store.database import Connection
from omoide.store.dream_queue import CARD_REFRESH, OMNI, Pair


@dataclass(frozen=True, slots=True)
class _Derived:
    """A live derived conclusion. `session` is the row of the one that it was dreamed in."""

    pk: int
    id: str
    session: int | None
    source_ids: tuple[str, ...]


def session(db: Connection, workspace: int, session: int, session_id: str, now: int) -> None:
    """Forget what was learned from a session. Call it in the transaction that hides the session."""
    dream_queue.leave_session(db, workspace, session_id)
    dream_queue.interrupt(db, workspace, now)
    for pair, learned in _affected(db, session).items():
        derived = _derived(db, pair)
        lost = _resting_on_session(db, derived, session)
        conclusions.hide(db, [each.pk for each in derived if each.id in lost], now)
        kept = [each.pk for each in derived if each.id not in lost and each.session == session]
        db.executemany("UPDATE conclusions SET session = NULL WHERE pk = ?", [(pk,) for pk in kept])
        db.execute(
            "UPDATE dreams SET explicit_since = max(0, explicit_since - ?) WHERE observer = ? AND observed = ?",
            (learned, *pair),
        )
        renew(db, workspace, pair, now, is_redrawn=bool(lost))


def renew(db: Connection, workspace: int, pair: Pair, now: int, *, is_redrawn: bool) -> None:
    """Take the lines off the pair's card that no caller gave, and enqueue what writes those again that still hold.

    `is_redrawn` enqueues a whole dream, because derived conclusions are gone as well. No dream of the pair may run:
    see `dream_queue.interrupt`.
    """
    (observed,) = db.execute("SELECT id FROM peers WHERE pk = ?", (pair[1],)).fetchone()
    is_reset = cards.keep_given(db, pair[0], observed, now)
    if is_redrawn or is_reset:
        dream_queue.renew(db, workspace, pair, OMNI if is_redrawn else CARD_REFRESH, now)


def _affected(db: Connection, session: int) -> dict[Pair, int]:
    """Pair → how many of its conclusions from the session count towards its next dream, for all that have any."""
    found = db.execute(
        """SELECT c.observer, c.observed, sum(c.level = 'explicit' AND c.deleted_at IS NULL
               AND c.details <> '{}' AND c.created_at > coalesce(d.last_at, 0))
           FROM conclusions c LEFT JOIN dreams d ON d.observer = c.observer AND d.observed = c.observed
           WHERE c.session = ? GROUP BY c.observer, c.observed ORDER BY c.observer, c.observed""",
        (session,),
    )
    return {(observer, observed): count for observer, observed, count in found}


def _derived(db: Connection, pair: Pair) -> list[_Derived]:
    found = db.execute(
        """SELECT pk, id, session, source_ids FROM conclusions
           WHERE observer = ? AND observed = ? AND level <> 'explicit' AND deleted_at IS NULL""",
        pair,
    )
    return [_Derived(pk, id, of, _sources(text)) for pk, id, of, text in found]


def _sources(text: object) -> tuple[str, ...]:
    return tuple(conclusions.sources_of((text or "[]",)))


def _resting_on_session(db: Connection, derived: Collection[_Derived], session: int) -> set[str]:
    """The ids of what rests on conclusions from the session, at whatever remove.

    A source whose row is gone, so that its session is not known any more, counts as one from the session; so does a
    derived conclusion of the session that names no sources.
    """
    sources = {each.id: each.source_ids for each in derived}
    lost = {each.id for each in derived if each.session == session and not each.source_ids}
    unknown = {id for cited in sources.values() for id in cited} - sources.keys()
    while unknown:
        rows = _rows(db, unknown)
        lost |= unknown - rows.keys()
        for id, (of, level, cited) in rows.items():
            if level == "explicit" and of == session:
                lost.add(id)
            sources[id] = cited
        unknown = {id for _, _, cited in rows.values() for id in cited} - sources.keys() - lost
    return backfills.resting_on(lost, sources)


def _rows(db: Connection, ids: Iterable[str]) -> dict[str, tuple[int | None, str, tuple[str, ...]]]:
    """Id → session, level and sources of conclusions, deleted ones included."""
    found = db.execute(
        """SELECT c.id, c.session, c.level, c.source_ids
           FROM json_each(?) wanted CROSS JOIN conclusions c ON c.id = wanted.value""",
        (orjson.dumps([*ids]).decode(),),
    )
    return {id: (of, level, _sources(text)) for id, of, level, text in found}
