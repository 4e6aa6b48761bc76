"""Recognize requests and standing instructions ("always answer in French"). Patterns for English.

Only standing instructions state something about the speaker. A word that is a noun and a verb counts as a request only
before certain words ("book a table", not "book club meets").
"""

from __future__ import annotations

import re

from omoide.reasoner.extractive.grammar import WORD
from omoide.reasoner.extractive.slot_words import INSTRUCTION_VERBS
from omoide.reasoner.extractive.word_lists import word_lists

_LISTS = word_lists("requests")
_HABIT = _LISTS.any_of("habits")
_LANGUAGE = _LISTS.any_of("languages")
_NOT_A_NAME = _LISTS.any_of("not_names")
_PLEASE = r"(?:(?:please|pls|plz|kindly|just|do|you (?:can|may|should|must|could)|feel free to)[, ]+){0,3}"
_STANDING = re.compile(
    rf"{_PLEASE}(?:{_HABIT}\b"
    rf"|(?:(?:do not|don't|never|stop) )?(?:call(?:ing)?|name|naming) me (?!{_NOT_A_NAME}\b)\S"
    r"|(?:address|refer to|greet) me\b"
    rf"|(?:answer|reply|respond|speak|talk|write)(?: to me| me| back)?(?: only)? in {_LANGUAGE}\b"
    r"|keep (?:it|things|your \w+|\w+|the \w+) (?:very )?(?:short|brief|concise|simple|formal|informal|casual|polite)\b"
    r"|(?:do not|don't|stop|avoid|no more) (?:us(?:e|ing)|suggest(?:ing)?|recommend(?:ing)?|includ(?:e|ing)"
    r"|address(?:ing)?|mention(?:ing)?|remind(?:ing)? me|ask(?:ing)? me|add(?:ing)?)"
    r" (?!(?:it|that|this|them|the|those|these)\b)"
    r"|(?:remember|note|keep in mind|bear in mind|be aware|mind)(?: that|,|:)? (?:i|my|i'm|i've|i'll)\b)",
    re.IGNORECASE,
)
_ALWAYS = re.compile(rf"{_PLEASE}(?:always|never) (?:ever )?([a-z]+)\b", re.IGNORECASE)
_ME = re.compile(r"\b(?:i|me|my|i'm|i've|us|our)\b", re.IGNORECASE)
_NEW_SUBJECT = re.compile(r"[,;:–—] (?=(?:it|that|this|there|he|she|they|you|we|i)(?:'\w+)? )", re.IGNORECASE)
_HABITUAL = re.compile(rf"\b{_HABIT}\b", re.IGNORECASE)
_OFFER = re.compile(r"(?:let|feel free|you (?:can|could|may|might))\b", re.IGNORECASE)

_DEMANDS = _LISTS.any_of("demands")
_REQUEST = re.compile(
    rf"(?:{_DEMANDS}|i(?:'d| really)? (?:want|need|would like|like|love|expect|ask|beg|urge) (?:for )?you(?: all)? to"
    r"|you (?:should|could|can|may|might|must|need to|have to|ought to|had better|want to)"
    r"|be (?!that\b)\w+)\b(?!\s+(?:is|are|was|were|has)\b)",
    re.IGNORECASE,
)
_ALSO_NOUNS = _LISTS.any_of("also_nouns")
_AFTER_REQUESTS = _LISTS.any_of("after_requests")
_WEAK_REQUEST = re.compile(
    rf"(?!type \d){_ALSO_NOUNS}\s+{_AFTER_REQUESTS}\b(?!\s+(?:is|are|was|were)\b)", re.IGNORECASE
)

_SUBJECT = re.compile(
    r"(?i:i|i'm|im|i've|ive|my|we|we're|our)\b"
    r"|[A-Z][\w'-]+ (?:is|isn't|has|hasn't|can't|cannot|needs|hates|likes|gets)\b"
)


def is_standing_instruction(plain: str) -> bool:
    """Whether it is a standing instruction. Expects straight apostrophes and no opening such as "Yes,"."""
    if _STANDING.match(plain):
        return not _is_maxim(plain)
    order = _NEW_SUBJECT.split(plain, 1)[0]
    return bool(_HABITUAL.search(order)) and is_request(plain) and not _OFFER.match(plain)


def _is_maxim(plain: str) -> bool:
    """Whether it tells everybody what to do: "Never underestimate an accountant"."""
    match = _ALWAYS.match(plain)
    return match is not None and match[1].lower() not in INSTRUCTION_VERBS and not _ME.search(plain)


def is_request(plain: str) -> bool:
    """Whether it is a request or advice. Expects straight apostrophes and no opening such as "Yes,"."""
    words = WORD.findall(plain[-20:])
    if words and words[-1].lower() in {"please", "pls"} and not _SUBJECT.match(plain):
        return True
    return bool(_REQUEST.match(plain) or _WEAK_REQUEST.match(plain))
