"""Find statements that cannot both hold: "is an only child" and "alice's brother". Pure, English.

The shapes are in `data/dreams.toml`. Besides them, what is denied in the very words in which it is stated: "does not
eat fish", "eats fish". Statements of which the newer one replaces the older have ended before; see `supersession`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from omoide.core.records import Conclusion
from omoide.reasoner.equivalence import words
from omoide.reasoner.extractive.lexicon import verb_lemma
from omoide.reasoner.extractive.rewording import base_form
from omoide.reasoner.extractive.shapes.text import quoted
from omoide.reasoner.extractive.slots import is_doubtful, slots_of
from omoide.reasoner.extractive.smalltalk import without_opening
from omoide.reasoner.extractive.third_person import SELF, to_third_person
from omoide.reasoner.extractive.word_lists import word_lists

Pair = tuple[Conclusion, Conclusion]
"""Two statements, the older one first."""

MOST_WORDS = 12
"""A longer statement may limit what it says."""

_UNCERTAIN = re.compile(
    r"\b(?:if|unless|almost|nearly|wants?|wanted|would|hopes?|plans?|planning|dreams?|wish(?:es)?|tries|will|going to"
    r"|rarely|hardly|seldom|sometimes|except|apart from|without|but not|pretends?|pretended)\b"
)
_PAST = re.compile(
    r"\b(?:used to|formerly|once|until (?:then|last|recently|\d{4}|\0)|back then|as a (?:kid|child)|anymore|any more"
    r"|no longer|when|before(?=$|[,.;]| (?:that|then|\0)))"
)
_ADDITION = re.compile(
    r"(?:,? (?:and|but|so|because|since|although|though)|,) (?:\0 (?=\w)|(?=\0['’]s |never |always ))"
)
_PLURAL = {"we": "I", "we're": "I'm", "we've": "I've", "we'd": "I'd", "we'll": "I'll", "our": "my", "us": "me"}
_PLURALS = re.compile(rf"\b(?:{'|'.join(_PLURAL)})(?!')\b", re.IGNORECASE)
_DENIED = re.compile(r"(?:does not|never|has never|cannot) (?P<rest>\w.*)$")
_NOT = frozenset(["not", "never", "no", "cannot"])
_COUNTING = frozenset(
    ["a", "an", "any", "the", "some", "several", "two", "three", "four", "many", "much", "lot", "lots", "of", "all"]
)
_STATES = frozenset(["live", "work", "have", "own", "need", "want", "know"])
"""Verbs of what changes often: a later statement may be news."""


@dataclass(frozen=True, slots=True)
class _Rule:
    one: re.Pattern[str]
    other: re.Pattern[str]
    when: str
    differ: str
    unless: re.Pattern[str] | None
    may_be_past: bool
    """Whether what was, and is over, counts: "'s father died when …"."""


@dataclass(frozen=True, slots=True)
class _Told:
    """A statement and what it says of the peer."""

    source: Conclusion
    predicate: str
    """With a zero byte for the peer's id."""
    is_past: bool


def conflicts(conclusions: Sequence[Conclusion], peer_id: str) -> Iterator[Pair]:
    """Yield pairs of explicit conclusions (given oldest first) that cannot both hold, each once."""
    told = [each for conclusion in conclusions for each in _told(conclusion, peer_id)]
    seen: set[frozenset[str]] = set()
    for one, other in (*_by_rules(told), *_denied(told)):
        older, newer = sorted((one.source, other.source), key=lambda each: (each.said_at, each.pk))
        if older.id != newer.id and (key := frozenset((older.id, newer.id))) not in seen:
            seen.add(key)
            yield older, newer


def _told(conclusion: Conclusion, peer_id: str) -> Iterator[_Told]:
    """Yield what a statement says of the peer, one clause at a time. What "we" did the peer did as well."""
    if is_doubtful(conclusion.content, peer_id):
        return
    quote = quoted(conclusion.content, peer_id)
    if quote is None:
        text: str | None = re.sub(rf"(?<!\w){re.escape(peer_id)}(?!\w)", SELF, conclusion.content)
    else:
        plain = without_opening(quote.replace("’", "'"))
        text = to_third_person(_PLURALS.sub(lambda match: _PLURAL[match[0].lower()], plain))
    if text is None or '"' in text or not text.startswith((f"{SELF} ", f"{SELF}'s ", f"{SELF}’s ")):
        return
    for clause in _ADDITION.split(text[len(SELF) :].strip()):
        predicate = clause.removeprefix(SELF).strip().rstrip(".")
        if not _UNCERTAIN.search(predicate):
            plain = predicate.replace("doesn't", "does not").replace("can't", "cannot")
            yield _Told(conclusion, plain, _PAST.search(predicate) is not None)


def _by_rules(told: Sequence[_Told]) -> Iterator[tuple[_Told, _Told]]:
    for rule in _rules():
        ones = [(each, match) for each in told if (match := _match(rule, rule.one, each))]
        if not ones:
            continue
        others = [(each, match) for each in told if (match := _match(rule, rule.other, each)) and _counts(rule, each)]
        for one, mine in ones:
            for other, theirs in others:
                if one is not other and _is_in_order(rule.when, one, other) and _agree(mine, theirs, rule.differ):
                    yield one, other


def _match(rule: _Rule, pattern: re.Pattern[str], told: _Told) -> re.Match[str] | None:
    return None if told.is_past and not rule.may_be_past else pattern.match(told.predicate)


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
    told = [each for each in told if not each.is_past]
    denials = [(each, match) for each in told if (match := _DENIED.match(each.predicate))]
    stated = [
        (each, _compared(each.predicate))
        for each in (told if denials else ())
        if _NOT.isdisjoint(each.predicate.split())
    ]
    for denial, match in denials:
        said = _compared(match["rest"])
        if len(said) < 2 or len(said) > MOST_WORDS or slots_of(denial.source.content, denial.source.observed_id):
            continue
        for each, said_there in stated:
            is_later = each.source.said_at > denial.source.said_at
            may_be_news = is_later and ("never" in match[0] or said[0] in _STATES)
            if said_there[: len(said)] == said and not may_be_news:
                yield denial, each


def _compared(predicate: str) -> list[str]:
    """The words of a predicate in their base forms, without those that only say how many."""
    return [verb_lemma(word) or base_form(word) for word in words(predicate) if word not in _COUNTING]


@cache
def _rules() -> Sequence[_Rule]:
    def compiled(table: Mapping[str, Any], name: str) -> re.Pattern[str] | None:
        return re.compile(table[name]) if name in table else None

    return [
        _Rule(
            re.compile(each["one"]),
            re.compile(each["other"]),
            each["when"],
            each.get("differ", ""),
            unless,
            each.get("past", False),
        )
        for each in word_lists("dreams").tables("conflicts")
        for unless in [compiled(each, "unless")]
    ]
