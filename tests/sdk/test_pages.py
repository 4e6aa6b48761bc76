"""Pages by the SDK: iteration, reverse order and the end of every list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from honcho import Honcho, Peer, Session, UnprocessableEntityError

from tests.sdk.styles import Method, Style

NAMES = ["echo", "alpha", "delta", "bravo", "charlie"]
DEFAULT_SIZE = 50
MAX_SIZE = 100


def peers(honcho: Honcho, call: Style, names: list[str]) -> Method:
    for name in names:
        call(honcho.peer, name)
    method: Method = honcho.peers
    return method


def sessions(honcho: Honcho, call: Style, names: list[str]) -> Method:
    for name in names:
        call(honcho.session, name)
    method: Method = honcho.sessions
    return method


def sessions_of_a_peer(honcho: Honcho, call: Style, names: list[str]) -> Method:
    for name in names:
        call(honcho.session, name, peers="alice")
    method: Method = Peer("alice", honcho).sessions
    return method


def messages(honcho: Honcho, call: Style, names: list[str]) -> Method:
    session = Session("first", honcho)
    for name in names:
        call(session.add_messages, Peer("alice", honcho).message(name))
    method: Method = session.messages
    return method


@pytest.fixture(params=[peers, sessions, sessions_of_a_peer, messages])
def fill(request: pytest.FixtureRequest, honcho: Honcho, call: Style) -> Callable[[list[str]], Method]:
    """Creates resources with these names in order; returns the method that lists them."""
    return lambda names: request.param(honcho, call, names)


def shown(items: list[Any]) -> list[str]:
    return [getattr(item, "content", None) or item.id for item in items]


def test_iterating_a_page_continues_with_the_following_ones(fill: Callable[[list[str]], Method], call: Style) -> None:
    listed = fill(NAMES)
    assert shown(call.walk(call(listed, size=2))) == NAMES
    assert shown(call.walk(call(listed, page=2, size=2))) == NAMES[2:]


def test_a_reversed_list_is_newest_first_on_every_page(fill: Callable[[list[str]], Method], call: Style) -> None:
    assert shown(call.walk(call(fill(NAMES), size=2, reverse=True))) == NAMES[::-1]


def test_a_page_has_its_position_and_leads_to_the_next(fill: Callable[[list[str]], Method], call: Style) -> None:
    page = call(fill(NAMES), size=2)
    for number, expected in enumerate((NAMES[:2], NAMES[2:4], NAMES[4:]), start=1):
        assert shown(page.items) == expected
        assert (page.page, page.size, page.total, page.pages) == (number, 2, 5, 3)
        page, last = call(page.get_next_page), page
    assert page is None
    assert not last.has_next_page()


def test_a_page_beyond_the_last_is_empty_and_has_the_total(fill: Callable[[list[str]], Method], call: Style) -> None:
    page = call(fill(NAMES), page=9, size=2)
    assert (page.items, page.page, page.total, page.pages) == ([], 9, 5, 3)


def test_an_empty_list_has_no_pages(fill: Callable[[list[str]], Method], call: Style) -> None:
    page = call(fill([]))
    assert (page.items, page.size, page.total, page.pages) == ([], DEFAULT_SIZE, 0, 0)


def test_a_page_has_fifty_items_by_default(honcho: Honcho, call: Style) -> None:
    session, alice = Session("first", honcho), Peer("alice", honcho)
    said = [f"{n}" for n in range(DEFAULT_SIZE + 1)]
    call(session.add_messages, [alice.message(text) for text in said])
    assert len(call(session.messages)) == DEFAULT_SIZE
    assert shown(call.walk(call(session.messages))) == said
    assert len(call(session.messages, size=MAX_SIZE)) == DEFAULT_SIZE + 1


@pytest.mark.parametrize("outside", [{"size": 0}, {"size": MAX_SIZE + 1}, {"page": 0}, {"page": -1}], ids=str)
def test_a_page_outside_the_limits_is_refused(honcho: Honcho, outside: dict[str, int], call: Style) -> None:
    with pytest.raises(UnprocessableEntityError) as refused:
        call(honcho.peers, **outside)
    assert refused.value.body["detail"][0]["loc"] == ["query", *outside]
