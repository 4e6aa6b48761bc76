"""Recognize peers that are assistants, bots or tools: by their id, or by how they talk. Pure.

Nothing is concluded about them from their own messages: what an assistant says is about its user or the world.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from omoide.reasoner.extractive.machine_text import is_machine_text
from omoide.reasoner.extractive.word_lists import word_lists

SERVICE_SHARE = 0.25
"""Share of messages with a phrase of service from which on a peer is taken for an assistant."""
ENOUGH_MESSAGES, ENOUGH_WORDS = 8, 90
"""From so much talk, the share of `you` and `I` in it tells something."""
YOU_PER_I = 1.5
LONG_LIST = 3
"""List items of a message that is written like an assistant's."""

_LISTS = word_lists("assistants")


def _phrases(name: str) -> re.Pattern[str]:
    lines = [re.escape(line).replace("…", r"(?:\S+ ){0,4}?\S*") for line in _LISTS.lines(name) if line.strip()]
    return re.compile("(?<![a-z'])(?:" + "|".join(lines) + ")")


_IDENTITY, _SERVICE, _PERSONAL = _phrases("identity"), _phrases("service"), _phrases("personal")
_FORMATTED = re.compile(r"^\s*(?:[-*+•]\s|\d{1,2}[.)]\s|#{1,6}\s|\*\*)", re.MULTILINE)
_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_I = re.compile(r"\b(?:i|i'm|i've|i'd|i'll|my|me|mine|we|our)\b")
_YOU = re.compile(r"\b(?:you|your|yours|you're|you've|you'd|you'll)\b")


def is_assistant_id(peer_id: str, words: Collection[str]) -> bool:
    """Whether the id has one of the words, ignoring case: "support-bot", "aiTutor", "Assistant_2"."""
    parts = {part.casefold() for part in _PART.findall(peer_id)}
    return not parts.isdisjoint(word.casefold() for word in words)


def talks_like_an_assistant(contents: Sequence[str]) -> bool:
    """Whether the messages of one peer are those of an assistant, a bot or a tool."""
    texts = [content.lower().replace("’", "'") for content in contents]
    if not texts:
        return False
    if any(map(_IDENTITY.search, texts)) or all(map(is_machine_text, contents)):
        return True
    signs = [_signs(text) for text in texts]
    is_personal = any(map(_PERSONAL.search, texts))
    if not is_personal and sum(map(bool, signs)) >= max(1, SERVICE_SHARE * len(texts)) and sum(signs) >= 2:
        return True
    return not is_personal and _addresses(texts)


def _signs(text: str) -> int:
    """How much of a message is written like an assistant's."""
    phrases = len(set(_SERVICE.findall(text)))
    items = len(_FORMATTED.findall(text))
    return phrases + (items >= LONG_LIST and "\n" in text and not _I.search(text)) + (items >= 2 * LONG_LIST)


def _addresses(texts: Sequence[str]) -> bool:
    """Whether a longer talk is about the other one much more than about the speaker."""
    if len(texts) < ENOUGH_MESSAGES or sum(len(text.split()) for text in texts) < ENOUGH_WORDS:
        return False
    return sum(len(_YOU.findall(text)) for text in texts) > YOU_PER_I * (
        1 + sum(len(_I.findall(text)) for text in texts)
    )
