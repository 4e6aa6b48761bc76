"""Update a peer card from conclusions: the newest value of single slots, all values of the others. Pure.

Every generated line can be parsed back into its slot, so a newer statement finds the line that it replaces. Lines that
API callers wrote come first, unchanged. No line is generated for their slots, unless a statement that was said after
they were written gives another value; a line that says nothing else then gives way. `slots` parses statements,
`reasoning.cards` validates lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from omoide.core.clock import day
from omoide.core.records import Conclusion
from omoide.core.text_cache import text_cache
from omoide.reasoner.card_format import (
    ATTRIBUTE,
    IDENTITY,
    INSTRUCTION,
    PREFIXES,
    RELATIONSHIP,
    accept_lines,
    folded,
    own_lines,
    section,
)
from omoide.reasoner.equivalence import words
from omoide.reasoner.extractive import slot_kinds as kinds
from omoide.reasoner.extractive.card_slots import card_ended_of, card_place, card_slots_of, is_vaguer, without_item
from omoide.reasoner.extractive.claims import claims_of
from omoide.reasoner.extractive.slots import Slot, agree, phrase
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
_THEM = re.compile(r"(?<!/)\bthem\b(?!/)")
_THEIR = re.compile(r"\btheir\b")
_TASTES = kinds.TASTES | {kinds.PREFERS}
_VITAL = kinds.INSTRUCTIONS | {kinds.ALLERGY, kinds.DIET}
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

FRESH = 3
"""Number of lines from the newest statements that stay on a full card."""

Place = tuple[str, ...]


class _Line(NamedTuple):
    text: str
    slots: tuple[Slot, ...]


class _End(NamedTuple):
    """The slot with this key no longer has this value, or with None no value at all."""

    place: Place
    slot: Slot | None

    def ends(self, slot: Slot) -> bool:
        if self.slot is None:
            return card_place(slot) == self.place
        if not self.slot.kind:
            return slot.kind not in kinds.TASTES and _begins(phrase(slot), self.slot.value)
        if not self.slot.value:
            return slot.kind == self.slot.kind
        return card_place(slot) == self.place and agree(self.slot, slot)


def card(task: CardTask) -> list[str]:
    """Return the updated card: the given lines, then identity, attributes, relationships and instructions.

    The current card is returned unchanged if the conclusions fill or end no slot. Deterministic.
    """
    kept = _Kept(task)
    over = {folded(text) for text in task.ended}
    lost = kept.forget(task.ended)
    again = [
        each for each in task.known if lost & {card_place(slot) for slot in _stated(each.content, task.observed_id)[1]}
    ]
    has_learned = bool(lost)
    for each in sorted([*task.conclusions, *again], key=lambda c: (c.said_at, c.created_at, c.pk)):
        if each.level in LEVELS_TOLD and folded(each.content) not in over:
            has_learned = kept.learn(each) or has_learned
    lines = kept.lines()
    return lines if has_learned or (task.rebuild and lines) else [*task.current]


def line_of(slot: Slot, said_on: str) -> str:
    """Return the card line for a slot. An age includes the date of the statement, because it changes."""
    return _timeless(slot) + (f" ({said_on})" if slot.kind == kinds.AGE else "")


def slots_of_line(line: str, peer_id: str) -> list[Slot]:
    """Parse a card line of any author into slots; empty if it cannot be parsed."""
    return [*_told(line, peer_id)]


def tells_any(lines: Iterable[str], statements: Iterable[str], peer_id: str) -> bool:
    """Whether a line has a value that one of the statements gives."""
    told = {card_place(slot): slot for line in lines for slot in slots_of_line(line, peer_id)}
    stated = (slot for content in statements for slot in _stated(content, peer_id)[1])
    return any((held := told.get(card_place(slot))) is not None and agree(held, slot) for slot in stated)


@text_cache(maxsize=CACHED_LINES)
def _told(line: str, peer_id: str) -> Sequence[Slot]:
    text = line.removeprefix(section(line) or "").strip()
    if line.startswith(INSTRUCTION):
        return card_slots_of(f'{peer_id} said: "{text}"', peer_id)
    for pattern, phrased in _LABELS:
        text = pattern.sub(phrased, text, count=1) if pattern.match(text) else text
    own = _THEM.sub(peer_id, _THEIR.sub(f"{peer_id}'s", text))
    lowered = own[:1].lower() + own[1:]
    for statement in (f"{peer_id} {lowered}", f"{peer_id}'s {own}", f"{peer_id}'s {lowered}", own):
        if slots := card_slots_of(statement, peer_id):
            return slots
    return []


@text_cache(maxsize=CACHED_STATEMENTS)
def _stated(content: str, peer_id: str) -> tuple[Sequence[_End], Sequence[Slot]]:
    """Return what a statement ends, and the slots that it fills."""
    ended = [_End(card_place(slot), slot) for slot in card_ended_of(content, peer_id)]
    claims = [claim for clause in claims_of(content, peer_id) for claim in clause]
    ended += [
        _End(card_place(claim.slot) if claim.slot else claim.topic[1:], claim.slot)
        for claim in claims
        if claim.ends and claim.topic[0] == "slot"
    ]
    return tuple(dict.fromkeys(ended)), tuple(card_slots_of(content, peer_id))


class _Kept:
    """The lines that stay: given ones, generated ones by slot key, and others verbatim."""

    def __init__(self, task: CardTask) -> None:
        self._peer_id = task.observed_id
        self._written_at = task.written_at
        self._given = [_Line(text, tuple(slots_of_line(text, self._peer_id))) for text in task.given]
        self._ours: dict[Place, _Line] = {}
        self._others: list[_Line] = []
        self._fresh: dict[Place, None] = {}
        if not task.rebuild:
            given = {*task.given}
            self._load(line for line in task.current if line not in given)

    def _load(self, lines: Iterable[str]) -> None:
        """Load the lines of the current card that were not given."""
        for text in lines:
            line = _Line(text, tuple(slots_of_line(text, self._peer_id)))
            if len(line.slots) == 1 and self._is_ours(line):
                self._ours[card_place(line.slots[0])] = line
            else:
                self._others.append(line)

    def forget(self, ended: Iterable[str]) -> set[Place]:
        """Remove the lines of statements that are no longer true, and return their slot keys."""
        slots = [slot for content in ended for slot in _stated(content, self._peer_id)[1]]
        return {card_place(slot) for slot in slots if self._end(_End(card_place(slot), slot))}

    def learn(self, conclusion: Conclusion) -> bool:
        """Apply a statement. Returns whether it fills or ends a slot."""
        ended, filled = _stated(conclusion.content, self._peer_id)
        for end in ended:
            self._end(end)
            self._yield_given(conclusion.said_at, end.ends)
        for slot in filled:
            if slot.kind in kinds.TASTES:
                self._drop_item(slot)
            self._fill(slot, conclusion)
        return bool(ended or filled)

    def lines(self) -> list[str]:
        """Return the given lines, and then by section as many others as fit.

        Those of the newest statements stay. Of the rest, those of lowest worth are dropped first, the oldest before
        others.
        """
        given = [line.text for line in self._given]
        taken, fresh = {folded(text) for text in given}, {*[*self._fresh][-FRESH:]}
        every = [(line, False) for line in self._others]
        every += [(line, place in fresh) for place, line in self._ours.items()]
        texts = (line.text for line, _ in every if folded(line.text) not in taken)
        accepted = {*accept_lines(texts, most=len(every)).accepted}
        every = [(line, is_fresh) for line, is_fresh in every if line.text.strip() in accepted]
        most = own_lines(len(given))
        order = sorted(range(len(every)), key=lambda n: (every[n][1], _worth(every[n][0]), n))
        gone = {*order[: max(0, len(every) - most)]}
        stay = [line.text for number, (line, _) in enumerate(every) if number not in gone]
        ordered = sorted(stay, key=lambda text: PREFIXES.index(section(text.strip()) or ATTRIBUTE))
        return [*given, *accept_lines(ordered, most=most).accepted]

    def _is_ours(self, line: _Line) -> bool:
        return _DAY.sub("", line.text) == _timeless(line.slots[0])

    def _fill(self, slot: Slot, conclusion: Conclusion) -> None:
        said_at, said_on = conclusion.said_at, day(conclusion.said_at, conclusion.utc_offset)
        place = card_place(slot)
        self._yield_given(said_at, lambda held: card_place(held) == place and not agree(held, slot))
        told = [held for line in self._given for held in line.slots if card_place(held) == place]
        if any(agree(held, slot) for held in told) or (told and not self._is_after_given(said_at)):
            return
        line = _Line(line_of(slot, said_on), (slot,))
        if len(accept_lines([line.text]).accepted) == 0 or slots_of_line(line.text, self._peer_id) != [slot]:
            return
        if self._is_told_by_others(slot, said_on):
            return
        old = self._ours.pop(place, None)
        is_fuller = old and agree(old.slots[0], slot) and len(old.slots[0].value) > len(slot.value)
        is_exacter = old and is_vaguer(slot, old.slots[0])
        self._ours[place] = old if old and (is_fuller or is_exacter) else line
        self._fresh.pop(place, None)
        self._fresh[place] = None

    def _drop_item(self, slot: Slot) -> None:
        """Take the thing of the opposite taste out of the lines that name several."""
        for place, line in [*self._ours.items()]:
            rest = without_item(line.slots[0], slot.value) if line.slots[0].kind != slot.kind else None
            if rest is not None:
                del self._ours[place]
                self._ours[card_place(rest)] = _Line(_timeless(rest), (rest,))

    def _yield_given(self, said_at: int, is_over: Callable[[Slot], bool]) -> None:
        """Remove the given lines that say nothing but what is over since a statement that was said after them."""
        if self._is_after_given(said_at):
            self._given = [line for line in self._given if not (_says_only_slot(line) and is_over(line.slots[0]))]

    def _is_after_given(self, said_at: int) -> bool:
        return self._written_at is not None and said_at > self._written_at

    def _is_told_by_others(self, slot: Slot, said_on: str) -> bool:
        """Whether a line that is not ours already has the value. A line with another value is replaced by generated
        lines for its other slots."""
        for line in self._others:
            rivals = [other for other in line.slots if card_place(other) == card_place(slot)]
            if any(agree(other, slot) for other in rivals):
                return True
            if rivals:
                self._drop(line, card_place(slot), said_on)
                return False
        return False

    def _end(self, end: _End) -> bool:
        """Remove what the end ends from the lines that were not given. Returns whether there was any."""
        gone = [place for place, line in self._ours.items() if end.ends(line.slots[0])]
        for place in gone:
            del self._ours[place]
        over = [line for line in self._others if any(end.ends(slot) for slot in line.slots)]
        for line in over:
            self._drop(line, end.place, None)
        return bool(gone or over)

    def _drop(self, line: _Line, place: Place, said_on: str | None) -> None:
        """Remove a line that is not ours, and generate lines for its slots with other keys."""
        self._others.remove(line)
        for other in line.slots:
            if card_place(other) != place and card_place(other) not in self._ours:
                text = _timeless(other) if said_on is None else line_of(other, said_on)
                self._ours[card_place(other)] = _Line(text, (other,))


def _begins(text: str, start: str) -> bool:
    """Whether a line says something with further words: "goes to the gym every day" and "goes to the gym"."""
    longer, shorter = words(text), words(start)
    return len(shorter) > 1 and longer[: len(shorter)] == shorter


def _says_only_slot(line: _Line) -> bool:
    """Whether a line states one slot and nothing else."""
    said = line.text.removeprefix(section(line.text) or "")
    return len(line.slots) == 1 and len(words(said)) <= len(words(phrase(line.slots[0])))


def _timeless(slot: Slot) -> str:
    if slot.kind.startswith((kinds.PET, kinds.RELATION)):
        return f"{RELATIONSHIP}{slot.kind.partition(':')[2]} {slot.value}"
    if slot.kind in kinds.INSTRUCTIONS:
        return f"{INSTRUCTION}{slot.value}"
    return f"{IDENTITY if slot.kind in _IDENTITY else ATTRIBUTE}{phrase(slot)}"


def _worth(line: _Line) -> int:
    """Return the priority of a line; lines of lower priority are dropped first."""
    if line.text.startswith(IDENTITY):
        return 3
    if all(slot.kind in _TASTES for slot in line.slots):
        return 0
    return 2 if any(slot.single or slot.kind in _VITAL for slot in line.slots) else 1
