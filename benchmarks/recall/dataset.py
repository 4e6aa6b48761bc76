"""The recall data set as typed values: turns of a conversation and questions about them.

Reading only. What a search returns for a question, and how good that is, belongs to whoever measures it
(`lexical.py` is the plain baseline).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
KINDS = ("paraphrase", "partial", "lexical", "answer")


class Turn(NamedTuple):
    """One message; `session` is its day, `created_at` an ISO 8601 instant in UTC."""

    id: str
    session: str
    peer: str
    content: str
    created_at: str


class Question(NamedTuple):
    """A question about one conversation, the ids of the turns that answer it, and one of `KINDS`."""

    conversation: str
    question: str
    evidence: tuple[str, ...]
    kind: str


def conversations(root: Path = HERE) -> dict[str, list[Turn]]:
    """Every conversation by name, its turns in the order they were said."""
    return {
        path.stem: [Turn(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
        for path in sorted((root / "conversations").glob("*.jsonl"))
    }


def questions(root: Path = HERE) -> list[Question]:
    """Every question, grouped by conversation as in the file."""
    rows = [json.loads(line) for line in (root / "questions.jsonl").read_text(encoding="utf-8").splitlines()]
    return [Question(row["conversation"], row["question"], tuple(row["evidence"]), row["kind"]) for row in rows]
