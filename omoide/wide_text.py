"""Recognize text in UTF-16 and UTF-32 by its byte order mark or by its first characters. Pure."""

from __future__ import annotations

import codecs
import unicodedata

CHARSETS = ("utf-16", "utf-32")
"""Python's names of the charsets that leave the order of bytes to a mark."""

# The longer marks first: the mark of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

HEAD = 65_536
"""Bytes of a file that are looked at."""

_MOSTLY = 0.9
"""The share of characters that must be right, or of bytes that must be NUL."""

_NULS = 0.3
"""The share of NULs among every other byte that is UTF-16 without a mark: the high bytes of ASCII characters."""

_SAMPLE = 4_096
"""Characters, in four bytes each, whose categories are looked at."""

_MOST_UNLIKELY = 0.01
"""The share of characters in such a sample that no text needs. Data that is no text has 10 % and more."""

_UNLIKELY = frozenset({"Cc", "Cn", "Co", "Cs"})
"""Control, unassigned, private and surrogate characters."""


def encoding_of(data: bytes, charset: str | None) -> str | None:
    """Python's name of the encoding if there is a byte order mark, or NULs where ASCII has them in UTF-16 or UTF-32.

    `charset` is what the file declares; NULs are not looked at where this fixes the order of bytes, or another charset.
    """
    head = data[:HEAD]
    for mark, encoding in _MARKS:
        if data.startswith(mark) and _is_mostly_right(head, encoding, is_all=len(data) <= HEAD):
            return encoding
    found = _by_nuls(head) if charset is None or charset in CHARSETS else None
    return found if found and (charset is None or found.startswith(charset)) else None


def likely_encoding(data: bytes) -> str | None:
    """The encoding in which binary data is text after all: in a script that ASCII has no part in."""
    rows = {}
    for charset in CHARSETS:
        for order in ("le", "be"):
            sample = _sample(data[: 4 * _SAMPLE], f"{charset}-{order}")
            unlikely = sum(unicodedata.category(each) in _UNLIKELY and not each.isspace() for each in sample)
            if sample and unlikely <= _MOST_UNLIKELY * len(sample):
                rows[f"{charset}-{order}"] = len({ord(each) >> 8 for each in sample})
    return min(rows, key=rows.__getitem__, default=None)  # in the wrong order, characters are all over the place


def _is_mostly_right(head: bytes, encoding: str, *, is_all: bool) -> bool:
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head, is_all)
    return text.count("\ufffd") <= (1 - _MOSTLY) * len(text)


def _sample(head: bytes, encoding: str) -> str:
    """The beginning of a text, less a character that is cut; empty if there are errors."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return ""


def _by_nuls(head: bytes) -> str | None:
    half = len(head) // 2
    if not half or b"\0" not in head:
        return None
    even, odd = head[: 2 * half : 2].count(0), head[1 : 2 * half : 2].count(0)
    for order, low, high, second in (("le", even, odd, head[2::4]), ("be", odd, even, head[1::4])):
        if high >= _NULS * half and low <= high / 10:
            return f"utf-16-{order}"
        if high >= _MOSTLY * half and second.count(0) >= _MOSTLY * len(second) and low <= _MOSTLY * half:
            return f"utf-32-{order}"
    return None
