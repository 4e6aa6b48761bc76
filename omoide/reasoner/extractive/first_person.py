"""Say a question and statements in the first person: "What is my dog called?" for "What is alice's dog called?". Pure.

Models that compare texts would rank a speaker's own name above the matter.
"""

from __future__ import annotations

import re

from omoide.reasoner.extractive.questions import ParsedQuestion
from omoide.reasoner.extractive.terms import folded

SELF = re.compile(r"\b(?:I|[Mm]y|[Mm]e|[Mm]yself|the user)\b")


def names(asked: ParsedQuestion) -> re.Pattern[str] | None:
    """Return a pattern for the names of the peers in question; None if it names no peer."""
    found = sorted({*asked.about, *asked.about_names}, key=len, reverse=True)
    if not found:
        return None
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, found))})(?P<own>['’]s|(?<=s)['’])?(?!\w)", re.IGNORECASE)


def in_first_person(text: str, names: re.Pattern[str] | None) -> str:
    """Return the text with "I" and "my" for the names."""
    if names is None:
        return text
    plain = text if names.search(text) else folded(text)
    return names.sub(lambda match: "my" if match["own"] else "I", plain)


def is_named(asked: ParsedQuestion) -> bool:
    """Whether the question names the peer, or the peer asks about itself."""
    called = names(asked)
    return called is not None and (called.search(folded(asked.text)) or SELF.search(asked.text)) is not None
