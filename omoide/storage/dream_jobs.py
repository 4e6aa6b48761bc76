"""Dream jobs: at most one per pair and type is waiting, and one whose input was deleted is restarted."""

from __future__ import annotations

import orjson

from omoide.core.job_payloads import DreamPayload, JobKind
from omoide.core.jobs import NewJob
from omoide.core.records import Json
from omoide.storage import queue
from omoide.storage.base import Transaction
from omoide.storage.column_validation import as_text
from omoide.storage.dialect import json_or_null, least

OMNI, CARD_REFRESH = "omni", "card_refresh"
Pair = tuple[int, int]
"""Observer and observed (rows of peers)."""
_PAYLOAD = json_or_null("payload")


def key(type: str, pair: Pair) -> str:
    """Queue key of the dreams of a pair."""
    return f"{type}:{pair[0]}:{pair[1]}"


def add(db: Transaction, workspace: int, pair: Pair, dream: DreamPayload, now: int, due_at: int) -> None:
    """Enqueue a dream, even if one is queued already."""
    payload = {**dream.to_json(), "pair": [*pair]}
    job_key = key(dream.type, pair)
    queue.add(db, NewJob(JobKind.DREAM, payload, key=job_key, workspace=workspace, coalesce=False, due_at=due_at), now)


def enqueue(
    db: Transaction, workspace: int, pair: Pair, dream: DreamPayload, now: int, *, afresh: bool = False
) -> None:
    """Make sure that a dream of the pair is due now. A running or waiting one is enough, and a waiting one becomes due;
    with `afresh`, a running one does not count, because it has read outdated data."""
    is_enough = queue.is_waiting if afresh else queue.is_queued
    if is_enough(db, JobKind.DREAM, key(dream.type, pair)):
        queue.expedite(db, JobKind.DREAM, key(dream.type, pair), now)
    else:
        add(db, workspace, pair, dream, now, now)


def owner(db: Transaction, pair: Pair) -> Pair | None:
    """The pair that has the dreams and cards of this one: another if a peer is being merged, none if one is deleted."""
    found = db.execute(
        """SELECT p.pk, p.kind, a.peer FROM peers p LEFT JOIN peer_aliases a
               ON p.kind = 'merged' AND a.workspace = p.workspace AND a.id = p.id WHERE p.pk IN (?, ?)""",
        pair,
    ).fetchall()
    actual = {pk: into if kind == "merged" else pk for pk, kind, into in found if kind != "deleted"}
    observer, observed = (actual.get(peer) for peer in pair)
    return None if observer is None or observed is None else (observer, observed)


def renew(db: Transaction, workspace: int, pair: Pair, type: str, now: int) -> None:
    """Enqueue a dream of the pair's owner that rebuilds its card from the conclusions alone, or turn the waiting one
    into it.

    Call it after `interrupt`, so that no dream of the pair runs.
    """
    if (actual := owner(db, pair)) is None:
        return
    pair = actual
    condition = "kind = ? AND key = ? AND leased_until IS NULL AND failed_at IS NULL"
    waiting = _payloads(db, condition, (JobKind.DREAM, key(type, pair)))
    for pk, payload in waiting:
        text = orjson.dumps({**payload, "rebuild": True, "automatic": True}).decode()
        due = f"UPDATE jobs SET payload = ?, due_at = {least('due_at', '?')}, grows = 0 WHERE pk = ?"
        db.execute(due, (text, now, pk))
    if not waiting:
        add(db, workspace, pair, automatic(db, pair, type, rebuild=True), now, now)


def automatic(db: Transaction, pair: Pair, type: str, *, rebuild: bool = False) -> DreamPayload:
    """A dream that no caller requested."""
    observer, observed = (as_text(db.execute("SELECT id FROM peers WHERE pk = ?", (pk,)).fetchone()[0]) for pk in pair)
    return DreamPayload(observer, observed, None, type, rebuild, automatic=True)


def interrupt(db: Transaction, workspace: int, now: int) -> None:
    """Restart the running dreams of the workspace, because their input may have been deleted.

    A worker that runs one loses its lease and stores nothing.
    """
    db.execute(
        """UPDATE jobs SET leased_until = NULL, due_at = ?
           WHERE workspace = ? AND kind = ? AND leased_until IS NOT NULL AND failed_at IS NULL""",
        (now, workspace, JobKind.DREAM),
    )


def rename(db: Transaction, workspace: int, old: tuple[int, str], into: tuple[int, str]) -> None:
    """Make the dreams of a peer (row and id) those of another. None of them may be running: see `interrupt`."""
    for pk, payload in _payloads(db, "workspace = ? AND kind = ?", (workspace, JobKind.DREAM)):
        named = {name: into[1] for name in ("observer", "observed") if payload.get(name) == old[1]}
        pair = payload.get("pair")
        if isinstance(pair, list) and old[0] in pair:
            named["pair"] = pair = [into[0] if peer == old[0] else peer for peer in pair]  # type: ignore[assignment]
        if named and isinstance(pair, list) and len(pair) == 2:
            text, job_key = orjson.dumps({**payload, **named}).decode(), f"{payload.get('type')}:{pair[0]}:{pair[1]}"
            db.execute("UPDATE jobs SET payload = ?, key = ? WHERE pk = ?", (text, job_key, pk))


def leave_session(db: Transaction, workspace: int, session_id: str) -> None:
    """Detach dreams from a session that is deleted."""
    of_session = f"workspace = ? AND kind = ? AND {_PAYLOAD} ->> 'session' = ?"
    for pk, payload in _payloads(db, of_session, (workspace, JobKind.DREAM, session_id)):
        detached = orjson.dumps({**payload, "session": None}).decode()
        db.execute("UPDATE jobs SET payload = ? WHERE pk = ?", (detached, pk))


def _payloads(db: Transaction, condition: str, params: tuple[int | str, ...]) -> list[tuple[int, Json]]:
    """Row and payload of the jobs for which the condition holds, without damaged ones."""
    found = db.execute(f"SELECT pk, payload FROM jobs WHERE {condition}", params).fetchall()
    return [(pk, payload) for pk, text in found if (payload := queue.parse_payload(text)) is not None]
