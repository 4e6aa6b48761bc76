"""Find what a question or request says in passing: "I love reading, could you suggest a book?". Pure, English."""

from __future__ import annotations

import re

FEWEST_WORDS = 2

_SUBJECT = r"(?:i|i'm|i've|i'd|im|ive|my|we|we're|we've|our)"
_ASKS = (
    r"(?:can|could|do|does|did|would|will|should|shall|is|are|any|what|what's|which|where|how|who|when|why|please|suggest"
    r"|recommend|give|tell|help|show|explain|let|got any|have you|thoughts)"
)
_BEFORE = re.compile(
    rf"(?P<lead>(?:since|as|because|given that|seeing as|so) )?(?P<said>{_SUBJECT} [^?]*?)"
    rf"(?:\s*[,;:]\s*|\s+[-–—]+\s+)(?:(?:and|so|but|then) )?(?={_ASKS}\b)",
    re.IGNORECASE,
)
"""A statement before the question."""
_AFTER = re.compile(
    rf"(?:,|\s[-–—]+|;)\s*(?:(?:because|since|as|cause|cos|and|but|given that) )?(?P<said>{_SUBJECT} [^?]*)[?.!\s]*$"
    rf"|\b(?:because|since|given that|cos) (?P<reason>{_SUBJECT} [^?]*)[?.!\s]*$",
    re.IGNORECASE,
)
"""A statement after it: "what should I cook, I'm vegan"."""
_NOT_SAID = re.compile(
    r"(?:i|i'm|im) (?:was |am |just |really )*(?:wonder|ask|curious|think|guess|mean|need|want|would|hope|look"
    r"|sure|sorry|trying to (?:find|figure|understand))|i'd (?:like|love)|we need|we want|i can\b|i could\b|i should\b",
    re.IGNORECASE,
)


def inner_statements(sentence: str) -> list[str]:
    """Return the first person statements inside a question or request, as sentences. Expects straight apostrophes."""
    found = []
    if match := _BEFORE.match(sentence):
        found.append(match["said"])
    elif match := _AFTER.search(sentence):
        found.append(match["said"] or match["reason"])
    return [
        f"{said[:1].upper()}{said[1:].rstrip(' .!,;:?')}."
        for said in found
        if len(said.split()) >= FEWEST_WORDS and not _NOT_SAID.match(said)
    ]
