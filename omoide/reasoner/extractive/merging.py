"""Find duplicate conclusions to merge. Pure.

Only conclusions of one level are compared; explicit ones only within one session. Vector similarity is necessary but
not sufficient; see `equivalence` and `rewording`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from omoide.core.records import Conclusion, Merge
from omoide.reasoner.equivalence import NormalizedText, normalize, normalized_agree, richness, words
from omoide.reasoner.extractive.rewording import meaning
from omoide.reasoner.extractive.slots import ended_of, slots_of

# Minimum cosine similarity of duplicates (public description of the API: a distance of at most 0.05).
NEAR = 0.95
NEAR_REWORDED = 0.5
"""The same for texts with the same meaning in other words, which is compared by rules (`rewording`)."""
# Rows of the similarity matrix computed at once, to bound memory.
BLOCK_ROWS = 512

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Candidate:
    row: int
    conclusion: Conclusion
    wording: NormalizedText
    richness: int


def merges(conclusions: Sequence[Conclusion], vectors: Vectors, peer_id: str) -> list[Merge]:
    """Return the merges, in the order of `conclusions`. `vectors`: shape (number of conclusions, dimensions), unit
    rows; a conclusion without a vector has a row of zeros and is never merged.

    The richer text is kept, the newer one if both are equally rich. An older text that fills or ends a slot never
    replaces a newer one, because a current value would then appear to be old.
    """
    if len(vectors) != len(conclusions):
        raise ValueError(f"expected {len(conclusions)} vectors, got {len(vectors)}")
    groups: dict[tuple[object, ...], list[_Candidate]] = defaultdict(list)
    for row, each in enumerate(conclusions):
        seen = normalize(each.content)
        session = each.session_id if each.level == "explicit" else None
        # Duplicates have equal guards and the same first word: only such pairs are compared.
        key = (each.level, session, seen.guards, seen.words[:1])
        groups[key].append(_Candidate(row, each, seen, richness(each.content)))
    dropped: dict[int, list[int]] = defaultdict(list)
    for group in groups.values():
        for kept, row in _pairs(sorted(group, key=_best_first), vectors, peer_id):
            dropped[kept].append(row)
    return [
        Merge(conclusions[kept].id, tuple(conclusions[row].id for row in sorted(dropped[kept])))
        for kept in sorted(dropped)
    ]


def _best_first(candidate: _Candidate) -> tuple[float, float, float, int]:
    conclusion = candidate.conclusion
    return -candidate.richness, -conclusion.said_at, -conclusion.created_at, -conclusion.pk


def _pairs(group: Sequence[_Candidate], vectors: Vectors, peer_id: str) -> list[tuple[int, int]]:
    """Return pairs of kept and dropped rows. Each candidate is compared with the kept, richer ones before it."""
    if len(group) == 1:
        return []
    own = vectors[[each.row for each in group]]
    is_kept = np.zeros(len(group), dtype=np.bool_)
    pairs = []
    for start in range(0, len(group), BLOCK_ROWS):
        similar = own[start : start + BLOCK_ROWS] @ own.T
        for number, row in enumerate(similar, start):
            candidates: list[int] = np.flatnonzero((row[:number] >= NEAR_REWORDED) & is_kept[:number]).tolist()
            alike = (n for n in candidates if row[n] >= NEAR or _is_reworded(group[n], group[number]))
            match = next((n for n in alike if _stands_for(group[n], group[number], peer_id)), None)
            if match is None:
                is_kept[number] = True
            else:
                pairs.append((group[match].row, group[number].row))
    return pairs


def _is_reworded(kept: _Candidate, other: _Candidate) -> bool:
    return kept.conclusion.level == "explicit" and meaning(kept.conclusion.content) == meaning(other.conclusion.content)


def _stands_for(kept: _Candidate, other: _Candidate, peer_id: str) -> bool:
    more = len(kept.wording.words) - len(other.wording.words)
    if kept.conclusion.level != "explicit":
        return kept.wording.words == other.wording.words
    is_reworded = _is_reworded(kept, other)
    if not is_reworded and (
        more < 0 or (more and kept.richness == other.richness) or not normalized_agree(kept.wording, other.wording)
    ):
        return False
    mine, theirs = (slots_of(each.conclusion.content, peer_id) for each in (kept, other))
    if not is_reworded and {(slot.kind, words(slot.value)) for slot in mine} != {
        (slot.kind, words(slot.value)) for slot in theirs
    }:
        return False
    is_older = kept.conclusion.said_at < other.conclusion.said_at
    return not (is_older and (mine or ended_of(kept.conclusion.content, peer_id)))
