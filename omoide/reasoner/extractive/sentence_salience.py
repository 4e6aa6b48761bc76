"""Weight a sentence for a summary by surface cues. Pure.

Cues after Edmundson ("New Methods in Automatic Extracting", JACM 16, 1969), adapted to conversations: statements about
the speaker, figures and names weigh more; questions, requests, references to an earlier sentence and few content words
weigh less. Most cues are English; sentences in other languages have nearly equal weights.
"""

from __future__ import annotations

import re

from omoide.core.text_cache import text_cache
from omoide.reasoner.extractive.smalltalk import is_smalltalk
from omoide.reasoner.extractive.statements import CACHED_SENTENCES, states_something
from omoide.reasoner.extractive.terms import content_words

ENOUGH_WORDS = 6
"""Content words of a sentence with full weight; fewer reduce it proportionally."""
SIGNS_PER_WORD = 2
"""Assumed characters per word in scripts without spaces."""

STATES_NOTHING, LEANING, ABOUT_SPEAKER, PARTICULAR = 0.25, 0.7, 1.3, 1.2

_UNSPACED = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]")
_LEANING = re.compile(
    r"(?:and|but|so|or|it|its|it's|that|that's|this|these|those|they|them|he|she|his|her|then|also|yes|yeah|no"
    r"|because|which|same)\b",
    re.IGNORECASE,
)
_ABOUT_SPEAKER = re.compile(r"\b(?:I|we|my|our|mine|ours)\b", re.IGNORECASE)
_PARTICULAR = re.compile(r"\d|(?<=[\w,;] )(?!I\b)[A-Z][a-z]")


@text_cache(maxsize=CACHED_SENTENCES)
def is_filler(sentence: str) -> bool:
    """Whether the sentence is small talk or has no words."""
    return not any(map(str.isalnum, sentence)) or is_smalltalk(sentence.replace("’", "'"))


@text_cache(maxsize=CACHED_SENTENCES)
def salience(sentence: str) -> float:
    """Return the score factor, from 0 to about 1.5, of a sentence that is not a filler."""
    unspaced = 0 if sentence.isascii() else len(_UNSPACED.findall(sentence))
    own = max(len(content_words(sentence)), unspaced // SIGNS_PER_WORD)
    factor = min(own, ENOUGH_WORDS) / ENOUGH_WORDS
    if not states_something(sentence):
        factor *= STATES_NOTHING
    if _LEANING.match(sentence):
        factor *= LEANING
    if _ABOUT_SPEAKER.search(sentence):
        factor *= ABOUT_SPEAKER
    if _PARTICULAR.search(sentence):
        factor *= PARTICULAR
    return factor
