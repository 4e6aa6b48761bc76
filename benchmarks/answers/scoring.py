"""Judge an answer without a model: whether it quotes a gold turn, has the words of the short answer, or declines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.answers.dataset import LabelledQuestion
from omoide.reasoner.extractive import frames

SHARE = 0.8
"""Share of the words of a sentence that an answer has to contain to quote it."""
FEWEST = 4
"""Words from which a part of a turn counts as a sentence; a shorter turn counts as a whole."""
WHOLE_WORD = 3
"""Characters up to which an alternative of the short answer has to be a whole word."""

_WORD = re.compile(r"\w+")
_END = re.compile(r"(?<=[.!?…。！？])\s+|\n+")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of a reasoner: its text, the conclusions it could read with their turns, and how long it took."""

    text: str
    conclusions: Sequence[tuple[str, frozenset[str]]] = ()
    """Content, and the ids of the turns behind it."""
    seconds: float = 0.0
    is_unknown: bool = False
    """Whether it says that nothing is known."""


@dataclass(frozen=True, slots=True)
class Score:
    """What one answer is worth. `quoted`: share of the gold turns that it quotes."""

    question: LabelledQuestion
    quoted: float
    has_words: bool
    is_unknown: bool
    words: int
    seconds: float


def score(question: LabelledQuestion, reply: Reply, turns: dict[str, str]) -> Score:
    """Judge the reply; `turns` has the text of each turn of the conversation."""
    quoted = [_quotes(reply, id, turns[id]) for id in question.evidence]
    return Score(
        question,
        sum(quoted) / len(quoted) if quoted else 0.0,
        not reply.is_unknown and has_words(reply.text, question.answer),
        reply.is_unknown,
        len(_words(reply.text)),
        reply.seconds,
    )


def is_nothing_known(text: str) -> bool:
    """Whether the answer says that nothing is known."""
    return frames.is_nothing_known(text)


def has_words(text: str, wanted: Iterable[str]) -> bool:
    """Whether the text contains one of the alternatives of each item, at the beginning of a word.

    Short ones have to be whole words: "no" is not in "north", nor 3 in 30.
    """
    low = " ".join(text.lower().split())

    def is_there(one: str) -> bool:
        end = r"(?!\w)" if len(one) <= WHOLE_WORD else ""
        return re.search(rf"(?<!\w){re.escape(one)}{end}", low) is not None

    return all(any(map(is_there, item.lower().split("|"))) for item in wanted)


def _quotes(reply: Reply, turn: str, text: str) -> bool:
    """Whether the answer contains a sentence of the turn, or a conclusion that was derived from it."""
    known = {*_words(reply.text)}
    parts = [words for part in _END.split(text) if len(words := _words(part)) >= FEWEST] or [_words(text)]
    if any(sum(word in known for word in words) >= SHARE * len(words) for words in parts):
        return True
    low = reply.text.lower()
    return any(turn in ids and content.lower().rstrip(".") in low for content, ids in reply.conclusions)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower().replace("’", "'").replace("'", ""))


def mean(values: Iterable[Any]) -> float:
    """The mean; 0.0 for none."""
    found = [float(each) for each in values]
    return sum(found) / len(found) if found else 0.0
