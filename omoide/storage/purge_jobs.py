"""Enqueue missing jobs for deleted rows and merged peers, after a job was damaged or lost."""

from __future__ import annotations

from collections.abc import Iterator

from omoide.core.job_payloads import JobKind
from omoide.core.jobs import NewJob
from omoide.storage import conclusions, peer_merge, queue
from omoide.storage.base import Transaction
from omoide.storage.dialect import json_or_null

_PAYLOAD = json_or_null("j.payload")


def enqueue_missing(db: Transaction, now: int) -> Iterator[str]:
    """Enqueue the missing jobs for what was deleted, and for merged peers; yields a line for each."""
    for table, name in (("workspaces", "workspace"), ("sessions", "session")):
        found = db.execute(
            f"""SELECT pk FROM {table} t WHERE deleted_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM jobs j
                WHERE j.kind = 'purge_{name}' AND j.failed_at IS NULL
                AND CAST({_PAYLOAD} ->> '{name}' AS BIGINT) = t.pk)"""
        ).fetchall()
        for (pk,) in found:
            queue.add(db, NewJob(f"purge_{name}", {name: pk}), now)
            yield f"deleted {name} {pk} will be removed by the worker"
    found = db.execute(
        f"""SELECT pk FROM peers p WHERE kind = 'deleted' AND NOT EXISTS (SELECT 1 FROM jobs j
            WHERE j.kind = 'purge_peer' AND j.failed_at IS NULL AND CAST({_PAYLOAD} ->> 'peer' AS BIGINT) = p.pk)"""
    ).fetchall()
    for (pk,) in found:
        queue.add(db, NewJob(JobKind.PURGE_PEER, {"peer": pk}), now)
        yield f"deleted peer {pk} will be removed by the worker"
    found = db.execute(
        f"""SELECT p.workspace, p.pk, a.peer FROM peers p
            JOIN peer_aliases a ON a.workspace = p.workspace AND a.id = p.id
            WHERE p.kind = 'merged' AND a.peer IS NOT NULL AND NOT EXISTS (SELECT 1 FROM jobs j
            WHERE j.kind = 'merge_peers' AND j.failed_at IS NULL AND CAST({_PAYLOAD} ->> 'old' AS BIGINT) = p.pk)"""
    ).fetchall()
    for workspace, old, into in found:
        peer_merge.enqueue(db, workspace, old, into, now)
        yield f"the merge of peer {old} into {into} will be completed by the worker"
    row = db.execute("SELECT 1 FROM conclusions WHERE deleted_at IS NOT NULL AND ended_as IS NULL LIMIT 1").fetchone()
    if row and not queue.is_queued(db, JobKind.PURGE_CONCLUSIONS, JobKind.PURGE_CONCLUSIONS):
        conclusions.enqueue_purge(db, now)
        yield "deleted conclusions will be removed by the worker"
