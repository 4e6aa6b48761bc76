"""Load the data set of answers: conversations, questions about them, and labels of sentences.

The conversations are those of the recall benchmark and the ones here. `halves.json` says which were looked at while the
reasoner was tuned; the others are held out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.recall import dataset as recall
from benchmarks.recall.dataset import RecallTurn

HERE = Path(__file__).resolve().parent
KINDS = ("fact", "time", "several", "inference", "change", "count")
"""Kinds of questions that the conversation answers."""
UNANSWERABLE = "unanswerable"


class LabelledQuestion(NamedTuple):
    """A question about `peer`. `evidence`: turns that answer it; `answer`: each a word, or alternatives with `|`."""

    conversation: str
    kind: str
    peer: str
    asker: str
    question: str
    evidence: tuple[str, ...]
    answer: tuple[str, ...]

    @property
    def is_answerable(self) -> bool:
        return self.kind != UNANSWERABLE


class Label(NamedTuple):
    """A sentence of the turn `id`, and whether it tells something that could matter in a month."""

    conversation: str
    id: str
    sentence: str
    useful: bool


def conversations(folders: Sequence[Path]) -> dict[str, list[RecallTurn]]:
    """All conversations by name, with their turns in order: those of `folders` and of the recall benchmark."""
    own = [path for folder in folders for path in sorted(folder.glob("*.jsonl")) if "-" not in path.stem]
    return recall.conversations() | {path.stem: [RecallTurn(**row) for row in _rows(path)] for path in own}


def questions(folders: Sequence[Path]) -> list[LabelledQuestion]:
    """All questions, grouped by conversation."""
    return [
        LabelledQuestion(
            row["conversation"],
            row["kind"],
            row["peer"],
            row["asker"],
            row["question"],
            tuple(row["evidence"]),
            tuple(row["answer"]),
        )
        for folder in folders
        for path in sorted(folder.glob("questions-*.jsonl"))
        for row in _rows(path)
    ]


def labels(folders: Sequence[Path]) -> list[Label]:
    """All labels, grouped by conversation."""
    files = [path for folder in folders for path in sorted(folder.glob("labels-*.jsonl"))]
    return [Label(**row) for path in files for row in _rows(path)]


def held_out() -> frozenset[str]:
    """The names of the conversations that were not looked at while tuning."""
    return frozenset(json.loads((HERE / "halves.json").read_text(encoding="utf-8"))["held_out"])


def _rows(path: Path) -> Iterator[Any]:
    for line in path.read_text(encoding="utf-8").splitlines():
        yield json.loads(line)
