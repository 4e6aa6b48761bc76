"""Evidence shows an excerpt of each message, around what the answer quotes of it."""

from __future__ import annotations

import pytest

from omoide.reasoner.evidence import LONGEST_EXCERPT, excerpt

WORDS = [f"word{number}" for number in range(300)]
LONG = "\n".join(WORDS)


def test_a_short_message_is_shown_whole() -> None:
    text = "x" * LONGEST_EXCERPT
    assert excerpt(text) == excerpt(text, "xxx") == text
    assert excerpt("") == ""


@pytest.mark.parametrize("number", [0, 1, 5, 30, 150, 290, 299])
def test_an_excerpt_has_what_is_quoted(number: int) -> None:
    shown = excerpt(LONG, f"… {' '.join(WORDS[number:])} …")
    assert len(shown) <= LONGEST_EXCERPT
    assert WORDS[number] in shown.split()
    assert shown.strip("…") in LONG
    assert (shown[0] == "…", shown[-1] == "…") == (not LONG.startswith(shown[:9]), not LONG.endswith(shown[-9:]))


def test_what_is_not_found_shows_the_beginning() -> None:
    assert excerpt(LONG, "something else") == excerpt(LONG) == f"{LONG[: LONGEST_EXCERPT - 1]}…"
