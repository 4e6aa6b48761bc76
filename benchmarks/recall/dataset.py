"""Load the recall data set: turns of conversations and questions about them.

Searching and scoring are done by the benchmarks (`lexical.py` is the baseline).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
KINDS = ("paraphrase", "partial", "lexical", "answer")


class RecallTurn(NamedTuple):
    """A message; `session` is its day, `created_at` an ISO 8601 instant in UTC."""

    id: str
    session: str
    peer: str
    content: str
    created_at: str


class RecallQuestion(NamedTuple):
    """A question about one conversation, the ids of the turns that answer it, and one of `KINDS`."""

    conversation: str
    question: str
    evidence: tuple[str, ...]
    kind: str


def conversations(root: Path = HERE) -> dict[str, list[RecallTurn]]:
    """All conversations by name, with their turns in order."""
    return {
        path.stem: [RecallTurn(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
        for path in sorted((root / "conversations").glob("*.jsonl"))
    }


def questions(root: Path = HERE) -> list[RecallQuestion]:
    """All questions, in the order of the file, grouped by conversation."""
    rows = [json.loads(line) for line in (root / "questions.jsonl").read_text(encoding="utf-8").splitlines()]
    return [RecallQuestion(row["conversation"], row["question"], tuple(row["evidence"]), row["kind"]) for row in rows]
