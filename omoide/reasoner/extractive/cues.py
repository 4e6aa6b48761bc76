"""Surface cues of a sentence's worth, as numbers for `selection_model`. Pure, English."""

from __future__ import annotations

import re
from collections.abc import Sequence

from omoide.core.text_cache import text_cache
from omoide.reasoner.extractive.word_lists import word_lists

CACHED_SENTENCES = 4_096
MANY_WORDS = 20

_LISTS = word_lists("cues")
_FIRST, _ANYWHERE, _SHAPES = (_LISTS.text(kind).split() for kind in ("first", "anywhere", "patterns"))
_FIRST_WORDS = [_LISTS.words(name) for name in _FIRST]
_WORDS = [*(_LISTS.words(name) for name in _ANYWHERE), word_lists("selection").words("persons")]
_PATTERNS = [re.compile("".join(_LISTS.lines(name))) for name in _SHAPES]
_WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
_LINKS = frozenset({"so", "and", "but", "now", "then"})

NAMES = (
    *(*_FIRST, *_ANYWHERE, "person", *_SHAPES),
    *("size", "short", "tiny", "reply", "fragment", "leans", "restated", "fills", "dated", "worth"),
)


@text_cache(maxsize=CACHED_SENTENCES)
def _shapes(sentence: str) -> tuple[float, ...]:
    words = _WORD.findall(sentence.lower())
    start = 1 if len(words) > 1 and words[0] in _LINKS else 0
    first, later = words[start] if words else "", {*words[start + 1 :]}
    return (
        *(float(first in listed) for listed in _FIRST_WORDS),
        *(float(not listed.isdisjoint(later) or first in listed) for listed in _WORDS),
        *(float(pattern.search(sentence) is not None) for pattern in _PATTERNS),
        min(len(words), MANY_WORDS) / MANY_WORDS,
        float(len(words) < 6),
        float(len(words) < 4),
    )


def cues(sentence: str, place: Sequence[bool], worth: float) -> tuple[float, ...]:
    """Return the values of `NAMES` for a sentence without its opening. `place`: the six from `reply` to `dated`."""
    return (*_shapes(sentence), *map(float, place), worth)
