"""Content words of a text, and their base forms for comparison.

A word may have several base forms (`lives`: life, live), because its sentence is not considered. Two words match if
they share one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from omoide.core.text_cache import text_cache
from omoide.reasoner.extractive.dictionary import getAllLemmas
from omoide.reasoner.extractive.word_lists import word_lists
from omoide.search.query import FUNCTION_WORDS

CACHED_WORDS, CACHED_TEXTS = 16_384, 2_048
LONGEST_TEXT = 8_000
"""Maximum characters of a cached text. The cache exists because a question compares each candidate several times."""
WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")

_LISTS = word_lists("terms")

# In addition to the function words of search: contractions, and words common in questions and answers.
EMPTY = FUNCTION_WORDS | _LISTS.words("empty")

SAME = {word: line.split()[0] for line in _LISTS.lines("synonyms") for word in line.split()}


def folded(text: str) -> str:
    """Return the text casefolded, without accents, with straight apostrophes."""
    plain = text.casefold().replace("’", "'")
    if plain.isascii():
        return plain
    return "".join(sign for sign in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(sign))


def words(text: str) -> list[str]:
    """Return the folded words in order, without possessive endings."""
    return [word.removesuffix("'s") for word in WORD.findall(folded(text))]


def content_words(text: str, without: Collection[str] = ()) -> list[str]:
    """Return the distinct content words in order, except those in `without`."""
    left_out = EMPTY.union(without) if without else EMPTY
    return list(dict.fromkeys(word for word in words(text) if word not in left_out))


@text_cache(maxsize=CACHED_TEXTS, longest=LONGEST_TEXT)
def base_forms(text: str) -> frozenset[str]:
    """Return all base forms of all content words."""
    return frozenset[str]().union(*(bases(word) for word in words(text) if word not in EMPTY))


@text_cache(maxsize=CACHED_WORDS)
def bases(word: str) -> frozenset[str]:
    """Return the word, its base forms in any word class, and their synonyms."""
    kinds: dict[str, tuple[str, ...]] = getAllLemmas(word)
    forms = {word}.union(*kinds.values())
    return frozenset(forms | {SAME[form] for form in forms if form in SAME})
