"""The readers of claims: which pattern a clause has to match, by its first word, and what is read after it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache

from omoide.reasoner.extractive import claim_deeds as deeds
from omoide.reasoner.extractive import claim_patterns as patterns
from omoide.reasoner.extractive import claim_values as values
from omoide.reasoner.extractive.claim import Claim
from omoide.reasoner.extractive.claim_words import CHANGING_WORDS
from omoide.reasoner.extractive.lexicon import verb

Reader = Callable[[re.Match[str], str], Iterator[Claim]]
_Row = tuple[str, re.Pattern[str], Reader]
"""First words of the clauses that the pattern can match; `*`: any word."""

_HAS_GOT = re.compile(r"^(?:has|have)(?: also| now| only)? got (?=(?:an?|own|no|some|\d+|one|two|three|four|five) )")
_HAS_BEEN = re.compile(r"^(?:has|have) been (?=\w+ing )")


def read(clause: str) -> Iterator[Claim]:
    """The claims of the first pattern that yields some, and of those that add to it."""
    clause = _plain(clause)
    further, alternatives = _readers_of(clause.partition(" ")[0])
    for pattern, make in further:
        if match := pattern.match(clause):
            yield from make(match, clause[match.end() :])
    for pattern, make in alternatives:
        if (match := pattern.match(clause)) and (found := [*make(match, clause[match.end() :])]):
            yield from found
            return


def _plain(clause: str) -> str:
    """Leave out adverbs and the auxiliary of the perfect: "has just sold" becomes "sold"."""
    clause = patterns.LEADING_ADVERBS.sub("", clause)
    if not clause.startswith(("has ", "have ", "had ")):
        return clause
    clause = _HAS_BEEN.sub("is ", _HAS_GOT.sub("has ", clause))
    rest = patterns.LEADING_ADVERBS.sub("", clause.partition(" ")[2])
    known = verb(rest.partition(" ")[0])
    return rest if known and known.tense != "present" else clause


def _readers_of(word: str) -> tuple[Sequence[tuple[re.Pattern[str], Reader]], Sequence[tuple[re.Pattern[str], Reader]]]:
    return _readers(word if word in _KNOWN else "")


@cache
def _readers(word: str) -> tuple[Sequence[tuple[re.Pattern[str], Reader]], Sequence[tuple[re.Pattern[str], Reader]]]:
    further, alternatives = (
        [(pattern, make) for words, pattern, make in rows if words == "*" or word in words.split()]
        for rows in (_FURTHER, _ALTERNATIVES)
    )
    return further, alternatives


_FURTHER: Sequence[_Row] = (
    ("found got landed has started took accepted signed works was", patterns.HIRED, values.hired),
    ("has got", patterns.PARTNER, values.partner),
    ("goes attends is started starts has moved began", patterns.SCHOOL, values.school),
    ("is started entered has", patterns.YEAR, values.year),
    ("has got", patterns.NEW_ONE, values.new_one),
    ("is majors", patterns.MAJOR, values.major),
    ("gave had own became", patterns.BIRTH, values.birth),
    ("own", patterns.CONDITION, values.condition),
    ("can does has hit reached is works read watched visited saved", patterns.AMOUNT, values.amount),
    ("gets wakes is goes", patterns.TIME_OF_DAY, values.time_of_day),
    ("takes catches rides gets drives cycles walks bikes runs commutes", patterns.COMMUTE, values.commute),
    (
        "takes take writes write codes code programs works work keeps plans uses is subscribes bank banks runs prefers",
        patterns.TOOL,
        deeds.tool,
    ),
    (
        "has come came grew grown fell learned started got warmed went gone fallen is lost",
        patterns.TASTE_TURN,
        values.taste_turn,
    ),
    ("passed got", patterns.LICENCE, values.licence),
    ("got was been quit left resigned handed", patterns.LEFT_EMPLOYER, values.left_employer),
    ("moved has got", patterns.MOVED_OUT, deeds.moved_out),
    ("own", patterns.KIN_DIED, values.kin_died),
    (
        "cancelled canceled unsubscribed deleted quit left uninstalled ditched",
        patterns.UNSUBSCRIBED,
        deeds.unsubscribed,
    ),
)
"""Readers that add to what the others find."""
_ALTERNATIVES: Sequence[_Row] = (
    ("*", patterns.THIRD_PARTY_END, values.died),
    ("broke broken split", patterns.SEPARATED_FROM, values.status),
    ("quit left lost resigned got was been has retired is", patterns.JOB_OVER, values.job_over),
    ("is", patterns.IDLE, values.idle),
    ("is", patterns.MARRYING, values.marrying),
    ("is got", patterns.STATUS, values.status),
    ("is takes", patterns.DOSE, values.dose),
    ("makes earns is", patterns.PAY, values.pay),
    ("*", patterns.MEASURE, values.measure),
    ("is", patterns.DOWN_TO, values.down_to),
    ("only has have", patterns.COUNT, values.count),
    (
        "just beat beaten broke broken improved set smashed ran run got hit crushed swam cycled lifted shaved",
        patterns.BEATEN,
        values.beaten,
    ),
    (f"has {CHANGING_WORDS}", patterns.CHANGED_ATTRIBUTE, values.changed_attribute),
    ("own the", patterns.ATTRIBUTE, values.attribute),
    ("has never", patterns.NEVER, deeds.never),
    ("has decided is no does doesn't changed isn't will won't", patterns.PLAN_OVER, deeds.plan_over),
    ("is plans has booked", patterns.PLANNED_TRIP, deeds.planned_trip),
    ("still plans is wants hopes intends would has decided needs aims got should", patterns.PLAN, deeds.plan),
    ("is", patterns.GOAL, deeds.goal),
    ("switched changed moved migrated went upgraded transferred", patterns.SWITCHED, deeds.switched),
    ("switched migrated moved", patterns.SWITCHED_BACKWARDS, deeds.switched),
    ("replaced swapped ditched dropped traded", patterns.REPLACED, deeds.switched),
    ("upgraded switched moved changed", patterns.UPGRADED, deeds.upgraded),
    ("got bought has", patterns.NEW_DEVICE, deeds.new_device),
    ("has uses owns", patterns.HAS_DEVICE, deeds.has_device),
    (
        "had cancelled canceled called scrapped abandoned postponed cancel call skipped",
        patterns.CANCELLED,
        deeds.cancelled,
    ),
    ("got had", patterns.OFF, deeds.off),
    ("sold lost gave got scrapped donated returned traded", patterns.GONE, deeds.gone),
    ("recovered got beat is shook outgrew overcame", patterns.RECOVERED, deeds.recovered),
    ("has started is went began eats", patterns.EATING_AGAIN, deeds.eating_again),
    ("has had stopped quit gave given left stop give retired", patterns.STOPPED, deeds.stopped),
    (
        "has finished completed passed quit abandoned dropped gave wrapped graduated is given",
        patterns.STOPPED_THING,
        deeds.stopped_thing,
    ),
    ("has learned learnt can", patterns.LEARNED, deeds.learned),
    ("can't cannot does doesn't", patterns.CANNOT, deeds.cannot),
    ("has", patterns.HAS_NO, deeds.has_no),
    ("does doesn't do don't no never", patterns.NEGATED, deeds.negated),
    ("is", patterns.PROGRESS, deeds.progress),
    ("isn't is", patterns.ISNT, deeds.isnt),
    ("is am", patterns.BEING, deeds.being),
    ("*", patterns.VERB, deeds.verb),
)
_KNOWN = frozenset(word for words, _, _ in (*_FURTHER, *_ALTERNATIVES) for word in words.split())
