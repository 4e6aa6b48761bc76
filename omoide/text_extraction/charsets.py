"""Decode text files by byte order mark, declared charset, or detection. Pure.

Bytes that cannot be decoded become U+FFFD; they do not change how the rest of the file is decoded.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from omoide.core.errors import Unprocessable, UnsupportedMediaType
from omoide.fairness.thread_pool import checkpoint
from omoide.text_extraction import utf_detection
from omoide.text_extraction.binary_detection import BLOCK, is_binary, is_garbled

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
"""Python's names of the accepted charsets. Other codecs are transformations (rot13, zlib), or encode any character as
ASCII, which would bypass checks of the text (utf-7, idna, unicode_escape)."""

_UNDECLARED = frozenset({"ascii", "utf-8", "utf-8-sig"})
"""Treated as undeclared: many programs declare them without looking at the file."""

_SUPERSETS = {"gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949", "tis-620": "cp874"}
"""Charsets that are often declared for files in a superset of them."""

_SAYS_NOTHING = frozenset({"", "binary", "unknown", "unknown-8bit", "x-unknown"})

_WIDE_REPLACED = 0.02
"""The share of decoding errors in a block above which UTF-16 and UTF-32 data is not text: random data has 3 %."""

_REPLACED = 0.3
"""The same for other charsets; higher, because text with a wrongly declared charset is decoded as far as possible."""

NO_TEXT = "The file is declared as text, but it is binary data, or in another charset than it declares"

_charset = re.compile(r""";\s*charset\s*=\s*(?:"([^"]*)"|([^\s;"]*))""", re.IGNORECASE).search

# Lead bytes of UTF-8, by how often such sequences are also text in a single-byte encoding: almost never (U+0080 to
# U+00FF and from U+0800 on), and sometimes.
_DISTINCT = bytes([0xC2, 0xC3, *range(0xE0, 0xF5)])
_COMMON = bytes(range(0xC4, 0xE0))
_DISTINCT_WEIGHT = 4

_CUT = re.compile(rb"(?:[\xe0-\xef][\x80-\xbf]|[\xf0-\xf4][\x80-\xbf]{1,2})\Z")
"""An incomplete character of at least two bytes at the end of a truncated file."""


def declared_charset(content_type: str | None) -> str | None:
    """Python's name of the charset in a content type, or None. Raises UnsupportedMediaType if it is unknown."""
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


def decode(data: bytes, charset: str | None) -> str:
    """Decode a file whose content type declares `charset` (see `declared_charset`). Raises Unprocessable if it is not
    text.

    NULs at either end are stripped: a log that is truncated while a program writes to it contains them.
    """
    if charset in _UNDECLARED:
        charset = None
    is_utf8 = data.startswith(codecs.BOM_UTF8)
    if not is_utf8:
        if encoding := utf_detection.detect_bom(data, charset):
            return _replacing(data, encoding, _WIDE_REPLACED)
        if charset and charset.startswith(utf_detection.CHARSETS):
            return _as_declared(data, f"{charset}-le" if charset in utf_detection.CHARSETS else charset, _WIDE_REPLACED)
    text = data.strip(b"\0")
    if is_binary(text) or len(text) == 0 < len(data):
        encoding = None if charset or is_utf8 else utf_detection.guess_encoding(data)
        if encoding is None:
            raise Unprocessable(NO_TEXT)
        return _replacing(data, encoding, _WIDE_REPLACED)
    if is_utf8:
        return _replacing(text, "utf-8-sig")
    return _as_declared(text, charset) if charset else _examined(text)


def _as_declared(data: bytes, charset: str, most_replaced: float = _REPLACED) -> str:
    otherwise = () if b"\0" in data else ("utf-8",)  # NULs are valid UTF-8, but unlikely in it
    for encoding in (charset, *otherwise, _SUPERSETS.get(charset, charset)):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        for start in range(0, len(text), BLOCK):
            _refuse_garbled(text[start : start + BLOCK], most_replaced)
        return text
    return _replacing(data, _SUPERSETS.get(charset, charset), most_replaced)


def _examined(data: bytes) -> str:
    """Decode UTF-8, possibly with a few invalid bytes, else Latin-1."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        text = "".join(_blocks(data, "utf-8"))
        return text if _is_utf8(data, text) else data.decode("latin-1")


def _replacing(data: bytes, encoding: str, most_replaced: float = _REPLACED) -> str:
    """Decode with U+FFFD for errors. Raises Unprocessable at the first block with too many."""
    blocks = []
    for block in _blocks(data, encoding):
        _refuse_garbled(block, most_replaced)
        blocks.append(block)
    return "".join(blocks)


def _blocks(data: bytes, encoding: str) -> Iterator[str]:
    """Decode in blocks, with U+FFFD for errors. Many errors are slow to decode, hence the checkpoints."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for start in range(0, len(data), BLOCK):
        checkpoint()
        yield decoder.decode(data[start : start + BLOCK], start + BLOCK >= len(data))


def _refuse_garbled(block: str, most_replaced: float) -> None:
    if is_garbled(block, most_replaced):
        raise Unprocessable(NO_TEXT)


def _is_utf8(data: bytes, text: str) -> bool:
    """Whether invalid UTF-8 is mostly valid; `text` is the decoded data, with U+FFFD for errors."""
    replaced = text.count("\ufffd")
    bad = replaced - data.count("\ufffd".encode())
    if _CUT.search(data):
        bad -= 1
    written = text.encode()
    good = _DISTINCT_WEIGHT * (_count(written, _DISTINCT) - replaced) + _count(written, _COMMON)
    return bad == 0 or good > bad


def _count(data: bytes, those: bytes) -> int:
    return len(data) - len(data.translate(None, those))
