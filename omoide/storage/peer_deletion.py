"""Delete a peer: hidden at once, with all that it said, that it knows and that is known about it.

Its row gets the kind `deleted` and a longer id that no name has, so that the id is free at once; reads leave out its
messages and the conclusions by and about it. A job removes the rows (`peer_purge`).
"""

from __future__ import annotations

import orjson

from omoide.core.config_resolution import Defaults
from omoide.core.errors import NotFound, Unprocessable
from omoide.core.job_payloads import JobKind, PeerPurge
from omoide.core.jobs import NewJob
from omoide.core.records import Peer
from omoide.storage import dream_jobs, membership_intervals, message_removal, peer_aliases, peer_merge, peers, queue
from omoide.storage.base import Transaction
from omoide.storage.dialect import holds_text, json_or_null
from omoide.storage.engine import secure_delete

_PAYLOAD = json_or_null("payload")


def delete(db: Transaction, workspace_id: str, peer_id: str, now: int, *, defaults: Defaults) -> None:
    """Hide the peer and enqueue a job that removes its rows. Its aliases are free.

    Raises NotFound if there is no such peer, Unprocessable for the hidden peer of a scope, Conflict while another is
    being merged into it.
    """
    peer = peers.find(db, workspace_id, peer_id)
    if peer is None:
        raise NotFound(f"Peer {peer_id} not found in workspace {workspace_id}")
    if peers.is_scope(db, peer.pk):
        raise Unprocessable(f"Peer '{peer_id}' is a scope. Use the scopes routes to manage scopes.")
    peer_merge.check_settled(db, peer.pk, peer_id)
    db.lock("peers", peer.pk)
    peer_aliases.forget(db, peer.pk)
    (workspace,) = db.execute("SELECT workspace FROM peers WHERE pk = ?", (peer.pk,)).fetchone()
    _leave_sessions(db, peer.pk, now)
    _drop_work(db, workspace, peer, now)
    db.execute("DELETE FROM cards WHERE observer = ?", (peer.pk,))
    about = "DELETE FROM cards WHERE observed = ? AND observer IN (SELECT pk FROM peers WHERE workspace = ?)"
    db.execute(about, (peer_id, workspace))
    # `fulltext` needs the original id for as long as there are messages in its index.
    db.execute(
        """UPDATE peers SET kind = 'deleted', id = '~' || uid || id, metadata = '{}', configuration = '{}'
           WHERE pk = ?""",
        (peer.pk,),
    )
    _renew_summaries(db, workspace, peer.pk, now, defaults)
    queue.add(db, NewJob(JobKind.PURGE_PEER, PeerPurge(peer.pk).to_json(), workspace=workspace), now)
    secure_delete.enqueue(db, now)


def _leave_sessions(db: Transaction, peer: int, now: int) -> None:
    for (session,) in db.execute("SELECT session FROM members WHERE peer = ? AND left_at IS NULL", (peer,)).fetchall():
        membership_intervals.end(db, session, peer)
    left = "UPDATE members SET left_at = coalesce(left_at, ?), observe_me = NULL, observe_others = NULL WHERE peer = ?"
    db.execute(left, (now, peer))


def _drop_work(db: Transaction, workspace: int, peer: Peer, now: int) -> None:
    """Delete the peer's jobs, take it out of those that it observes, and restart those that may have read it."""
    dream_jobs.interrupt(db, workspace, now)
    db.execute(
        f"""DELETE FROM jobs WHERE workspace = ? AND kind = 'dream'
            AND ? IN ({_PAYLOAD} ->> 'observer', {_PAYLOAD} ->> 'observed')""",
        (workspace, peer.id),
    )
    of_peer = f"workspace = ? AND kind = 'representation' AND CAST({_PAYLOAD} ->> 'observed_pk' AS BIGINT) = ?"
    db.execute(f"DELETE FROM jobs WHERE {of_peer}", (workspace, peer.pk))
    learning = f"""SELECT pk, payload FROM jobs WHERE workspace = ? AND kind = 'representation'
        AND {holds_text("payload")}"""
    for pk, text in db.execute(learning, (workspace, f'"{peer.id}"')).fetchall():
        if (payload := queue.parse_payload(text)) is not None:
            pairs = zip(payload.get("observers", ()), payload.get("observer_pks", ()), strict=False)
            kept = [(id, observer) for id, observer in pairs if observer != peer.pk]
            changed = {**payload, "observers": [id for id, _ in kept], "observer_pks": [each for _, each in kept]}
            db.execute("UPDATE jobs SET payload = ? WHERE pk = ?", (orjson.dumps(changed).decode(), pk))
    db.execute(
        """UPDATE jobs SET leased_until = NULL, due_at = ? WHERE workspace = ?
           AND kind IN ('representation', 'summary') AND leased_until IS NOT NULL AND failed_at IS NULL""",
        (now, workspace),
    )
    db.execute(
        f"DELETE FROM done WHERE workspace = ? AND (observed = ? OR {holds_text('observers')})",
        (workspace, peer.id, f'"{peer.id}"'),
    )


def _renew_summaries(db: Transaction, workspace: int, peer: int, now: int, defaults: Defaults) -> None:
    covered = db.execute(
        """SELECT DISTINCT k.session FROM members m JOIN summaries k ON k.session = m.session
           JOIN sessions s ON s.pk = m.session
           WHERE m.peer = ? AND s.deleted_at IS NULL ORDER BY k.session""",
        (peer,),
    ).fetchall()
    for (session,) in covered:
        message_removal.renew_summaries(db, workspace, session, 1, now, defaults)
