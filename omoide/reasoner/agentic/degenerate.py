"""Recognize text in which a model repeats itself without end, as small models do. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

FEWEST_TIMES = 6
"""How often a stretch has to follow itself to be a loop."""
LEAST_LENGTH = 80
"""Characters that a loop has at least: "no, no, no" is none."""
LONGEST_PERIOD = 80
"""Words of the longest stretch."""
LONGEST_SIGNS = 24
"""Characters of the longest stretch in a text without blanks."""
MANY_WORDS = 150
"""From this number of words on a text is a loop if it hardly says anything new."""
LEAST_NEW = 0.25
"""Share of stretches of four words that occur for the first time."""

_WORD = re.compile(r"\S+")
_NUMBERING = re.compile(r"\W*\d{1,4}[.):]\W*")


def loop_start(text: str) -> int | None:
    """Return where a text begins to repeat itself; None if it does not."""
    words = [*_WORD.finditer(text)]
    keys = [_key(text, match) for match in words]
    starts = [start for start in (_of_words(words, keys), _of_signs(text), _of_few(words, keys)) if start is not None]
    return min(starts, default=None)


def is_degenerate(text: str) -> bool:
    return loop_start(text) is not None


def _key(text: str, match: re.Match[str]) -> str:
    """A word as it is compared: numbers at the beginning of lines are all the same."""
    word = match[0]
    if _NUMBERING.fullmatch(word) and text[max(0, match.start() - 8) : match.start()].rstrip(" \t")[-1:] in ("", "\n"):
        return "#"
    return word.strip(".,;:!?*_\"'()[]").casefold() or word


def _of_words(words: Sequence[re.Match[str]], keys: Sequence[str]) -> int | None:
    """Return where a stretch of words begins to follow itself."""
    first: int | None = None
    for period in range(1, min(LONGEST_PERIOD, len(keys) // FEWEST_TIMES) + 1):
        begun = 0
        for index in range(period, len(keys) + 1):
            if index < len(keys) and keys[index] == keys[index - period]:
                continue
            start, length = begun, index - begun
            begun = index - period + 1
            if length >= FEWEST_TIMES * period and _is_long(words, start, index) and (first is None or start < first):
                first = start
                break
    return None if first is None else words[first].start()


def _is_long(words: Sequence[re.Match[str]], start: int, end: int) -> bool:
    said = words[end - 1].end() - words[start].start()
    return said >= LEAST_LENGTH and any(any(map(str.isalpha, words[index][0])) for index in range(start, end))


_SIGNS = re.compile(
    rf"([^\W\d_][^\n]{{0,{LONGEST_SIGNS - 1}}}?)\1{{{LEAST_LENGTH // 4},}}|([^\W\d_]{{4,{LONGEST_SIGNS}}}?)\2{{9,}}"
)


def _of_signs(text: str) -> int | None:
    """Return where characters follow themselves within a long run without blanks, as in languages without them."""
    for run in re.finditer(rf"\S{{{LEAST_LENGTH},}}", text):
        if match := _SIGNS.search(run[0]):
            return run.start() + match.start()
    return None


def _of_few(words: Sequence[re.Match[str]], keys: Sequence[str]) -> int | None:
    """Return where a long text stops to say anything new, in whatever order it repeats itself."""
    if len(keys) < MANY_WORDS:
        return None
    seen: set[tuple[str, ...]] = set()
    new = []
    for index in range(len(keys) - 3):
        stretch = tuple(keys[index : index + 4])
        new.append(stretch not in seen)
        seen.add(stretch)
    if sum(new) >= LEAST_NEW * len(new):
        return None
    # The last word from which on a window still was mostly new.
    window = 20
    for index in range(len(new) - window):
        if sum(new[index : index + window]) < LEAST_NEW * window:
            return words[index].start()
    return words[0].start()
