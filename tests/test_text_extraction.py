"""Uploads: which kind a file is, and what text it holds."""

from __future__ import annotations

import bz2
import codecs
import math
import pickle
import random
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omoide.core.errors import TooLarge, Unprocessable, UnsupportedMediaType
from omoide.text_extraction import charsets
from omoide.text_extraction.extractor import FileType, detect_file_type, extract
from omoide.text_extraction.pdf import PdfLimits
from tests.pdf_files import pdf_saying

PDF = pdf_saying("Hello.")


# The kind of a file.


@pytest.mark.parametrize(
    ("content_type", "filename", "kind"),
    [
        ("text/plain", None, FileType.TEXT),
        ("text/plain; charset=utf-8", "a.pdf", FileType.TEXT),
        ("TEXT/Markdown", None, FileType.TEXT),
        ("text/csv", None, FileType.TEXT),
        (" text/x-anything ;a=b", None, FileType.TEXT),
        ("application/x-ndjson", None, FileType.TEXT),
        ("application/json", None, FileType.JSON),
        ("Application/JSON; charset=utf-8", None, FileType.JSON),
        ("application/ld+json", None, FileType.JSON),
        ("application/octet-stream", "notes.md", FileType.TEXT),
        ("application/octet-stream", "/home/a/Table.CSV", FileType.TEXT),
        ("application/octet-stream", "C:\\files\\data.JSON", FileType.JSON),
        (None, "log.txt", FileType.TEXT),
        ("", "a.json", FileType.JSON),
    ],
)
def test_the_content_type_decides_and_the_extension_where_it_says_nothing(
    content_type: str | None, filename: str | None, kind: FileType
) -> None:
    assert detect_file_type(b"{}", content_type, filename) is kind


@pytest.mark.parametrize(
    ("content_type", "filename"),
    [("application/pdf", None), ("APPLICATION/PDF; q=1", None), (None, "a.PDF"), ("text/plain", "a.txt"), (None, None)],
)
def test_a_file_that_starts_like_a_pdf_is_one_whatever_it_is_declared_as(
    content_type: str | None, filename: str | None
) -> None:
    assert detect_file_type(PDF, content_type, filename) is FileType.PDF


def test_junk_before_a_declared_pdf_is_forgiven() -> None:
    assert extract(b"\r\n\r\n" + PDF, "application/pdf", None) == "[Page 1]\nHello."


@pytest.mark.parametrize(
    ("content_type", "filename", "shown"),
    [
        ("image/png", "a.txt", "image/png"),
        ("Application/ZIP; x=y", None, "application/zip"),
        ("application/octet-stream", "a.bin", "application/octet-stream"),
        ("application/octet-stream", None, "application/octet-stream"),
        ("application/octet-stream", "txt", "application/octet-stream"),
        (None, None, "unknown"),
        ("nonsense", "a.txt", "nonsense"),
    ],
)
def test_other_types_are_unsupported(content_type: str | None, filename: str | None, shown: str) -> None:
    with pytest.raises(UnsupportedMediaType) as caught:
        extract(b"data", content_type, filename)
    supported = "['application/pdf', 'application/json', 'text/*']"
    assert caught.value.detail == f"Unsupported file type: {shown}. Supported types: {supported}"


@pytest.mark.parametrize("data", [b"", b"Hello.", b"\x89PNG\r\n\x1a\n", b" " * 2_000 + PDF])
@pytest.mark.parametrize(("content_type", "filename"), [("application/pdf", None), (None, "a.pdf")])
def test_a_declared_pdf_that_is_none_is_refused(data: bytes, content_type: str | None, filename: str | None) -> None:
    with pytest.raises(Unprocessable, match="declared as a PDF, but it is empty or something else"):
        extract(data, content_type, filename)


