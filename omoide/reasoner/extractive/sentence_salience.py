"""Weight a sentence for a summary by surface cues. Pure.

Its worth (`worth`) counts most: what it tells about people, and about lasting things. Cues after Edmundson ("New
Methods in Automatic Extracting", JACM 16, 1969) are adapted to conversations: questions, references to an earlier
sentence and few content words weigh less; requests in the speaker's own matter are what a session may be about.
"""

from __future__ import annotations

import re

from omoide.core.text_cache import text_cache
from omoide.reasoner.extractive.smalltalk import is_smalltalk, without_opening
from omoide.reasoner.extractive.statements import CACHED_SENTENCES, states_something
from omoide.reasoner.extractive.terms import content_words, words
from omoide.reasoner.extractive.word_lists import word_lists
from omoide.reasoner.extractive.worth import weigh_sentence

ENOUGH_WORDS = 5
"""Content words of a sentence with full weight; fewer reduce it proportionally."""
ASKED = ("?", "？", "؟")
SIGNS_PER_WORD = 2
"""Assumed characters per word in scripts without spaces."""

STATES_NOTHING, ASKS_FOR, LEANING, WITH_CONTEXT = 0.25, 0.6, 0.8, 0.8
DATED = 1.25
"""Factor of a sentence that names a day, a time or an amount: the when of an event."""
KNOWN_BEFORE = 0.5
"""Share of the weight of the sentence before that its successor does not get."""
LEAST = 0.4
"""Added to the worth of a sentence, from 0 to 1."""
FEW_WORDS = 3
"""A sentence with fewer content words is a fragment or a short reply."""

_CALENDAR = word_lists("cues").words("calendar")
_FIGURE = re.compile(r"\d")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]")
_LEANING = re.compile(
    r"(?:and|but|so|or|it|its|it's|that|that's|this|these|those|they|them|he|she|his|her|then|also|yes|yeah|no"
    r"|because|which|same)\b",
    re.IGNORECASE,
)
_OFFER = re.compile(
    r"\b(?:is there )?anything else (?:(?:that )?(?:i|we) can|you(?:'d| would) like)"
    r"|\b(?:how|what) (?:can|may|could) (?:i|we) (?:help|assist|do for you)"
    r"|\b(?:happy|glad|here|able) to (?:help|assist)\b|^(?:please )?let (?:me|us) know if\b"
    r"|\bhave a (?:great|nice|good|lovely|wonderful) (?:day|evening|weekend|one|time|trip)\b",
    re.IGNORECASE,
)
"""Courtesies of those who serve."""
_REQUEST = re.compile(
    r"(?:please|can you|could you|would you|don't|do not|never|always|let's|make sure)\b", re.IGNORECASE
)
_ABOUT_SPEAKER = re.compile(r"\b(?:I|me|we|us|my|our|mine|ours)\b", re.IGNORECASE)


@text_cache(maxsize=CACHED_SENTENCES)
def is_filler(sentence: str) -> bool:
    """Whether the sentence is small talk or has no words."""
    plain = sentence.replace("’", "'")
    return not any(map(str.isalnum, sentence)) or is_smalltalk(plain) or bool(_OFFER.search(plain))


@text_cache(maxsize=CACHED_SENTENCES)
def salience(sentence: str) -> float:
    """Return the score factor, from 0 to about 1.5, of a sentence that is not a filler."""
    plain = without_opening(sentence.replace("’", "'")) or sentence
    unspaced = 0 if plain.isascii() else len(_UNSPACED.findall(plain))
    own = max(len(content_words(plain)), unspaced // SIGNS_PER_WORD)
    factor = min(own, ENOUGH_WORDS) / ENOUGH_WORDS * (LEAST + weigh_sentence(plain))
    is_dated = _is_dated(plain)
    if is_dated:
        factor *= DATED
    if not states_something(plain):
        factor *= ASKS_FOR if is_dated or _asks_for(plain, own) else STATES_NOTHING
    return factor * LEANING if _LEANING.match(plain) else factor


def salience_after(sentence: str, before: str) -> float:
    """As `salience`, for a sentence that can be told with the one before: one that leans counts for what it adds."""
    if not leans(sentence, before):
        return salience(sentence)
    return max(salience(sentence), WITH_CONTEXT * salience(f"{before} {sentence}") - KNOWN_BEFORE * salience(before))


def leans(sentence: str, before: str = "") -> bool:
    """Whether the sentence says little without the one before it: by a pronoun, as a fragment or as a short reply."""
    words = len(content_words(sentence))
    if before.endswith(ASKED) and words < ENOUGH_WORDS and not _ABOUT_SPEAKER.search(sentence):
        return True
    return bool(_LEANING.match(sentence)) or words < FEW_WORDS or not states_something(sentence)


def _is_dated(sentence: str) -> bool:
    return _FIGURE.search(sentence) is not None or not _CALENDAR.isdisjoint(words(sentence))


def _asks_for(sentence: str, own: int) -> bool:
    """Whether it is a request, or a question in the speaker's own matter, which a session may be about."""
    return own >= ENOUGH_WORDS - 2 and bool(_REQUEST.match(sentence) or _ABOUT_SPEAKER.search(sentence))
