"""The graph of who holds conclusions about whom, bounded: the biggest peers, or some peers and their neighbours."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Collection, Sequence
from typing import NamedTuple

from omoide.core.errors import NotFound
from omoide.storage import Transaction, observer_pairs, peers, workspaces
from omoide.storage.observer_pairs import ObserverPair

MOST_PAIRS_SHOWN = 2_000
MOST_CHARACTERS = 600_000
"""Of the ids in the pairs, so that the response stays below a megabyte."""


class GraphPeer(NamedTuple):
    """A peer (row) with the number of conclusions that it holds, and of those about it."""

    peer: int
    held: int
    about: int


class Graph(NamedTuple):
    """A part of the graph, with the ids of its peers, and the size of the whole. `is_cut`: more would have matched."""

    peers: Sequence[GraphPeer]
    pairs: Sequence[ObserverPair]
    names: dict[int, str]
    total_peers: int
    total_pairs: int
    total_conclusions: int
    is_cut: bool


def read(db: Transaction, workspace_id: str, limit: int, text: str | None, peer_id: str | None) -> Graph:
    """The `limit` biggest peers and the pairs among them; with `text` or `peer_id`, peers whose id contains the text,
    the peer, and the neighbours of these.

    Takes more than a millisecond. Raises NotFound.
    """
    workspace = workspaces.existing(db, workspace_id)
    seeds = None if text is None and peer_id is None else _seeds(db, workspace, workspace_id, text, peer_id)
    graph = select(observer_pairs.read(db, workspace), limit, seeds)
    names = observer_pairs.names(db, [each.peer for each in graph.peers])
    sizes = itertools.accumulate(len(names[pair.observer]) + len(names[pair.observed]) for pair in graph.pairs)
    pairs = [pair for pair, size in zip(graph.pairs, sizes, strict=True) if size <= MOST_CHARACTERS]
    return graph._replace(names=names, pairs=pairs, is_cut=graph.is_cut or len(pairs) < len(graph.pairs))


def _seeds(db: Transaction, workspace: int, workspace_id: str, text: str | None, peer_id: str | None) -> set[int]:
    seeds = set() if text is None else observer_pairs.matching(db, workspace, text)
    if peer_id is not None:
        if (found := peers.find(db, workspace_id, peer_id)) is None:
            raise NotFound(f"Peer {peer_id} not found in workspace {workspace_id}")
        seeds.add(found.pk)
    return seeds


def select(pairs: Sequence[ObserverPair], limit: int, seeds: Collection[int] | None = None) -> Graph:
    """The part of a graph that has most conclusions; with `seeds`, those of them and their neighbours."""
    held: Counter[int] = Counter()
    about: Counter[int] = Counter()
    for observer, observed, count in pairs:
        held[observer] += count
        about[observed] += count
    sizes = held + about
    if seeds is None:
        shown, found = _biggest(sizes, limit), len(sizes)
    else:
        # A peer without conclusions is shown as well if it was asked for.
        first = _biggest(Counter({peer: sizes[peer] for peer in seeds}), limit)
        near = _neighbours(pairs, {*first})
        shown, found = [*first, *_biggest(near, limit - len(first))], len(seeds) + len(near)
    inside = {*shown}
    among = [pair for pair in pairs if pair.observer in inside and pair.observed in inside]
    if seeds is not None:
        among.sort(key=lambda pair: pair.observer not in seeds and pair.observed not in seeds)
    return Graph(
        peers=[GraphPeer(peer, held[peer], about[peer]) for peer in shown],
        pairs=among[:MOST_PAIRS_SHOWN],
        names={},
        total_peers=len(sizes),
        total_pairs=len(pairs),
        total_conclusions=sum(held.values()),
        is_cut=found > limit or len(among) > MOST_PAIRS_SHOWN,
    )


def _neighbours(pairs: Sequence[ObserverPair], seeds: Collection[int]) -> Counter[int]:
    """The other peers in pairs with a seed, by the number of conclusions that connect them."""
    near: Counter[int] = Counter()
    for observer, observed, count in pairs:
        if (observer in seeds) != (observed in seeds):
            near[observed if observer in seeds else observer] += count
    return near


def _biggest(sizes: Counter[int], limit: int) -> list[int]:
    """The peers with the highest numbers; among equals those that were created first."""
    return heapq.nsmallest(limit, sizes, key=lambda peer: (-sizes[peer], peer))
