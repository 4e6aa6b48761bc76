"""Quote a statement with speaker and date. Pure."""

from __future__ import annotations

import re

from omoide.core.clock import day
from omoide.reasoner.card_format import section
from omoide.reasoner.extractive.candidates import CandidateStatement, last_question
from omoide.reasoner.extractive.frames import Frames, frames_of

ENGLISH = frames_of("en")

LONGEST = 600
"""Maximum characters of a quoted statement."""
LONGEST_PROMPT = 120
"""Maximum characters of a preceding question that is quoted with its reply."""

_SAID = re.compile(r'said: ["“].*["”](?: \([^()]*\))?$', re.DOTALL)


def quoted(statement: CandidateStatement, frames: Frames = ENGLISH, *, with_prompt: bool = False) -> str:
    """Return `alice lives in Lisbon. (alice, 2026-11-22)`, or `alice said on 2026-11-22: "…"` for a message.

    `with_prompt` adds the preceding question, for a reply that is unclear without it.
    """
    text = _cut(" ".join(statement.text.split()))
    who, said_on = statement.peer_id, statement.said_on
    if statement.source == "turn":
        said = frames.fill("said", who=who, day=said_on, text=text)
        before = last_question(statement.prompt) if with_prompt else ""
        return frames.fill("asked", question=before, said=said) if 0 < len(before) <= LONGEST_PROMPT else said
    if statement.source == "card":
        return frames.fill("card", text=_sentence(text.removeprefix(section(text) or "")), who=who)
    if statement.source == "concluded":
        return frames.fill("concluded", text=_sentence(text), who=who, day=said_on)
    return f"{text} ({said_on})" if _SAID.search(text) else f"{_sentence(text)} ({who}, {said_on})"


def is_quotation(statement: CandidateStatement) -> bool:
    """Whether a conclusion is a quotation."""
    return statement.source != "turn" and _SAID.search(statement.text) is not None


def earlier(statement: CandidateStatement, frames: Frames = ENGLISH) -> str:
    """Quote a statement that a newer one has replaced, with the day until which it held, if that is known."""
    said = quoted(statement, frames)
    if statement.valid_until is None:
        return frames.fill("earlier", said=said)
    return frames.fill("earlier_until", day=day(statement.valid_until, statement.utc_offset), said=said)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…", '"')) else f"{text}."


def _cut(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    end = text.rfind(" ", LONGEST // 2, LONGEST)
    return f"{text[: end if end > 0 else LONGEST].rstrip()}…"
