"""Objects of claims: the words of "the guitar in a band last year" that say which thing is meant. Pure, English."""

from __future__ import annotations

import re

from omoide.reasoner.equivalence import words
from omoide.reasoner.extractive import claim_patterns as patterns
from omoide.reasoner.extractive.claim import Topic

_CUT = re.compile(r"[;(]|,(?! \d)|\s[-–—]+\s| (?:because|which|who|so|but|and self|cos|cuz|though|even though|if)\b")


def whole(text: str) -> Topic:
    """Return the words of an object, without articles, adverbs and phrases of time around it."""
    plain = patterns.TRAILING.sub("", _CUT.split(text, 1)[0].strip(" .,!"))
    while plain != (shorter := patterns.TRAILING.sub("", plain)):
        plain = shorter
    plain = patterns.QUANTITY.sub("", plain, count=1)
    return tuple(word for word in words(plain) if word not in patterns.DETERMINERS)


def head(what: Topic) -> Topic:
    """Return the words up to a preposition: what the object is about. One at its start belongs to the verb."""
    for at, word in enumerate(what):
        if word in patterns.PREPOSITIONS and at > (1 if what[0] in patterns.PREPOSITIONS else 0):
            return what[:at]
    return what


def number(text: str) -> str:
    """Return a number in digits, without separators of thousands."""
    plain = text.lower().strip(" .,")
    plain = patterns.NUMBERS.get(plain, plain)
    return plain.replace(",", "") if re.fullmatch(r"\d{1,3}(?:,\d{3})+", plain) else plain
