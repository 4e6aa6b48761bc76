"""Read the slots that a statement about a peer fills or ends, by the shapes of plain sentences. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache
from typing import NamedTuple

from omoide.core.text_cache import text_cache
from omoide.reasoner.extractive.shapes.catalog import ENDED, Catalog, Filled, catalog, shapes
from omoide.reasoner.extractive.shapes.text import as_said, plain_clauses, quoted, spelled_words, third_person
from omoide.reasoner.extractive.slot_kinds import (
    AGE,
    BIRTHDAY,
    BORN,
    CALL_ME,
    INSTRUCTION,
    INSTRUCTIONS,
    NAME,
    PRONOUNS,
    WORK,
)
from omoide.reasoner.extractive.word_lists import word_lists

CACHED_STATEMENTS = 4_096
FEWEST_BEFORE_ADDITION = 3
_LIMITING = re.compile(rf"\b{word_lists('card_text').any_of('limiting')}\b", re.IGNORECASE)
"""Words after a comma that may take back what is before it."""
_DOUBT = re.compile("|".join(word_lists("card_text").lines("doubts")), re.IGNORECASE)
_WOULD = re.compile(
    r"(?:'d| would)"
    r"(?= (?:rather|prefer|choose|pick|like you|like \w+ (?:answers|replies|responses)|appreciate|love it if you)\b)",
    re.IGNORECASE,
)
_FAVOURITE = re.compile(
    r"\bfavou?rite\b.* (?:is|are|would be|would have to be|might be) (?:probably|maybe)\b", re.IGNORECASE
)
_OVER = re.compile(
    r"\b(?:no longer|any ?more|any longer|used to|quit|stop(?:s|ped)?|g[ai]ve(?:s|n)? up)\b", re.IGNORECASE
)
_PLURAL = re.compile(r"\b(?:we|we're|we've|our)\b", re.IGNORECASE)
_OF_ONE_TEXT = re.compile(r"(?:and|but|also|then) \S+ it\b", re.IGNORECASE)
"""The end of a request for one text: "and keep it short"."""
_OF_ONE = frozenset({NAME, CALL_ME, AGE, BIRTHDAY, BORN, PRONOUNS, WORK})
"""Kinds of one person: a plural subject fills none."""


class ShapeSlots(NamedTuple):
    filled: Filled
    ended: Filled
    """A value of "" stands for all of the kind, a kind of "" for all whose value begins with the value."""


@text_cache(maxsize=CACHED_STATEMENTS)
def shape_slots(statement: str, peer_id: str) -> ShapeSlots:
    """Return kinds and values that the statement fills and ends, without repetitions.

    A doubtful or hypothetical one does neither; wishes about how to answer may hold words of doubt.
    """
    verbatim = quoted(statement, peer_id)
    is_doubtful = (
        _DOUBT.search(_FAVOURITE.sub("favourite", _WOULD.sub("", verbatim if verbatim is not None else statement)))
        is not None
    )
    is_plural = verbatim is not None and _PLURAL.search(verbatim) is not None
    filled: Filled = []
    ended: Filled = []
    for clause in plain_clauses(statement, peer_id):
        said = verbatim or as_said(clause.text)
        for kind, value in catalog().fill(clause.text, said) or _before_addition(clause.text, said):
            if is_doubtful and kind not in INSTRUCTIONS:
                continue
            if kind in INSTRUCTIONS and verbatim is None and not clause.text.startswith("I "):
                continue
            if kind.startswith(INSTRUCTION) and _OF_ONE_TEXT.match(said):
                continue
            if kind.startswith(ENDED):
                ended.append((kind.removeprefix(ENDED), value))
            elif not (is_plural and kind in _OF_ONE):
                (ended if clause.is_over else filled).append((kind, value))
        if clause.is_over and not is_doubtful:
            ended.append(("", third_person(as_said(clause.text).rstrip("."))))
    return ShapeSlots([*dict.fromkeys(filled)], [*dict.fromkeys(ended)])


def _before_addition(clause: str, verbatim: str) -> Filled:
    """The slots of what comes before a comma: "I am the vet of a cooperative , two hundred farms"."""
    head, comma, addition = clause.partition(" , ")
    if not comma or len(head.split()) < FEWEST_BEFORE_ADDITION or _LIMITING.search(addition):
        return []
    return [slot for slot in catalog().fill(f"{head} ", verbatim) if slot[0] not in INSTRUCTIONS]


_SPEAKER = "\0"
_LASTING = frozenset({*INSTRUCTIONS, "email", "phone_number", "handle", "website", "address", NAME, CALL_ME})


def asks_or_gives_contact(sentence: str) -> bool:
    """Whether a request is a wish about how to answer, or contains contact data: such a one states something."""
    if not _addressed().may_fill(spelled_words(sentence)):
        return False
    clauses = plain_clauses(f'{_SPEAKER} said: "{sentence}"', _SPEAKER)
    return any(_addressed().fill(clause.text) for clause in clauses if not clause.is_over)


def fills_line(sentence: str) -> bool:
    """Whether a sentence by itself tells something for a card."""
    return catalog().may_fill(spelled_words(sentence)) and matches_shape(sentence)


def matches_shape(sentence: str) -> bool:
    """As `fills_line`, also by wordings of general words only; slower."""
    slots = shape_slots(f'{_SPEAKER} said: "{sentence}"', _SPEAKER)
    return bool(slots.filled) or is_end([kind for kind, _ in slots.ended], sentence)


def is_end(kinds: Collection[str], text: str) -> bool:
    """Whether a statement that ends slots of these kinds ends something that may be known.

    What is only negated ("I don't see why") is of no kind, and mostly ends nothing.
    """
    return any(kinds) or (bool(kinds) and _OVER.search(text) is not None)


@cache
def _addressed() -> Catalog:
    return Catalog([shape for shape in shapes() if any(kind.partition(":")[0] in _LASTING for kind in shape.fills)])
