"""Parse a search query: its words, its exact parts, and whether it is a literal string. Pure.

Every query is matched by words and by meaning. `50%`, `user_id` or `main.py` are matched literally as well, because the
full-text index splits such text at the signs; what contains them comes first. What contains the whole query verbatim
comes first in any case. Punctuation around a word, of any script, says nothing.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cached_property, lru_cache

from omoide.core.index_text import composed, literal_text, words
from omoide.inference.glosses import in_english

MAX_WORDS = 100
"""Maximum number of words looked up; further words are ignored."""

MAX_EXACT = 8
"""Maximum number of exact parts; further ones are ignored."""

# Punctuation inside a word, as in `main.py`, `10:30` or `a,b`, but not `don't` or `well-read`.
_inner = re.compile(r"[^\W_][.,;:!?()\"]+[^\W_]")
_long_word = re.compile(r"[^\W_]{3,}")
_digit = re.compile(r"\d")
_PROSE = frozenset(".,;:!?'\"()-")
"""ASCII punctuation that is part of prose; other punctuation and symbols of ASCII are signs."""

_FUNCTION_WORDS = """
    a an the and or but if then than so of in on at to for from by with about as into over after before is am are was
    were be been being do does did doing done has have had having will would shall should can could may might must i me
    my mine we us our you your he him his she her it its they them their this that these those there here what which
    who whom whose when where why how s t d ll re ve m
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())
"""English stop words; they match nearly every message."""

SENTENCE_SHARE = 0.25
"""Minimum share of stop words among the words of an English sentence. Lists of keywords have fewer."""
SENTENCE_CHARACTERS = 500
"""Characters by which a sentence is told."""

LEAST_NAME = 2
"""Letters that a name has."""


class Query:
    """A parsed query."""

    def __init__(self, text: str) -> None:
        self.text = text.replace("\x00", "").strip()

    @property
    def is_empty(self) -> bool:
        return not self.text

    @cached_property
    def core(self) -> str:
        """The text without the punctuation around it, unless it consists of that."""
        return _bare(self.text) or self.text

    @cached_property
    def needle(self) -> str:
        """The core, as it is compared literally."""
        return literal_text(self.core)

    @cached_property
    def words(self) -> list[str]:
        """The distinct words, lower-cased; without stop words, unless there are no others."""
        found = list(dict.fromkeys(words(self.text)))
        return ([word for word in found if word not in FUNCTION_WORDS] or found)[:MAX_WORDS]

    @cached_property
    def is_sentence(self) -> bool:
        """Whether it reads like a sentence in English, or in a language that the models read in English."""
        distinct = {*words(in_english(self.text[:SENTENCE_CHARACTERS]))}
        return len(distinct & FUNCTION_WORDS) >= SENTENCE_SHARE * len(distinct) > 0

    def names(self, peer_id: str) -> bool:
        """Whether it asks something about this peer: it has the first word of its id ("ana-lima": "ana's dog"), and
        others."""
        first = next(words(peer_id), "")
        if len(first) < LEAST_NAME or first.isdecimal():
            return False
        return len(self.words) > 1 and not self._name_forms.isdisjoint((first, f"{first}s"))

    @cached_property
    def _name_forms(self) -> frozenset[str]:
        return frozenset(self.words)

    @cached_property
    def exact(self) -> list[str]:
        """The distinct parts between blanks that contain signs, as `user_id` in `what is user_id?`, and numbers.

        Numbers have several digits; names with a digit are among them, as `A380`.
        """
        parts = [_bare(part) for part in composed(self.text).split() if _has_signs(part)]
        parts += filter(_digit.search, _long_word.findall(composed(self.text)))
        return [*dict.fromkeys(part for part in parts if part)][:MAX_EXACT]

    @cached_property
    def terms(self) -> list[str]:
        """The words, and the exact parts of several words, which the full-text index finds as phrases."""
        phrases = [part for part in self.exact if 1 < len(list(words(part))) <= MAX_EXACT]
        return [*self.words, *phrases][:MAX_WORDS]

    @cached_property
    def parts(self) -> list[str]:
        """The parts between blanks, where the index may not know the words: signs alone, or letters newer than it."""
        if self.words and not any(unicodedata.ucd_3_2_0.category(letter) == "Cn" for letter in self.text):
            return []
        return [*dict.fromkeys(_bare(part) or part for part in composed(self.text).split())][:MAX_EXACT]

    @cached_property
    def has_signs(self) -> bool:
        """Whether it contains characters that the full-text index does not keep."""
        return _has_signs(composed(self.text))

    @cached_property
    def is_literal(self) -> bool:
        """Whether it is matched as a substring before all else: it has no words, or has signs and no whitespace."""
        return not self.words or (self.has_signs and not re.search(r"\s", self.text))


def _has_signs(text: str) -> bool:
    return any(map(_is_sign, text)) or _inner.search(text) is not None


def _bare(text: str) -> str:
    """The text without the punctuation around it; empty if it consists of that."""
    first, last = 0, len(text)
    while first < last and _is_prose(text[first]):
        first += 1
    while first < last and _is_prose(text[last - 1]):
        last -= 1
    return text[first:last]


@lru_cache(maxsize=1_024)
def _is_sign(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] == "S" or (category[0] == "P" and character.isascii() and character not in _PROSE)


@lru_cache(maxsize=1_024)
def _is_prose(character: str) -> bool:
    if character.isascii():
        return character in _PROSE or character.isspace()
    return unicodedata.category(character)[0] in "PZ"
