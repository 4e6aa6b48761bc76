"""Judge whether a statement could matter in a month: a linear model over surface cues and, if given, text vectors.

The weights in `data/selection_model.toml` are trained by `benchmarks/selection` on sentences that were labelled by
hand. Rules decide what is clear; the model decides the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from omoide.core.lazy_import import lazy_import
from omoide.reasoner.extractive.cues import NAMES
from omoide.reasoner.extractive.word_lists import word_lists

with lazy_import("numpy"):
    import numpy as np

if TYPE_CHECKING:
    from omoide.inference.embedders import EmbedNow


@dataclass(frozen=True, slots=True)
class Weights:
    """A trained model. `vector` is empty if it uses cues only."""

    cues: Sequence[float]
    vector: Sequence[float]
    bias: float
    """Includes the threshold: a statement is worth keeping if its score is positive."""


@cache
def weights(name: str) -> Weights | None:
    """The weights for an embedder's vectors, or with "" those for cues alone; None if there are none."""
    for table in word_lists("selection_model").tables("models"):
        if table["embedder"] == name:
            if table["names"] != [*NAMES]:
                raise ImportError(
                    "data/selection_model.toml was trained with other cues: run python -m benchmarks.selection"
                )
            return Weights(table["cues"], table["vector"], table["bias"])
    return None


class SelectionModel:
    """Judges statements with the vectors of an embedder if it knows them, otherwise by cues alone."""

    def __init__(self, embedder_name: str = "", embed_now: EmbedNow | None = None) -> None:
        trained = weights(embedder_name) if embed_now is not None else None
        self._embed_now = embed_now if trained is not None else None
        self._weights = trained

    def scores(self, texts: Sequence[str], cues: Sequence[Sequence[float]]) -> list[float]:
        """Return a score for each statement; those above 0 are worth keeping. Raises EmbeddingFailed."""
        if not texts:
            return []
        model = self._weights
        if model is None or self._embed_now is None:
            plain = weights("")
            assert plain is not None
            return [plain.bias + sum(map(float.__mul__, plain.cues, each)) for each in cues]
        scores = np.asarray(cues) @ np.asarray(model.cues) + self._embed_now(texts) @ np.asarray(model.vector)
        return [float(score) + model.bias for score in scores]
