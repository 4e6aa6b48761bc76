"""Decode the bytes of a text file: by its byte order mark, its declared charset, or what the bytes look like. Pure.

A byte that cannot be decoded becomes U+FFFD; it never changes how the rest of the file is read.
"""

from __future__ import annotations

import codecs
import re

from omoide.errors import UnsupportedMediaType

# The longer marks first: the mark of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_CHARSETS = frozenset(
    {
        "ascii",
        "utf-8",
        "utf-8-sig",
        "utf-16",
        "utf-16-le",
        "utf-16-be",
        "utf-32",
        "utf-32-le",
        "utf-32-be",
        "koi8-r",
        "koi8-u",
    }
    | {f"iso8859-{part}" for part in (*range(1, 12), 13, 14, 15, 16)}
    | {f"cp{page}" for page in (437, 737, 775, 850, 852, 855, 857, 858, 860, 861, 862, 863, 864, 865, 866, 869, 874)}
    | {f"cp{page}" for page in (932, 949, 950, 1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258)}
    | {"mac-roman", "mac-cyrillic", "mac-greek", "mac-latin2", "mac-turkish", "mac-iceland", "kz1048", "ptcp154"}
    | {"gb2312", "gbk", "gb18030", "hz", "big5", "big5hkscs", "shift_jis", "shift_jis_2004", "shift_jisx0213"}
    | {"euc_jp", "euc_jis_2004", "euc_jisx0213", "euc_kr", "johab", "tis-620"}
    | {f"iso2022_{variant}" for variant in ("jp", "jp_1", "jp_2", "jp_2004", "jp_3", "jp_ext", "kr")}
)
"""Python's names of the encodings that are charsets of files. Others are transformations (rot13, zlib), or write any
character as ASCII in a way that checks of the text would miss (utf-7, idna, unicode_escape)."""

_UNDECLARED = frozenset({"ascii", "utf-8", "utf-8-sig"})
"""Declared by many programs without looking at the file, so that the bytes are examined as if nothing were declared."""

_SUPERSETS = {"gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949", "tis-620": "cp874"}
"""Charsets that are declared for files in a larger one."""

_SAYS_NOTHING = frozenset({"", "binary", "unknown", "unknown-8bit", "x-unknown"})

_MOSTLY = 0.9
"""The share of characters that must be right for UTF-16 and UTF-32 to be believed."""

_NULS = 0.3
"""The share of NULs among every other byte that is UTF-16 without a mark: the high bytes of ASCII characters."""

_charset = re.compile(r""";\s*charset\s*=\s*(?:"([^"]*)"|([^\s;"]*))""", re.IGNORECASE).search

# Characters by how often their UTF-8 is also text in a one-byte encoding: practically never, and now and then.
_DISTINCT = re.compile("[\u0080-\u00ff\u0800-\ufffc\ufffe\uffff\U00010000-\U0010ffff]")
_COMMON = re.compile("[\u0100-\u07ff]")
_DISTINCT_WEIGHT = 4

_CUT = re.compile(rb"(?:[\xe0-\xef][\x80-\xbf]|[\xf0-\xf4][\x80-\xbf]{1,2})\Z")
"""The beginning of a character, in two bytes or more, at the end of a file that was cut by its size."""


def declared(content_type: str | None) -> str | None:
    """Python's name of the charset that a content type declares, or None. Raises UnsupportedMediaType if unknown."""
    match = _charset(content_type or "")
    label = "" if match is None else (match[1] or match[2] or "").strip()
    if label.lower() in _SAYS_NOTHING:
        return None
    try:
        name = codecs.lookup(label).name if label.isascii() else ""
    except (LookupError, ValueError):
        name = ""
    if name not in _CHARSETS:
        raise UnsupportedMediaType(f"Unsupported charset: {label[:100]}")
    return name


def decoded(data: bytes, charset: str | None) -> str:
    """The text of a file whose content type declares `charset` (see `declared`). Any bytes give a text."""
    for mark, encoding in _MARKS:
        if data.startswith(mark) and (text := _mostly_right(data, encoding)) is not None:
            return text
    if data.startswith(codecs.BOM_UTF8):
        return data.decode("utf-8-sig", "replace")
    if charset is None or charset in _UNDECLARED:
        return _examined(data)
    if charset in ("utf-16", "utf-32"):  # without a mark
        charset = _utf16_without_mark(data) or f"{charset}-le"
    for encoding in (charset, "utf-8", _SUPERSETS.get(charset, charset)):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            pass
    return data.decode(_SUPERSETS.get(charset, charset), "replace")


def _examined(data: bytes) -> str:
    """Text in UTF-16 if every other byte is NUL, else in UTF-8 with a few bad bytes, else in Latin-1."""
    if encoding := _utf16_without_mark(data):
        return data.decode(encoding, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("utf-8", "replace")
        return text if _is_utf8(data, text) else data.decode("latin-1")


def _is_utf8(data: bytes, text: str) -> bool:
    """Whether bytes that are not valid UTF-8 are so for the most part; `text` has U+FFFD for what is not."""
    bad = text.count("\ufffd") - data.count("\ufffd".encode())
    if _CUT.search(data):
        bad -= 1
    good = _DISTINCT_WEIGHT * len(_DISTINCT.findall(text)) + len(_COMMON.findall(text))
    return bad == 0 or good > bad


def _mostly_right(data: bytes, encoding: str) -> str | None:
    text = data.decode(encoding, "replace")
    return text if text.count("\ufffd") <= (1 - _MOSTLY) * len(text) else None


def _utf16_without_mark(data: bytes) -> str | None:
    half = len(data) // 2
    if not half or b"\0" not in data:
        return None
    low, high = data[: 2 * half : 2].count(0), data[1 : 2 * half : 2].count(0)
    if max(low, high) < _NULS * half or min(low, high) > max(low, high) / 10:
        return None
    return "utf-16-le" if high > low else "utf-16-be"
