"""Extract standing instructions and the preferred name from a quoted request. Pure.

"Please fix this" is a one-time request. Only imperatives with `always`, `never`, `from now on` and the like count.
"""

from __future__ import annotations

import re

from sentencex import segment  # type: ignore[import-untyped]

from omoide.reasoner.extractive.slot_kinds import CALL_ME, INSTRUCTION, LANGUAGE
from omoide.reasoner.extractive.slot_values import ends, proper
from omoide.reasoner.extractive.slot_words import INSTRUCTION_VERBS, NOT_NAMES

_LASTING = re.compile(
    r"call me|always|ever|time|from (?:now|here|today) on|going forward|in (?:the )?future", re.IGNORECASE
)
"""Pre-filter: every standing instruction matches it."""
_FOREVER = r"(?:from now on|from here on|going forward|in (?:the )?future|from today on)"
_CALL_ME = re.compile(r"(?:(?:hi|hey|hello|well|so|and|but|oh),? )?(?:(?:please|just|you can|do) )*call me ", re.I)
_POLITE = re.compile(r"(?:(?:and|but|also|please|so|ok|okay|oh|hey),? )*", re.I)
_LEADS = re.compile(rf"{_FOREVER},? (?:please )?|(?:whenever|every time|any time) [^,?]+, (?:please )?", re.I)
_ALWAYS = re.compile(r"(always|never) (?:ever )?([a-z]+)\b", re.I)
_DO_NOT = re.compile(r"(?:do not|don['’]?t) (?:ever )?([a-z]+)\b", re.I)
_STANDING = re.compile(
    rf"\b(?:{_FOREVER}|(?:every time|whenever|each time) (?:you|i|we)|ever again)\b|^(?:do not|don['’]?t) ever\b"
    r"|^(?:make sure|be sure|remember|try) (?:to|that you) (?:always|never)\b",
    re.I,
)
_IN_LANGUAGE = re.compile(
    r"(?:answer|reply|respond|write|speak|talk)(?: to)?(?: me)?(?: back)?(?: only)? in (?P<language>[^\W\d_]+)$", re.I
)
_NOT_LANGUAGES = frozenset(["detail", "full", "short", "brief", "private", "person", "time", "prose", "turn"])
_NEVER_MEANT = re.compile(
    r"(?:never (?:mind|say never)|never give up|always be (?:my|the|mine|your|yourself|there))\b", re.I
)


def standing_instructions(quote: str) -> list[tuple[str, str]]:
    """Return kinds and values of the standing instructions in the quote, in order; other sentences are skipped."""
    plain = " ".join(quote.split())
    if not _LASTING.search(plain):
        return []
    instructions = []
    for sentence in segment("en", plain):
        text = sentence.strip()
        if called := _called(text):
            instructions.append((CALL_ME, called))
        elif _is_instruction(text):
            instructions.append((LANGUAGE if names_language(text) else INSTRUCTION, text))
    return instructions


def _called(text: str) -> str | None:
    start = _CALL_ME.match(text)
    cut = proper(text[start.end() :]) if start else None
    if cut is None:
        return None
    value, tail = cut
    is_name = not any(word.lower() in NOT_NAMES for word in value.split())
    harmless = ends(tail) or re.match(r",? (?:please|instead|from now on|by the way)\b", tail)
    return value if is_name and harmless and "?" not in text else None


def _is_instruction(text: str) -> bool:
    if "?" in text or _NEVER_MEANT.search(text):
        return False
    order = text[_start(text) :]
    leads = _LEADS.match(order)
    if leads:
        order = order[leads.end() :]
    if match := _ALWAYS.match(order):
        return match[2].lower() in INSTRUCTION_VERBS
    if not (leads or _STANDING.search(order)):
        return False
    if match := _DO_NOT.match(order):
        return match[1].lower() in INSTRUCTION_VERBS
    first = re.match(r"[a-z]+\b", order, re.I)
    return first is not None and first[0].lower() in INSTRUCTION_VERBS


def _start(text: str) -> int:
    polite = _POLITE.match(text)
    return polite.end() if polite else 0


def names_language(text: str) -> bool:
    """Whether the instruction only sets the answer language, so that a newer one replaces it."""
    order = re.sub(rf",? (?:please|always|{_FOREVER})(?=[ .!]|$)", "", text[_start(text) :].rstrip(".! "), flags=re.I)
    order = _LEADS.sub("", order, count=1)
    match = _IN_LANGUAGE.match(re.sub(r"^(?:please |always )+", "", order, flags=re.I))
    return match is not None and match["language"].lower() not in _NOT_LANGUAGES