@pytest.mark.parametrize("head", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"PK\x03\x04", b"\x1f\x8b\x08"])
@pytest.mark.parametrize("content_type", ["text/plain", "application/json"])
def test_a_declared_text_that_is_a_known_binary_file_is_refused(head: bytes, content_type: str) -> None:
    with pytest.raises(Unprocessable, match=r"The file is declared as (text|JSON), but it is a"):
        extract(head + b"...", content_type, None)


# Text.


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b" \n", " \n"),
        ("héllo 漢字 🧑‍🚀".encode(), "héllo 漢字 🧑‍🚀"),
        (b"\xef\xbb\xbfwith a mark", "with a mark"),
        ("UTF-16, either way: ä漢".encode("utf-16"), "UTF-16, either way: ä漢"),
        (b"\xfe\xff" + "big end: ä漢".encode("utf-16-be"), "big end: ä漢"),
        ("Käse für Müller".encode("latin-1"), "Käse für Müller"),
        ("even length é".encode("latin-1"), "even length é"),
        (b"\xff\xfeodd", "ÿþodd"),
        (b"a\0b\0", "ab"),
        (b"line\r\nline", "line\r\nline"),
        (b"<|endoftext|>", "<|endoftext|>"),
        (
            ("会議は来週の火曜日です。" * 3).encode()[:-1],
            "会議は来週の火曜日です。" * 2 + "会議は来週の火曜日です\ufffd",
        ),
        ("Köln ".encode() + b"\xff" + " Zürich".encode(), "Köln \ufffd Zürich"),
        ("Привет".encode() + b"\xff\xd0", "Привет\ufffd\ufffd"),
        (b"a log that was cut \xe4\xbc", "a log that was cut \ufffd"),
        ("»Spaß« für »Müller«".encode("latin-1"), "»Spaß« für »Müller«"),
        ("café".encode("latin-1"), "café"),
        (b"\xef\xbb\xbfmark, \xff and ", "mark, \ufffd and "),
        ("UTF-32: ä漢".encode("utf-32"), "UTF-32: ä漢"),
        ("no mark: ä".encode("utf-16-le"), "no mark: ä"),
        ("no mark: ä".encode("utf-16-be"), "no mark: ä"),
        (b"\xff\xfe" + "cut in its last character".encode("utf-16-le")[:-1], "cut in its last characte\ufffd"),
    ],
)
def test_text_is_utf16_with_a_mark_else_utf8_else_latin1_without_nul(data: bytes, text: str) -> None:
    assert extract(data, "text/plain", None) == text


@pytest.mark.parametrize(
    ("charset", "data", "text"),
    [
        ("gbk", "我们下周二在上海开会".encode("gbk"), "我们下周二在上海开会"),
        ("GB2312", "朱镕基".encode("gbk"), "朱镕基"),
        ("windows-1251", "Встреча".encode("cp1251"), "Встреча"),
        ('"Shift_JIS"', "会議".encode("shift_jis"), "会議"),
        ("shift_jis", "会議①".encode("cp932"), "会議①"),
        ("ISO-2022-JP", "会議".encode("iso2022_jp"), "会議"),
        ("gbk", "上海".encode("gbk") + b"\xff" + "开会".encode("gbk"), "上海\ufffd开会"),
        ("gbk", "我们下周二在上海开会。".encode(), "我们下周二在上海开会。"),
        ("utf-8", "Käse".encode("latin-1"), "Käse"),
        ("us-ascii", "Käse".encode(), "Käse"),
        ("iso-8859-1", b"\xef\xbb\xbf" + "Käse".encode(), "Käse"),
        ("utf-16", "hi ä".encode("utf-16-be"), "hi ä"),
        ("utf-16", "漢字".encode("utf-16-le"), "漢字"),
        ("utf-32", "漢字".encode("utf-32-le"), "漢字"),
        ("binary", "Käse".encode(), "Käse"),
        ("", "Käse".encode(), "Käse"),
    ],
)
def test_a_declared_charset_is_used_unless_the_bytes_contradict_it(charset: str, data: bytes, text: str) -> None:
    assert extract(data, f"Text/Plain; format=flowed; Charset={charset}", None) == text


