"""Decide whether two texts state the same. Complements the embedder, which ignores word order and negation. Pure.

Vector distance is not sufficient: "born in 1990" is near "born in 1991", "likes" near "does not like". Two texts are
equivalent only if their numbers, dates, names, negations and hedges are equal, and the words of the shorter one are a
subsequence of the longer one. A false negative costs one redundant line; a false positive loses a fact.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass

# Weight of a distinct token relative to a repeated one (public description of the API, reasoning of duplicates).
DISTINCT_WEIGHT = 10

# Share of the richer text's words that the poorer one may lack. Beyond it, a pair is more than a rewording.
MOST_EXTRA = 0.25

# Words that do not change the meaning.
FILLERS = frozenset(["a", "an", "the", "really", "very", "just", "also", "actually", "quite", "so", "now", "currently"])

# Words that negate, weaken or attribute a statement. They have to be equal in both texts.
_GUARDS = """
not no never none nothing nobody neither nor without hardly barely rarely seldom scarcely almost nearly maybe
perhaps probably possibly might may can could would should must will if unless until used use want wants wanted
plan plans planned hope hopes hoped wish wishes wished try tries tried stop stops stopped quit quits formerly
previously once former ex only except but than before after instead anymore longer still yet too less more most
least worse better best worst or because says said say told tells thinks thought believes heard asked asks
already again ago soon sometimes often usually always every each all both some any many few
from to into
"""
GUARDS = frozenset(_GUARDS.split())
_NUMBER_WORDS = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion half
quarter dozen first second third fourth fifth last next previous twice
january february march april may june july august september october november december
monday tuesday wednesday thursday friday saturday sunday yesterday today tonight tomorrow
"""
NUMBER_WORDS = frozenset(_NUMBER_WORDS.split())

_TOKEN = re.compile(r"(?<!\w)[-+]\d[\d.,:/-]*\d|(?<!\w)[-+]?\d+(?:[.,:/-]\d+)*|\w+(?:['-]\w+)*|[$€£¥%?]")
_NOT = re.compile(r"\b(?:(ca)n't|(wo)n't|cannot|(\w+)n't)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NormalizedText:
    """A text normalized for comparison."""

    words: tuple[str, ...]
    """All words except fillers, in order, lower case."""
    guards: tuple[str, ...]
    """The words that must be equal: negations, hedges, numbers, dates and names, in order."""


def tokens(text: str) -> list[str]:
    """Split a text into words, numbers and currency, percent and question signs; `doesn't` becomes `does not`."""
    plain = text.replace("’", "'").replace("‘", "'")
    return _TOKEN.findall(_NOT.sub(_spelled_out, plain))


def normalize(text: str) -> NormalizedText:
    words = []
    guards = []
    for index, token in enumerate(tokens(text)):
        word = token.casefold()
        if word in FILLERS:
            continue
        words.append(word)
        if word in GUARDS or word in NUMBER_WORDS or not token.islower():
            # A capital indicates a name, except in the first word.
            is_first = index == 0 and token[0].isalpha() and word not in GUARDS and word not in NUMBER_WORDS
            guards.append("" if is_first else word if word == token else f"{word}^")
    return NormalizedText(tuple(words), tuple(guard for guard in guards if guard))


def words(text: str) -> tuple[str, ...]:
    """Return the words without fillers, in order, lower case."""
    return normalize(text).words


def is_equivalent(a: str, b: str) -> bool:
    """Whether two texts state the same, so that only the richer one need be kept. Symmetric and conservative."""
    return normalized_agree(normalize(a), normalize(b)) and _is_richer_where_longer(a, b)


def normalized_agree(a: NormalizedText, b: NormalizedText) -> bool:
    """Compare two normalized texts: `is_equivalent` without the check of richness."""
    poorer, richer = (a, b) if len(a.words) <= len(b.words) else (b, a)
    if not poorer.words or poorer.guards != richer.guards or poorer.words[0] != richer.words[0]:
        return False
    extra = len(richer.words) - len(poorer.words)
    if not extra:
        return poorer.words == richer.words
    return extra <= MOST_EXTRA * len(richer.words) and _stand_in_order(poorer.words, richer.words)


def adds_nothing(text: str, known: str) -> bool:
    """Whether a text that is said to repeat a known one can do so: it names no number, date or name that the known one
    lacks, and negates and weakens alike."""
    guards, known_guards = ({*normalize(each).guards} for each in (text, known))
    return guards <= known_guards and guards & GUARDS == known_guards & GUARDS


def richness(text: str, tokens_of: Callable[[str], Sequence[Hashable]] = tokens) -> int:
    """Return the number of tokens plus ten times the number of distinct tokens. `tokens_of` tokenizes the text."""
    all_tokens = tokens_of(text)
    return len(all_tokens) + DISTINCT_WEIGHT * len(set(all_tokens))


def _is_richer_where_longer(a: str, b: str) -> bool:
    """Whether the richer text, which is kept, also has more words without fillers."""
    more = len(words(a)) - len(words(b))
    return more == 0 or (richness(a) - richness(b)) * more > 0


def _stand_in_order(few: Iterable[str], many: Iterable[str]) -> bool:
    remaining = iter(many)
    return all(word in remaining for word in few)


def _spelled_out(match: re.Match[str]) -> str:
    if match[1] or match[0].casefold() == "cannot":
        return "can not"
    return "will not" if match[2] else f"{match[3]} not"
