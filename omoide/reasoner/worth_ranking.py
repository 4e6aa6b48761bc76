"""Rank what is known for a representation: by worth, spread over topics, each thing once. Pure.

The same statement said again and again is one entry with a count. Each further entry about a topic counts for less, so
that one loud topic does not crowd out the others. What would not be missed is left out.
"""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log2
from typing import NamedTuple

from omoide.core.clock import DAY
from omoide.reasoner.extractive.word_lists import word_lists
from omoide.reasoner.extractive.worth import Weighed, compared_words, weigh
from omoide.storage.conclusion_search import Outline

LEAST_WORTH = 0.3
"""Below it, what was learned from messages is left out, but for the best `FEWEST`."""
FEWEST = 5
CERTAIN_WORTH = 0.65
"""From it on, an entry is worth telling whatever was searched for."""
LEAST_DERIVED = {"explicit": 0.0, "deductive": 0.75, "inductive": 0.5, "contradiction": 0.65}
"""Least worth of what follows from several conclusions, by level."""
SPREAD = 0.9
"""Factor for each entry about the same topic that was chosen before."""
OVER = 0.5
"""Factor for what no longer holds at the time of the read, such as an appointment."""
AGED = 0.12
"""Share of the worth that is lost with age, half of it in `HALF_LIFE`."""
HALF_LIFE = 365 * DAY
REPEATED = 0.04
"""Added for each doubling of the times that it was said, up to `MOST_DOUBLINGS`."""
MOST_DOUBLINGS = 4
SAME_WORDS = 0.8
"""Share of common words of two entries that say the same."""
FEWEST_SHARED = 4
"""Words, the peer's id among them, of an entry that a longer one says as well."""

_QUOTING = ' said: "'
_DATE = re.compile(r" \([^()]*\d{4}[^()]*\)")
_VERB = re.compile(r"^(?:(?:is|has|was|will|does|also|now|still|just|really|been|not) )*\S+ ")
_SENTENCE_END = re.compile(r"[.!?…] |\"")
_I = frozenset({"i", "i'm", "i've", "i'll", "im", "ive", "we", "we're", "we've"})
_PERSONS = word_lists("selection").words("persons")
_MY = frozenset({"my", "our"})


class Ranked(NamedTuple):
    """An entry without its text: the newest row that says it, how often it was said, its worth, and its key."""

    pk: int
    times: int
    worth: float
    key: tuple[str, int]


@dataclass(slots=True)
class _Statement:
    newest: Outline
    weighed: Weighed
    times: int
    worth: float = 0.0

    def ranked(self) -> Ranked:
        return Ranked(self.newest.pk, self.times, self.worth, (self.newest.level, self.weighed.key))


def key_of(level: str, content: str, peer_id: str) -> tuple[str, int]:
    """Return the key that conclusions share if they say the same."""
    return level, weigh(content, peer_id).key


def is_worthwhile(content: str, peer_id: str) -> bool:
    """Whether a statement is more than mere talk."""
    return weigh(content, peer_id).worth >= LEAST_WORTH


def rank(outlines: Iterable[Outline], peer_id: str, now: int, most: int, *, frequent: int = 0) -> list[Ranked]:
    """Return up to `most` entries, best first. `outlines` are newest first; `frequent` entries that were said most
    often count as worth telling."""
    found = _entries(outlines, peer_id, now)
    if frequent:
        often = sorted((entry for entry in found if entry.times > 1), key=lambda entry: -entry.times)
        for entry in often[:frequent]:
            entry.worth = max(entry.worth, CERTAIN_WORTH)
    return [entry.ranked() for entry in _spread(_worthwhile(found), most)]


def _entries(outlines: Iterable[Outline], peer_id: str, now: int) -> list[_Statement]:
    by_key: dict[tuple[str, int], _Statement] = {}
    for each in outlines:
        weighed = weigh(each.content, peer_id)
        key = each.level, weighed.key
        if (entry := by_key.get(key)) is not None:
            entry.times += each.times_derived
        else:
            by_key[key] = _Statement(each, weighed, each.times_derived)
    found = [*by_key.values()]
    newest = found[0].newest.said_at if found else 0
    for entry in found:
        entry.worth = _worth(entry, newest, now)
    return found