@pytest.mark.parametrize(
    "charset", ["utf-7", "rot13", "hex", "zlib", "idna", "punycode", "unicode_escape", "cp037", "none", "é", "x" * 999]
)
@pytest.mark.parametrize("media", ["text/plain", "application/json"])
def test_what_is_no_charset_of_files_is_refused(charset: str, media: str) -> None:
    with pytest.raises(UnsupportedMediaType, match="Unsupported charset: "):
        extract(b"1", f"{media}; charset={charset}", None)


PROSE = b"A line of text, as there are many.\n" * 4_000
RANDOM = random.Random(1).randbytes(200_000)

BINARY = {
    "random": RANDOM,
    "short": RANDOM[:600],
    "random after text": PROSE + RANDOM,
    "random before text": RANDOM + PROSE,
    "random amid text": PROSE + RANDOM[:70_000] + PROSE,
    "random after a mark of UTF-8": codecs.BOM_UTF8 + RANDOM,
    "random after a mark of UTF-16": codecs.BOM_UTF16_LE + RANDOM,
    "random after a mark of UTF-16, big end first": codecs.BOM_UTF16_BE + RANDOM,
    "random after a mark of UTF-32": codecs.BOM_UTF32_LE + RANDOM,
    "zlib": zlib.compress(PROSE + RANDOM),
    "bzip2": bz2.compress(PROSE + RANDOM),
    "pickle": pickle.dumps([*range(5_000)]),
    "integers": b"".join(number.to_bytes(4, "little") for number in range(5_000)),
    "sound": b"".join(round(9_000 * math.sin(at / 20)).to_bytes(2, "little", signed=True) for at in range(9_000)),
    "NULs": bytes(5_000),
    "control characters": bytes(range(32)) * 100,
    "a program": Path(sys.executable).read_bytes()[:200_000],
}


@pytest.mark.parametrize("data", BINARY.values(), ids=BINARY)
@pytest.mark.parametrize("charset", ["", "; charset=utf-8", "; charset=binary"])
def test_binary_data_is_no_text(data: bytes, charset: str) -> None:
    with pytest.raises(Unprocessable, match="declared as text, but it is"):
        extract(data, f"text/plain{charset}", "a.txt")


@pytest.mark.parametrize(
    "charset",
    [
        "utf-16",
        "utf-16-le",
        "utf-16-be",
        "utf-32",
        "utf-32-be",
        "iso-8859-1",
        "windows-1252",
        "gbk",
        "shift_jis",
        "iso-2022-jp",
        "euc-kr",
        "big5",
        "koi8-r",
        "cp437",
    ],
)
def test_binary_data_is_no_text_whatever_charset_it_declares(charset: str) -> None:
    for data in (RANDOM, PROSE.decode().encode(charset) + RANDOM):
        with pytest.raises(Unprocessable, match="declared as text, but it is"):
            extract(data, f"text/plain; charset={charset}", "a.txt")


LANGUAGES = [
    "The quick brown fox, “quoted”, in a café. ",
    "Встреча во вторник в десять часов. ",
    "Η συνάντηση είναι την Τρίτη. ",
    "הפגישה ביום שלישי. ",
    "الاجتماع يوم الثلاثاء. ",
    "会議は来週の火曜日です。",
    "我们下周二在上海开会。",
    "我們下週二在上海開會。",
    "회의는 다음 주 화요일입니다. ",
    "ประชุมวันอังคารหน้า ",
    "बैठक अगले मंगलवार को है। ",
    "Toplantı Salı günü, İstanbul’da. ",
    "Spotkanie w przyszły wtorek, Łódź. ",
    "🧑‍🚀 👍🏽 ",
]


