"""Linear models over named cues, trained by `benchmarks/answers/training.py` (`data/answer_model.toml`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from omoide.core.lazy_import import lazy_import
from omoide.reasoner.extractive.word_lists import word_lists

with lazy_import("numpy"):
    import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class LinearModel:
    weights: npt.NDArray[np.float64]
    bias: float

    def scores(self, table: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the score of each row of cues: log odds."""
        result: npt.NDArray[np.float64] = table @ self.weights + self.bias
        return result


@cache
def linear_model(name: str, cues: Sequence[str]) -> LinearModel:
    """The model of this name. Raises ImportError if it was trained with other cues."""
    table = word_lists("answer_model").numbers(name)
    if [*table] != [*cues, "bias"]:
        raise ImportError(f"{name} was trained with other cues: run python -m benchmarks.answers.training")
    return LinearModel(np.array([table[cue] for cue in cues]), table["bias"])
