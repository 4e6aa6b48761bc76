"""Uploaded JSON: how it is read and written again, and what is refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omoide.core.errors import Unavailable, Unprocessable
from omoide.text_extraction.extractor import extract

# JSON.


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b" \n\t ", ""),
        ('{"b":1,\n "a":"é\\u6f22"}'.encode(), '{"b": 1, "a": "é漢"}'),
        (b"\xef\xbb\xbf[1,2.5,true,null]", "[1, 2.5, true, null]"),
        (b'"text"', '"text"'),
        (b'{"a":"x\\u0000y"}', '{"a": "x\\u0000y"}'),
        (b'"\\ud83d\\ude00 \\ud83d"', '"😀 \ufffd"'),
    ],
)
def test_json_is_written_anew(data: bytes, text: str) -> None:
    assert extract(data, "application/json", None) == text


def test_json_is_read_in_the_charset_that_it_declares() -> None:
    assert extract('{"a": "é"}'.encode("latin-1"), "application/json; charset=ISO-8859-1", None) == '{"a": "é"}'
    assert extract('{"a": "é"}'.encode("utf-16"), "application/json; charset=utf-16", None) == '{"a": "é"}'
    with pytest.raises(Unprocessable, match="must be encoded in their declared charset: gbk"):
        extract(b'{"a": "\xff"}', "application/json; charset=gbk", None)


@pytest.mark.parametrize("data", [b'{"a": "\xe9"}', '{"a": 1}'.encode("utf-16")])
def test_json_must_be_utf8(data: bytes) -> None:
    with pytest.raises(Unprocessable) as caught:
        extract(data, "application/json", None)
    assert caught.value.detail == "JSON uploads must be UTF-8 encoded"


@pytest.mark.parametrize(
    "data", [b"{", b"{'a': 1}", b"[1,]", b"1 2", b"NaN", b"[-Infinity]", b"1e400", b"[" * 100_000, b"9" * 5_000]
)
def test_invalid_json_is_refused(data: bytes) -> None:
    with pytest.raises(Unprocessable) as caught:
        extract(data, "application/json", None)
    assert caught.value.detail == "Uploaded JSON is invalid"


LARGE = "[" + ", ".join(['{"a": [1, 2.5, "é", null]}'] * 6_000) + "]"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (LARGE.replace(" ", "").encode(), LARGE),
        (LARGE.replace("é", "\\ud83d").encode(), LARGE.replace("é", "\ufffd")),
        (LARGE.replace("é", "\\ud83d\\ude00").encode(), LARGE.replace("é", "😀")),
        (b'"' + b"x" * 200_000 + b'"', '"' + "x" * 200_000 + '"'),
        (b" " * 200_000, ""),
    ],
    ids=["objects", "halves of characters", "escapes", "one text", "blanks"],
)
def test_a_large_json_document_is_written_anew_likewise(data: bytes, text: str) -> None:
    assert extract(data, "application/json", None) == text


@pytest.mark.parametrize(
    "fault", ["]", ", NaN]", ", 1e400]", ", " + "[" * 100_000, ", " + "9" * 5_000 + "]", ', "\t"]']
)
def test_a_fault_at_the_end_of_a_large_json_document_is_refused(fault: str) -> None:
    with pytest.raises(Unprocessable) as caught:
        extract((LARGE[:-1] + (fault if fault != "]" else "")).encode(), "application/json", None)
    assert caught.value.detail == "Uploaded JSON is invalid"


def test_a_large_json_document_is_read_where_no_process_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert extract(LARGE.encode(), "application/json", None) == LARGE


def test_a_process_that_is_killed_is_no_fault_of_the_json_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = tmp_path / "python"
    killed.write_text("#!/bin/sh\nkill -9 $$\n")
    killed.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(killed))
    with pytest.raises(Unavailable, match="could not be read"):
        extract(LARGE.encode(), "application/json", None)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_json_keeps_its_value(value: object) -> None:
    assert json.loads(extract(json.dumps(value).encode(), "application/json", None)) == value
