"""Detect UTF-16 and UTF-32 by byte order mark or by the first characters. Pure."""

from __future__ import annotations

import codecs
import unicodedata

CHARSETS = ("utf-16", "utf-32")
"""Python's names of the charsets whose byte order is given by a mark."""

# Longer marks first: the mark of UTF-32-LE starts with that of UTF-16-LE.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

HEAD = 65_536
"""The number of bytes examined."""

_MOSTLY = 0.9
"""The minimum share of valid characters, or of NUL bytes."""

_NULS = 0.3
"""The minimum share of NULs among every other byte (high bytes of ASCII characters) in UTF-16 without a mark."""

_SAMPLE = 4_096
"""The size of a sample in characters of four bytes."""

_MOST_UNLIKELY = 0.01
"""The maximum share of characters in a sample that do not occur in text. Binary data has 10 % and more."""

_UNLIKELY = frozenset({"Cc", "Cn", "Co", "Cs"})
"""Control, unassigned, private and surrogate characters."""


def detect_bom(data: bytes, charset: str | None) -> str | None:
    """Python's name of the encoding, by a byte order mark or by NULs where UTF-16 or UTF-32 has them for ASCII.

    `charset` is the declared charset. NULs are ignored if it fixes the byte order or is neither UTF-16 nor UTF-32.
    """
    head = data[:HEAD]
    for mark, encoding in _MARKS:
        if data.startswith(mark) and _is_mostly_right(head, encoding, is_all=len(data) <= HEAD):
            return encoding
    detected = _by_nuls(head) if charset is None or charset in CHARSETS else None
    return detected if detected and (charset is None or detected.startswith(charset)) else None


def guess_encoding(data: bytes) -> str | None:
    """The encoding in which apparently binary data is text, for scripts without ASCII characters; else None."""
    rows = {}
    for charset in CHARSETS:
        for order in ("le", "be"):
            sample = _sample(data[: 4 * _SAMPLE], f"{charset}-{order}")
            unlikely = sum(unicodedata.category(each) in _UNLIKELY and not each.isspace() for each in sample)
            if sample and unlikely <= _MOST_UNLIKELY * len(sample):
                rows[f"{charset}-{order}"] = len({ord(each) >> 8 for each in sample})
    return min(rows, key=rows.__getitem__, default=None)  # in the wrong byte order, characters are scattered


def _is_mostly_right(head: bytes, encoding: str, *, is_all: bool) -> bool:
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head, is_all)
    return text.count("\ufffd") <= (1 - _MOSTLY) * len(text)


def _sample(head: bytes, encoding: str) -> str:
    """The decoded beginning of a text, without an incomplete last character; empty on errors."""
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
