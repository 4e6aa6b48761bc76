"""What a caller's query means: its words, and whether its very characters are looked for. Pure.

A question is found by its words and its meaning. `50%`, `user_id` or `main.py` are meant as they stand; an index of
words has cut such text at the signs, so it is looked for in the text itself. Any query that occurs in a message as it
stands puts that message first.
"""

from __future__ import annotations

import re
from functools import cached_property

MAX_WORDS = 100
"""Words of a query that are looked up; a longer query is cut."""

# Letters and digits, as the tokenizer of the index cuts them.
_word = re.compile(r"[^\W_]+")
# A sign that a sentence needs not: anything but letters, digits, blanks and the usual punctuation.
_sign = re.compile(r"[^\w\s.,;:!?¡¿'\"()\-–—…‘’“”«»]|_")
# Punctuation between two characters of one word, as in `main.py`, `10:30` or `a,b`, but not `don't` or `well-read`.
_inner = re.compile(r"[^\W_][.,;:!?()\"]+[^\W_]")

_FUNCTION_WORDS = """
    a an the and or but if then than so of in on at to for from by with about as into over after before is am are was
    were be been being do does did doing done has have had having will would shall should can could may might must i me
    my mine we us our you your he him his she her it its they them their this that these those there here what which
    who whom whose when where why how s t d ll re ve m
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())
"""English words that say how a question is put, not what it is about; they match nearly every message."""


class Query:
    """One query, read in every way that searching needs."""

    def __init__(self, text: str) -> None:
        self.text = text.replace("\x00", "").strip()

    @property
    def is_empty(self) -> bool:
        return not self.text

    @cached_property
    def needle(self) -> str:
        """The text for caseless comparison."""
        return self.text.casefold()

    @cached_property
    def words(self) -> list[str]:
        """The different words, lower-cased; without function words, unless there are no others."""
        found = list(dict.fromkeys(word.lower() for word in _word.findall(self.text)))
        return ([word for word in found if word not in FUNCTION_WORDS] or found)[:MAX_WORDS]

    @cached_property
    def has_signs(self) -> bool:
        """Whether it holds characters that an index of words does not keep."""
        return bool(_sign.search(self.text) or _inner.search(self.text))

    @cached_property
    def is_literal(self) -> bool:
        """Whether it can only be meant as it stands: it has no words, or signs and no blanks."""
        return not self.words or (self.has_signs and not re.search(r"\s", self.text))
