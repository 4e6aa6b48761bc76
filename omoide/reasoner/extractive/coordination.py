"""Conjugate coordinated verbs: "I live in Lisbon and work at Siemens" has two verbs with the subject `I`.

The word after `and`, a comma or the like may be such a verb, a noun, or part of an infinitive. It is conjugated only
if it is certainly a verb; if it is ambiguous, the sentence is not restated.
"""

from __future__ import annotations

import re

from omoide.reasoner.extractive.grammar import (
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
from omoide.reasoner.extractive.lexicon import Verb, verb
from omoide.reasoner.extractive.parse_state import AmbiguousParse, ParseState, VerbClause

_JOINT = re.compile(r"[,;:&+/(–—.…]| - ")
"""Punctuation that may coordinate like `and`; a hyphen within a word does not."""


def read_after(reading: ParseState, at: int, word: str, clause: VerbClause) -> None:
    """Process a word after the verb of an `I`: conjugate it if it is another verb of that `I`.

    Raises AmbiguousParse if it is ambiguous.
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


def _agree(reading: ParseState, at: int, word: str, clause: VerbClause) -> None:
    """Conjugate the first word after `and`, a comma or the like, skipping adverbs, if it is a verb of this `I`."""
    known = None if word in AUXILIARIES else verb(word)
    if not _has_ending(reading, at, word, known):
        return
    if clause.nested or clause.verb in CAUSING:
        raise AmbiguousParse
    if word == "am" or (known is None and clause.agrees and not clause.infinitive):
        reading.edits[at] = AUXILIARIES[word]
    elif known is None or not clause.agrees or clause.infinitive:
        _check_bare(reading, at)
    elif known.tense in {"either", "unclear"}:
        if known.tense == "unclear" or not clause.past:
            raise AmbiguousParse
    elif known.only or _is_working(reading, at, word, clause) or _is_feeling(reading, at, word):
        reading.edits[at] = known.third
    elif not _is_noun_pair(reading, at, clause):
        raise AmbiguousParse


def _has_ending(reading: ParseState, at: int, word: str, known: Verb | None) -> bool:
    """Whether the word may be a verb with a different third person form."""
    if word in AUXILIARIES:
        return AUXILIARIES[word] != word
    return known is not None and known.tense != "past" and word not in CLOSED and reading.original(at).islower()


def _check_bare(reading: ParseState, at: int) -> None:
    """Raise AmbiguousParse unless the verb continues the infinitive before it (`can swim and dive`) and stays
    unchanged."""
    joint = next((word for word in reversed(reading.words[:at]) if word not in ADVERBS), "")
    negated = not NEGATIONS.isdisjoint(reading.words[:at])
    if joint not in ({"or", "nor"} if negated else {"and", "or"}) or reading.before(at):
        raise AmbiguousParse


def _is_feeling(reading: ParseState, at: int, word: str) -> bool:
    """Whether the word is a verb of feeling with an object: `and love my job`."""
    return word in FEELING and reading.word(at + 1) in ITS_OBJECTS and not reading.after(at)


def _is_working(reading: ParseState, at: int, word: str, clause: VerbClause) -> bool:
    """Whether a preposition after both verbs excludes a noun: `live in Lisbon and work at`."""
    settled = clause.verb in {"am", "was"} or reading.word(clause.at + 1) in PREPOSITIONS | {"to"}
    return word in WORKING and reading.word(at + 1) in AFTER_WORKING and settled and not reading.after(at)


def _is_noun_pair(reading: ParseState, at: int, clause: VerbClause) -> bool:
    """Whether the word is the second of a pair of nouns or adjectives: `like rice and fish`, `am tall and fit`."""
    ends = at + 1 == len(reading.words) or reading.after(at)[:1] in {".", ",", "!", ";"}
    if not ends or reading.word(at - 1) not in {"and", "or"} or reading.before(at):
        return False
    if clause.verb == "am":
        return True
    return at == clause.at + 3 and clause.verb not in AUXILIARIES and verb(reading.word(at - 2)) is None
