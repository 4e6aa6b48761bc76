"""Long texts are cut into pieces after the best delimiter within the limit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omoide.text_extraction.extractor import Piece, pieces, split

# Pieces.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [""]),
        ("short", ["short"]),
        ("exactly 10", ["exactly 10"]),
        ("ab\n\ncd\ne. f g", ["ab\n\n", "cd\ne. f g"]),
        ("ab\ncd. e f ghi", ["ab\n", "cd. ", "e f ghi"]),
        ("ab. cd e fghi", ["ab. ", "cd e fghi"]),
        ("ab cd efghijk", ["ab cd ", "efghijk"]),
        ("abcdefghijklm", ["abcdefghij", "klm"]),
        ("abcdefgh\n\nkl", ["abcdefgh\n\n", "kl"]),
        ("abcdefghi\n\nl", ["abcdefghi\n", "\nl"]),
        (" bcdefghijklm", [" ", "bcdefghijk", "lm"]),
    ],
)
def test_a_text_is_cut_after_the_best_delimiter_within_the_limit(text: str, expected: list[str]) -> None:
    assert split(text, 10) == expected


SPLITTABLE = st.text(st.sampled_from("ab. \n漢🧑"), max_size=120)


@given(text=SPLITTABLE, limit=st.integers(1, 30))
def test_pieces_add_up_to_the_text_and_keep_the_limit(text: str, limit: int) -> None:
    parts = split(text, limit)
    assert "".join(parts) == text
    assert all(len(part) <= limit for part in parts)
    assert all(parts) or parts == [""]


@given(text=SPLITTABLE, limit=st.integers(2, 30))
def test_no_better_delimiter_is_passed_over(text: str, limit: int) -> None:
    start = 0
    for part in split(text, limit)[:-1]:
        window = text[start : start + limit]
        ranks = ["\n\n", "\n", ". ", " "]
        best = next((delimiter for delimiter in ranks if delimiter in window), None)
        assert part == (window if best is None else window[: window.rindex(best) + len(best)])
        start += len(part)


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_that_allows_nothing_is_a_mistake(limit: int) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        split("text", limit)


def test_an_empty_file_is_one_empty_piece() -> None:
    assert pieces(b"", "text/plain", None, limit=10) == [Piece("")]


def test_a_large_file_gives_many_pieces() -> None:
    data = b"A line of forty characters, all in all.\n" * 131_072
    parts = [piece.text for piece in pieces(data, "text/plain", None, limit=25_000)]
    assert len(data) == 5_242_880
    assert len(parts) == 210
    assert "".join(parts).encode() == data
