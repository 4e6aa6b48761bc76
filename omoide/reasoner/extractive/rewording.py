"""Recognize the same statement in other words: synonyms and other forms of its words. Pure, English.

Numbers, names, negations, hedges and comparisons have to be equal (`equivalence`), and so have all words, by their base
forms and in their order: "loves Ana and hates Ben" is not "hates Ana and loves Ben". Only what adds nothing may be
missing: "is living" and "lives", "enjoys going hiking" and "loves to hike". What happened is not what happens: "moved",
"moves" and "is moving" are three things.
"""

from __future__ import annotations

from omoide.core.text_cache import text_cache
from omoide.reasoner.equivalence import GUARDS, normalize
from omoide.reasoner.extractive.lexicon import verb
from omoide.reasoner.extractive.terms import EMPTY, SAME, bases

CACHED_TEXTS = 8_192
_SYNONYMS = frozenset(SAME.values())
_BE = frozenset(["is", "are", "am", "be", "been", "being"])
_GO = frozenset(["go", "goes", "going"])
_LASTING = frozenset(["living", "working", "studying", "learning", "planning", "hoping", "wanting", "suffering"])
"""Forms that tell the same with "is" as without."""
_LIKING = frozenset(["like", "dislike", "prefer", "love"])

PAST = "\0past"

Meaning = tuple[str, ...]


@text_cache(maxsize=CACHED_TEXTS)
def meaning(text: str) -> Meaning:
    """Return a key that is equal for texts that say the same."""
    normalized = normalize(text)
    words = normalized.words
    kept: list[str] = []
    for word, following in zip(words, (*words[1:], ""), strict=True):
        follows_liking = bool(kept) and kept[-1] in _LIKING
        if (word in _BE and following in _LASTING) or (word in _GO and follows_liking and following.endswith("ing")):
            continue
        if not (word == "to" and follows_liking):
            kept.append(base_form(word))
            if _is_past(word):
                kept.append(PAST)
    guards = [guard for guard in normalized.guards if guard != "to"]
    return ("\0".join(guards), *kept)


def _is_past(word: str) -> bool:
    """Whether the word can only be the past tense of a verb."""
    found = verb(word)
    return found is not None and found.tense == "past"


@text_cache(maxsize=CACHED_TEXTS)
def base_form(word: str) -> str:
    """Return one base form of a word that carries meaning: that of its synonyms, or the shortest."""
    if word in GUARDS or word in EMPTY or not word.isascii():
        return word
    forms = bases(word)
    return min(forms & _SYNONYMS or forms, key=lambda form: (len(form), form))
