"""Restate a sentence from the first person to the third: "I live in Lisbon" → "alice lives in Lisbon". Pure, English.

A sentence is restated only if every change is certain; otherwise `to_third_person` returns None and the sentence is
quoted. Only plain indicative clauses about one person are restated. Refused are: we and you, quotes, conditions and
wishes, reported speech, and verbs whose form does not show their tense.
"""

from __future__ import annotations

import re

from omoide.reasoner.extractive.coordination import read_after
from omoide.reasoner.extractive.grammar import (
    AUXILIARIES,
    CLAUSE_TAKING,
    CLAUSE_WORDS,
    COORDINATORS,
    FIRST_PERSON,
    FOREIGN,
    INTRODUCES,
    LINKING,
    MAY_OPEN,
    NESTING,
    NOT_BEFORE_I,
    NUMBERED,
    OTHERS,
    PAST_LINKING,
    PLAIN_PREDICATES,
    PREPOSITIONS,
    SPEECH,
    SUBJECT_FORMS,
    WORD,
)
from omoide.reasoner.extractive.lexicon import has_predicate, is_english, verb
from omoide.reasoner.extractive.parse_state import AmbiguousParse, ParseState, VerbClause

SELF = "\0"
"""Placeholder for the peer's id in restated text, so that the id is not parsed as words."""
MOST_CHARACTERS = 300
"""Longer sentences are not restated."""


_REFUSED = re.compile(
    r"""[\0"“”„«»「」『』‹›`*<>{}\[\]]|(?<!\w)['‘]"""
    r"""|\b(?:if|unless|wish|wishes|wished|suppose|supposing|imagine|imagining|pretend|hypothetically|otherwise|lest"""
    r"""|were i|ain't|(?:would|could|should|might)(?:n't)? have|(?:would|could)'ve|dream(?:s|t|ed|ing)?|god|goodness"""
    r"""|gosh|reckon|swear|bet|let's"""
    r"""|i(?: have|'ve|'m| am)?(?: \w+){0,2} (?:died|dead|dying)|aged (?:\w+ )?years?"""
    r"""|heart attack (?:for|when|just|at|reading|looking|watching|seeing|until))\b""",
    re.IGNORECASE,
)
"""Quotes, markup, conditions, wishes, exclamations, and what the living say in jest."""
_STOP = re.compile(r"[\s.!…\ufe0f\u200d\u2600-\u27bf\U0001f300-\U0001faff]+$")
_SUBJECT = re.compile(rf"{SELF} ")
_MOVED = re.compile(r"^We(?:'ve| have)? ((?:just |recently |finally )*(?:moved|relocated) (?:back )?to [A-Z])")
"""Who moved with others has moved, so that is stated of the speaker alone."""
_BETWEEN_CLAUSES = re.compile(rf"(?:[,;]?\s+(?:and|but)|[,;])\s+(?={SELF}(?:'s)? )")
_FEWEST_WORDS = 3
"""A shorter clause is not a statement of its own."""
_EDGE_BEFORE, _EDGE_AFTER = re.compile(r"(?:^|[\s(])$"), re.compile(r"$|[\s,;:!)…]|\.(?:$|\W)")


def to_third_person(sentence: str) -> str | None:
    """Restate the sentence about `SELF`, without its final stop; None if it is not in the first person or ambiguous.

    Expects no opening ("Yes, ...") and straight apostrophes.
    """
    if sentence.startswith("We"):
        sentence = _MOVED.sub(r"I \1", sentence)
    if len(sentence) > MOST_CHARACTERS or _REFUSED.search(sentence):
        return None
    matches = list(WORD.finditer(sentence))
    reading = ParseState(sentence, [match.span() for match in matches], [match[0].lower() for match in matches])
    if not _may_be_read(reading):
        return None
    try:
        for at, word in enumerate(reading.words):
            _read(reading, at, word)
    except AmbiguousParse:
        return None
    return _written(reading)


def main_clauses(about: str) -> list[str]:
    """Split a restated sentence into its coordinated main clauses, each about `SELF`, unless one may be nested."""
    clauses = _BETWEEN_CLAUSES.split(about)
    if len(clauses) == 1 or not all(each.startswith(SELF) for each in clauses):
        return [about]
    for clause in clauses:
        found = [word[0].lower() for word in WORD.finditer(clause)]
        if len(clause.split()) < _FEWEST_WORDS or not NESTING.isdisjoint(found) or _SUBJECT.search(clause, 1):
            return [about]
    return clauses


def _may_be_read(reading: ParseState) -> bool:
    """Whether it is English, in the first person singular only, and starts like such a sentence."""
    words = reading.words
    if FIRST_PERSON.isdisjoint(words) or not FOREIGN.isdisjoint(words) or words[0] == "to":
        return False
    counted = "ago" in words[:4]
    if reading.before(0) and not (counted and reading.before(0).isdigit()):
        return False
    for at, word in enumerate(words):
        if word.split("'")[0] in OTHERS and reading.original(at) != "US":
            return False
    small = [word for at, word in enumerate(words) if reading.original(at).islower() and word not in FIRST_PERSON]
    if 2 * sum(is_english(word.removesuffix("'s")) for word in small) < len(small):
        return False
    if words[0] == "my":
        return has_predicate(words) or ": " in reading.text
    if words[0] in SUBJECT_FORMS:
        return True
    return (counted or words[0] in MAY_OPEN) and not SUBJECT_FORMS.keys().isdisjoint(words)


