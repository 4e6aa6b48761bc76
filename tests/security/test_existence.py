"""A session that a key may not read cannot be distinguished from one that does not exist.

Each operation that takes the id of a session gets, in every position, a session that the key's peer never joined, one
that it left, one that was deleted, and one that never existed. Status and body must be equal except for the id itself.
contract/test_access.py has the access matrix.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import httpx
import pytest

from omoide.contract.document import OperationSpec
from omoide.core import clock
from omoide.core.auth import ADMIN, Keyring, Principal
from tests.conftest import SECRET
from tests.contract.conformance import OPERATIONS
from tests.contract.requests import body_of, example_fields, example_with_ids, fields, path_of
from tests.security.in_process import Application, application

Json = dict[str, Any]

MISSING, UNREADABLE = "missing", ("foreign", "left", "deleted")
HERE = "here"
"""A session that the key reads, for the path."""
X = "{X}"
"""Placeholder for the id in question, in paths, queries and bodies."""
IDS = re.compile(r"^session_ids?$|^sessions$|^filters$")
OTHER_IDS = re.compile(r"^(peer|observer|observed|target)|^scopes?$")
KEYS = {
    "a peer's key": Principal(workspace="w", peer="p"),
    "a session's key": Principal(workspace="w", session=HERE),
    "a session's key that names a peer": Principal(workspace="w", peer="p", session=HERE),
    "a key of another workspace": Principal(workspace="other"),
    "a peer's key of another workspace": Principal(workspace="other", peer="p"),
    "a session's key of another workspace": Principal(workspace="other", session="foreign"),
}

FILTERS: Sequence[Json] = (
    {"session_id": X},
    {"session_id": [HERE, X]},
    {"session_id": {"ne": X}},
    {"NOT": [{"session_id": X}]},
    {"OR": [{"session_id": X}, {"session_id": HERE}]},
    {"session_id": X, "peer_perspective": "p"},
)
OF_SESSIONS: Sequence[Json] = (
    {"id": X},
    {"id": X, "is_active": True},
    {"id": {"in": [HERE, X]}, "is_active": {"ne": False}},
    {"NOT": [{"id": X}], "is_active": True},
    {"OR": [{"id": X}, {"is_active": True}]},
)
ASK = {"query": "tea", "include_evidence": True}
GET_OR_CREATE: Sequence[Json] = (
    {},
    {"peers": {}},
    {"peers": {"q": {}}},
    {"peers": {"p": {}, "q": {}}},
    {"peers": {"q": {"observe_me": True}}},
    {"metadata": {"a": 1}},
    {"configuration": {"summary": {"enabled": False}}},
    {"scopes": ["sc"]},
)
PLACES: dict[str, Sequence[Json]] = {
    "get_or_create_session": [{"json": {"id": X, **more}} for more in GET_OR_CREATE],
    "get_sessions_for_peer": [{"json": {"filters": filters}} for filters in OF_SESSIONS],
    "get_sessions": [{"json": {"filters": filters}} for filters in OF_SESSIONS],
    "get_peers": [{"json": {"filters": filters}} for filters in FILTERS],
    "get_all_workspaces": [{"json": {"filters": filters}} for filters in FILTERS],
    "search_workspace": [{"json": {"query": "tea", "filters": filters}} for filters in FILTERS],
    "search_peer": [{"json": {"query": query, "filters": filters}} for query in ("tea", "") for filters in FILTERS],
    "search_session": [{"json": {"query": "tea", "filters": filters}} for filters in FILTERS],
    "get_messages": [{"json": {"filters": filters}} for filters in FILTERS],
    "list_conclusions": [{"json": {"filters": filters}} for filters in FILTERS],
    "query_conclusions": [{"json": {"query": "tea", "filters": filters}} for filters in FILTERS],
    "chat": [
        {"json": {**ASK, **more, "stream": stream}}
        for stream in (False, True)
        for more in (
            {"session_id": X},
            {"filters": {"session_id": X}},
            {"filters": {"session_id": [HERE, X]}},
            {"filters": {"session_id": {"in": [X]}}},
            {"session_id": X, "filters": {"session_id": [HERE, X]}},
            {"session_id": X, "target": "q"},
        )
    ],
    "chat_workspace": [{"json": {**ASK, "session_id": X}}],
    "get_representation": [
        {"json": more} for more in ({"session_id": X}, {"filters": {"session_id": [X, HERE]}}, {"session_id": X})
    ],
    "get_session_context": [
        {"params": {"peer_target": "p", "sessions": [HERE, X]}},
        {"params": {"peer_target": "q", "peer_perspective": "p", "sessions": [HERE, X]}},
    ],
    "get_queue_status": [{"params": {"session_id": X}}],
    "schedule_dream": [{"json": {"observer": "p", "dream_type": "omni", "session_id": X}}],
    "create_conclusions": [
        {"json": {"conclusions": [{"content": "c", "observer_id": "p", "observed_id": "p", "session_id": X}]}}
    ],
    "add_sessions_to_scope": [{"json": {"session_ids": [X]}}],
    "create_key": [{"params": {"workspace_id": "w", "session_id": X}}],
}


class MembershipWorkspace:
    """The workspace w, in which p is in `here`, left `left`, and never was in `foreign`."""

    def __init__(self, app: Application) -> None:
        self.app = app
        self.keys = Keyring(SECRET)
        for session, peers in ((HERE, "pq"), ("left", "pq"), ("foreign", "q"), ("deleted", "q")):
            body = {"id": session, "peers": {peer: {} for peer in peers}, "metadata": {"a": 1}}
            self.admin("POST", "/sessions", body)
            said = [{"peer_id": peer, "content": f"{peer} likes tea"} for peer in peers]
            self.admin("POST", f"/sessions/{session}/messages", {"messages": said})
        self.admin("DELETE", "/sessions/left/peers", ["p"])
        self.admin("DELETE", "/sessions/deleted")
        self.admin("POST", "/scopes", {"id": "sc"})

    def ask(self, principal: Principal, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.keys.mint(principal, now=clock.now())}"}
        return self.app.ask(method, path, headers, **options)

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.ask(ADMIN, method, f"/v3/workspaces/w{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def answer(self, principal: Principal, method: str, path: str, options: Json, session: str) -> tuple[int, str]:
        """Status and body, the id in question taken out."""
        found = self.ask(principal, method, path.replace(X, session), **_with(options, session))
        return found.status_code, re.sub(rf"\b{session}\b", X, found.text)


def _with(given: Any, id: str) -> Any:
    """The options of a request with the id in the positions of its placeholder."""
    if isinstance(given, dict):
        return {name: _with(value, id) for name, value in given.items()}
    if isinstance(given, list):
        return [_with(value, id) for value in given]
    return given.replace(X, id) if isinstance(given, str) else given


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MembershipWorkspace]:
    with application(tmp_path_factory.mktemp("existence") / "omoide.db", auth=True, jwt_secret=SECRET) as app:
        yield MembershipWorkspace(app)


def asked(operation: OperationSpec) -> Iterator[tuple[str, Json]]:
    """Path and rest of requests that name the session, in each place where the operation takes one."""
    names = {"workspace_id": "w", "peer_id": "p", "scope_id": "sc"}
    if "{session_id}" in operation.path:
        yield path_of(operation, {**names, "session_id": X}), body_of(operation)
    derived = [example_with_ids(operation, _id_in_example)] if takes_a_session(operation) else []
    for options in PLACES.get(operation.handler, derived):
        yield path_of(operation, {**names, "session_id": HERE}), options


def _id_in_example(name: str) -> Any:
    """The id for a field of an example, in an operation without a line in PLACES; None for fields of other kinds."""
    if IDS.search(name):
        return {"session_id": X} if name == "filters" else X
    return "sc" if "scope" in name else "p" if OTHER_IDS.search(name) else None


def takes_a_session(operation: OperationSpec) -> bool:
    return operation.handler == "get_or_create_session" or any(map(IDS.search, fields(operation)))


def test_every_operation_that_takes_a_session_is_covered() -> None:
    taking = {operation.handler for operation in OPERATIONS.values() if takes_a_session(operation)}
    assert not PLACES.keys() - taking, f"these take no session: remove them from PLACES: {PLACES.keys() - taking}"
    for operation in map(OPERATIONS.__getitem__, taking - PLACES.keys()):
        missing = {name for name in fields(operation) if IDS.search(name)} - example_fields(operation)
        assert not missing, f"show {missing} in the examples of {operation.handler}, or add a line to PLACES"


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
def test_inaccessible_sessions_are_indistinguishable_from_missing_ones(
    operation: OperationSpec, house: MembershipWorkspace
) -> None:
    for (path, options), (name, principal) in product(asked(operation), KEYS.items()):
        expected = house.answer(principal, operation.method, path, options, MISSING)
        assert expected[0] < 500
        for session in UNREADABLE:
            answer = house.answer(principal, operation.method, path, options, session)
            assert answer == expected, (name, path, options)


@pytest.mark.parametrize("peer", ["p", "q"])
def test_a_message_of_another_session_is_indistinguishable_from_a_missing_one(
    peer: str, house: MembershipWorkspace
) -> None:
    principal = Principal(workspace="w", peer="p")
    path = f"/v3/workspaces/w/sessions/{HERE}/messages/"
    (message,) = [
        each["id"] for each in house.admin("POST", "/sessions/left/messages/list")["items"] if each["peer_id"] == peer
    ]
    found = [house.ask(principal, "GET", path + id) for id in (message, "nothing")]
    assert [answer.status_code for answer in found] == [404, 404]
    assert found[0].text.replace(message, "nothing") == found[1].text


def test_only_creation_discloses_that_an_id_is_taken(house: MembershipWorkspace) -> None:
    principal, path = Principal(workspace="w", peer="p"), "/v3/workspaces/w/sessions"
    sessions = house.admin("POST", "/sessions/list")
    refused = [
        house.ask(principal, "POST", path, json={"id": session, "peers": {"p": {}}}) for session in ("foreign", "left")
    ]
    assert {(answer.status_code, answer.text) for answer in refused} == {
        (401, '{"detail":"Unauthorized access to resource"}')
    }
    assert house.admin("POST", "/sessions/list") == sessions
    made = house.ask(principal, "POST", path, json={"id": "new", "peers": {"p": {"observe_others": True}}})
    assert made.status_code == 200
    assert [peer["id"] for peer in house.admin("GET", "/sessions/new/peers")["items"]] == ["p"]


def test_a_peer_key_cannot_read_flags_of_other_members_by_naming_them(house: MembershipWorkspace) -> None:
    principal, path = Principal(workspace="w", peer="p"), "/v3/workspaces/w/sessions"
    for flags, status in (({}, 200), ({"observe_me": True}, 401), ({"observe_me": False}, 401)):
        answer = house.ask(principal, "POST", path, json={"id": HERE, "peers": {"p": {}, "q": flags}})
        assert answer.status_code == status


def test_a_session_key_sees_only_the_existence_of_other_peers(house: MembershipWorkspace) -> None:
    principal, path = Principal(workspace="w", session="left"), "/v3/workspaces/w/peers"
    for peer in "pq":
        house.admin("PUT", f"/peers/{peer}", {"metadata": {"phone": "12"}, "configuration": {"observe_me": True}})
    known = {peer: house.ask(principal, "POST", path, json={"id": peer}).json() for peer in "pq"}
    assert known["q"]["metadata"] == {"phone": "12"}
    assert (known["p"]["metadata"], known["p"]["configuration"]) == ({}, {})
    changes: list[Json] = [{"metadata": {"phone": "12"}}, {"metadata": {}}, {"configuration": {"observe_me": True}}]
    for body in changes:
        assert house.ask(principal, "POST", path, json={"id": "p", **body}).status_code == 401
    assert house.ask(principal, "POST", path, json={"id": "eve"}).status_code == 401
    assert house.admin("POST", "/peers/list", {"filters": {"id": "eve"}})["items"] == []


@pytest.mark.parametrize("principal", [Principal(workspace="w", peer="p"), Principal(workspace="w", session=HERE)])
def test_peer_and_session_keys_cannot_test_whether_a_scope_exists(
    principal: Principal, house: MembershipWorkspace
) -> None:
    requests: list[tuple[str, str, Json]] = [
        ("POST", "/peers/p/chat", {"json": {**ASK, "target": f"scope.{X}"}}),
        ("POST", "/peers/p/chat", {"json": {**ASK, "scope": X}}),
        ("POST", "/peers/p/representation", {"json": {"target": f"scope.{X}"}}),
        ("GET", "/peers/p/context", {"params": {"target": f"scope.{X}"}}),
        ("GET", f"/sessions/{HERE}/context", {"params": {"peer_target": "p", "peer_perspective": f"scope.{X}"}}),
        ("GET", f"/sessions/{HERE}/context", {"params": {"peer_target": "p", "scope": X}}),
        ("GET", f"/scopes/{X}", {}),
    ]
    for method, path, options in requests:
        found = [house.answer(principal, method, f"/v3/workspaces/w{path}", options, id) for id in ("sc", MISSING)]
        assert found[0] == found[1]
        assert found[0][0] in (401, 422)
