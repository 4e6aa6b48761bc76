"""Segments hold the signs of exactly the stored vectors, after any sequence of adding, purging and rebuilding."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import numpy as np
import pytest
import sqlite_utils
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omoide.core.records import Change, NewMessage
from omoide.inference.embedders import unit_rows
from omoide.storage import (
    deletion_cascade,
    embeddings,
    messages,
    peers,
    purge,
    queue,
    sessions,
    vector_segments,
    workspaces,
)
from omoide.storage.embeddings import EmbeddingProgress
from omoide.storage.sqlite.engine import Connection, Store
from omoide.storage.sqlite.integrity.segment_check import segment_faults
from omoide.storage.sqlite.migrations import migrations
from omoide.storage.vectors import Segment, packed, sign_bits
from tests.read_now import read_now

NAME, DIMENSIONS = "made up", 70
WORDS = 2


def say(db: Connection, workspace: str, session: str, count: int) -> None:
    """Add and embed `count` messages; the vector of a message depends only on its row number."""
    batch = [NewMessage("alice", "…", {}, 0, None)] * count
    messages.add(db, workspace, session, batch, 0, max_observers=10)
    embeddings.adopt(db, NAME, DIMENSIONS, 0)
    model = embeddings.progress(db)
    assert isinstance(model, EmbeddingProgress)
    pks = [pk for pk, _ in embeddings.missing(db, "messages", model.messages, count)]
    assert embeddings.add(db, model, "messages", pks[-1], [(pk, packed(vector(pk))[0]) for pk in pks])


def vector(pk: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return unit_rows(np.random.default_rng(pk).normal(size=(1, DIMENSIONS)))


def held(db: Connection, workspace: int, after: int = 0) -> list[Segment]:
    return [*vector_segments.of_workspace(db, "messages", workspace, WORDS, after)]


def pks(some: Iterable[Segment]) -> list[int]:
    return sorted(pk for each in some for pk in each.pks.tolist())


def is_true(db: Connection) -> bool:
    """Whether the segments of each workspace match the tables."""
    rows = """SELECT m.pk, m.session, m.peer FROM messages m JOIN message_vectors v ON v.pk = m.pk
        WHERE m.workspace = ? ORDER BY m.pk"""
    for (workspace,) in db.execute("SELECT DISTINCT workspace FROM messages").fetchall():
        found = sorted(
            (pk, session, peer, signs)
            for each in held(db, workspace)
            for pk, session, peer, signs in zip(
                each.pks.tolist(), each.first.tolist(), each.second.tolist(), each.bits.T.tolist(), strict=True
            )
        )
        expected = [(*row, sign_bits(vector(row[0])).T.tolist()[0]) for row in db.execute(rows, (workspace,))]
        if found != expected:
            return False
    owners = "SELECT count(*) FROM segments WHERE workspace NOT IN (SELECT workspace FROM messages)"
    return bool(db.execute(owners).fetchone()[0] == 0)


def end_session(db: Connection, workspace: str, session: str) -> None:
    pk = sessions.get(db, workspace, session).pk
    deletion_cascade.delete_session(db, workspace, session, 1)
    while purge.session(db, pk):
        pass


def end_workspace(db: Connection, workspace: str) -> None:
    found = workspaces.find(db, workspace)
    assert found is not None
    db.execute("UPDATE sessions SET deleted_at = 1 WHERE workspace = ?", (found.pk,))
    workspaces.delete(db, workspace, 1)
    while purge.workspace(db, found.pk):
        pass


Steps = st.lists(
    st.tuples(
        st.sampled_from(["say", "say", "say", "session", "workspace"]), st.sampled_from("ab"), st.integers(1, 40)
    ),
    min_size=1,
    max_size=60,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=Steps)
def test_segments_match_the_vectors_after_any_steps(store: Store, steps: list[tuple[str, str, int]]) -> None:
    def story(db: Connection) -> bool:
        for kind, workspace, count in steps:
            session = f"s{count % 3}"
            if kind == "say":
                say(db, workspace, session, count)
            elif kind == "session" and sessions.find(db, workspace, session):
                end_session(db, workspace, session)
            elif kind == "workspace" and workspaces.find(db, workspace):
                end_workspace(db, workspace)
        return is_true(db) and not [*segment_faults(db)]

    assert asyncio.run(store.write(story))


def test_small_segments_are_merged_and_full_ones_are_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_segments, "FULL", 50)

    def story(db: Connection) -> list[int]:
        for _ in range(200):
            say(db, "w", "s", 1)
        assert is_true(db)
        return [size for (size,) in db.execute("SELECT size FROM segments ORDER BY last")]

    sizes = asyncio.run(store.write(story))
    assert sizes[:3] == [50, 50, 50]
    assert sum(sizes) == 200
    assert len(sizes) <= 3 + vector_segments.LOOSE


def test_a_peer_is_relabelled_while_segments_are_merged(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_segments, "RELABELLED", 8)

    def story(db: Connection) -> bool:
        for _ in range(vector_segments.LOOSE):
            say(db, "w", "s", 1)
        (old,) = db.execute("SELECT pk FROM peers").fetchone()
        into = peers.get_or_create(db, "w", "ally", Change(), 0)[0].pk
        db.execute("UPDATE messages SET peer = ?", (into,))
        db.execute("UPDATE peers SET id = 'old' WHERE pk = ?", (old,))  # who speaks next is another
        after: int | None = 0
        while after is not None:
            after = vector_segments.relabel(db, "messages", 1, old, into, after)
            for _ in range(5):
                say(db, "w", "t", 1)
        return is_true(db)

    assert asyncio.run(store.write(story))


def test_only_rows_after_a_number_are_read(store: Store) -> None:
    def story(db: Connection) -> list[list[int]]:
        for _ in range(3):
            say(db, "w", "s", 4)
        return [pks(held(db, 1, after)) for after in (0, 6, 12)]

    assert asyncio.run(store.write(story)) == [[*range(1, 13)], [*range(7, 13)], []]


def test_segments_of_an_older_file_are_built_in_batches(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def before(db: Connection) -> None:
        for workspace in "ab":
            say(db, workspace, "s", 30)
        vector_segments.remove_all(db)
        db.execute("UPDATE embedder SET messages_signed = 0")
        db.execute("DELETE FROM jobs")

    asyncio.run(store.write(before))
    monkeypatch.setattr(vector_segments, "TAKEN", 25)
    # A starting server enqueues a job for the work instead of doing it.
    asyncio.run(store.write(embeddings.adopt, NAME, DIMENSIONS, 0))
    assert read_now(store, queue.waiting, 1)
    assert not read_now(store, held, 1)
    steps = 0
    while read_now(store, vector_segments.is_behind, "messages"):
        asyncio.run(store.write(vector_segments.extend, "messages"))
        steps += 1
    assert steps == 3
    assert read_now(store, is_true)


def test_the_segments_of_another_model_are_removed(store: Store) -> None:
    asyncio.run(store.write(say, "w", "s", 5))
    asyncio.run(store.write(embeddings.adopt, "another", DIMENSIONS, 0))
    assert read_now(store, held, 1) == []
    assert read_now(store, vector_segments.reach, "messages") == 0


OLD_CONCLUSIONS = """
INSERT INTO workspaces VALUES (1, 'w', 'u1', '{}', '{}', 1, NULL);
INSERT INTO peers (pk, workspace, id, uid, metadata, configuration, created_at) VALUES (7, 1, 'p', 'u2', '{}', '{}', 1);
INSERT INTO conclusions (pk, id, workspace, observer, observed, content, level, said_at, created_at)
    VALUES (3, 'c', 1, 7, 7, 'p plays the cello', 'explicit', 1, 1);
INSERT INTO conclusion_words (rowid, text) VALUES (3, 'p plays the cello');
"""


def test_older_conclusions_are_indexed_with_marks(db_path: object) -> None:
    old = sqlite_utils.Database(str(db_path))
    migrations.apply(old, stop_before="m0006_nearness")
    old.executescript(OLD_CONCLUSIONS)
    migrations.apply(old)
    query = "SELECT rowid FROM conclusion_words WHERE conclusion_words MATCH ?"
    for expression, found in (("place : (r7 AND d7) AND text : cellos", [3]), ("place : w2 AND text : cello", [])):
        assert [row[0] for row in old.execute(query, (expression,))] == found
    old.close()
