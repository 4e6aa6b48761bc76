"""Cut from a message what does not belong to the answer: greetings at its beginning, questions at its end. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from omoide.core.text_cache import text_cache
from omoide.inference.glosses import in_english
from omoide.reasoner.extractive.candidates import CandidateStatement
from omoide.reasoner.extractive.sentences import sentences
from omoide.reasoner.extractive.smalltalk import is_smalltalk
from omoide.reasoner.extractive.terms import CACHED_TEXTS, LONGEST_TEXT, base_forms, bases

LEFT_OUT = "…"
WHOLE = 40
"""Words up to which a message is quoted whole. Of a longer one the sentences around the question's words are."""


def excerpt(statement: CandidateStatement, terms: Sequence[str]) -> CandidateStatement:
    """Return a message without greetings, questions at its end and, if it has more words, what is far from the
    question's; any other statement as it is. At least one sentence remains."""
    if statement.source != "turn":
        return statement
    return replace(statement, text=_excerpt(statement.text, tuple(terms)))


@text_cache(maxsize=CACHED_TEXTS, longest=LONGEST_TEXT)
def _excerpt(text: str, terms: tuple[str, ...]) -> str:
    parts = sentences(text)
    start, end = 0, len(parts)
    while start < end - 1 and is_smalltalk(parts[start].replace("’", "'")):
        start += 1
    while end > start + 1 and parts[end - 1].rstrip("\"'”’)").endswith(("?", "？")):
        end -= 1
    start, end = _around(parts, (start, end), terms)
    if start == 0 and end == len(parts):
        return text
    kept = " ".join(parts[start:end])
    return f"{LEFT_OUT + ' ' if start else ''}{kept}{' ' + LEFT_OUT if end < len(parts) else ''}"


def _around(parts: Sequence[str], span: tuple[int, int], terms: tuple[str, ...]) -> tuple[int, int]:
    """Shrink the span to at most `WHOLE` words, but at least one sentence, from the side with fewer of the terms, or
    words."""
    start, end = span
    term_forms = [bases(term) for term in terms]
    held = [sum(not base_forms(in_english(part)).isdisjoint(term) for term in term_forms) for part in parts]
    words = [len(part.split()) for part in parts]
    while end - start > 1 and sum(words[start:end]) > WHOLE:
        if (held[start], words[start]) < (held[end - 1], words[end - 1]):
            start += 1
        else:
            end -= 1
    return start, end
