"""Delete sessions and conclusions, with all data that depends on these: derived conclusions and lines of peer cards.

Everything happens in the transaction of the deletion, so that none of it can be read afterwards:

- A conclusion that a deleted one superseded is current again; what one of a deleted session corrected or merged, too.
  Deleting a single conclusion also deletes what it corrected or merged, because these are its earlier versions.
- A derived conclusion is deleted if any of its direct or transitive sources is: it is not known which parts of its text
  come from that source. A dream is enqueued, which derives again what the remaining sources support.
- A derived conclusion that was dreamed in the deleted session but depends on other sessions only is kept, without the
  session.
- A card keeps the lines that callers set. The sources of the other lines are not recorded; they are removed, and a job
  restores those that the remaining conclusions support.
- Running dreams are restarted (`dream_jobs.interrupt`), because their input may be deleted.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from omoide.core.job_payloads import JobKind, SessionPurge
from omoide.core.jobs import NewJob
from omoide.storage import cards, conclusion_revival, conclusions, dream_jobs, queue, scope_copies, sessions
from omoide.storage.base import Transaction
from omoide.storage.conclusion_endings import Ended
from omoide.storage.dialect import ORDERED_JOIN, array, greatest, in_array, json_or_null, unnest
from omoide.storage.dream_jobs import CARD_REFRESH, OMNI, Pair


@dataclass(frozen=True, slots=True)
class DerivedRow:
    """A derived conclusion, current or ended. `session` is the row of the session in which it was dreamed."""

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


def delete_conclusion(
    db: Transaction,
    workspace_id: str,
    conclusion_id: str,
    now: int,
    held_by: str | None = None,
    about: str | None = None,
) -> None:
    """Delete a conclusion with its earlier versions, its copies in scopes, and what was derived from any of these.

    Raises NotFound if there is no such conclusion, or if `held_by` or `about` name other peers than its.
    """
    deleted = conclusions.get_of(db, workspace_id, conclusion_id, held_by, about)
    (workspace,) = db.execute("SELECT workspace FROM conclusions WHERE pk = ?", (deleted.pk,)).fetchone()
    pks = [deleted.pk, *scope_copies.of(db, deleted.pk)]
    ids = db.execute(f"SELECT id FROM conclusions WHERE pk {in_array('bigint')}", (array(pks),)).fetchall()
    forget(db, workspace, [*pks, *conclusion_revival.earlier_versions(db, [id for (id,) in ids])], now)


def forget(db: Transaction, workspace: int, pks: Collection[int], now: int) -> None:
    """Delete conclusions, current or ended, with the derived conclusions and card lines that rest on them."""
    if not pks:
        return
    dream_jobs.interrupt(db, workspace, now)
    found = db.execute(
        f"""SELECT observer, observed, pk, id FROM conclusions WHERE pk {in_array("bigint")}
            ORDER BY observer, observed, pk""",
        (array([*pks]),),
    ).fetchall()
    for observer in dict.fromkeys(row[0] for row in found):
        db.lock("peers", observer)
    for pair, deleted in itertools.groupby(found, key=lambda row: row[:2]):
        ids = {id: pk for _, _, pk, id in deleted}
        derived = derived_of(db, pair)
        lost = scope_copies.resting_on(ids, {each.id: each.source_ids for each in derived})
        resting = {each.pk for each in derived if each.id in lost and each.id not in ids}
        _discount_learned(db, pair, ids.values())
        revived = conclusions.hide(db, {*ids.values(), *resting}, now)
        renew(db, workspace, pair, now, is_redrawn=bool(resting), is_due=bool(revived))


def follow_endings(
    db: Transaction, workspace: int, pair: Pair, endings: Collection[Ended], now: int, *, with_card: bool = False
) -> None:
    """Delete the derived conclusions that rest on superseded and invalid ones of the pair, and enqueue a dream.

    `with_card` enqueues one for the card in any case. The card keeps its lines until then.
    """
    if not endings:
        return
    resting = _resting(db, pair, endings)
    if resting:
        dream_jobs.interrupt(db, workspace, now)
        conclusions.hide(db, resting, now)
    if resting or with_card:
        dream_jobs.renew(db, workspace, pair, OMNI if resting else CARD_REFRESH, now)


def hide_resting(db: Transaction, pair: Pair, endings: Collection[Ended], now: int) -> None:
    """Delete the derived conclusions that rest on superseded and invalid ones of the pair."""
    if resting := _resting(db, pair, endings):
        conclusions.hide(db, resting, now)


def _resting(db: Transaction, pair: Pair, endings: Collection[Ended]) -> list[int]:
    """The derived conclusions that rest on what ended, unless that was merged."""
    pks = array([each.pk for each in endings if each.ending != "merged"])
    ids = {id for (id,) in db.execute(f"SELECT id FROM conclusions WHERE pk {in_array('bigint')}", (pks,))}
    derived = derived_of(db, pair)
    lost = scope_copies.resting_on(ids, {each.id: each.source_ids for each in derived})
    return [each.pk for each in derived if each.id in lost and each.id not in ids]


def _discount_learned(db: Transaction, pair: Pair, pks: Collection[int]) -> None:
    """Take conclusions that are about to be deleted from the count towards the pair's next dream."""
    (learned,) = db.execute(
        f"""SELECT count(*) FROM conclusions c LEFT JOIN dreams d ON d.observer = c.observer AND d.observed = c.observed
            WHERE c.pk {in_array("bigint")} AND {_COUNTED}""",
        (array([*pks]),),
    ).fetchone()
    _forget_learned(db, pair, learned)


