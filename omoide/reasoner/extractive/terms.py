"""Content words of a text, and their base forms for comparison.

A word may have several base forms (`lives`: life, live), because its sentence is not considered. Two words match if
they share one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from lemminflect import getAllLemmas  # type: ignore[import-untyped]

from omoide.core.text_cache import text_cache
from omoide.search.query import FUNCTION_WORDS

CACHED_WORDS, CACHED_TEXTS = 16_384, 2_048
LONGEST_TEXT = 8_000
"""Maximum characters of a cached text. The cache exists because a question compares each candidate several times."""
WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")

# In addition to the function words of search: contractions, and words common in questions and answers.
_EMPTY = """
    don't doesn't didn't isn't aren't wasn't weren't hasn't haven't hadn't won't wouldn't can't couldn't shouldn't it's
    i'm i've i'd i'll you're you've you'd you'll he's he'd he'll she's she'd she'll that's there's they're they've we're
    we've we'd we'll what's who's where's when's how's let's go goes going gone went get gets getting got make makes
    making made say says saying said tell tells told thing things something anything many much long often kind sort
    please not no yes any some all every just also too very really know knows known remember everything everybody
    everyone anyone anybody someone somebody nothing nobody user give now
"""
EMPTY = FUNCTION_WORDS | frozenset(_EMPTY.split())

# Synonyms, one group per line; the first word represents the group.
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
