"""Selection of summaries and messages within a token budget, and session filters."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from omoide.core.clock import to_micros
from omoide.core.errors import Unprocessable
from omoide.core.records import Message, Summary
from omoide.reasoner.token_budget import choose_lines, choose_messages, choose_summary, reserved
from omoide.services import session_filter
from omoide.storage.summaries import LONG, SHORT

AT = to_micros(datetime(2026, 3, 2, tzinfo=UTC))


def summary(kind: str, tokens: int) -> Summary:
    return Summary("text", "m", 1, kind, AT, tokens)


@pytest.mark.parametrize(
    ("short", "long", "budget", "chosen"),
    [
        (None, None, 1_000, None),
        (10, 40, 100, LONG),
        (10, 41, 100, SHORT),
        (41, 41, 100, None),
        (30, 20, 100, SHORT),
        (None, 40, 100, LONG),
        (0, None, 100, None),
        (10, 10, 100, SHORT),
        (40, None, 100, SHORT),
    ],
)
def test_the_long_summary_is_chosen_if_it_fits_and_is_longer(
    short: int | None, long: int | None, budget: int, chosen: str | None
) -> None:
    sizes = {SHORT: short, LONG: long}
    found = {kind: summary(kind, tokens) for kind, tokens in sizes.items() if tokens is not None}
    best = choose_summary(found, budget)
    assert (best.summary_type if best else None) == chosen


@pytest.mark.parametrize(("known", "budget", "tokens"), [(10, 100, 10), (90, 100, 40), (90, 1, 0), (5, 0, 0)])
def test_what_is_known_is_reserved_its_share(known: int, budget: int, tokens: int) -> None:
    assert reserved(known, budget) == tokens


@pytest.mark.parametrize(
    ("room", "representation", "lines"),
    [(100, 100, ["a" * 20, "b" * 20]), (100, 40, ["a" * 20, "b" * 20, "c" * 20]), (30, 90, []), (0, 0, [])],
)
def test_the_first_lines_of_a_card_that_fit_are_chosen(room: int, representation: int, lines: list[str]) -> None:
    card = [letter * 20 for letter in "abcd"]
    assert choose_lines(card, room, representation, count=len) == lines


def message(tokens: int) -> Message:
    return Message(str(tokens), "s", "w", "p", "x" * tokens, {}, tokens, AT)


def choose(tokens: list[int], budget: int) -> list[int]:
    """Return the sizes of the chosen messages. Sizes are oldest first, and one character is one token."""
    walk = [message(size) for size in reversed(tokens)]
    return [m.token_count for m in choose_messages(walk, budget, trim=lambda text, size: text[:size], count=len)]


@pytest.mark.parametrize(
    ("tokens", "budget", "chosen"),
    [
        ([8, 8, 2], 9, [2]),
        ([8, 8, 2], 10, [8, 2]),
        ([8, 8, 2], 100, [8, 8, 2]),
        ([1, 50, 2], 10, [2]),
        ([8, 8, 2], 0, []),
        ([8, 8, 2], -5, []),
        ([0, 0], 1, [0, 0]),
        ([], 10, []),
    ],
)
def test_the_newest_messages_that_fit_are_chosen(tokens: list[int], budget: int, chosen: list[int]) -> None:
    assert choose(tokens, budget) == chosen


def test_only_the_newest_message_is_truncated_to_fit() -> None:
    assert choose([3, 50], 10) == [10]


def test_messages_are_not_read_beyond_the_first_that_does_not_fit() -> None:
    def walk() -> Iterator[Message]:
        yield message(5)
        yield message(6)
        raise AssertionError("read too far")

    assert len(choose_messages(walk(), 10, trim=lambda text, size: text, count=len)) == 1


@pytest.mark.parametrize(
    ("filters", "session", "allowed"),
    [
        (None, None, None),
        ({}, None, None),
        (None, "a", ("a",)),
        ({"session_id": "a"}, None, ("a",)),
        ({"session_id": ["a", "b", "a"]}, None, ("a", "b")),
        ({"session_id": {"in": ["a", "b"]}}, "b", ("b",)),
        ({"session_id": []}, None, ()),
        ({"session_id": None}, None, None),
    ],
)
def test_the_accepted_forms_of_a_session_filter(filters: object, session: str | None, allowed: object) -> None:
    assert session_filter.parse(filters, session) == allowed


@pytest.mark.parametrize(
    ("filters", "session"),
    [
        ({"peer_id": "a"}, None),
        ({"session_id": "a", "peer_id": "b"}, None),
        ({"session_id": "*"}, None),
        ({"session_id": {"ne": "a"}}, None),
        ({"session_id": 5}, None),
        ({"session_id": ["a", 5]}, None),
        ({"session_id": ["a b"]}, None),
        ({"session_id": [f"s{n}" for n in range(1_001)]}, None),
        ({"session_id": ["a"]}, "b"),
        (["a"], None),
    ],
)
def test_any_other_filter_is_refused(filters: object, session: str | None) -> None:
    with pytest.raises(Unprocessable):
        session_filter.parse(filters, session)
