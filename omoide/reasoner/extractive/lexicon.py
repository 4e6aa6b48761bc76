"""Word classes of English words, from a lexicon and without context.

lemminflect looks words up; results are cached, because conversations repeat words. `grammar` has the closed classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from omoide.core.text_cache import text_cache
from omoide.reasoner.extractive.dictionary import getAllLemmas, getInflection
from omoide.reasoner.extractive.grammar import (
    ADVERBS,
    CLOSED,
    FINITE,
    OTHERS,
    PAST_FIRST,
    PLAIN_PREDICATES,
    PREPOSITIONS,
)

ARTICLES = frozenset({"a", "an", "the", "my", "our", "so", "very", "too", "quite", "really", "more", "at"})
CACHED_WORDS = 16_384
"""Size of each cache; an active vocabulary is smaller."""


@dataclass(frozen=True, slots=True)
class Verb:
    """A word that may be a finite verb in the first person. `third` is its third person form."""

    tense: Literal["present", "past", "either", "unclear"]
    """`either`: one verb with equal present and past forms; `unclear`: two verbs."""
    third: str
    only: bool
    """Whether it can only be a verb."""


@text_cache(maxsize=CACHED_WORDS)
def verb(word: str) -> Verb | None:
    """Look up a lower-case word as a finite verb after `I`; None if it cannot be one or is an auxiliary."""
    kinds: dict[str, tuple[str, ...]] = getAllLemmas(word)
    lemmas = kinds.get("VERB", ())
    if not lemmas or ("ADV" in kinds and word != "left") or word in FINITE:
        return None
    base = word in lemmas and word not in PAST_FIRST
    past = word in PAST_FIRST or any(word in getInflection(lemma, "VBD") for lemma in lemmas)
    if not base:
        return Verb("past", word, only=False) if past else None
    if len(lemmas) > 1:
        return Verb("unclear", word, only=False)
    if past:
        return Verb("either", word, only=False)
    third: tuple[str, ...] = getInflection(word, "VBZ")
    return Verb("present", third[0], only=kinds.keys() <= {"VERB", "AUX"}) if third else None


@text_cache(maxsize=CACHED_WORDS)
def is_english(word: str) -> bool:
    """Whether the lexicon or the closed classes contain the lower-case word."""
    return word in CLOSED or word in ADVERBS or word in FINITE or word in OTHERS or bool(getAllLemmas(word))


@text_cache(maxsize=CACHED_WORDS)
def may_be_finite(word: str) -> bool:
    """Whether the lower-case word may be a finite verb in any person."""
    if word in FINITE or "'" in word:
        return True
    return not word.endswith("ing") and "VERB" in getAllLemmas(word)


@text_cache(maxsize=CACHED_WORDS)
def is_ly_adverb(word: str) -> bool:
    """Whether the lower-case word ends in -ly and is an adverb, but not a verb."""
    if not word.endswith("ly"):
        return False
    kinds: dict[str, tuple[str, ...]] = getAllLemmas(word)
    return "ADV" in kinds and "VERB" not in kinds


@text_cache(maxsize=CACHED_WORDS)
def verb_lemma(word: str) -> str | None:
    """The base form of a lower-case verb form; None if it cannot be a verb."""
    lemmas: tuple[str, ...] = getAllLemmas(word).get("VERB", ())
    return lemmas[0] if lemmas else None


@text_cache(maxsize=CACHED_WORDS)
def third_form(word: str) -> str:
    """The third person of a lower-case base form of a verb; any other word as it is."""
    if verb_lemma(word) != word:
        return word
    third: tuple[str, ...] = getInflection(word, "VBZ")
    return third[0] if third else word


@text_cache(maxsize=CACHED_WORDS)
def is_only_verb(word: str) -> bool:
    """Whether the lower-case word is a finite verb form, and nothing else."""
    if word in FINITE:
        return True
    kinds: dict[str, tuple[str, ...]] = getAllLemmas(word)
    return bool(kinds) and kinds.keys() <= {"VERB", "AUX"} and not word.endswith("ing")


@text_cache(maxsize=CACHED_WORDS)
def may_be_past(word: str) -> bool:
    """Whether the lower-case word may be a past form or participle: "moved", "got", "been"."""
    lemmas: tuple[str, ...] = getAllLemmas(word).get("VERB", ()) or getAllLemmas(word).get("AUX", ())
    return any(word in getInflection(lemma, tag) for lemma in lemmas for tag in ("VBD", "VBN"))


def has_predicate(words: Sequence[str]) -> bool:
    """Whether lower-case words that begin with a noun phrase ("my mother …") are a clause: no noun only.

    `'s` is "is" before what may follow that, and otherwise an owner: "my mother's tired", "my mother's green silk".
    """
    for at in range(1, len(words)):
        before, word = words[at - 1], words[at]
        if word.endswith("'s"):
            if at + 1 < len(words) and _may_follow_is(words[at + 1], is_last=at + 2 == len(words)):
                return True
        elif at > 1 and not before.endswith("'s") and before not in PREPOSITIONS and may_be_finite(word):
            return True
    return False


def _may_follow_is(word: str, *, is_last: bool) -> bool:
    if word in ARTICLES or word in PLAIN_PREDICATES or word in PREPOSITIONS or word in ADVERBS or word == "not":
        return True
    if word.endswith(("ing", "ly")) or may_be_past(word) or not is_english(word):
        return True
    return is_last and "ADJ" in getAllLemmas(word)
