"""Find statements that cannot both hold: "is an only child" and "alice's brother". Pure, English.

The shapes are in `data/dreams.toml`. Besides them, what is denied in the very words in which it is stated: "does not
eat fish", "eats fish". Statements of which the newer one replaces the older have ended before; see `supersession`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from omoide.core.records import Conclusion
from omoide.reasoner.equivalence import words
from omoide.reasoner.extractive.rewording import base_form
from omoide.reasoner.extractive.slots import is_doubtful, slots_of
from omoide.reasoner.extractive.word_lists import word_lists

Pair = tuple[Conclusion, Conclusion]
"""Two statements, the older one first."""

MOST_WORDS = 12
"""A longer statement may limit what it says."""

_PAST = re.compile(
    r"\b(?:used to|formerly|once|before|until|back then|as a (?:kid|child)|anymore|any more|no longer|if|unless|when"
    r"|almost|nearly|wants?|would|hopes?|plans?|dreams?|wish(?:es)?|tries|will|going to|rarely|hardly|seldom|sometimes"
    r"|except|apart from|without|but not)\b"
)
_DENIED = re.compile(r"(?:does not|never|has never|cannot) (?P<rest>\w.*)$")
_NOT = frozenset(["not", "never", "no", "cannot"])
_STATES = frozenset(["live", "work", "have", "own", "need", "want", "know"])
"""Verbs of what changes often: a later statement may be news."""


@dataclass(frozen=True, slots=True)
class _Rule:
    one: re.Pattern[str]
    other: re.Pattern[str]
    when: str
    differ: str
    unless: re.Pattern[str] | None


@dataclass(frozen=True, slots=True)
class _Told:
    """A statement and what it says of the peer."""

    source: Conclusion
    predicate: str


def conflicts(conclusions: Sequence[Conclusion], peer_id: str) -> Iterator[Pair]:
    """Yield pairs of explicit conclusions (given oldest first) that cannot both hold, each once."""
    told = [each for conclusion in conclusions if (each := _told(conclusion, peer_id))]
    seen: set[frozenset[str]] = set()
    for one, other in (*_by_rules(told), *_denied(told)):
        older, newer = sorted((one.source, other.source), key=lambda each: (each.said_at, each.pk))
        if older.id != newer.id and (key := frozenset((older.id, newer.id))) not in seen:
            seen.add(key)
            yield older, newer


def _told(conclusion: Conclusion, peer_id: str) -> _Told | None:
    text = conclusion.content
    if not text.startswith((f"{peer_id} ", f"{peer_id}'s ", f"{peer_id}’s ")) or '"' in text:
        return None
    predicate = text[len(peer_id) :].strip().rstrip(".")
    if _PAST.search(predicate) or is_doubtful(text, peer_id):
        return None
    return _Told(conclusion, predicate.replace("doesn't", "does not").replace("can't", "cannot"))


def _by_rules(told: Sequence[_Told]) -> Iterator[tuple[_Told, _Told]]:
    for rule in _rules():
        ones = [(each, match) for each in told if (match := rule.one.match(each.predicate))]
        if not ones:
            continue
        others = [(each, match) for each in told if (match := rule.other.match(each.predicate)) and _counts(rule, each)]
        for one, mine in ones:
            for other, theirs in others:
                if one is not other and _is_in_order(rule.when, one, other) and _agree(mine, theirs, rule.differ):
                    yield one, other


def _counts(rule: _Rule, each: _Told) -> bool:
    return rule.unless is None or not rule.unless.search(each.predicate)


def _is_in_order(when: str, one: _Told, other: _Told) -> bool:
    mine, theirs = one.source.said_at, other.source.said_at
    return when == "any" or (theirs <= mine if when == "before" else theirs >= mine)


def _agree(one: re.Match[str], other: re.Match[str], differ: str) -> bool:
    mine, theirs = one.groupdict(), other.groupdict()
    return all(_is_same(mine[name], theirs[name]) != (name == differ) for name in mine.keys() & theirs.keys())


def _is_same(one: str, other: str) -> bool:
    return [*map(base_form, words(one))] == [*map(base_form, words(other))]


def _denied(told: Sequence[_Told]) -> Iterator[tuple[_Told, _Told]]:
    """Denials, and statements that begin with the very words that they deny.

    What was never done may have been done since.
    """
    denials = [(each, match) for each in told if (match := _DENIED.match(each.predicate))]
    stated = [
        (each, [*map(base_form, words(each.predicate))])
        for each in (told if denials else ())
        if _NOT.isdisjoint(each.predicate.split())
    ]
    for denial, match in denials:
        said = [*map(base_form, words(match["rest"]))]
        if len(said) < 2 or len(said) > MOST_WORDS or slots_of(denial.source.content, denial.source.observed_id):
            continue
        for each, said_there in stated:
            is_later = each.source.said_at > denial.source.said_at
            may_be_news = is_later and ("never" in match[0] or said[0] in _STATES)
            if said_there[: len(said)] == said and not may_be_news:
                yield denial, each


@cache
def _rules() -> Sequence[_Rule]:
    def compiled(table: Mapping[str, str], name: str) -> re.Pattern[str] | None:
        return re.compile(table[name]) if name in table else None

    return [
        _Rule(re.compile(each["one"]), re.compile(each["other"]), each["when"], each.get("differ", ""), unless)
        for each in word_lists("dreams").tables("conflicts")
        for unless in [compiled(each, "unless")]
    ]