def _read(reading: ParseState, at: int, word: str) -> None:
    """Process one word: record its replacement, if any, or raise AmbiguousParse."""
    if word in FIRST_PERSON:
        start, end = reading.spans[at]
        if not _EDGE_BEFORE.search(reading.text[max(start - 1, 0) : start]) or not _EDGE_AFTER.match(reading.text, end):
            raise AmbiguousParse
    if word in SUBJECT_FORMS:
        _check_place(reading, at)
        _read_subject(reading, at)
    elif word in FIRST_PERSON:
        _read_other_case(reading, at, word)
    elif at not in reading.edits and reading.clause is not None and at > reading.clause.at:
        read_after(reading, at, word, reading.clause)


def _check_place(reading: ParseState, at: int) -> None:
    """Raise AmbiguousParse unless `I` is a subject on its own: not `Elizabeth I`, `my wife and I`, `than I`, `do I`."""
    gap, before, first = reading.before(at), reading.word(at - 1), reading.word(0)
    if at == 0:
        return
    if not SPEECH.isdisjoint(reading.words[:at]):
        raise AmbiguousParse
    if gap in {",", ";", ", -", "-", "–", "—"}:
        return
    if first in INTRODUCES and gap.rstrip(",").isdigit():
        return
    if gap or before in NOT_BEFORE_I:
        raise AmbiguousParse
    if before == "and":
        _check_joined(reading, at)
    elif reading.original(at - 1)[0].isupper() and at > 1:
        if at > 3 or before in NUMBERED or first not in INTRODUCES:
            raise AmbiguousParse
    elif at == 1 and before not in MAY_OPEN:
        raise AmbiguousParse


def _check_joined(reading: ParseState, at: int) -> None:
    """Raise AmbiguousParse unless `and I` starts a clause, instead of ending a plural subject."""
    clause = reading.clause
    if clause is None:
        verb_at = next((i for i, word in enumerate(reading.words[:at]) if word in {"is", "was"}), at)
    elif clause.nested or clause.verb in CLAUSE_TAKING:
        raise AmbiguousParse
    else:
        verb_at = clause.at
    between = reading.words[verb_at + 1 : at - 1]
    if not CLAUSE_WORDS.isdisjoint(between) or (clause is None and not between):
        raise AmbiguousParse
    if (clause is None or clause.verb in {"am", "was"}) and not _is_plain_predicate(reading, verb_at + 1, between):
        raise AmbiguousParse


def _is_plain_predicate(reading: ParseState, at: int, words: list[str]) -> bool:
    """Whether the words after `am` contain no clause with a subject, such as `glad Tom` before `and I`."""
    if len(words) < 2 or words[0] in PLAIN_PREDICATES or reading.original(at)[0].isupper():
        return True
    return words[1] in PREPOSITIONS or words[1] == "of"


def _read_subject(reading: ParseState, at: int) -> None:
    """Process `I`, the adverbs after it, and its verb."""
    contracted = SUBJECT_FORMS[reading.words[at]]
    reading.edits[at] = f"{SELF} {contracted}" if contracted else SELF
    if contracted:
        governing = {"is": "am", "has": "have", "will": "will"}[contracted]
        reading.clause = VerbClause(governing, at, agrees=governing in LINKING)
        return
    verb_at = reading.past_adverbs(at + 1)
    if any(reading.before(between) for between in range(at + 1, min(verb_at + 1, len(reading.words)))):
        raise AmbiguousParse
    word = reading.word(verb_at)
    if not word or not reading.original(verb_at).islower() or reading.after(verb_at).startswith("-"):
        raise AmbiguousParse
    third, agrees, past = _third(word)
    reading.edits[verb_at] = third
    reading.clause = VerbClause(word, verb_at, agrees, past=past)


def _third(word: str) -> tuple[str, bool, bool]:
    """Return the third person of a finite verb, whether coordinated verbs agree, and whether it is a past form."""
    if word in AUXILIARIES:
        return AUXILIARIES[word], word in LINKING, word in PAST_LINKING
    known = verb(word)
    if known is None or known.tense not in {"present", "past"}:
        raise AmbiguousParse
    return known.third, True, known.tense == "past"


def _read_other_case(reading: ParseState, at: int, word: str) -> None:
    """Process `my`, `me`, `mine` or `myself`; `i'd` is either `had` or `would`."""
    original, before = reading.original(at), reading.word(at - 1)
    if word == "i'd" or (not original.islower() and not (at == 0 and word == "my")):
        raise AmbiguousParse
    if word == "myself" and (reading.clause is None or before in SUBJECT_FORMS or before in {"and", "or"}):
        raise AmbiguousParse
    if word == "mine" and before not in {"of", "is", "are", "was", "were"}:
        raise AmbiguousParse
    if word == "me" and (before in {"and", "or", "dear"} or reading.word(at + 1) in {"and", "or"}):
        raise AmbiguousParse
    if word == "my" and (reading.after(at) or not _is_common(reading, at + 1)):
        raise AmbiguousParse
    reading.edits[at] = {"my": f"{SELF}'s", "mine": f"{SELF}'s", "me": SELF, "myself": "themself"}[word]
    if word == "my" and reading.clause is not None and before in COORDINATORS:
        reading.clause.nested = True


def _is_common(reading: ParseState, at: int) -> bool:
    """Whether the word after `my` is a possession, not part of a title or an exclamation."""
    if at >= len(reading.words) or reading.words[at] in {"bad", "oh", "word", "pleasure", "apologies"}:
        return False
    return at > 1 or not reading.original(at).istitle()


def _written(reading: ParseState) -> str:
    pieces, end = [], 0
    for at in sorted(reading.edits):
        start, stop = reading.spans[at]
        pieces += [reading.text[end:start], reading.edits[at]]
        end = stop
    return _STOP.sub("", "".join([*pieces, reading.text[end:]]))
