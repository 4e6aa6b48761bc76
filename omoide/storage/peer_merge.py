"""Merge a peer into another: one human under two ids.

`begin` moves what is small in one transaction: memberships, cards, counts and jobs of dreams; from then on the old id
is an alias. A job moves the conclusions and messages in steps (`peer_merge_steps`), and `finish` removes the peer. What
has not moved yet is shown under the old id.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from omoide.core.errors import Conflict, NotFound, Unprocessable
from omoide.core.identifiers import is_scope_peer
from omoide.core.job_payloads import JobKind, PeerMerge
from omoide.core.jobs import NewJob
from omoide.core.records import MergeProgress
from omoide.storage import (
    card_merge,
    completed_work,
    dream_jobs,
    membership_merge,
    peer_aliases,
    queue,
    rows,
    workspaces,
)
from omoide.storage.base import Transaction
from omoide.storage.column_validation import as_text
from omoide.storage.conclusion_links import IS_CURRENT
from omoide.storage.dialect import greatest


@dataclass(frozen=True, slots=True)
class MergePlan:
    """Two peers of a workspace: rows and ids. A running merge has begun already."""

    workspace: int
    old: int
    old_id: str
    into: int
    into_id: str
    is_running: bool = False


def plan(db: Transaction, workspace_id: str, old_id: str, into_id: str) -> MergePlan | None:
    """The merge, which may be running already; None if it has finished, and the old id is an alias.

    Raises Unprocessable for the same peer twice and for scopes, NotFound for a missing peer, Conflict for an alias, and
    while other peers are being merged into the first.
    """
    if old_id == into_id:
        raise Unprocessable("A peer cannot be merged into itself")
    if scopes := [each for each in (old_id, into_id) if is_scope_peer(each)]:
        raise Unprocessable(f"Peer name(s) {scopes} use the prefix of scopes. Scopes are not merged.")
    workspace = workspaces.pk_of(db, workspace_id)
    missing = NotFound(f"Peer {old_id} not found in workspace {workspace_id}")
    if workspace is None:
        raise missing
    if (into := _peer(db, workspace, into_id)) is None:
        if (alias := peer_aliases.resolved(db, workspace_id, [into_id])) and into_id in alias:
            raise Conflict(f"Peer {into_id} is an alias of {alias[into_id]}: name that peer")
        raise NotFound(f"Peer {into_id} not found in workspace {workspace_id}")
    if (old := _peer(db, workspace, old_id)) is not None:
        check_settled(db, old, old_id)
        return MergePlan(workspace, old, old_id, into, into_id)
    alias = peer_aliases.resolved(db, workspace_id, [old_id])
    if old_id not in alias:
        raise missing
    if alias[old_id] != into_id:
        raise Conflict(f"Peer {old_id} is an alias of {alias[old_id]} already: it was merged")
    row = db.execute(f"SELECT pk FROM peers WHERE {_MERGED} AND id = ?", (workspace, old_id)).fetchone()
    return MergePlan(workspace, row[0], old_id, into, into_id, is_running=True) if row else None


_MERGED = "workspace = ? AND kind = 'merged'"


def _peer(db: Transaction, workspace: int, peer_id: str) -> int | None:
    query = "SELECT pk FROM peers WHERE workspace = ? AND id = ? AND kind = 'peer'"
    row = db.execute(query, (workspace, peer_id)).fetchone()
    return row[0] if row else None


def check_settled(db: Transaction, peer: int, peer_id: str) -> None:
    """Raise Conflict if another peer is being merged into this one (row and id)."""
    row = db.execute(
        """SELECT p.id FROM peer_aliases a JOIN peers p ON p.workspace = a.workspace AND p.id = a.id
           WHERE a.peer = ? AND p.kind = 'merged'""",
        (peer,),
    ).fetchone()
    if row:
        raise Conflict(f"Peer {as_text(row[0])} is being merged into {peer_id}. Try again once that is finished.")


def progress(db: Transaction, workspace_id: str, old_id: str, into_id: str) -> MergeProgress:
    """The state of the merge, and what it has to move. Raises as `plan`."""
    of = plan(db, workspace_id, old_id, into_id)
    if of is None:
        return MergeProgress("completed")
    living = "JOIN sessions s ON s.pk = m.session AND s.deleted_at IS NULL"
    return MergeProgress(
        "running" if of.is_running else "planned",
        messages=_count(
            db,
            f"""(SELECT DISTINCT session FROM members WHERE peer IN (?, ?)) x
                JOIN messages m ON m.session = x.session {living} WHERE m.peer = ?""",
            (of.old, of.into, of.old),
        ),
        sessions=_count(db, f"members m {living} WHERE m.peer = ?", (of.old,)),
        conclusions=_count(
            db, f"conclusions c WHERE (c.observer = ? OR c.observed = ?) AND {IS_CURRENT}", (of.old, of.old)
        ),
        cards=len(card_merge.of(db, of.workspace, of.old, of.old_id)),
    )


def _count(db: Transaction, source: str, params: tuple[int, ...]) -> int:
    return int(db.execute(f"SELECT count(*) FROM {source}", params).fetchone()[0])


def start(db: Transaction, workspace_id: str, old_id: str, into_id: str, now: int, *, keep_alias: bool) -> None:
    """Begin the merge, unless it has begun. Raises as `plan`."""
    of = plan(db, workspace_id, old_id, into_id)
    if of is not None and not of.is_running:
        begin(db, of, now, keep_alias=keep_alias)


def begin(db: Transaction, of: MergePlan, now: int, *, keep_alias: bool) -> None:
    """Begin the merge and enqueue its job."""
    db.lock("peers", of.old)
    db.lock("peers", of.into)
    _add_metadata(db, of)
    db.execute("UPDATE peers SET kind = 'merged' WHERE pk = ?", (of.old,))
    peer_aliases.add(db, of.workspace, (of.old, of.old_id), of.into, now, is_kept=keep_alias)
    move_small(db, of, now)
    enqueue(db, of.workspace, of.old, of.into, now)


def _add_metadata(db: Transaction, of: MergePlan) -> None:
    """Give the target the entries of the metadata that it lacks."""
    read = "SELECT metadata FROM peers WHERE pk = ?"
    theirs, own = (_object(db.execute(read, (peer,)).fetchone()) for peer in (of.old, of.into))
    if theirs.keys() - own.keys():
        text = orjson.dumps({**theirs, **own}).decode()
        db.execute("UPDATE peers SET metadata = ? WHERE pk = ?", (text, of.into))


_object = rows.reader(["peers.metadata"], lambda row: rows.from_text(row[0]))


def enqueue(db: Transaction, workspace: int, old: int, into: int, now: int) -> None:
    """Enqueue the job of a merge that has begun."""
    payload = PeerMerge(old, into).to_json()
    queue.add(db, NewJob(JobKind.MERGE_PEERS, payload, key=str(old), workspace=workspace), now)


def resume(db: Transaction, workspace: int, now: int) -> None:
    """Enqueue the jobs of the merges that were running when the workspace was exported: an alias is still a peer."""
    db.execute(
        """UPDATE peers SET kind = 'merged' WHERE workspace = ? AND kind = 'peer' AND EXISTS (
               SELECT 1 FROM peer_aliases a WHERE a.workspace = peers.workspace AND a.id = peers.id
               AND a.peer <> peers.pk)""",
        (workspace,),
    )
    found = db.execute(
        """SELECT p.pk, a.peer FROM peers p JOIN peer_aliases a ON a.workspace = p.workspace AND a.id = p.id
           WHERE p.workspace = ? AND p.kind = 'merged' AND a.peer IS NOT NULL""",
        (workspace,),
    ).fetchall()
    for old, into in found:
        enqueue(db, workspace, old, into, now)


def running(db: Transaction, old: int, into: int) -> MergePlan | None:
    """The merge of two peers (rows) that has begun; None if it has finished or either is gone."""
    row = db.execute(
        """SELECT o.workspace, o.id, t.id FROM peers o JOIN peers t ON t.pk = ? AND t.workspace = o.workspace
           WHERE o.pk = ? AND o.kind = 'merged'""",
        (into, old),
    ).fetchone()
    return MergePlan(row[0], old, as_text(row[1]), into, as_text(row[2]), is_running=True) if row else None


def move_small(db: Transaction, of: MergePlan, now: int) -> None:
    """Move memberships, cards, and the counts and jobs of dreams. Again at the end: work that had begun adds some."""
    membership_merge.move(db, of.old, of.into)
    card_merge.move(db, of.workspace, (of.old, of.old_id), (of.into, of.into_id), now)
    completed_work.rename(db, of.workspace, of.old_id, of.into_id)
    dream_jobs.interrupt(db, of.workspace, now)
    dream_jobs.rename(db, of.workspace, (of.old, of.old_id), (of.into, of.into_id))
    _add_dreams(db, of)


def _add_dreams(db: Transaction, of: MergePlan) -> None:
    found = db.execute(
        "SELECT observer, observed, explicit_since, last_at FROM dreams WHERE observer = ? OR observed = ?",
        (of.old, of.old),
    ).fetchall()
    db.execute("DELETE FROM dreams WHERE observer = ? OR observed = ?", (of.old, of.old))
    for observer, observed, since, last_at in found:
        pair = (of.into if peer == of.old else peer for peer in (observer, observed))
        db.execute(
            f"""INSERT INTO dreams (observer, observed, explicit_since, last_at) VALUES (?, ?, ?, ?)
               ON CONFLICT (observer, observed) DO UPDATE
               SET explicit_since = dreams.explicit_since + excluded.explicit_since,
               last_at = {greatest("coalesce(dreams.last_at, 0)", "coalesce(excluded.last_at, 0)")}""",
            (*pair, since, last_at),
        )
