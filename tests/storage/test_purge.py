"""Purging removes deleted rows with all dependent data, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from omoide.core.job_payloads import JobKind
from omoide.core.jobs import NewJob
from omoide.core.records import Change, NewConclusion, NewMessage, Observation, SessionChange
from omoide.storage import (
    conclusions,
    deletion_cascade,
    messages,
    peers,
    purge,
    queue,
    scope_backfill,
    scopes,
    sessions,
    workspaces,
)
from omoide.storage.sqlite.engine import Connection
from tests import sql
from tests.storage.row_factories import steps

NOW = 1_700_000_000_000_000
# Every table with rows of workspaces; the others belong to the whole database.
TABLES = (
    *("workspaces", "peers", "sessions", "members", "messages", "receipts", "conclusions", "message_words"),
    *("conclusion_words", "message_vectors", "conclusion_vectors", "cards", "summaries", "backfills", "webhooks"),
    *("jobs", "done", "dreams", "model_usage", "budget_pauses"),
)


@pytest.fixture
def db(db: Connection) -> Iterator[Connection]:
    yield db
    for index in ("message_words", "conclusion_words"):
        sql.change(db, f"INSERT INTO {index} ({index}) VALUES ('integrity-check')")
    assert sql.rows(db, "PRAGMA foreign_key_check") == []


def say(db: Connection, w: str, s: str, *contents: str) -> None:
    batch = [NewMessage("alice", content, {}, 1, None) for content in contents]
    messages.add(db, w, s, batch, NOW, max_observers=10)


def fill(db: Connection, w: str, *session_ids: str) -> None:
    """Create a workspace with rows in every table."""
    for s in session_ids:
        change = SessionChange(peers={"alice": Observation()}, scopes=["th"])
        session = sessions.get_or_create(db, w, s, change, NOW).pk
        say(db, w, s, *["I like tea"] * 3)
        sql.change(db, "INSERT INTO receipts VALUES (?, 'k', x'00', 1, 3, 1)", (session,))
        drawn = [NewConclusion(f"alice likes tea {n}", "alice", "alice", at) for n, at in enumerate((s, None))]
        _, lasting = conclusions.add(db, w, drawn, NOW)
        conclusions.delete(db, w, lasting.id, NOW)
        scope_backfill.begin_all(db, session, NOW)
        sql.change(db, "INSERT INTO summaries VALUES (?, 'short', 'x', 'm', 1, 1, 1)", (session,))
    alice, scope = peers.find(db, w, "alice"), scopes.get(db, w, "th")
    workspace = workspaces.find(db, w)
    assert alice is not None
    assert workspace is not None
    sql.change(
        db, "INSERT INTO cards VALUES (?, 'alice', '[]', 1, '[]'), (?, 'alice', '[]', 1, '[]')", (alice.pk, scope.pk)
    )
    sql.change(db, "INSERT INTO dreams VALUES (?, ?, 3, NULL)", (alice.pk, alice.pk))
    sql.change(db, "INSERT INTO done VALUES (?, 'dream', 's', 'alice', '[]', 1, 1)", (workspace.pk,))
    sql.change(db, "INSERT INTO model_usage VALUES (1, ?, 'derive', 'toy', 1, 0, 2, 3, 0, 0)", (workspace.pk,))
    sql.change(db, "INSERT INTO budget_pauses VALUES (?, 1)", (workspace.pk,))
    sql.change(db, "INSERT INTO webhooks (id, workspace, url, created_at) VALUES (?, ?, 'x', 1)", (w, workspace.pk))
    for source in ("message", "conclusion"):
        sql.change(db, f"INSERT OR IGNORE INTO {source}_vectors SELECT pk, x'00' FROM {source}s")


def counts(db: Connection) -> dict[str, int]:
    return {table: sql.count(db, table) for table in TABLES}


def purged(db: Connection, step: Callable[[Connection, int], bool], pk: int) -> int:
    """Purge to the end; returns the number of steps."""
    steps = 1
    while step(db, pk):
        steps += 1
    return steps


def drop_session(db: Connection, w: str, s: str) -> int:
    pk = sessions.get(db, w, s).pk
    deletion_cascade.delete_session(db, w, s, NOW)
    return pk


def drop_workspace(db: Connection, w: str) -> int:
    found = workspaces.find(db, w)
    assert found is not None
    workspaces.delete(db, w, NOW)
    return found.pk


def no_jobs(db: Connection) -> None:
    """Remove jobs without a workspace, which are not counted."""
    sql.change(db, "DELETE FROM jobs WHERE workspace IS NULL")


def test_purging_a_workspace_removes_all_of_it_and_nothing_else(db: Connection) -> None:
    fill(db, "kept", "s")
    no_jobs(db)
    before = counts(db)
    assert all(before.values()), before
    fill(db, "gone", "s", "t")
    queue.add(db, NewJob("dream", {}, workspace=2), NOW)
    for s in "st":
        drop_session(db, "gone", s)
    purged(db, purge.workspace, drop_workspace(db, "gone"))
    no_jobs(db)
    assert counts(db) == before


def test_purging_a_session_removes_its_conclusions_and_nothing_else(db: Connection) -> None:
    fill(db, "w", "s")
    no_jobs(db)
    kept = {"workspaces", "peers", "cards", "dreams", "webhooks", "jobs", "model_usage", "budget_pauses"}
    kept |= {"conclusions", "conclusion_words", "conclusion_vectors"}
    purged(db, purge.session, drop_session(db, "w", "s"))
    no_jobs(db)
    after = counts(db)
    assert {table for table, count in after.items() if count} == kept
    assert (after["conclusions"], after["conclusion_words"], after["conclusion_vectors"]) == (1, 1, 1)


def test_a_purged_session_is_removed_from_the_full_text_index(db: Connection) -> None:
    fill(db, "w", "s", "t")
    purged(db, purge.session, drop_session(db, "w", "s"))
    for index in ("message_words", "conclusion_words"):
        hits = sql.count(db, index, f"{index} MATCH 'tea'")
        assert hits == {"message_words": 3, "conclusion_words": 3}[index]


def test_large_amounts_are_purged_in_steps(db: Connection) -> None:
    say(db, "w", "s", *["x"] * (2 * purge.ROWS_AT_A_TIME + 1))
    assert purged(db, purge.session, drop_session(db, "w", "s")) > 3
    assert counts(db)["messages"] == 0


def test_long_messages_are_purged_in_small_steps(db: Connection) -> None:
    long = "word " * (purge.CHARACTERS_AT_A_TIME // 5)
    say(db, "w", "s", *[long] * 4, *["x"] * 10)
    pk = drop_session(db, "w", "s")
    left = []
    while purge.session(db, pk):
        left.append(counts(db)["messages"])
    assert left[:5] == [13, 12, 11, 10, 0]


@pytest.mark.parametrize("step", [purge.session, purge.workspace])
def test_only_deleted_rows_are_purged(step: Callable[[Connection, int], bool], db: Connection) -> None:
    fill(db, "w", "s")
    before = counts(db)
    assert step(db, 1) is False
    assert step(db, 99) is False
    assert counts(db) == before


def test_a_session_with_a_reused_row_number_is_not_purged(db: Connection) -> None:
    say(db, "w", "s", "x")
    pk = drop_session(db, "w", "s")
    purged(db, purge.session, pk)
    say(db, "w", "s", "y")
    assert sessions.get(db, "w", "s").pk == pk
    assert purge.session(db, pk) is False
    assert counts(db)["messages"] == 1


def test_deleting_a_session_drops_its_pending_reasoning(db: Connection) -> None:
    for w in "wx":
        for s in "st":
            workspace, _ = sessions.ensure(db, w, s, NOW)
            for kind in ("representation", "summary", "dream"):
                queue.add(db, NewJob(kind, {"session": s}, key=f"{w}:{s}", workspace=workspace), NOW)
    drop_session(db, "w", "s")
    left = sql.rows(db, "SELECT kind, key FROM jobs WHERE kind NOT LIKE 'purge%' ORDER BY pk")
    others = [(kind, key) for key in ("w:t", "x:s", "x:t") for kind in ("representation", "summary", "dream")]
    assert left == [("dream", "w:s"), *others]


def test_a_peer_created_while_its_workspace_is_deleted_is_purged(db: Connection) -> None:
    peers.get_or_create(db, "w", "alice", Change(), NOW)
    pk = drop_workspace(db, "w")
    sql.change(
        db,
        """INSERT INTO peers (workspace, id, uid, metadata, configuration, created_at)
           VALUES (?, 'late', 'x', '{}', '{}', 1)""",
        (pk,),
    )
    purged(db, purge.workspace, pk)
    assert counts(db)["peers"] == 0


def test_conclusions_deleted_during_a_purge_get_another_purge_job(db: Connection) -> None:
    fill(db, "w", "s")
    sql.change(db, "DELETE FROM jobs")
    first, second = sql.column(db, "SELECT pk FROM conclusions ORDER BY pk LIMIT 2")
    sql.change(db, "UPDATE conclusions SET deleted_at = NULL")
    conclusions.hide(db, [first], NOW)
    conclusions.hide(db, [second], NOW + 7)
    job = queue.claim(db, NOW + conclusions.GRACE, lease=1)
    assert job is not None
    while purge.conclusions(db, NOW):
        pass
    conclusions.enqueue_purge(db, NOW + conclusions.GRACE)  # as the task does at its end
    queue.finish(db, job, NOW)
    assert sql.column(db, "SELECT pk FROM conclusions WHERE deleted_at > 0") == [second]
    assert sql.rows(db, "SELECT kind, due_at FROM jobs") == [(JobKind.PURGE_CONCLUSIONS, NOW + 7 + conclusions.GRACE)]


def test_purge_cost_of_peers_does_not_grow_with_dreams_of_others(db: Connection) -> None:
    def cost(id: str) -> int:
        for peer in ("alice", "bob", "carol"):
            peers.get_or_create(db, id, peer, Change(), NOW)
        workspaces.delete(db, id, NOW)
        pk = sql.value(db, "SELECT max(pk) FROM workspaces")
        return steps(db, lambda db: [purge.workspace(db, pk), purge.workspace(db, pk)])

    before = cost("first")
    peers.get_or_create(db, "other", "dreamer", Change(), NOW)
    sql.change(
        db,
        """WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1000)
           INSERT INTO peers (workspace, id, uid, metadata, configuration, created_at)
           SELECT workspace, 'p' || n, 'u' || n, '{}', '{}', 1 FROM n, peers""",
    )
    sql.change(db, "INSERT INTO dreams SELECT pk, pk, 1, NULL FROM peers")
    assert cost("second") < 2 * before + 10
