"""Update a peer card from conclusions: the newest value of single slots, all values of the others. Pure.

Every generated line can be parsed back into its slot, so a newer statement finds the line that it replaces. Lines that
API callers wrote come first, unchanged, and no line is generated for their slots. `slots` parses statements,
`reasoning.cards` validates lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from omoide.core.clock import day
from omoide.core.records import Conclusion
from omoide.core.text_cache import text_cache
from omoide.reasoner.card_format import (
    ATTRIBUTE,
    IDENTITY,
    INSTRUCTION,
    MAX_LINES,
    PREFIXES,
    RELATIONSHIP,
    accept_lines,
    folded,
    section,
)
from omoide.reasoner.extractive import slot_kinds as kinds
from omoide.reasoner.extractive.slots import Slot, agree, ended_of, phrase, slots_of
from omoide.reasoner.protocol import CardTask

# Levels used for cards. Patterns and contradictions are not facts.
LEVELS_TOLD = frozenset({"explicit", "deductive"})

_IDENTITY = frozenset(
    {
        kinds.NAME,
        kinds.PRONOUNS,
        kinds.AGE,
        kinds.BIRTHDAY,
        kinds.BORN,
        kinds.BIRTHPLACE,
        kinds.ORIGIN,
        kinds.CALL_ME,
    }
)
_TASTES = kinds.TASTES | {kinds.PREFERS}
# Other notations of "lives in Lisbon" and "name is Alice", from lines that are not ours.
_LABELS = (
    (re.compile(r"(?:location|home|city|residence): *", re.IGNORECASE), "lives in "),
    (re.compile(r"(?:employer|company): *", re.IGNORECASE), "works at "),
    (re.compile(r"(?:allergy|allergies): *", re.IGNORECASE), "is allergic to "),
    (re.compile(r"([A-Za-z][a-z]*(?: [a-z]+)?): *"), r"\1 is "),
)

CACHED_LINES = 1_024
"""Size of the cache of parsed lines: a card is parsed again with every update."""

# The date at which an age was stated.
_DAY = re.compile(r" \(\d{4}-\d\d-\d\d\)$")

CACHED_STATEMENTS = 4_096
"""Size of the cache of parsed statements, which recur when older messages arrive later or a card is rebuilt."""

Place = tuple[str, ...]


class _Line(NamedTuple):
    text: str
    slots: tuple[Slot, ...]


def card(task: CardTask) -> list[str]:
    """Return the updated card: the given lines, then identity, attributes, relationships and instructions.

    The current card is returned unchanged if the conclusions fill or end no slot. Deterministic.
    """
    kept = _Kept(task.observed_id, task.given)
    if not task.rebuild:
        given = {*task.given}
        kept.load(line for line in task.current if line not in given)
    is_changed = task.rebuild
    for each in sorted(task.conclusions, key=lambda c: (c.said_at, c.created_at, c.pk)):
        if each.level in LEVELS_TOLD:
            is_changed = kept.learn(each) or is_changed
    lines = kept.lines(max(0, MAX_LINES - len(task.given)))
    return [*task.given, *lines] if is_changed and (lines or task.given) else [*task.current]


def line_of(slot: Slot, said_at: int) -> str:
    """Return the card line for a slot. An age includes the date of the statement, because it changes."""
    return _timeless(slot) + (f" ({day(said_at)})" if slot.kind == kinds.AGE else "")


def slots_of_line(line: str, peer_id: str) -> list[Slot]:
    """Parse a card line of any author into slots; empty if it cannot be parsed."""
    return [*_told(line, peer_id)]


@text_cache(maxsize=CACHED_LINES)
def _told(line: str, peer_id: str) -> Sequence[Slot]:
    text = line.removeprefix(section(line) or "").strip()
    if line.startswith(INSTRUCTION):
        return slots_of(f'{peer_id} said: "{text}"', peer_id)
    for pattern, phrased in _LABELS:
        text = pattern.sub(phrased, text, count=1) if pattern.match(text) else text
    lowered = text[:1].lower() + text[1:]
    for statement in (f"{peer_id} {lowered}", f"{peer_id}'s {lowered}", text):
        if slots := slots_of(statement, peer_id):
            return slots
    return []


@text_cache(maxsize=CACHED_STATEMENTS)
def _stated(content: str, peer_id: str) -> tuple[Sequence[Slot], Sequence[Slot]]:
    """Return the slots that a statement ends, and those that it fills."""
    return tuple(ended_of(content, peer_id)), tuple(slots_of(content, peer_id))


class _Kept:
    """The lines that are not given: generated ones by slot key, others verbatim."""

    def __init__(self, peer_id: str, given: Sequence[str]) -> None:
        self._peer_id = peer_id
        self._given = {folded(line) for line in given}
        self._taken = {slot.place for line in given for slot in slots_of_line(line, peer_id)}
        self._ours: dict[Place, _Line] = {}
        self._others: list[_Line] = []

    def load(self, lines: Iterable[str]) -> None:
        """Load the lines of the current card."""
        for text in lines:
            line = _Line(text, tuple(slots_of_line(text, self._peer_id)))
            if len(line.slots) == 1 and self._is_ours(line):
                self._ours[line.slots[0].place] = line
            else:
                self._others.append(line)

    def learn(self, conclusion: Conclusion) -> bool:
        """Apply a statement. Returns whether it fills or ends a slot."""
        ended, filled = _stated(conclusion.content, self._peer_id)
        for slot in ended:
            self._end(slot)
        for slot in filled:
            if slot.place not in self._taken:
                self._fill(slot, conclusion.said_at)
        return bool(ended or filled)

    def lines(self, most: int) -> list[str]:
        """Return at most `most` lines by section. The oldest tastes are dropped first, then other multi-value slots."""
        every = [line for line in (*self._others, *self._ours.values()) if folded(line.text) not in self._given]
        accepted = {*accept_lines((line.text for line in every), most=len(every)).accepted}
        every = [line for line in every if line.text.strip() in accepted]
        surplus = sorted(range(len(every)), key=lambda n: (_worth(every[n]), n))[: max(0, len(every) - most)]
        stay = [line.text for number, line in enumerate(every) if number not in {*surplus}]
        ordered = sorted(stay, key=lambda text: PREFIXES.index(section(text.strip()) or ATTRIBUTE))
        return accept_lines(ordered, most=most).accepted

    def _is_ours(self, line: _Line) -> bool:
        return _DAY.sub("", line.text) == _timeless(line.slots[0])

    def _fill(self, slot: Slot, said_at: int) -> None:
        line = _Line(line_of(slot, said_at), (slot,))
        if len(accept_lines([line.text]).accepted) == 0 or slots_of_line(line.text, self._peer_id) != [slot]:
            return
        if self._is_told_by_others(slot, said_at):
            return
        old = self._ours.pop(slot.place, None)
        is_fuller = old and agree(old.slots[0], slot) and len(old.slots[0].value) > len(slot.value)
        self._ours[slot.place] = old if old and is_fuller else line

    def _is_told_by_others(self, slot: Slot, said_at: int) -> bool:
        """Whether a line that is not ours already has the value. A line with another value is replaced by generated
        lines for its other slots."""
        for line in self._others:
            rivals = [other for other in line.slots if other.place == slot.place]
            if any(agree(other, slot) for other in rivals):
                return True
            if rivals:
                self._drop(line, slot, said_at)
                return False
        return False

    def _end(self, slot: Slot) -> None:
        held = self._ours.get(slot.place)
        if held and agree(held.slots[0], slot):
            del self._ours[slot.place]
        for line in [*self._others]:
            if any(other.place == slot.place and agree(other, slot) for other in line.slots):
                self._others.remove(line)

    def _drop(self, line: _Line, rival: Slot, said_at: int) -> None:
        self._others.remove(line)
        for other in line.slots:
            if other.place != rival.place and other.place not in self._ours:
                self._ours[other.place] = _Line(line_of(other, said_at), (other,))


def _timeless(slot: Slot) -> str:
    if slot.kind.startswith((kinds.PET, kinds.RELATION)):
        return f"{RELATIONSHIP}{slot.kind.partition(':')[2]} {slot.value}"
    if slot.kind in kinds.INSTRUCTIONS:
        return f"{INSTRUCTION}{slot.value}"
    return f"{IDENTITY if slot.kind in _IDENTITY else ATTRIBUTE}{phrase(slot)}"


def _worth(line: _Line) -> int:
    """Return the priority of a line; lines of lower priority are dropped first."""
    if all(slot.kind in _TASTES for slot in line.slots):
        return 0
    return 2 if any(slot.single or slot.kind in kinds.INSTRUCTIONS for slot in line.slots) else 1
