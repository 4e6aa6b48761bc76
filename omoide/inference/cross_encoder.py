"""The embedded cross-encoder: ms-marco-MiniLM-L12-v2, which reads a question and a text together.

It tells far better than a distance of vectors whether a text answers a question, at 10 ms a pair. Trained on
English; text of other languages is read word by word in English (`glosses`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from omoide.core.lazy_import import lazy_import
from omoide.core.settings import Settings
from omoide.fairness.thread_pool import checkpoint
from omoide.inference.glosses import in_english
from omoide.inference.onnx_model import DATA, OnnxModel, unavailable_reason
from omoide.inference.wordpiece import wordpiece

with lazy_import("numpy"):
    import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

WEIGHTS = DATA / "ms_marco_minilm_l12_v2.onnx"

QUERY_TOKENS = 64
"""Tokens of a question that are read, and"""

PAIR_TOKENS = 256
"""those of a question and a text together: about 1,000 characters."""


class CrossEncoder:
    """Scores pairs. Thread-safe; the model is loaded on first use."""

    name = "ms-marco-minilm:l12-v2-int8"

    def __init__(self, *, threads: int = 1) -> None:
        self._model = OnnxModel(WEIGHTS, threads=threads)

    def score(self, query: str, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """One logit per text, in order: about -11 (unrelated) to 11 (the answer). The end of a long text is not read.

        Computes in the caller's thread, so call it with `core/offload.py`. A pair's logit does not depend on others.
        """
        tokenizer = wordpiece()
        first = [tokenizer.cls, *tokenizer.ids(in_english(query), QUERY_TOKENS), tokenizer.sep]
        logits = np.zeros(len(texts), np.float32)
        for row, text in enumerate(texts):
            second = [*tokenizer.ids(in_english(text), PAIR_TOKENS - len(first) - 1), tokenizer.sep]
            logits[row] = self._model.run(first + second, [0] * len(first) + [1] * len(second))[0]
            checkpoint()
        return logits

    def warm(self) -> None:
        """Load the model now."""
        self._model.warm()
        wordpiece()


def make_cross_encoder(settings: Settings) -> CrossEncoder | None:
    """Create the cross-encoder; None if it is switched off, or cannot run on this machine."""
    if not settings.cross_encoder or unavailable_reason() is not None:
        return None
    return CrossEncoder(threads=settings.inference_threads)
