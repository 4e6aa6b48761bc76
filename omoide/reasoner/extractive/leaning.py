"""Decide whether a sentence needs the one before it: pronouns without a noun, fragments, "because …". Pure, English.

"She's moving to Oslo" says something only after "My sister got the job". `leaning` finds such sentences; the caller
quotes them with their context, or leaves them out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import IntEnum

from omoide.core.text_cache import text_cache
from omoide.reasoner.extractive.grammar import FEELING
from omoide.reasoner.extractive.lexicon import is_english, is_only_verb, may_be_finite, may_be_past
from omoide.reasoner.extractive.word_lists import word_lists

CACHED_SENTENCES = 4_096

_SELECTION, _WORDS = word_lists("selection"), word_lists("leaning")
_OF = _WORDS.words("particles")
_SUBJECTS = _WORDS.words("subjects")
_LINKS = _WORDS.words("links")
_HE = _WORDS.words("he")
_THEY = _WORDS.words("they")
_IT = _WORDS.words("it")
_THAT = _WORDS.words("that")
_ONE = _WORDS.words("one")
_DETERMINERS = _WORDS.words("determiners")
_VERBS_AFTER_THAT = _WORDS.words("after_that")
_AFTER_NAMES = _WORDS.words("after_names")
_SAYING = _WORDS.words("saying")
_NOT_NAMES = _WORDS.words("not_names")
_COMMON_FIRST = _WORDS.words("common_first")
_PERSONS = _SELECTION.words("persons")
_HUMANS = _PERSONS - _WORDS.words("animals")
_WOMEN, _MEN = _WORDS.words("women"), _WORDS.words("men")
_SEVERAL = _WORDS.words("several")
_SHE = _WORDS.words("she")
_VERBS_OF_COUNTING = _WORDS.words("verbs_of_counting")
_AFTER_COUNTS = _WORDS.words("after_counts")
_NUMBERS = word_lists("cues").words("amount")
_TIMES = _WORDS.words("times")
_COUNTED = _WORDS.words("counted")
_CLAUSE_STARTS = _WORDS.words("clause_starts")
_AFTER_OBJECTS = _WORDS.words("after_objects")
_BEFORE_THERE, _BEFORE_THAT = _WORDS.words("before_there"), _WORDS.words("before_that")
_ASKING_BEFORE_THAT, _ASKED_OF_THAT = _WORDS.words("asking_before_that"), _WORDS.words("asked_of_that")
_TOLD_WHICH = _WORDS.words("told_which")
_COMPANY = _WORDS.words("company")
_ANNOUNCING = _SELECTION.words("announcing")


class Lean(IntEnum):
    """How much a sentence needs its context."""

    NONE = 0
    LINKED = 1
    """Linked to it by its first word only: "And …", "But …"."""
    THING = 2
    """A thing or a fact is named there: it, that, one."""
    PERSON = 3
    """A person is named there: she, his, them."""


_FEWEST_BEFORE = 3
_LONGEST_VERBLESS, _LONGEST_POSSESSION = 9, 5
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_ELLIPSIS = re.compile(
    rf"(?!(?:it|that|this|there|what|who|which)\b)[\w']+ {_WORDS.any_of('auxiliaries')}(?: too| not| so)?(?:[.,;!]|$)",
    re.IGNORECASE,
)
"""A predicate that is that of the sentence before: "Ines does, she has the keys"."""
_NEWS = re.compile(
    rf"(?:i|we)(?: have|'ve|'ve got| have got| got)?(?: also)?(?: \w+){{0,3}} {_SELECTION.any_of('announcing')}"
    r" (?:of|on|about|from|for|to tell|to share)\b",
    re.IGNORECASE,
)
"""News that is not told yet: "I have news on the family front"."""
_EXPLETIVE = re.compile(
    r"\b(?:it(?:'s| is| was)?(?: been)? (?:a |an )?(?:raining|snowing|sunny|cold|hot|late|early|time|monday|tuesday"
    r"|wednesday|thursday|friday|saturday|sunday|my birthday|nice to|good to|great to|easy to|hard to|important to me"
    r"|possible to|takes|took)|it turns out|make it|made it|as it is|that'?s (?:it|all)|that i|that my|that we"
    r"|so (?:much|many|far|that)|one (?:of|day|more|week|month|year|hour|thing)|each other|one another"
    r"|(?:he|she|they)/\w+)\b"
)


@text_cache(maxsize=CACHED_SENTENCES)
def leaning(sentence: str) -> Lean:
    """How much the sentence needs the one before it. Expects straight apostrophes and no opening."""
    words = _WORD.findall(sentence)
    lowered = [word.lower() for word in words]
    if not words:
        return Lean.NONE
    plain = _EXPLETIVE.sub(lambda match: "_ " * len(_WORD.findall(match[0])), sentence.lower())
    masked = _masked(lowered, plain)
    clause = _second_clause(sentence)
    found = Lean.LINKED if lowered[0] in _LINKS or _shows(lowered) else Lean.NONE
    if _ELLIPSIS.match(sentence):
        found = Lean.THING
    persons: list[int] = []
    thing = False
    for at, word in enumerate(lowered):
        if word in _HE and not _may_mean_one_of(persons, lowered, at):
            return Lean.PERSON
        if word in _THEY and masked[at] and not (persons or thing):
            return Lean.PERSON
        if masked[at] and not thing and _points(lowered, at):
            found = max(found, Lean.THING)
        if word.removesuffix("'s") in _PERSONS or _is_name(words, at) or _is_lower_case_name(words, at):
            persons.append(at)
        is_thing = word in _DETERMINERS and at + 1 < len(words) and lowered[at + 1] not in _HUMANS
        thing = thing or is_thing or at + 1 == clause
    return found


def _may_mean_one_of(persons: Sequence[int], lowered: Sequence[str], at: int) -> bool:
    """Whether "he" or "her" may be one of the persons named before it, who are no subject of the same verb."""
    others = _MEN if lowered[at] in _SHE else _WOMEN
    named = ((each, lowered[each].removesuffix("'s")) for each in persons)
    possible = [each for each, word in named if word not in others and word not in _SEVERAL]
    if len(possible) != 1 or lowered[at] not in {"him", "her"} or lowered[at - 1] in _COMPANY:
        return bool(possible)
    following = lowered[at + 1] if at + 1 < len(lowered) else ""
    if lowered[at] == "her" and following and following not in _AFTER_OBJECTS | _SUBJECTS | _HE:
        return True
    between = lowered[possible[0] + 1 : at]
    return not _CLAUSE_STARTS.isdisjoint(between) or not _SUBJECTS.isdisjoint(between)


def _second_clause(sentence: str) -> int:
    """The number of words before the first comma, if it ends a clause, whose object a pronoun after it may mean."""
    before, comma, _ = sentence.partition(", ")
    count = len(_WORD.findall(before)) if comma else 0
    return count if count >= _FEWEST_BEFORE else -1


def _masked(lowered: list[str], plain: str) -> list[bool]:
    """Which words are left when set phrases ("it's raining") are taken out."""
    rest = plain.count("_ ")
    if not rest:
        return [True] * len(lowered)
    kept = iter(_WORD.findall(plain.replace("_ ", "zzz ")))
    flags = [word != "zzz" for word in kept]
    return (flags + [True] * len(lowered))[: len(lowered)]


def _points(lowered: list[str], at: int) -> bool:
    word = lowered[at]
    following = lowered[at + 1] if at + 1 < len(lowered) else ""
    if word in _IT or word == "ones":
        return True
    if word == "there" and at:
        return lowered[at - 1] in _BEFORE_THERE
    if word in _NUMBERS and at:
        return lowered[at - 1] in _VERBS_OF_COUNTING and (not following or following in _AFTER_COUNTS)
    if word in _THAT:
        return _that_points(word, lowered[at - 1] if at else "", following)
    if word == "mine" and at > 1 and lowered[at - 1] == "of":
        return lowered[at - 2] in _COUNTED
    if word in _ONE:
        return at <= 1 or not following
    if word == "so":
        return at > 0 and lowered[at - 1] in _SAYING
    return False


def _that_points(word: str, before: str, following: str) -> bool:
    """Whether "that" or "these" is a pronoun."""
    if not before:
        return following in _VERBS_AFTER_THAT or word not in {"that", "this"} or not following
    if before in _BEFORE_THAT and following in _SUBJECTS:
        return True
    if before in _ASKING_BEFORE_THAT and following in _ASKED_OF_THAT:
        return True
    return not following or following in {"too", "either", "again", "now", "before", "for"}


def _shows(lowered: Sequence[str]) -> bool:
    """Whether a noun is only shown: "I love this band", but not "this year", nor "this man who …"."""
    return any(
        word in {"this", "these", "those"}
        and at + 1 < len(lowered)
        and lowered[at + 1] not in _TIMES
        and _TOLD_WHICH.isdisjoint(lowered[at + 2 :])
        for at, word in enumerate(lowered)
        if at
    )


def _is_name(words: list[str], at: int) -> bool:
    """Whether the word is capitalised and not just the first, or the first and before a verb-like second word."""
    word = words[at]
    if not word[0].isupper() or word.lower() in _NOT_NAMES or word.isupper():
        return False
    if at or len(words) < 2:
        return at > 0
    is_noun = is_english(word.lower()) and words[1] != "and" and not may_be_finite(words[1])
    return word.lower().partition("'")[0] not in _COMMON_FIRST and words[1][0].islower() and not is_noun


def _is_lower_case_name(words: list[str], at: int) -> bool:
    """Whether an unknown word is the subject of a sentence in lower case: "taylor is my favourite"."""
    if at or len(words) < 2 or not words[0].islower() or words[0] in _COMMON_FIRST:
        return False
    return words[1].lower() in _AFTER_NAMES and not is_english(words[0])


@text_cache(maxsize=CACHED_SENTENCES)
def names_a_person(sentence: str) -> bool:
    """Whether the sentence has a noun or name that "she" or "they" may refer to."""
    return any(_persons(_WORD.findall(sentence)))


def names_whom(sentence: str, pronouns: str, *, surely: bool = False) -> bool:
    """Whether the sentence names somebody whom the pronouns of another sentence may mean: no several for "she".

    `surely`: whether "a teacher" of somebody else's sentence is not enough.
    """
    lowered = {word.lower() for word in _WORD.findall(pronouns)}
    words = _WORD.findall(sentence)
    is_one = not _HE.isdisjoint(lowered)
    return any(
        not (is_one and (words[at].lower() in _SEVERAL or words[at].lower() == "who"))
        and not (surely and at and words[at - 1].lower() in {"a", "an", "any", "some"})
        for at in _persons(words)
    )


def _persons(words: list[str]) -> Iterator[int]:
    """Yield where persons are named."""
    for at, word in enumerate(words):
        if word.lower().removesuffix("'s") in _PERSONS or _is_name(words, at) or _is_lower_case_name(words, at):
            yield at


def is_verbless(sentence: str) -> bool:
    """Whether the sentence is an answer or an addition without a clause: "Two cats.", "The sixth of June."."""
    words = [word.lower() for word in _WORD.findall(sentence)]
    if len(words) > _LONGEST_VERBLESS or not words or ": " in sentence:
        return False
    if words[0] in {"my", "our"} and len(words) > _LONGEST_POSSESSION:
        return False
    if any(word in _SUBJECTS or "'" in word for word in words) or may_be_past(words[0]) or words[0] in FEELING:
        return False
    return not any(map(is_only_verb, words)) and not any(_is_verb_of(words, at) for at in range(1, len(words)))


def _is_verb_of(words: list[str], at: int) -> bool:
    """Whether a noun and what may be its verb in the third person stand there: "Rex barks"."""
    word = words[at]
    if words[at - 1].endswith("s") and at + 1 < len(words) and words[at - 1] not in _DETERMINERS:
        return may_be_finite(word) and words[at + 1] not in _OF
    return (
        word.endswith("s")
        and may_be_finite(word)
        and words[at - 1] not in _DETERMINERS
        and not words[at - 1].endswith("s")
    )


def announces(sentence: str) -> bool:
    """Whether the sentence only announces what the next one tells: "I've had a setback"."""
    words = [word.lower() for word in _WORD.findall(sentence)]
    return 2 < len(words) <= 9 and (words[-1] in _ANNOUNCING or _NEWS.match(sentence) is not None)
