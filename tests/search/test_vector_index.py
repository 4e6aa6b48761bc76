"""The index gives the same result as a full scan, whatever is added, deleted or excluded."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omoide.core.records import NewMessage
from omoide.inference.embedders import Vectors, unit_rows
from omoide.search import vector_index
from omoide.search.vector_group import Group
from omoide.search.vector_index import EVERYTHING, RESCORED, Allowed, VectorIndex
from omoide.storage import Store, Transaction, deletion_cascade, embeddings, messages, purge, sessions, vector_segments
from omoide.storage.vectors import Segment, packed, sign_bits
from tests.read_now import read_now

NAME, DIMENSIONS = "made up", 70  # not a multiple of 64 bits
OBSERVERS = 10
WORKSPACE = Group("messages", 1)


def vectors(seed: int, count: int) -> Vectors:
    return unit_rows(np.random.default_rng(seed).normal(size=(count, DIMENSIONS)))


def say(db: Transaction, session: str, peers: Iterable[str], seed: int) -> Vectors:
    """One message for each peer, with vectors unrelated to their texts."""
    batch = [NewMessage(peer, "…", {}, 0, None) for peer in peers]
    messages.add(db, "w", session, batch, 0, max_observers=OBSERVERS)
    embeddings.adopt(db, NAME, DIMENSIONS, 0)
    model = embeddings.progress(db)
    assert model is not None
    new = [pk for pk, _ in embeddings.missing(db, "messages", model.messages, len(batch))]
    made = vectors(seed, len(new))
    assert embeddings.add(db, model, "messages", new[-1], [*zip(new, packed(made), strict=True)])
    return made


def add(store: Store, session: str, peers: Iterable[str], seed: int = 1) -> Vectors:
    return asyncio.run(store.write(say, session, peers, seed))


def nearest(store: Store, index: VectorIndex, query: Vectors, count: int, allowed: Allowed = EVERYTHING) -> list[int]:
    return [pk for pk, _ in read_now(store, index.nearest, WORKSPACE, query[0], count, allowed)]


def distances(stored: Vectors, query: Vectors, pks: Iterable[int]) -> list[float]:
    """Of the rows `pks`, which are numbered from 1."""
    found = 1 - stored.astype(np.float16).astype(np.float32) @ query[0]
    return [float(found[pk - 1]) for pk in pks]


def by_force(stored: Vectors, query: Vectors, pks: Iterable[int]) -> list[int]:
    pks = [*pks]
    near = dict(zip(pks, distances(stored, query, pks), strict=True))
    return sorted(pks, key=lambda pk: near[pk])


@pytest.fixture
def index() -> VectorIndex:
    return VectorIndex(NAME, DIMENSIONS)


def test_a_small_group_is_compared_exactly(store: Store, index: VectorIndex) -> None:
    stored = add(store, "s", ["a", "b"] * (RESCORED // 2))
    for seed in range(5):
        query = vectors(100 + seed, 1)
        found, best = nearest(store, index, query, 20), by_force(stored, query, range(1, RESCORED + 1))[:20]
        assert distances(stored, query, found) == pytest.approx(distances(stored, query, best), abs=1e-5)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_only_allowed_rows_are_found(store: Store, data: st.DataObject) -> None:
    index = VectorIndex(NAME, DIMENSIONS)
    if read_now(store, embeddings.progress) is None:
        add(store, "s", ["a", "b", "c"] * 10)
        add(store, "t", ["a", "b", "c"] * 10, seed=2)
    stored = np.concatenate([vectors(1, 30), vectors(2, 30)])
    rows = {pk: (1 + (pk > 30), 1 + (pk - 1) % 3) for pk in range(1, 61)}
    sessions_ = data.draw(st.none() | st.sets(st.integers(1, 3)))
    peer = data.draw(st.none() | st.integers(1, 4))
    pks = data.draw(st.none() | st.sets(st.integers(1, 70)))
    allowed = [
        pk
        for pk, (session, author) in rows.items()
        if (sessions_ is None or session in sessions_)
        and (peer is None or author == peer)
        and (pks is None or pk in pks)
    ]
    query = vectors(data.draw(st.integers(100, 200)), 1)
    given_pks = None if pks is None else np.array(sorted(pks), np.int64)
    found = nearest(store, index, query, 60, Allowed(sessions_, peer, given_pks))
    assert {*found} == {*allowed}
    assert distances(stored, query, found) == pytest.approx(sorted(distances(stored, query, allowed)), abs=1e-5)


def test_recall_of_a_large_group_is_high(store: Store, index: VectorIndex) -> None:
    count = 6_000
    centres = vectors(7, 60)[np.arange(count) % 60]
    made = unit_rows(centres + 0.6 * vectors(8, count))

    def fill(db: Transaction) -> None:
        batch = [NewMessage("a", "…", {}, 0, None)] * count
        messages.add(db, "w", "s", batch, 0, max_observers=OBSERVERS)
        embeddings.adopt(db, NAME, DIMENSIONS, 0)
        model = embeddings.progress(db)
        assert model is not None
        assert embeddings.add(db, model, "messages", count, [*enumerate(packed(made), start=1)])
        while vector_segments.is_behind(db, "messages"):
            vector_segments.extend(db, "messages")

    asyncio.run(store.write(fill))
    shares = []
    for seed in range(20):
        query = unit_rows(centres[seed : seed + 1] + 0.6 * vectors(50 + seed, 1))
        best = by_force(made, query, range(1, count + 1))[:20]
        shares.append(len({*best} & {*nearest(store, index, query, 20)}) / 20)
    assert np.mean(shares) > 0.9


def test_distances_are_cosine_distances(store: Store, index: VectorIndex) -> None:
    stored = add(store, "s", ["a"])
    for query, distance in ((stored, 0.0), (-stored, 2.0)):
        ((_, found),) = read_now(store, index.nearest, WORKSPACE, query[0], 5)
        assert found == pytest.approx(distance, abs=1e-3)


def test_rows_that_are_added_later_are_found(store: Store, index: VectorIndex) -> None:
    add(store, "s", ["a"] * 3)
    query = vectors(9, 1)
    assert len(nearest(store, index, query, 10)) == 3
    later = add(store, "t", ["a"] * 4, seed=9)
    assert nearest(store, index, later[:1], 1) == [4]
    assert len(nearest(store, index, query, 10)) == 7


async def delete(store: Store, session: str, *, purged: bool) -> None:
    await store.write(deletion_cascade.delete_session, "w", session, 1)
    while purged and await store.write(purge.session, 1):
        pass


@pytest.mark.parametrize("purged", [False, True])
def test_deleted_rows_are_not_found_and_are_replaced_by_others(store: Store, index: VectorIndex, purged: bool) -> None:
    near = add(store, "s", ["a"] * (2 * RESCORED))
    far = add(store, "t", ["a"] * 5, seed=2)
    query = unit_rows(near.mean(axis=0, keepdims=True) - far.mean(axis=0, keepdims=True))
    assert len(nearest(store, index, query, 10)) == 10
    asyncio.run(delete(store, "s", purged=purged))
    assert sorted(nearest(store, index, query, 10)) == [2 * RESCORED + n for n in range(1, 6)]


def test_a_search_sees_all_remaining_rows_while_rows_are_dropped() -> None:
    many = 2 * vector_index.BLOCK + 1
    owners = np.ones(many, np.uint32)
    group = vector_index._Entry(1)
    group.take(Segment(np.arange(many), owners, owners, np.zeros((1, many), np.uint64)))
    seen = []

    def all_but_the_first(rows: Segment) -> npt.NDArray[np.bool_]:
        seen.append(sum(len(some) for some in group.rows()))
        return rows.pks > 0

    group.keep(all_but_the_first)
    assert seen == [many] * 3
    assert sum(len(some) for some in group.rows()) == many - 1


def test_rows_newer_than_a_snapshot_are_neither_dropped_nor_searched_again(
    store: Store, index: VectorIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    alike = vector_index._alike

    def counted(blocks: Sequence[Segment], *rest: Any) -> list[int]:
        looks.append(sum(len(rows) for rows in blocks))
        return alike(blocks, *rest)

    monkeypatch.setattr(vector_index, "_alike", counted)
    add(store, "s", ["a"] * 3)

    async def beside(query: Vectors) -> None:
        await store.write(say, "t", ["a"] * 4, 9)
        await store.read_offloaded(index.nearest, WORKSPACE, query[0], 10)

    def late(db: Transaction, query: Vectors) -> list[tuple[int, float]]:
        assert embeddings.progress(db)  # its snapshot starts here
        asyncio.run(beside(query))
        return index.nearest(db, WORKSPACE, query[0], 10)

    assert sorted(pk for pk, _ in read_now(store, late, vectors(9, 1))) == [1, 2, 3]
    assert looks == [7, 7]


def test_a_session_with_the_id_of_a_deleted_one_keeps_its_messages(store: Store, index: VectorIndex) -> None:
    add(store, "s", ["a"] * 3)
    query = vectors(9, 1)
    assert nearest(store, index, query, 10)
    asyncio.run(delete(store, "s", purged=True))
    add(store, "again", ["a"] * 2, seed=2)
    assert read_now(store, sessions.get, "w", "again").pk == 1
    assert sorted(nearest(store, index, query, 10)) == [4, 5]
    assert sorted(nearest(store, index, query, 10, Allowed([1]))) == [4, 5]


def test_vectors_of_another_model_are_never_compared(store: Store) -> None:
    add(store, "s", ["a"])
    query = vectors(9, 1)
    for name, dimensions in (("another", DIMENSIONS), (NAME, DIMENSIONS + 1)):
        assert nearest(store, VectorIndex(name, dimensions), query, 5) == []


def test_the_least_recently_used_group_is_evicted(store: Store) -> None:
    add(store, "s", ["a"] * 10)
    index = VectorIndex(NAME, DIMENSIONS, most_bytes=1)
    query = vectors(9, 1)
    for _ in range(2):
        assert len(nearest(store, index, query, 10)) == 10
        assert read_now(store, index.nearest, Group("conclusions", 1), query[0], 10) == []


def test_signs_are_packed_row_by_row() -> None:
    vector = np.full((2, DIMENSIONS), -1.0)
    vector[0, 0] = vector[1, 69] = 1.0
    bits = sign_bits(vector)
    assert bits.shape == (2, 2)
    assert [int(np.bitwise_count(bits[:, row]).sum()) for row in (0, 1)] == [1, 1]
    assert bits[0, 0] != 0
    assert bits[1, 1] != 0
