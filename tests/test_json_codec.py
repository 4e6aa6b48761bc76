"""JSON without a changed number, and with U+FFFD for half a character."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omoide.core import json_codec
from omoide.core.json_codec import DuplicateKeys, dumps, loads, repair_surrogates


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (rb'"\ud83d"', "\ufffd"),
        (rb'"\ud83d\ude00"', "\U0001f600"),
        (rb'"\ude00\ud83d"', "\ufffd\ufffd"),
        (rb'"\uD83D\ud83d\uDE00"', "\ufffd\U0001f600"),
        (rb'"\ud83d\n\ude00"', "\ufffd\n\ufffd"),
        (rb'"\\ud83d"', r"\ud83d"),
        (rb'"\\\ud83d"', "\\\ufffd"),
        (rb'"\\\\ud83d"', r"\\ud83d"),
        (rb'{"a\ud83d": ["\ud83d"]}', {"a\ufffd": ["\ufffd"]}),
        (
            rb'{"a\ud83d": 1, "b\ude00": {"a\ud83d": 2}, "c": 3, "c": 4}',
            {"a\ufffd": 1, "b\ufffd": {"a\ufffd": 2}, "c": 4},
        ),
    ],
)
def test_a_surrogate_without_its_partner_is_replaced(text: bytes, expected: Any) -> None:
    assert loads(repair_surrogates(text)) == expected


@pytest.mark.parametrize("text", [rb'{"a\ud83d": 1, "a\ude00": 2}', rb'[{"a": {"\ud83d": 1, "\ufffd": 2}}]'])
def test_keys_that_would_become_the_same_are_a_fault(text: bytes) -> None:
    with pytest.raises(DuplicateKeys):
        repair_surrogates(text)


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_any_text_is_read_with_every_surrogate_replaced(text: str) -> None:
    read = loads(repair_surrogates(json.dumps(text).encode()))
    assert read == text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


NUMBERS = st.integers() | st.integers(-(10**300), 10**300) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    NUMBERS | st.none() | st.booleans() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_every_value_comes_back_as_it_was(value: Any) -> None:
    assert repr(loads(dumps(value))) == repr(value)
    assert repr(loads(json.dumps(value).encode())) == repr(value)


@pytest.mark.parametrize("text", [b"NaN", b"[1e400]", b"9" * 400, b"9" * 5_000, b"[" * 500 + b"9" * 20 + b"]" * 500])
def test_what_cannot_be_kept_is_a_fault(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        loads(text)


_PIECES = [rb"\ud83d", rb"\ude00", rb"\ud83d\ude00", rb"\uD9aB", rb"\u00e9", rb"\n", rb"\\", b"\\", b"ud83d", b"x"]
_ANY_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


@given(pieces=st.lists(st.sampled_from(_PIECES), max_size=12), stretch=st.sampled_from([1, 2, 5, 13, 1_000]))
def test_halves_of_characters_are_found_wherever_a_stretch_ends(pieces: list[bytes], stretch: int) -> None:
    text = b"".join(pieces)
    expected = _ANY_ESCAPE.sub(lambda found: rb"\ufffd" if found[1] else found[0], text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_codec, "_STRETCH", stretch)
        assert json_codec.repair_surrogates(text) == expected
