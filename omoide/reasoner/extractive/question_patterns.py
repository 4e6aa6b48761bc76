"""Table of question patterns and the slot kinds that answer them, best first, from `data/questions.toml`.

A group's text completes a kind that ends with a colon; without a group, such a kind is a prefix that matches all kinds
that start with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from omoide.reasoner.extractive.slot_kinds import PET, RELATION
from omoide.reasoner.extractive.slot_words import RELATIONS, SPECIES
from omoide.reasoner.extractive.word_lists import word_lists

_LISTS = word_lists("questions")
_BE, _DO = _LISTS.text("be"), _LISTS.text("do")
_NAME_PATTERNS: Sequence[str] = _LISTS.tables("names")[0]["patterns"]

Shape = tuple[re.Pattern[str], tuple[str, ...]]


def _shape(patterns: Iterable[str], kinds: Iterable[str]) -> Shape:
    return re.compile("|".join(patterns).replace("{be}", _BE).replace("{do}", _DO)), tuple(kinds)


def _name_shape(prefix: str, nouns: frozenset[str]) -> Shape:
    """Questions about the name of a pet or relative."""
    noun = f"({'|'.join(sorted(nouns, key=len, reverse=True))})"
    return _shape((pattern.replace("{noun}", noun) for pattern in _NAME_PATTERNS), [prefix])


SHAPES = (
    *(_shape(row["patterns"], row["kinds"]) for row in _LISTS.tables("questions")),
    _name_shape(PET, SPECIES),
    _name_shape(RELATION, RELATIONS),
)
