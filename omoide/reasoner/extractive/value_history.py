"""Track the values of a slot over time, and derive changes and contradictions from them. Pure.

The history of a slot consists of turns: periods with the same value. A new value is a change, except where the value
cannot change (a birthplace): of two such values one is wrong, so that they contradict each other.

Most statements with an earlier value have been superseded and are not given here. What remains are the longer ones of
which only a part no longer holds ("lives in Lisbon and works at Siemens"): a deduction tells the current value.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from omoide.core.clock import day
from omoide.core.records import Conclusion, Derived
from omoide.reasoner.equivalence import words
from omoide.reasoner.extractive.conflicts import conflicts
from omoide.reasoner.extractive.slot_kinds import LANGUAGE, TASTES, UNCHANGING
from omoide.reasoner.extractive.slots import Slot, agree, comparable, ended_of, sentence, slots_of, tells_change

_UPDATE = "{} now; before: {}"
_IS_UPDATE = re.compile(r" now; before: ")
_CONTRADICTION = 'about {}, two statements do not go together: "{}" ({}) and "{}" ({})'

Place = tuple[str, ...]
Pair = tuple[Place, frozenset[tuple[str, tuple[str, ...]]]]
"""Two values of one slot, unordered."""


@dataclass(slots=True)
class ValueChange:
    """A period with one value. `source` is the statement with the most detailed value."""

    slot: Slot
    source: Conclusion
    is_change: bool
    """Whether the value was stated as a change, and not merely differs."""
    last_said_at: int


@dataclass(slots=True)
class History:
    """Values of one slot key, oldest first."""

    turns: list[ValueChange] = field(default_factory=list)
    is_over: bool = False
    """Whether the last value was ended."""
    is_unclear: bool = False
    """Whether a later value cannot be compared with the last one."""
    last_said_at: int | None = None

    def tell(self, slot: Slot, source: Conclusion) -> None:
        """Record that the slot has this value."""
        self.last_said_at = source.said_at
        last = self.turns[-1] if self.turns else None
        is_change = self.is_over or tells_change(source.content)
        if last is not None and agree(last.slot, slot):
            if len(words(slot.value)) >= len(words(last.slot.value)):
                last.slot, last.source = slot, source
            last.is_change |= is_change
            last.last_said_at = source.said_at
        elif last is not None and not is_change and not comparable(last.slot, slot):
            self.is_unclear = True
            return
        else:
            self.turns.append(ValueChange(slot, source, is_change, source.said_at))
        self.is_over = self.is_unclear = False

    def end(self, slot: Slot, source: Conclusion) -> None:
        """Record that the slot no longer has this value."""
        if self.turns and agree(self.turns[-1].slot, slot):
            self.is_over = True
            self.last_said_at = source.said_at


def histories(conclusions: Iterable[Conclusion], peer_id: str) -> dict[Place, History]:
    """Build the history of each single-value slot from explicit conclusions, oldest first."""
    by_place: dict[Place, History] = defaultdict(History)
    for each in conclusions:
        for slot in ended_of(each.content, peer_id):
            by_place[slot.place].end(slot, each)
        for slot in slots_of(each.content, peer_id):
            if slot.single or slot.kind in TASTES:
                by_place[slot.place].tell(slot, each)
    return by_place


def contradictions(timelines: dict[Place, History], known: Iterable[Conclusion], peer_id: str) -> list[Derived]:
    """Return a contradiction for each two consecutive values that exclude each other, unless it is in `known`."""
    seen: set[object] = set()
    for each in known:
        seen.add(frozenset(each.source_ids or ()))
        seen.update(_pairs_in(each.details.get("sources"), peer_id))
    derived = []
    for place, history in timelines.items():
        for old, new in reversed([*zip(history.turns, history.turns[1:], strict=False)]):
            ids = frozenset((old.source.id, new.source.id))
            pair = _pair(place, [old.slot, new.slot])
            is_change = new.is_change or new.slot.kind not in UNCHANGING
            if is_change or len(ids) < 2 or ids in seen or pair in seen:
                continue
            seen |= {ids, pair}
            derived.append(_contradiction(old, new, peer_id))
    return derived


def conflicting(explicit: Sequence[Conclusion], known: Iterable[Conclusion | Derived], peer_id: str) -> list[Derived]:
    """Return a contradiction for each two statements (oldest first) that cannot both hold, unless it is in `known`."""
    ids = {frozenset(each.source_ids or ()) for each in known}
    texts = {frozenset(sources) for each in known if isinstance(sources := each.details.get("sources"), list)}
    derived = []
    for old, new in conflicts(explicit, peer_id):
        key, sources = frozenset((old.id, new.id)), [old.content, new.content]
        if key not in ids and frozenset(sources) not in texts:
            ids.add(key)
            texts.add(frozenset(sources))
            told = _CONTRADICTION.format(peer_id, _plain(old), _day(old), _plain(new), _day(new))
            derived.append(Derived("contradiction", told, (old.id, new.id), {"sources": sources}))
    return derived


def _plain(source: Conclusion) -> str:
    return source.content.rstrip(".")


def updates(
    timelines: dict[Place, History], known: Iterable[Conclusion], peer_id: str
) -> tuple[list[Derived], list[str]]:
    """Return deductions about changed values, and the ids of those in `known` (deductive ones) that no longer hold."""
    by_place: dict[Place, list[tuple[Slot, Conclusion]]] = defaultdict(list)
    for each in known:
        for slot in slots_of(each.content, peer_id):
            if slot.single:
                by_place[slot.place].append((slot, each))
    derived = []
    outdated: dict[str, None] = {}
    for place, history in timelines.items():
        update = _update(history)
        # Deductions from newer statements than the given ones are not checked against them.
        earlier = [(slot, each) for slot, each in by_place[place] if _is_told_later(history, each)]
        outdated |= dict.fromkeys(each.id for slot, each in earlier if _is_wrong(slot, each, history, update))
        is_known = update and any(words(each.content) == words(update.content) for _, each in earlier)
        if update and not is_known and len(earlier) == len(by_place[place]):
            derived.append(update)
    return derived, [*outdated]


def _pair(place: Place, slots: Iterable[Slot]) -> Pair:
    return place, frozenset((slot.kind, words(slot.value)) for slot in slots)


def _pairs_in(sources: object, peer_id: str) -> list[Pair]:
    """Return the pairs of values in the sources of a contradiction."""
    texts = [text for text in sources if isinstance(text, str)] if isinstance(sources, Sequence) else []
    by_place: dict[Place, list[Slot]] = defaultdict(list)
    for text in texts:
        for slot in slots_of(text, peer_id):
            by_place[slot.place].append(slot)
    return [_pair(place, slots) for place, slots in by_place.items() if len(slots) > 1]


def _day(source: Conclusion) -> str:
    return day(source.said_at, source.utc_offset)


def _contradiction(old: ValueChange, new: ValueChange, peer_id: str) -> Derived:
    content = _CONTRADICTION.format(peer_id, sentence(old.slot), _day(old.source), sentence(new.slot), _day(new.source))
    sources = [old.source.content, new.source.content]
    return Derived("contradiction", content, (old.source.id, new.source.id), {"sources": sources})


def _update(history: History) -> Derived | None:
    """Return a deduction with the current and the previous value; None if nothing changed or that is uncertain."""
    if len(history.turns) < 2 or history.is_over or history.is_unclear:
        return None
    before, now = history.turns[-2:]
    kind = now.slot.kind
    if kind in UNCHANGING or kind in TASTES or kind == LANGUAGE or now.source.said_at <= before.last_said_at:
        return None
    premises = [now.source, before.source]
    content = _UPDATE.format(sentence(now.slot), before.slot.value)
    details = {"premises": [each.content for each in premises]}
    return Derived("deductive", content, tuple(each.id for each in premises), details)


def _is_told_later(history: History, deductive: Conclusion) -> bool:
    return history.last_said_at is not None and deductive.said_at <= history.last_said_at


def _is_wrong(slot: Slot, deductive: Conclusion, history: History, update: Derived | None) -> bool:
    if not history.turns or history.is_unclear:
        return False
    newest = history.turns[-1].slot
    if history.is_over or (comparable(slot, newest) and not agree(slot, newest)):
        return True
    is_ours = _IS_UPDATE.search(deductive.content) is not None
    return update is not None and is_ours and words(deductive.content) != words(update.content)
