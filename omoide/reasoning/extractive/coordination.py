"""Verbs that share one subject: "I live in Lisbon and work at Siemens" has two that take the third person.

The word after `and`, a comma or the like may be such a verb, a noun, or go on with an infinitive. It is made to agree
only where it can be nothing but such a verb; where it may be either, the sentence is not restated.
"""

from __future__ import annotations

import re

from omoide.reasoning.extractive.grammar import (
    ADVERBS,
    AFTER_WORKING,
    AUXILIARIES,
    CAUSING,
    CLOSED,
    COORDINATORS,
    FEELING,
    FIRST_PERSON,
    GOING_TO,
    ITS_OBJECTS,
    NEGATIONS,
    NEW_SUBJECTS,
    PREPOSITIONS,
    TAKES_INFINITIVE,
    WORKING,
)
from omoide.reasoning.extractive.reading import (
    Clause,
    Doubt,
    Reading,
)
from omoide.reasoning.extractive.words import Verb, verb

_JOINT = re.compile(r"[,;:&+/(–—.…]| - ")
"""Signs that may stand for `and`; the hyphen within a word is none."""


def read_after(reading: Reading, at: int, word: str, clause: Clause) -> None:
    """A word after the verb of an `I`: whether another verb of that `I` begins with it, and has to agree.

    Raises Doubt if that cannot be told.
    """
    if word == "to" and (base := verb(reading.word(at + 1))) and base.tense != "past":
        before = reading.word(at - 1)
        if before in GOING_TO or (clause.verb in TAKES_INFINITIVE and at == clause.at + 1):
            clause.infinitive = True
        else:
            clause.nested = True
    joined = reading.word(at - 1) in COORDINATORS or bool(_JOINT.search(reading.gap(at)))
    if not joined:
        clause.nested = clause.nested or word in {"who", "that", "which", "whose", "where", "because", "when", "while"}
        return
    start = reading.past_adverbs(at) if word not in COORDINATORS else at
    follower = reading.word(start)
    if follower in NEW_SUBJECTS:
        clause.nested = True
    elif follower and follower not in COORDINATORS and follower not in FIRST_PERSON:
        _agree(reading, start, follower, clause)


def _agree(reading: Reading, at: int, word: str, clause: Clause) -> None:
    """The first word after `and`, a comma or the like, adverbs left out: it agrees if it is a verb of this `I`."""
    known = None if word in AUXILIARIES else verb(word)
    if not _has_ending(reading, at, word, known):
        return
    if clause.nested or clause.verb in CAUSING:
        raise Doubt
    if word == "am" or (known is None and clause.agrees and not clause.infinitive):
        reading.edits[at] = AUXILIARIES[word]
    elif known is None or not clause.agrees or clause.infinitive:
        _check_bare(reading, at)
    elif known.tense in {"either", "unclear"}:
        if known.tense == "unclear" or not clause.past:
            raise Doubt
    elif known.only or _is_working(reading, at, word, clause) or _is_feeling(reading, at, word):
        reading.edits[at] = known.third
    elif not _is_noun_pair(reading, at, clause):
        raise Doubt


def _has_ending(reading: Reading, at: int, word: str, known: Verb | None) -> bool:
    """Whether the word, if it is a verb, has another form in the third person."""
    if word in AUXILIARIES:
        return AUXILIARIES[word] != word
    return known is not None and known.tense != "past" and word not in CLOSED and reading.original(at).islower()


def _check_bare(reading: Reading, at: int) -> None:
    """That a verb goes on with the infinitive before it (`can swim and dive`), so that it stays as it is."""
    joint = next((word for word in reversed(reading.words[:at]) if word not in ADVERBS), "")
    negated = not NEGATIONS.isdisjoint(reading.words[:at])
    if joint not in ({"or", "nor"} if negated else {"and", "or"}) or reading.before(at):
        raise Doubt


def _is_feeling(reading: Reading, at: int, word: str) -> bool:
    """`and love my job`: what is felt follows."""
    return word in FEELING and reading.word(at + 1) in ITS_OBJECTS and not reading.after(at)


def _is_working(reading: Reading, at: int, word: str, clause: Clause) -> bool:
    """`live in Lisbon and work at`: a preposition after either verb leaves no room for a noun."""
    settled = clause.verb in {"am", "was"} or reading.word(clause.at + 1) in PREPOSITIONS | {"to"}
    return word in WORKING and reading.word(at + 1) in AFTER_WORKING and settled and not reading.after(at)


def _is_noun_pair(reading: Reading, at: int, clause: Clause) -> bool:
    """`like rice and fish`, `am tall and fit`: one bare word before, and nothing after."""
    ends = at + 1 == len(reading.words) or reading.after(at)[:1] in {".", ",", "!", ";"}
    if not ends or reading.word(at - 1) not in {"and", "or"} or reading.before(at):
        return False
    if clause.verb == "am":
        return True
    return at == clause.at + 3 and clause.verb not in AUXILIARIES and verb(reading.word(at - 2)) is None
