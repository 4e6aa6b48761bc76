"""Train the weights of `extractive/data/selection_model.toml`, and print how well held-out sentences are judged.

`python -m benchmarks.selection` from the root of the repository; deterministic.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from benchmarks.selection.labelled import LabelledExample, example, read
from benchmarks.selection.model import Array, area, fit, held_out, precision_and_recall, threshold_for
from omoide.inference.bge_embedder import BgeEmbedder
from omoide.reasoner.extractive.cues import NAMES

WRITTEN, TALK, KEPT, VOICES = "sentences.txt", "talk.txt", "kept.txt", "voices.txt"
"""Sentences that were written for this, sentences of conversations at random, those that earlier weights kept, and all
of four more conversations."""
TALK_WEIGHT = 2.0
"""How much more a sentence of a conversation counts."""
RECALL = 0.87
"""Share of the useful sentences of conversations that are to be kept."""
CUE_SCALE = 0.3
"""Scale of the cues relative to a vector of length 1."""
PENALTY = 1.0
Files: TypeAlias = "npt.NDArray[np.str_]"
OUTPUT = Path(__file__).parents[2] / "omoide/reasoner/extractive/data/selection_model.toml"
WIDTH = 16


def main() -> None:
    chance = random.Random(1)
    examples = [(name, example(each, chance)) for name in (WRITTEN, TALK, KEPT, VOICES) for each in read(name)]
    _print_rules([each for _, each in examples])
    unsure = [each for _, each in examples if each.verdict is None]
    files = np.array([name for name, each in examples if each.verdict is None])
    shapes = np.array([each.cues for each in unsure])
    embedder = BgeEmbedder()
    vectors = embedder.embed_now([each.text for each in unsure]).astype(np.float64)
    tables = [
        _model("", shapes, np.zeros((len(unsure), 0)), unsure, files),
        _model(embedder.name, CUE_SCALE * shapes, vectors, unsure, files),
    ]
    OUTPUT.write_text(
        "# Weights of `selection_model`, written by python -m benchmarks.selection.\n\n" + "\n".join(tables)
    )


def _print_rules(examples: Sequence[LabelledExample]) -> None:
    useful = [each for each in examples if each.labelled.is_useful]
    lost = sum(each.verdict is False for each in useful)
    decided = sum(each.verdict is not None for each in examples)
    print(f"{len(examples)} sentences, {len(useful)} useful; rules decide {decided} and lose {lost} useful ones")


def _model(name: str, shapes: Array, vectors: Array, examples: Sequence[LabelledExample], files: Files) -> str:
    """Fit, print the held-out measures, and return the weights as TOML."""
    inputs = np.hstack([shapes, vectors])
    labels = np.array([float(each.labelled.is_useful) for each in examples])
    weights = np.where(files == WRITTEN, 1.0, TALK_WEIGHT)
    found = held_out(inputs, labels, weights, PENALTY)
    threshold = threshold_for(found[files == TALK], labels[files == TALK], RECALL)
    for file in (WRITTEN, TALK, KEPT, VOICES):
        which = files == file
        precision, recall = precision_and_recall(found[which], labels[which], threshold)
        measures = f"area {area(found[which], labels[which]):.3f}, precision {precision:.2f}, recall {recall:.2f}"
        print(f"{name or 'cues alone'}, {file} ({int(which.sum())}): {measures}")
    fitted = fit(inputs, labels, weights, PENALTY)
    scale = CUE_SCALE if vectors.shape[1] else 1.0
    cues, vector = fitted[: len(NAMES)] * scale, fitted[len(NAMES) : -1]
    return (
        f'[[models]]\nembedder = "{name}"\nnames = [{", ".join(f"{each!r}" for each in NAMES)}]\n'
        f"bias = {fitted[-1] - threshold:.4f}\ncues = {_rows(cues)}\nvector = {_rows(vector)}\n"
    )


def _rows(values: Array) -> str:
    texts = [f"{value:.3f}" for value in values]
    lines = [", ".join(texts[start : start + WIDTH]) for start in range(0, len(texts), WIDTH)]
    return "[\n" + "".join(f"    {line},\n" for line in lines) + "]"


if __name__ == "__main__":
    main()
