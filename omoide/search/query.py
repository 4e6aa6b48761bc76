"""Parse a search query: its words, and whether it is a literal string. Pure.

Questions are matched by words and by meaning. `50%`, `user_id` or `main.py` are literal: the full-text index splits
such text at the signs, so they are matched as substrings. A message that contains the query verbatim ranks first.
"""

from __future__ import annotations

import re
from functools import cached_property

MAX_WORDS = 100
"""Maximum number of words looked up; further words are ignored."""

# Letters and digits, as the tokenizer of the index splits them.
_word = re.compile(r"[^\W_]+")
# A sign that is not part of prose: anything but letters, digits, whitespace and common punctuation.
_sign = re.compile(r"[^\w\s.,;:!?¡¿'\"()\-–—…‘’“”«»]|_")
# Punctuation inside a word, as in `main.py`, `10:30` or `a,b`, but not `don't` or `well-read`.
_inner = re.compile(r"[^\W_][.,;:!?()\"]+[^\W_]")

_FUNCTION_WORDS = """
    a an the and or but if then than so of in on at to for from by with about as into over after before is am are was
    were be been being do does did doing done has have had having will would shall should can could may might must i me
    my mine we us our you your he him his she her it its they them their this that these those there here what which
    who whom whose when where why how s t d ll re ve m
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())
"""English stop words; they match nearly every message."""


class Query:
    """A parsed query."""

    def __init__(self, text: str) -> None:
        self.text = text.replace("\x00", "").strip()

    @property
    def is_empty(self) -> bool:
        return not self.text

    @cached_property
    def needle(self) -> str:
        """The text, case-folded."""
        return self.text.casefold()

    @cached_property
    def words(self) -> list[str]:
        """The distinct words, lower-cased; without stop words, unless there are no others."""
        found = list(dict.fromkeys(word.lower() for word in _word.findall(self.text)))
        return ([word for word in found if word not in FUNCTION_WORDS] or found)[:MAX_WORDS]

    @cached_property
    def has_signs(self) -> bool:
        """Whether it contains characters that the full-text index does not keep."""
        return bool(_sign.search(self.text) or _inner.search(self.text))

    @cached_property
    def is_literal(self) -> bool:
        """Whether it is matched as a substring: it has no words, or it has signs and no whitespace."""
        return not self.words or (self.has_signs and not re.search(r"\s", self.text))
