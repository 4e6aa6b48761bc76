"""Filters by the SDK: every list accepts them, keeps them while paging, and refuses invalid ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from honcho import Honcho, Peer, Session, UnprocessableEntityError

from tests.sdk.styles import Style

EVERYTHING: list[dict[str, object] | None] = [None, {}, {"id": "*"}, {"created_at": {"gte": "2020-01-01"}}, {"AND": []}]


@pytest.fixture
def session(honcho: Honcho, call: Style) -> Any:
    """A session of alice and bob with six messages; the even ones are alice's."""
    made = call(honcho.session, "first")
    names = ("alice", "bob")
    batch = [Peer(names[n % 2], honcho).message(f"Number {n}", metadata={"n": n}) for n in range(6)]
    call(made.add_messages, batch)
    return made


def ids(call: Style, page: Any) -> list[str]:
    return [item.id for item in call.walk(page)]


def numbers(call: Style, page: Any) -> list[int]:
    return [message.metadata["n"] for message in call.walk(page)]


@pytest.mark.parametrize("filters", EVERYTHING)
def test_an_empty_filter_selects_everything(
    honcho: Honcho, session: Session, filters: dict[str, object] | None, call: Style
) -> None:
    assert numbers(call, call(session.messages, filters=filters)) == [*range(6)]
    assert ids(call, call(honcho.peers, filters=filters)) == ["alice", "bob"]
    assert ids(call, call(honcho.sessions, filters=filters)) == ["first"]
    assert ids(call, call(Peer("bob", honcho).sessions, filters=filters)) == ["first"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"peer_id": "bob"}, [1, 3, 5]),
        ({"metadata": {"n": 2}}, [2]),
        ({"metadata": {"n": {"gt": 1, "lte": 4}}}, [2, 3, 4]),
        ({"OR": [{"metadata": {"n": 0}}, {"content": {"contains": "number 5"}}]}, [0, 5]),
        ({"NOT": [{"peer_id": {"in": ["alice"]}}]}, [1, 3, 5]),
        ({"peer_id": {"ne": "bob"}, "metadata": {"n": {"lt": 4}}}, [0, 2]),
    ],
)
def test_messages_are_filtered(session: Session, filters: dict[str, object], expected: list[int], call: Style) -> None:
    assert numbers(call, call(session.messages, filters=filters)) == expected


def test_the_filter_is_kept_from_page_to_page(session: Session, call: Style) -> None:
    page = call(session.messages, filters={"peer_id": "alice"}, size=1, reverse=True)
    assert (page.total, page.pages) == (3, 3)
    assert numbers(call, page) == [4, 2, 0]


def test_peers_and_sessions_are_filtered_by_metadata(honcho: Honcho, call: Style) -> None:
    for n, name in enumerate(["one", "two", "three"]):
        call(honcho.peer, name, metadata={"n": n, "tags": ["odd" if n % 2 else "even"]})
        call(honcho.session, name, metadata={"n": n}, peers="one")
    assert ids(call, call(honcho.peers, filters={"metadata": {"tags": ["even"]}})) == ["one", "three"]
    assert ids(call, call(honcho.sessions, filters={"metadata": {"n": {"gte": 1}}})) == ["two", "three"]
    assert ids(call, call(Peer("one", honcho).sessions, filters={"metadata": {"n": 1}})) == ["two"]
    assert ids(call, call(Peer("one", honcho).sessions, filters={"is_active": True})) == ["one", "two", "three"]


def test_workspaces_are_filtered(honcho: Honcho, call: Style, fresh: Callable[[str], str]) -> None:
    mark = fresh("mark")
    call(honcho.set_metadata, {"mark": mark})
    assert call.walk(call(honcho.workspaces, filters={"metadata": {"mark": mark}})) == [honcho.workspace_id]
    assert call.walk(call(honcho.workspaces, filters={"id": honcho.workspace_id, "metadata": {"mark": "other"}})) == []


@pytest.mark.parametrize(
    ("filters", "sentence"),
    [
        ({"nope": 1}, "Column 'nope' "),
        ({"created_at": "soon"}, "Invalid datetime value: soon"),
        ({"OR": {}}, "OR operator must contain a list"),
    ],
)
def test_an_invalid_filter_is_refused(
    honcho: Honcho, session: Session, filters: dict[str, object], sentence: str, call: Style
) -> None:
    for method in (honcho.peers, honcho.sessions, honcho.workspaces, Peer("a", honcho).sessions, session.messages):
        with pytest.raises(UnprocessableEntityError, match=sentence):
            call(method, filters=filters)
