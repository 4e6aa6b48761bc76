"""The words of a text that say what it is about, told apart from its grammar and compared by their base forms.

A word may have several base forms (`lives`: life, live), because nothing here knows its sentence: two words are the
same if they share one. What a question means by its words is `questions`' business.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from lemminflect import getAllLemmas  # type: ignore[import-untyped]

from omoide.search.query import FUNCTION_WORDS
from omoide.text_cache import text_cache

CACHED_WORDS, CACHED_TEXTS = 16_384, 2_048
LONGEST_TEXT = 8_000
"""Characters of the texts among these: one question looks at each of its candidates several times."""
WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")

# Beside the function words of search: contractions, and words by which questions are put or answered.
_EMPTY = """
    don't doesn't didn't isn't aren't wasn't weren't hasn't haven't hadn't won't wouldn't can't couldn't shouldn't it's
    i'm i've i'd i'll you're you've you'd you'll he's he'd he'll she's she'd she'll that's there's they're they've we're
    we've we'd we'll what's who's where's when's how's let's go goes going gone went get gets getting got make makes
    making made say says saying said tell tells told thing things something anything many much long often kind sort
    please not no yes any some all every just also too very really know knows known remember everything everybody
    everyone anyone anybody someone somebody nothing nobody user give now
"""
EMPTY = FUNCTION_WORDS | frozenset(_EMPTY.split())

# Words that are the same word to a reader, told as the first of each line.
_SAME = """
like love enjoy adore
dislike hate detest
favourite favorite
colour color
film movie
mother mum mom
father dad
child kid
buy purchase
live reside
begin start
job occupation profession
neighbour neighbor
holiday vacation
flat apartment
bike bicycle
mobile cellphone
ill sick
big large
photo picture photograph
"""
SAME = {word: line.split()[0] for line in _SAME.strip().splitlines() for word in line.split()}


def folded(text: str) -> str:
    """Lower-cased, without accents, with plain apostrophes."""
    plain = text.casefold().replace("’", "'")
    if plain.isascii():
        return plain
    return "".join(sign for sign in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(sign))


def words(text: str) -> list[str]:
    """The words, folded, without a possessive ending, in order."""
    return [word.removesuffix("'s") for word in WORD.findall(folded(text))]


def content_words(text: str, without: Collection[str] = ()) -> list[str]:
    """The different words that carry meaning, in order, except those given."""
    left_out = EMPTY.union(without) if without else EMPTY
    return list(dict.fromkeys(word for word in words(text) if word not in left_out))


@text_cache(maxsize=CACHED_TEXTS, longest=LONGEST_TEXT)
def base_forms(text: str) -> frozenset[str]:
    """Every base form of every word that carries meaning."""
    return frozenset[str]().union(*(bases(word) for word in words(text) if word not in EMPTY))


@text_cache(maxsize=CACHED_WORDS)
def bases(word: str) -> frozenset[str]:
    """The word and its base forms as any kind of word, and what else stands for these."""
    kinds: dict[str, tuple[str, ...]] = getAllLemmas(word)
    forms = {word}.union(*kinds.values())
    return frozenset(forms | {SAME[form] for form in forms if form in SAME})