@pytest.mark.parametrize("text", LANGUAGES)
def test_text_of_any_language_passes_in_every_charset_that_can_write_it(text: str) -> None:
    passed = 0
    for charset in sorted(charsets._CHARSETS):
        for size in (1, 3_000):
            try:
                data = (text * size).encode(charset)
            except UnicodeEncodeError:
                continue
            extract(data, "text/plain", "a.txt")  # in whatever charset it is read
            assert extract(data, f"text/plain; charset={charset}", "a.txt").removeprefix("\ufeff") == text * size
            passed += 1
    assert passed >= 10


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[31mred\x1b[0m, and \x1b[1mbold\x1b[0m\r\n",
        "N\bNA\bAM\bME\bE  _\bf_\bo_\bo\n",
        "8=FIX.4.2\x019=178\x0135=8\x0149=PHLX\x01\n",
        "00714cam\x1e001\x1fa Title\x1d",
        "page\f\n text \v more\t\r\n",
        "end of a file\r\n\x1a",
        "AAECAwQFBgcICQoLDA0ODw",
        "ding \a, and a word now and then of a text that goes on and on\n",
    ],
)
def test_control_characters_that_texts_have_use_for_pass(text: str) -> None:
    for size in (1, 4_000):
        assert extract((text * size).encode(), "text/plain", "a.txt") == text * size


def test_nuls_at_the_ends_and_a_few_within_do_not_make_a_text_binary() -> None:
    for data in (bytes(200_000) + PROSE, PROSE + bytes(200_000), PROSE + b"\0" + PROSE, bytes(3) + PROSE + bytes(5)):
        assert extract(data, "text/plain", "a.log").encode() == data.replace(b"\0", b"")


@pytest.mark.parametrize("charset", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("text", LANGUAGES)
def test_wide_text_in_any_script_is_read_without_a_mark(text: str, charset: str) -> None:
    assert extract((text * 900).encode(charset), "text/plain", "a.txt") == text * 900


@pytest.mark.parametrize("charset", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_text_without_a_mark_is_known_by_its_nuls(charset: str) -> None:
    text = "Käse für Müller, und eine Übergröße.\n" * 3_000
    assert extract(text.encode(charset), "text/plain", "a.txt") == text
    assert extract(text.encode(charset)[:-1], "text/plain", "a.txt") == text[:-1] + "\ufffd"


@pytest.mark.parametrize("charset", ["utf-8", "gbk", "iso-8859-7", "euc_jp", "utf-16-le", "utf-32-be"])
def test_bad_bytes_are_replaced_wherever_the_blocks_end(charset: str) -> None:
    text = "a" * 65_535 + "\u03b1" * 9 + "b" * 70_000
    bad = b"\x00\xd8" if charset == "utf-16-le" else b"\xff" * (4 if charset == "utf-32-be" else 1)
    data = text.encode(charset) + bad + "ccc".encode(charset)
    assert extract(data, f"text/plain; charset={charset}", "a.txt") == f"{text}\ufffdccc"


@given(st.binary(max_size=200))
def test_any_bytes_are_a_text_that_can_be_stored(data: bytes) -> None:
    try:
        text = extract(data, "text/plain", None)
    except Unprocessable:
        return
    assert "\0" not in text
    text.encode("utf-8")


def test_markdown_and_csv_stay_as_they_are() -> None:
    assert extract(b"# Title\n\n* a\n* b\n", "text/markdown", None) == "# Title\n\n* a\n* b\n"
    assert extract(b'a;b\n"x;y";2\n', "application/octet-stream", "t.csv") == 'a;b\n"x;y";2\n'


# PDF.


def test_a_pdf_is_read_within_the_given_limits() -> None:
    assert extract(PDF, "application/pdf", "a.pdf") == "[Page 1]\nHello."
    with pytest.raises(TooLarge):
        extract(PDF, "application/pdf", "a.pdf", pdf_limits=PdfLimits(characters=5))
