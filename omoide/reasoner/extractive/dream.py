"""Consolidate conclusions without a model: merge duplicates, find changes, contradictions and patterns. Pure.

Every new conclusion follows by a fixed rule from explicit ones. Idempotent: dreaming again over the result changes
nothing.
"""

from __future__ import annotations

from omoide.reasoner.extractive.merging import Vectors, merges
from omoide.reasoner.extractive.patterns import find_patterns
from omoide.reasoner.extractive.value_history import conflicting, contradictions, histories, updates
from omoide.reasoner.protocol import Dreamed, DreamTask


def dream(task: DreamTask, vectors: Vectors) -> Dreamed:
    """Return the conclusions to add, merge and delete. `vectors`: shape (number of conclusions, dimensions), float32,
    unit rows; zeros for a missing vector.

    Merged duplicates are excluded from the other steps. Raises ValueError if the number of vectors differs.
    """
    peer_id = task.observed_id
    merged = merges(task.conclusions, vectors, peer_id)
    gone = {id for each in merged for id in each.dropped}
    live = sorted(
        (each for each in task.conclusions if each.id not in gone),
        key=lambda each: (each.said_at, each.created_at, each.pk),
    )
    explicit, deductive, inductive, contradicting = (
        [each for each in live if each.level == level]
        for level in ("explicit", "deductive", "inductive", "contradiction")
    )
    timelines = histories(explicit, peer_id)
    changed, wrong = updates(timelines, deductive, peer_id)
    row_of = {each.id: row for row, each in enumerate(task.conclusions)}
    own = vectors[[row_of[each.id] for each in explicit]]
    repeated, replaced = find_patterns(explicit, own, inductive, peer_id)
    opposed = [*contradictions(timelines, contradicting, peer_id)]
    opposed += conflicting(explicit, [*contradicting, *opposed], peer_id)
    derived = [*changed, *opposed, *repeated]
    return Dreamed(derived, merged, [*dict.fromkeys((*wrong, *replaced))])
