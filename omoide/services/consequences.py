"""What follows from a conclusion: those derived from it, and the lines of the card that tell what they state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from omoide.core.lazy_import import lazy_import
from omoide.core.offload import offload
from omoide.services.container import Services
from omoide.storage import conclusion_consequences
from omoide.storage.conclusion_consequences import Consequence, ConsequenceTree
from omoide.storage.conclusion_reach import Reach
from omoide.storage.conclusion_sources import Bounds

with lazy_import("omoide.reasoner.extractive.card"):
    from omoide.reasoner.extractive import card as card_lines


async def of_conclusion(
    services: Services, workspace_id: str, conclusion_id: str, reach: Reach, bounds: Bounds
) -> tuple[Consequence, Mapping[str, Sequence[str]]]:
    """The tree, and the lines by the id of the conclusion. Raises NotFound as `conclusions.get` does."""
    asked = (workspace_id, conclusion_id, reach, bounds)
    found = await services.store.read_offloaded(conclusion_consequences.tree, *asked)
    return found.root, await offload(_lines, found) if found.lines else {}


def _lines(found: ConsequenceTree) -> dict[str, list[str]]:
    current = (each.conclusion for each in found.root.nodes() if each.conclusion.ended_at is None)
    return {
        each.id: [line for line in found.lines if card_lines.tells_any([line], [each.content], each.observed_id)]
        for each in current
    }