def _worth(entry: _Statement, newest: int, now: int) -> float:
    each = entry.newest
    worth = max(entry.weighed.worth, LEAST_DERIVED[each.level])
    if newest - each.said_at > DAY:
        worth *= 1 - AGED * (1 - 0.5 ** ((newest - each.said_at) / HALF_LIFE))
    if each.valid_until is not None and each.valid_until <= now:
        worth *= OVER
    return worth + REPEATED * min(MOST_DOUBLINGS, log2(entry.times)) if entry.times > 1 else worth


def _worthwhile(found: Sequence[_Statement]) -> list[_Statement]:
    """The entries without those that would not be missed, but at least the best `FEWEST`."""
    kept = [entry for entry in found if entry.worth >= LEAST_WORTH or not entry.newest.is_learned]
    return kept if len(kept) >= FEWEST else sorted(found, key=lambda entry: -entry.worth)[:FEWEST]


def _spread(found: Sequence[_Statement], most: int) -> list[_Statement]:
    topics: Counter[str] = Counter()
    heap = [(-entry.worth, 0, at) for at, entry in enumerate(found)]
    heapq.heapify(heap)
    chosen = _Chosen()
    while heap and len(chosen.entries) < most:
        _, counted, at = heapq.heappop(heap)
        entry = found[at]
        before = topics[entry.weighed.topic]
        if before > counted:
            heapq.heappush(heap, (-entry.worth * SPREAD**before, before, at))
        elif chosen.add(entry):
            topics[entry.weighed.topic] += 1
    return chosen.entries


class _Chosen:
    """The entries chosen so far, by their words, so that each is compared with few others."""

    def __init__(self) -> None:
        self.entries: list[_Statement] = []
        self._having: dict[str, list[int]] = {}

    def add(self, entry: _Statement) -> bool:
        """Add the entry; False if another one says the same, which it replaces if it tells more."""
        words = _words(entry)
        shared = Counter(at for word in words for at in self._having.get(word, ()))
        for at, count in shared.items():
            if count >= min(len(words), FEWEST_SHARED) and _says_same(entry, other := self.entries[at]):
                if _words(other) < words or _is_quoted_in(other, entry):
                    self._place(entry, at)
                return False
        self.entries.append(entry)
        self._place(entry, len(self.entries) - 1)
        return True

    def _place(self, entry: _Statement, at: int) -> None:
        self.entries[at] = entry
        for word in _words(entry):
            self._having.setdefault(word, []).append(at)


def _says_same(entry: _Statement, other: _Statement) -> bool:
    """Whether the two are nearly the same words, or all words of one are in the other. A number or a person makes a
    difference."""
    if entry.newest.level != other.newest.level:
        return False
    if _is_quoted_in(entry, other) or _is_quoted_in(other, entry):
        return True
    if _subject(entry) != _subject(other):
        return False
    mine, theirs = _words(entry), _words(other)
    common = len(mine & theirs)
    is_within = FEWEST_SHARED <= common == min(len(mine), len(theirs))
    is_near = is_within or common >= SAME_WORDS * max(len(mine), len(theirs), 1)
    return is_near and not any(word[0].isdigit() or word == "not" or word in _PERSONS for word in mine ^ theirs)


def _is_quoted_in(entry: _Statement, other: _Statement) -> bool:
    """Whether a longer quotation has the statement, as quoted or in the first person: "bo calls his nephew Con", and
    "I am calling my nephew Con. He owes me"."""
    content, around = entry.newest.content, other.newest.content
    if _QUOTING not in around or len(around) <= len(content):
        return False
    if _QUOTING in content:
        return content.partition(_QUOTING)[2].rpartition('"')[0].rstrip(".!") in around
    subject, _, predicate = _DATE.sub("", content).partition(" ")
    owner = subject if subject.endswith("'s") else f"{subject}'s"
    ending = _VERB.sub("", predicate).replace(owner, "my").rstrip(".!")
    before, found, _ = around.partition(ending) if ending.count(" ") >= FEWEST_SHARED - 2 else ("", "", "")
    said_of = _SENTENCE_END.split(before)[-1].casefold().split()
    return bool(found) and not (_MY if subject == owner else _I).isdisjoint(said_of)


def _subject(entry: _Statement) -> str:
    """The first word: the peer, or what it has."""
    return entry.newest.content.partition(" ")[0].casefold()


def _words(entry: _Statement) -> frozenset[str]:
    return compared_words(entry.newest.content)
