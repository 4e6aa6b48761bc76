"""The form in which texts are indexed, and that in which they are compared literally. Pure.

SQLite's tokenizer splits a text at anything but letters and digits. That is right for English, but it takes a Chinese
sentence for one word, splits a Thai or Hindi word at its vowel signs, and takes `é` written as two characters, `ＡＢＣ`
and `Đà` for other words than `é`, `ABC` and `Da`. So texts with such characters are rewritten before they are indexed:

- characters that are written alike get one form: full-width and styled letters, ligatures, composed letters (NFC);
- accents of Latin and Greek letters are dropped, vowel points of Arabic and Hebrew too; digits become ASCII;
- other marks become characters that the tokenizer keeps (private use), so that a word remains one word;
- text of scripts without blanks between words becomes overlapping pairs: `私の犬` is `私の の犬 犬`. Every character
  begins one pair, so a single character is found by prefix, and any part of the text as a phrase.

What was indexed is removed by the same text, so a change of this form needs a migration: see `reindexing`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

_UNSPACED = "".join(
    (
        "\u0e01-\u0e30\u0e32\u0e33\u0e40-\u0e46",  # Thai
        "\u0e81-\u0eb0\u0eb2\u0eb3\u0ebd-\u0ec6\u0edc-\u0edf",  # Lao
        "\u1000-\u1049\u1050-\u109f\ua9e0-\ua9fe\uaa60-\uaa7f",  # Burmese
        "\u1780-\u17d3\u17d7\u17dc",  # Khmer
        "\u1950-\u19c9\u1a20-\u1a54\uaa80-\uaac2\uaadb-\uaadd",  # Tai Le, New Tai Lue, Tai Tham, Tai Viet
        "\u1b05-\u1b33\u1b45-\u1b4c\ua984-\ua9b2",  # Balinese, Javanese
        "\u1100-\u11ff\u3131-\u318e\ua960-\ua97c\uac00-\ud7fb",  # Hangul: particles follow the words without a blank
        "\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303c",  # Han
        "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af",
        "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\U0001aff0-\U0001b16f",  # kana
        "\u3105-\u312f\u31a0-\u31bf\ua000-\ua48c\U00016fe0-\U00018cff\U0001b170-\U0001b2ff",  # Bopomofo, Yi, Tangut
        "\U00012000-\U0001254f\U00013000-\U0001342f",  # cuneiform, hieroglyphs
    )
)
"""Letters of scripts that do not put blanks between words."""

MARK_ZERO = 0xF0000
_MARKS = "\U000f0000-\U000ffffd"
"""Private characters that stand for marks."""

_ZERO_WIDTH_SPACE = "\u200b"

_unspaced = re.compile(f"[{_UNSPACED}][{_UNSPACED}{_MARKS}{_ZERO_WIDTH_SPACE}]*")
_units = re.compile(f"[{_UNSPACED}][{_MARKS}]*")
_word = re.compile(rf"(?:[^\W_]|[{_MARKS}])+")
_ends_unspaced = re.compile(f"[{_UNSPACED}][{_MARKS}]*$")

# Combining characters that are dropped: accents of European letters, and points of Hebrew, Arabic and Syriac.
_DROPPED_MARKS = (
    (0x0300, 0x036F),
    (0x0483, 0x0487),
    (0x0591, 0x05C7),
    (0x0610, 0x061A),
    (0x064B, 0x065F),
    (0x0670, 0x0670),
    (0x06D6, 0x06ED),
    (0x0711, 0x0711),
    (0x0730, 0x074A),
    (0x0897, 0x08FF),
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x20D0, 0x20FF),
    (0xFE00, 0xFE0F),
    (0xFE20, 0xFE2F),
    (0xE0100, 0xE01EF),
)
_POINTS = ((0x0591, 0x05C7), (0x0610, 0x061A), (0x064B, 0x0652), (0x0656, 0x065F), (0x0670, 0x0670), (0x06D6, 0x06ED))
"""Points of Hebrew and Arabic, which most texts leave out: they have no part in literal comparison either."""
_LETTERS = {
    **dict(zip("đĐłŁøØıħĦðÐŋŊŧŦ", "dDlLoOihHdDnNtT", strict=True)),
    **dict(zip("æÆœŒßẞþÞĳĲ", ("ae", "AE", "oe", "OE", "ss", "SS", "th", "TH", "ij", "IJ"), strict=True)),
    **dict.fromkeys("ʹʺʻʼʽʾʿˈˊˋـ", ""),  # apostrophes that are letters, and the Arabic letter that only stretches
    **dict(zip("ёЁأإآٱىیېک", "еЕااااييىك", strict=True)),
    "ة": "ه",
}
"""Letters whose plain form is no part of Unicode's data, as people search for them."""

_IGNORED = frozenset(
    map(
        chr,
        (
            *(0x00AD, 0x034F, 0x061C, 0x180E, 0xFEFF),
            *(*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070)),
            *(*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)),
        ),
    )
)
"""Characters without a form: joiners, soft hyphens, marks of direction, and variation selectors."""

FORMS_KEPT = 4_096

