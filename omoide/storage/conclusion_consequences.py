"""Read what follows from conclusions: those derived from them, and those that they were merged into; bounded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from omoide.core.records import Conclusion
from omoide.storage import cards, conclusions, deletion_cascade
from omoide.storage.base import Transaction
from omoide.storage.conclusion_reach import Reach
from omoide.storage.conclusion_sources import Bounds, as_readable, named


@dataclass(slots=True)
class Consequence:
    """A conclusion and what follows from it."""

    conclusion: Conclusion
    derived: list[Consequence] = field(default_factory=list)
    """The conclusions that have it as a source, contradictions among them, oldest first."""
    merged_into: Consequence | None = None
    is_repeated: bool = False
    """Whether what follows from it is at an earlier node for the same conclusion, and not here."""
    is_cut: bool = False
    """Whether some of it was left out, here or below."""

    def nodes(self) -> Iterator[Consequence]:
        """Itself, and those below."""
        yield self
        for each in self.below():
            yield from each.nodes()

    def below(self) -> list[Consequence]:
        return [*self.derived, *([] if self.merged_into is None else [self.merged_into])]


@dataclass(frozen=True, slots=True)
class ConsequenceTree:
    """`lines` are those of the observer's card about the observed that the server wrote."""

    root: Consequence
    lines: Sequence[str]


def tree(db: Transaction, workspace_id: str, conclusion_id: str, reach: Reach, bounds: Bounds) -> ConsequenceTree:
    """The conclusion with everything that follows from it, nearest first if there is too much.

    Raises NotFound as `conclusions.get` does.
    """
    root = Consequence(conclusions.get(db, workspace_id, conclusion_id, reach))
    observer, observed = db.execute(
        "SELECT observer, observed FROM conclusions WHERE pk = ?", (root.conclusion.pk,)
    ).fetchone()
    citing: dict[str, list[str]] = {}
    for each in deletion_cascade.derived_of(db, (observer, observed)):
        for source in dict.fromkeys(each.source_ids):
            citing.setdefault(source, []).append(each.id)
    walk = _Ascent(db, workspace_id, reach, citing, bounds.nodes - 1, {conclusion_id})
    level = [root]
    for _ in range(bounds.depth):
        level = walk.expand(level)
    walk.remaining = 0  # what else there is, is too deep
    walk.expand(level)
    _pass_up_cuts(root)
    nodes = [*root.nodes()]
    for node, conclusion in zip(
        nodes, as_readable(db, workspace_id, [each.conclusion for each in nodes], reach), strict=True
    ):
        node.conclusion = conclusion
    card = None if reach.session else cards.kept(db, observer, root.conclusion.observed_id)
    return ConsequenceTree(root, [line for line in card.lines if line in card.own] if card else ())


def _pass_up_cuts(node: Consequence) -> bool:
    below = [*map(_pass_up_cuts, node.below())]
    node.is_cut = node.is_cut or any(below)
    return node.is_cut


@dataclass(slots=True)
class _Ascent:
    db: Transaction
    workspace_id: str
    reach: Reach
    citing: Mapping[str, Sequence[str]]
    """Conclusion → those that have it as a source."""
    remaining: int
    """How many more conclusions there may be."""
    seen: set[str]

    def expand(self, level: Sequence[Consequence]) -> list[Consequence]:
        """Add what follows from these, and return the conclusions that are not in the tree yet."""
        wanted = dict.fromkeys(id for node in level for id in self._following(node))
        known = {each.id: each for each in named(self.db, self.workspace_id, [*wanted], self.reach, self.remaining + 1)}
        fresh: list[Consequence] = []
        for node in level:
            for id in self._following(node):
                if id not in known:
                    continue
                if not self.remaining:
                    node.is_cut = True
                    break
                self.remaining -= 1
                child = Consequence(known[id], is_repeated=id in self.seen)
                if id in self.citing.get(node.conclusion.id, ()):
                    node.derived.append(child)
                else:
                    node.merged_into = child
                if not child.is_repeated:
                    self.seen.add(id)
                    fresh.append(child)
        return fresh

    def _following(self, node: Consequence) -> Sequence[str]:
        found = self.citing.get(node.conclusion.id, ())
        successor = node.conclusion.successor
        return [*found, successor] if node.conclusion.ended_as == "merged" and successor else found
