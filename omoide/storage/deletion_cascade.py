"""Delete sessions, with all data that depends on their conclusions: derived conclusions and lines of peer cards.

Everything happens in the transaction of the deletion, so that none of it can be read afterwards:

- A conclusion that one of the session's superseded or corrected is current again.
- A derived conclusion is deleted if any of its direct or transitive sources is: it is not known which parts of its text
  come from that source. A dream is enqueued, which derives again what the remaining sources support.
- A derived conclusion that was dreamed in the deleted session but depends on other sessions only is kept, without the
  session.
- A card keeps the lines that callers set. The sources of the other lines are not recorded; they are removed, and a job
  restores those that the remaining conclusions support.
- Running dreams are restarted (`dream_jobs.interrupt`), because their input may be deleted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from omoide.core.job_payloads import JobKind, SessionPurge
from omoide.core.jobs import NewJob
from omoide.storage import cards, conclusion_endings, conclusions, dream_jobs, queue, scope_copies, sessions
from omoide.storage.base import Transaction
from omoide.storage.dialect import ORDERED_JOIN, array, greatest, json_or_null, unnest
from omoide.storage.dream_jobs import CARD_REFRESH, OMNI, Pair


@dataclass(frozen=True, slots=True)
class _Derived:
    """A live derived conclusion. `session` is the row of the session in which it was dreamed."""

    pk: int
    id: str
    session: int | None
    source_ids: tuple[str, ...]


def delete_session(db: Transaction, workspace_id: str, session_id: str, now: int) -> None:
    """Hide the session and enqueue a job that removes its rows. Pending reasoning about it is dropped, and what was
    learned from it is deleted.

    Raises NotFound if there is no such session.
    """
    session, workspace = sessions.existing(db, workspace_id, session_id)
    # By id and at once: a new session may get the same id next.
    db.execute(
        f"""DELETE FROM jobs WHERE workspace = ? AND kind IN ('representation', 'summary')
           AND {json_or_null("payload")} ->> 'session' = ?""",
        (workspace, session_id),
    )
    db.execute("DELETE FROM done WHERE workspace = ? AND session = ?", (workspace, session_id))
    _forget_session(db, workspace, session.pk, session_id, now)
    db.execute("UPDATE sessions SET deleted_at = ? WHERE pk = ?", (now, session.pk))
    queue.add(db, NewJob(JobKind.PURGE_SESSION, SessionPurge(session.pk).to_json(), workspace=workspace), now)


def _forget_session(db: Transaction, workspace: int, session: int, session_id: str, now: int) -> None:
    dream_jobs.leave_session(db, workspace, session_id)
    dream_jobs.interrupt(db, workspace, now)
    conclusion_endings.revive(db, conclusion_endings.successors_from(db, session))
    for pair, learned in _affected(db, session).items():
        derived = _derived(db, pair)
        lost = _resting_on_session(db, derived, session)
        conclusions.hide(db, [each.pk for each in derived if each.id in lost], now)
        kept = [each.pk for each in derived if each.id not in lost and each.session == session]
        db.executemany("UPDATE conclusions SET session = NULL WHERE pk = ?", [(pk,) for pk in kept])
        db.execute(
            f"""UPDATE dreams SET explicit_since = {greatest("0", "explicit_since - ?")}
                WHERE observer = ? AND observed = ?""",
            (learned, *pair),
        )
        renew(db, workspace, pair, now, is_redrawn=bool(lost))


def renew(db: Transaction, workspace: int, pair: Pair, now: int, *, is_redrawn: bool) -> None:
    """Remove the lines of the pair's card that no caller set, and enqueue a dream that restores those that still hold.

    `is_redrawn` enqueues a full dream, because derived conclusions were deleted as well. No dream of the pair may be
    running: see `dream_jobs.interrupt`.
    """
    (observed,) = db.execute("SELECT id FROM peers WHERE pk = ?", (pair[1],)).fetchone()
    is_reset = cards.keep_given(db, pair[0], observed, now)
    if is_redrawn or is_reset:
        dream_jobs.renew(db, workspace, pair, OMNI if is_redrawn else CARD_REFRESH, now)


def _affected(db: Transaction, session: int) -> dict[Pair, int]:
    """Pair → number of its conclusions from the session that count towards its next dream, for pairs that have any."""
    found = db.execute(
        """SELECT c.observer, c.observed, count(*) FILTER (WHERE c.level = 'explicit'
               AND c.deleted_at IS NULL AND c.details <> '{}' AND c.created_at > coalesce(d.last_at, 0))
           FROM conclusions c LEFT JOIN dreams d ON d.observer = c.observer AND d.observed = c.observed
           WHERE c.session = ? GROUP BY c.observer, c.observed ORDER BY c.observer, c.observed""",
        (session,),
    )
    return {(observer, observed): count for observer, observed, count in found}


def _derived(db: Transaction, pair: Pair) -> list[_Derived]:
    found = db.execute(
        """SELECT pk, id, session, source_ids FROM conclusions
           WHERE observer = ? AND observed = ? AND level <> 'explicit' AND deleted_at IS NULL""",
        pair,
    )
    return [_Derived(pk, id, of, _sources(text)) for pk, id, of, text in found]


def _sources(text: object) -> tuple[str, ...]:
    return tuple(conclusions.sources_of((text or "[]",)))


def _resting_on_session(db: Transaction, derived: Collection[_Derived], session: int) -> set[str]:
    """The ids of conclusions that depend on conclusions from the session, directly or transitively.

    A source whose row no longer exists counts as one from the session, because its session is unknown; so does a
    derived conclusion of the session that has no sources.
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
    return scope_copies.resting_on(lost, sources)


def _rows(db: Transaction, ids: Iterable[str]) -> dict[str, tuple[int | None, str, tuple[str, ...]]]:
    """Id → session, level and sources of conclusions, including deleted ones."""
    found = db.execute(
        f"""SELECT c.id, c.session, c.level, c.source_ids
           FROM {unnest("text", "wanted")} {ORDERED_JOIN} conclusions c ON c.id = wanted.value""",
        (array([*ids]),),
    )
    return {id: (of, level, _sources(text)) for id, of, level, text in found}
