"""Compute the ranges of messages to show around search hits. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from omoide.storage.messages import Stretch


class Hit(NamedTuple):
    """A matching message: its id, its session's primary key, and its position in the session, from 1."""

    id: str
    session: int
    position: int


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A range of messages, and the ids of the hits in it, best first."""

    stretch: Stretch
    found: tuple[str, ...]


def excerpts(hits: Sequence[Hit], window: int) -> list[Excerpt]:
    """Return the range of each hit, best first, with up to `window` messages before and after it.

    Overlapping ranges of one session are merged and ranked by their best hit.
    """
    rank = {hit: index for index, hit in enumerate(hits)}
    merged: list[tuple[Stretch, list[Hit]]] = []
    for hit in sorted(rank, key=lambda hit: (hit.session, hit.position)):
        stretch = Stretch(hit.session, max(1, hit.position - window), hit.position + window)
        if merged and merged[-1][0].session == hit.session and stretch.first <= merged[-1][0].last:
            before, inside = merged[-1]
            merged[-1] = (before._replace(last=stretch.last), [*inside, hit])
        else:
            merged.append((stretch, [hit]))
    ranked = [(stretch, sorted(inside, key=rank.__getitem__)) for stretch, inside in merged]
    ranked.sort(key=lambda each: rank[each[1][0]])
    return [Excerpt(stretch, tuple(hit.id for hit in inside)) for stretch, inside in ranked]