def _forget_learned(db: Transaction, pair: Pair, learned: int) -> None:
    db.execute(
        f"UPDATE dreams SET explicit_since = {greatest('0', 'explicit_since - ?')} WHERE observer = ? AND observed = ?",
        (learned, *pair),
    )


def _forget_session(db: Transaction, workspace: int, session: int, session_id: str, now: int) -> None:
    dream_jobs.leave_session(db, workspace, session_id)
    dream_jobs.interrupt(db, workspace, now)
    revived = conclusion_revival.revive(db, conclusion_revival.versions_from(db, session))
    conclusion_revival.discount(db, conclusion_revival.merged_elsewhere(db, session))
    # As deleted, so that nothing that is deleted later revives them.
    ended = "UPDATE conclusions SET ended_as = NULL, successor = NULL WHERE session = ? AND ended_as IS NOT NULL"
    db.execute(ended, (session,))
    conclusions.enqueue_purge(db, now)
    current = _pairs(db, revived)
    for pair, learned in _affected(db, session).items():
        derived = derived_of(db, pair)
        lost = _resting_on_session(db, derived, session)
        conclusions.hide(db, [each.pk for each in derived if each.id in lost], now)
        kept = [each.pk for each in derived if each.id not in lost and each.session == session]
        db.executemany("UPDATE conclusions SET session = NULL WHERE pk = ?", [(pk,) for pk in kept])
        _forget_learned(db, pair, learned)
        renew(db, workspace, pair, now, is_redrawn=bool(lost), is_due=pair in current)


def _pairs(db: Transaction, pks: Collection[int]) -> set[Pair]:
    query = f"SELECT DISTINCT observer, observed FROM conclusions WHERE pk {in_array('bigint')}"
    return {(observer, observed) for observer, observed in db.execute(query, (array([*pks]),))}


def renew(
    db: Transaction, workspace: int, pair: Pair, now: int, *, is_redrawn: bool = False, is_due: bool = False
) -> None:
    """Remove the lines of the card that no caller set, and enqueue a dream that restores those that still hold.

    They are those of the pair's owner (`dream_jobs.owner`).

    `is_redrawn` enqueues a full dream, because derived conclusions were deleted as well; `is_due` a dream for the card
    even if it has no such lines. No dream of the pair may be running: see `dream_jobs.interrupt`.
    """
    if (owner := dream_jobs.owner(db, pair)) is None:
        return
    (observed,) = db.execute("SELECT id FROM peers WHERE pk = ?", (owner[1],)).fetchone()
    is_reset = cards.keep_given(db, owner[0], observed, now)
    if is_redrawn or is_reset or is_due:
        dream_jobs.renew(db, workspace, pair, OMNI if is_redrawn else CARD_REFRESH, now)


_COUNTED = """c.level = 'explicit' AND c.deleted_at IS NULL AND c.details <> '{}'
    AND c.created_at > coalesce(d.last_at, 0)"""
"""Whether a conclusion `c` counts towards the next dream `d`."""


def _affected(db: Transaction, session: int) -> dict[Pair, int]:
    """Pair → number of its conclusions from the session that count towards its next dream, for pairs that have any."""
    found = db.execute(
        f"""SELECT c.observer, c.observed, count(*) FILTER (WHERE {_COUNTED})
           FROM conclusions c LEFT JOIN dreams d ON d.observer = c.observer AND d.observed = c.observed
           WHERE c.session = ? GROUP BY c.observer, c.observed ORDER BY c.observer, c.observed""",
        (session,),
    )
    return {(observer, observed): count for observer, observed, count in found}


def derived_of(db: Transaction, pair: Pair) -> list[DerivedRow]:
    """The derived conclusions of a pair, current or ended."""
    of_pair = "SELECT pk, id, session, source_ids FROM conclusions WHERE observer = ? AND observed = ?"
    found = db.execute(
        f"""{of_pair} AND level <> 'explicit' AND deleted_at IS NULL
            UNION ALL {of_pair} AND level <> 'explicit' AND ended_as IS NOT NULL""",
        (*pair, *pair),
    )
    return [DerivedRow(pk, id, of, _sources(text)) for pk, id, of, text in found]


def _sources(text: object) -> tuple[str, ...]:
    return tuple(conclusions.sources_of((text or "[]",)))


def _resting_on_session(db: Transaction, derived: Collection[DerivedRow], session: int) -> set[str]:
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