_ALIKE = frozenset({"<wide>", "<narrow>", "<font>", "<initial>", "<medial>", "<final>", "<isolated>"})
"""Unicode's names of the decompositions that change only the look."""
_LIGATURES = range(0xFB00, 0xFB50)
_UNACCENTED_BY_TOKENIZER = 0x180
"""The tokenizer itself drops the accents of letters before this one."""

_PLAIN = "".join(
    (
        "\x00-\x7f\xa0-\xac\xae-\xc5\xc7-\xcf\xd1-\xd7\xd9-\xdd\xe0-\xe5\xe7-\xef\xf1-\xf7\xf9-\xfd\xff-\u010f",
        "\u0112-\u0125\u0128-\u0130\u0134-\u0140\u0143-\u0149\u014c-\u0151\u0154-\u0165\u0168-\u017f",  # Latin
        "\u0400\u0402-\u0450\u0452-\u045f",  # Cyrillic
        "\u2010-\u2027\u2030-\u205e\u20a0-\u20bf\u2190-\u2bff\ufe0f\U0001f000-\U0001faff",  # punctuation, symbols
    )
)
"""Characters that are never rewritten: a text of these is left alone in a microsecond."""
_affected = re.compile(f"[^{_PLAIN}]").search
_UNCHANGED = "\u3001\u3002\u3041-\u3096\u30a1-\u30fa\u30fc-\u30ff\u4e00-\u9fff\uac00-\ud7a3"
"""Frequent characters that are only paired."""
_others = re.compile(f"[^{_PLAIN}{_UNCHANGED}]").sub


@lru_cache(maxsize=FORMS_KEPT)
def _alike(letter: str) -> str:
    """The common form of characters that are written alike."""
    if letter in _IGNORED or _is_within(ord(letter), _POINTS):
        return ""
    tag, *codes = unicodedata.decomposition(letter).split() or [""]
    if tag in _ALIKE or (tag.startswith("<") and ord(letter) in _LIGATURES):
        return "".join(_alike(chr(int(code, 16))) for code in codes)
    return letter


def _is_within(code: int, ranges: Sequence[tuple[int, int]]) -> bool:
    return any(first <= code <= last for first, last in ranges)


@lru_cache(maxsize=FORMS_KEPT)
def _plain(letter: str) -> str:
    """The form of a character in the index."""
    code, category = ord(letter), unicodedata.category(letter)
    if letter in _LETTERS:
        return _LETTERS[letter]
    if category == "Nd":
        return str(unicodedata.decimal(letter))
    if category.startswith("M"):
        return "" if _is_within(code, _DROPPED_MARKS) else chr(MARK_ZERO + min(code & 0xFFFF, 0xFFFD))
    if code >= _UNACCENTED_BY_TOKENIZER and category.startswith("L"):
        decomposed = unicodedata.normalize("NFD", letter)
        base = decomposed[0]
        if len(decomposed) > 1 and (ord(base) < 0x250 or 0x370 <= ord(base) < 0x400):
            return _LETTERS.get(base, base)
    return letter


def composed(text: str) -> str:
    """The text with one form for characters that are written alike, and composed letters."""
    return text if text.isascii() else unicodedata.normalize("NFC", _others(_alike_of, text))


def literal_text(text: str) -> str:
    """The text as it is compared literally: `composed` and case-folded."""
    return composed(text).casefold()


def index_text(text: str) -> str:
    """The text as it is indexed."""
    return text if text.isascii() or not _affected(text) else _unspaced.sub(_in_pairs, _folded(text))


def index_phrase(text: str) -> tuple[str, bool]:
    """The text as it is looked up in the index, as a phrase; and whether its last word is a prefix."""
    folded = _folded(text)
    last = _ends_unspaced.search(folded)
    if last is None:
        return _unspaced.sub(_in_pairs, folded), False
    pairs = _unspaced.sub(_in_pairs, folded).rstrip()
    if len(_units.findall(_last_run(folded))) == 1:
        return pairs, True
    return pairs[: -len(last[0])].rstrip(), False


def words(text: str) -> Iterator[str]:
    """The words of a text as they are indexed, lower-cased; pairs of characters of scripts without blanks."""
    for word in _word.findall(_folded(text).lower()):
        start = 0
        for run in _unspaced.finditer(word):
            if run.start() > start:
                yield word[start : run.start()]
            yield from _pairs(_units.findall(run[0]))
            start = run.end()
        if start < len(word):
            yield word[start:]


def is_unspaced(text: str) -> bool:
    """Whether the text is of scripts without blanks only, so that any part of a text is found in the index."""
    return _unspaced.fullmatch(_folded(text)) is not None


def _folded(text: str) -> str:
    return text if text.isascii() or not _affected(text) else _others(_plain_of, composed(text))


def _alike_of(match: re.Match[str]) -> str:
    return _alike(match[0])


def _plain_of(match: re.Match[str]) -> str:
    return _plain(match[0])


def _in_pairs(run: re.Match[str]) -> str:
    units = _units.findall(run[0])
    return f" {' '.join([*map(''.join, pairwise(units)), units[-1]])} "


def _pairs(units: list[str]) -> list[str]:
    return [*map("".join, pairwise(units))] or units


def _last_run(folded: str) -> str:
    *_, run = _unspaced.finditer(folded)
    return run[0]
