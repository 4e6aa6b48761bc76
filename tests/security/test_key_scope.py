"""No key gives access beyond its claims, whatever ids a request has in path, query, body or filter.

contract/test_access.py has the access matrix. Here every operation of the document is called with ids of others in
every position that takes an id; nothing of theirs may be returned or changed. Data of another workspace contains
MARIGOLD, data that narrowed keys of a workspace must not see contains BEGONIA.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import httpx
import pytest

from omoide.contract.document import OperationSpec
from omoide.core.auth import Principal
from tests.conftest import SECRET
from tests.contract.conformance import OPERATIONS
from tests.contract.requests import FORMS, body_of, example_fields, example_with_ids, fields, path_of
from tests.security.in_process import application
from tests.security.two_workspaces import IDS, OURS, THEIRS, WITH_MORE, WITH_PATH, Json, TwoWorkspaces


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoWorkspaces]:
    db = tmp_path_factory.mktemp("reach") / "omoide.db"
    with application(db, auth=True, jwt_secret=SECRET) as app:
        yield TwoWorkspaces(app, db)


def silent(answer: httpx.Response, word: str) -> None:
    """The response is not a 5xx, and discloses nothing."""
    assert answer.status_code < 500, answer.text
    assert word not in answer.text.lower(), f"{answer.request.method} {answer.request.url}: {answer.text}"


# Another workspace, by its path.

STRANGERS = {
    "a workspace's key": Principal(workspace="mine"),
    "a peer's key": Principal(workspace="mine", peer="far-peer"),
    "a session's key": Principal(workspace="mine", session="far-session"),
    "a key of nothing": Principal(),
    "a key of a workspace in other letters": Principal(workspace="THEIRS"),
    "a key of a longer name": Principal(workspace="theirs2"),
}


@pytest.mark.parametrize("principal", [*STRANGERS.values()], ids=[*STRANGERS])
def test_no_operation_reads_or_changes_another_workspace(principal: Principal, house: TwoWorkspaces) -> None:
    before = house.belongings("theirs")
    for operation in WITH_PATH:
        path = path_of(operation, house.ids)
        answer = house.ask(principal, operation.method, path, **body_of(operation))
        assert answer.status_code == 401, f"{operation.handler}: {answer.text}"
        silent(answer, THEIRS)
    assert house.belongings("theirs") == before


@pytest.mark.parametrize("name", ["theirs%2f", "mine%2f..%2ftheirs", "mine/../theirs", "%2e%2e/theirs", "mine;/theirs"])
def test_no_encoding_of_a_path_leads_to_another_workspace(name: str, house: TwoWorkspaces) -> None:
    for path in ("peers/list", "sessions/far-session/messages/list"):
        answer = house.ask(Principal(workspace="mine"), "POST", f"/v3/workspaces/{name}/{path}")
        assert answer.status_code in (401, 404, 405)
        silent(answer, THEIRS)


# Another workspace, by ids within the path.


@pytest.mark.parametrize("operation", WITH_MORE, ids=lambda operation: operation.handler)
def test_an_id_of_another_workspace_is_not_found_in_ours(operation: OperationSpec, house: TwoWorkspaces) -> None:
    names = [name for name in re.findall(r"{(\w+)}", operation.path) if name != "workspace_id"]
    before = house.belongings("theirs")
    mine = {"peer_id": "near-peer", "session_id": "near-session", "scope_id": "near-scope"}
    for foreign in [*[{name} for name in names], set(names)]:
        ids = {name: house.ids.get(name, "none") if name in foreign else mine.get(name, "none") for name in names}
        path = path_of(operation, {"workspace_id": "mine", **ids})
        silent(house.ask(Principal(workspace="mine"), operation.method, path, **body_of(operation)), THEIRS)
    assert house.belongings("theirs") == before


# Another workspace, by ids within queries and bodies.

F = {"workspace_id": "theirs", "session_id": "far-session", "peer_id": "far-peer"}
FILTERS: list[Json] = [
    {"workspace_id": "theirs"},
    {"OR": [{"workspace_id": "theirs"}, {"workspace_id": "mine"}]},
    {"NOT": [{"workspace_id": "mine"}]},
    {"workspace_id": {"ne": "mine"}},
    {"workspace_id": {"in": ["theirs"]}},
    {"workspace_id": "*"},
    {"metadata": {"note": THEIRS}},
    {"session_id": "far-session"},
    {"peer_id": "far-peer"},
    {"id": "far-peer"},
]
WORD = {"query": f"a {THEIRS}"}
BY_FILTER: dict[str, Json] = {
    "search_workspace": WORD,
    "search_peer": WORD,
    "search_session": WORD,
    "query_conclusions": WORD,
    "chat": WORD,
    "get_representation": {"search_query": THEIRS},
    "get_peers": {},
    "get_sessions": {},
    "get_sessions_for_peer": {},
    "get_messages": {},
    "list_conclusions": {},
}
PAIR = {"content": "c", "observer_id": "far-peer", "observed_id": "far-peer"}
ATTACKS: dict[str, list[Json]] = {
    "get_or_create_workspace": [{"json": {"id": "theirs", "metadata": {"note": "ours now"}}}],
    "get_all_workspaces": [{"json": {"filters": {"id": "theirs"}}}],
    "chat_workspace": [{"json": {**WORD, "session_id": "far-session"}}, {"json": {**WORD, "scope": "far-scope"}}],
    "search_workspace": [{"json": {**WORD, "scope": "far-scope"}}],
    "get_queue_status": [{"params": {"session_id": "far-session", "observer_id": "far-peer", "sender_id": "far-peer"}}],
    "schedule_dream": [{"json": {"observer": "far-peer", "observed": "far-peer", "dream_type": "omni"}}],
    "get_or_create_peer": [{"json": {"id": "far-peer"}}],
    "chat": [
        {"json": {**WORD, "session_id": "far-session"}},
        {"json": {**WORD, "scope": ["far-scope"]}},
        {"json": {**WORD, "target": "far-peer"}},
    ],
    "get_representation": [
        {"json": {"session_id": "far-session"}},
        {"json": {"scope": "far-scope"}},
        {"json": {"target": "far-peer"}},
    ],
    "get_peer_card": [{"params": {"target": "far-peer"}}],
    "set_peer_card": [{"params": {"target": "far-peer"}, "json": {"peer_card": ["x"]}}],
    "get_peer_context": [{"params": {"target": "far-peer", "search_query": THEIRS}}],
    "get_or_create_session": [
        {"json": {"id": "far-session", "peers": {"far-peer": {}}}},
        {"json": {"id": "new", "scopes": ["far-scope"]}},
    ],
    "clone_session": [{"params": {"message_id": "{message_id}"}}],
    "get_session_context": [
        {"params": {"peer_target": "far-peer"}},
        {"params": {"peer_target": "near-peer", "peer_perspective": "far-peer"}},
        {"params": {"peer_target": "near-peer", "scope": "far-scope"}},
        {"params": {"peer_target": "far-peer", "sessions": ["near-session", "far-session"]}},
    ],
    "get_or_create_scope": [{"json": {"id": "far-scope"}}],
    "add_sessions_to_scope": [{"json": {"session_ids": ["far-session"]}}],
    "set_session_peers": [{"json": {"far-peer": {}}}],
    "add_peers_to_session": [{"json": {"far-peer": {}}}],
    "remove_peers_from_session": [{"json": ["far-peer"]}],
    "create_messages_for_session": [{"json": {"messages": [{"peer_id": "far-peer", "content": "x"}]}}],
    "create_messages_with_file": [{**FORMS["create_messages_with_file"], "data": {"peer_id": "far-peer"}}],
    "create_conclusions": [{"json": {"conclusions": [PAIR, {**PAIR, "session_id": "far-session"}]}}],
    "create_key": [{"params": {"workspace_id": "theirs"}}],
}


UNNAMED = {"set_session_peers", "add_peers_to_session", "remove_peers_from_session"}
"""Operations whose bodies are maps or lists of ids, so that no field is named like an id."""


def id_fields(operation: OperationSpec) -> set[str]:
    return {name for name in fields(operation) if IDS.search(name)}


NOT_DERIVED = re.compile(r"filters|workspace|message|conclusion|endpoint")
"""Fields for which attacks have to be written down in ATTACKS or BY_FILTER."""
TAKING = {handler for handler, operation in OPERATIONS.items() if id_fields(operation)} | UNNAMED


def attacks(handler: str) -> Iterator[Json]:
    yield from ATTACKS.get(handler, [])
    if handler in BY_FILTER:
        for filters in FILTERS:
            yield {"json": {**BY_FILTER[handler], "filters": filters}}
    if handler not in ATTACKS.keys() | BY_FILTER.keys():
        yield from derived(OPERATIONS[handler])


def derived(operation: OperationSpec) -> Iterator[Json]:
    """The document's example with ids that exist, each time one of them an id of the other workspace."""
    for foreign in sorted(id_fields(operation)):

        def id_of(name: str, foreign: str = foreign) -> str | None:
            kind = next((kind for kind in ("session", "scope") if kind in name), "peer")
            return f"{'far' if name == foreign else 'near'}-{kind}" if IDS.search(name) else None

        yield example_with_ids(operation, id_of)


@pytest.mark.parametrize("handler", sorted(TAKING))
def test_an_id_of_another_workspace_in_a_query_or_a_body_reaches_nothing(handler: str, house: TwoWorkspaces) -> None:
    before = house.belongings("theirs")
    names = {"workspace_id": "mine", "peer_id": "near-peer", "session_id": "near-session", "scope_id": "near-scope"}
    operation = OPERATIONS[handler]
    for options in attacks(handler):
        if "message_id" in options.get("params", {}):
            options["params"] = {"message_id": house.ids["message_id"]}
        answer = house.ask(Principal(workspace="mine"), operation.method, path_of(operation, names), **options)
        # Some responses echo the request.
        assert answer.status_code < 500, answer.text
        assert f"a {THEIRS}" not in answer.text.lower().replace(json.dumps(WORD["query"]), "")
        assert f"attribute: {THEIRS}" not in answer.text.lower()
    assert house.belongings("theirs") == before


def test_every_operation_that_takes_an_id_in_a_query_or_a_body_is_attacked() -> None:
    listed = ATTACKS.keys() | BY_FILTER.keys()
    assert not listed - TAKING, f"these take no ids: remove them from ATTACKS and BY_FILTER: {listed - TAKING}"
    for operation in map(OPERATIONS.__getitem__, TAKING - listed):
        shown = {name for name in example_fields(operation) if not NOT_DERIVED.search(name)}
        missing = id_fields(operation) - shown
        assert not missing, f"show {missing} in the examples of {operation.handler}, or add a line to ATTACKS"


# Within one workspace: data that peer and session keys must not see.

P, S = Principal(workspace="mine", peer="p"), Principal(workspace="mine", session="s")
BOTH = Principal(workspace="mine", peer="q", session="s")
ASK = {"query": f"my {OURS}"}
ELSEWHERE: list[Json] = [
    {"session_id": "t"},
    {"peer_id": "q", "session_id": "t"},
    {"OR": [{"session_id": "s"}, {"session_id": "t"}]},
    {"NOT": [{"session_id": "s"}]},
    {"session_id": {"in": ["s", "t"]}},
    {"session_id": {"ne": "s"}},
]
REFUSED: list[tuple[str, Principal, str, str, Json]] = [
    ("asking a session", P, "POST", "/peers/p/chat", {"json": {**ASK, "session_id": "t"}}),
    ("asking of a session in a filter", P, "POST", "/peers/p/chat", {"json": {**ASK, "filters": {"session_id": "t"}}}),
    ("asking of two sessions", P, "POST", "/peers/p/chat", {"json": {**ASK, "filters": {"session_id": ["s", "t"]}}}),
    ("asking a scope", P, "POST", "/peers/p/chat", {"json": {**ASK, "scope": "sc"}}),
    ("asking several scopes", P, "POST", "/peers/p/chat", {"json": {**ASK, "scope": ["sc"]}}),
    ("a session's representation", P, "POST", "/peers/p/representation", {"json": {"session_id": "t"}}),
    ("a scope's representation", P, "POST", "/peers/p/representation", {"json": {"scope": "sc"}}),
    ("what another knows", P, "GET", "/sessions/s/context", {"params": {"peer_target": "p", "peer_perspective": "q"}}),
    ("what the target knows", P, "GET", "/sessions/s/context", {"params": {"peer_target": "q"}}),
    (
        "a session in addition to its own",
        P,
        "GET",
        "/sessions/s/context",
        {"params": {"peer_target": "q", "peer_perspective": "p", "sessions": ["s", "t"]}},
    ),
    ("a scope's context", P, "GET", "/sessions/s/context", {"params": {"peer_target": "q", "scope": "sc"}}),
    (
        "another session in addition to its own",
        S,
        "GET",
        "/sessions/s/context",
        {"params": {"peer_target": "q", "sessions": ["s", "t"]}},
    ),
    ("a scope's context", S, "GET", "/sessions/s/context", {"params": {"peer_target": "q", "scope": "sc"}}),
    ("the queue of a session", S, "GET", "/queue/status", {"params": {"session_id": "t"}}),
    ("the queue of all", S, "GET", "/queue/status", {}),
    ("a session by its name", S, "POST", "/sessions", {"json": {"id": "t"}}),
    ("a session into a scope", S, "POST", "/sessions", {"json": {"id": "s", "scopes": ["sc"]}}),
    ("a session into a scope", P, "POST", "/sessions", {"json": {"id": "s", "scopes": ["sc"]}}),
    ("a peer by its name", P, "POST", "/peers", {"json": {"id": "q", "metadata": {}}}),
    ("recalling a session", P, "POST", "/recall", {"json": {**ASK, "session_id": "t"}}),
    ("recalling a session", S, "POST", "/recall", {"json": {**ASK, "session_id": "t"}}),
    ("the representation by both claims", BOTH, "POST", "/peers/q/representation", {"json": {}}),
]


@pytest.mark.parametrize(("what", "principal", "method", "path", "options"), REFUSED, ids=[row[0] for row in REFUSED])
def test_a_narrowed_key_is_refused(
    what: str, principal: Principal, method: str, path: str, options: Json, house: TwoWorkspaces
) -> None:
    before = house.belongings("mine")
    answer = house.ask(principal, method, f"/v3/workspaces/mine{path}", **options)
    assert answer.status_code == 401, answer.text
    silent(answer, OURS)
    assert house.belongings("mine") == before


READABLE = [
    (P, "POST", "/sessions/s/messages/list", {}),
    (S, "POST", "/sessions/s/messages/list", {}),
    (P, "POST", "/sessions/s/search", ASK),
    (S, "POST", "/sessions/s/search", ASK),
    (P, "POST", "/peers/p/search", ASK),
    (P, "POST", "/peers/p/sessions", {}),
]


@pytest.mark.parametrize(("principal", "method", "path", "body"), READABLE)
def test_no_filter_extends_the_access_of_a_narrowed_key(
    principal: Principal, method: str, path: str, body: Json, house: TwoWorkspaces
) -> None:
    for filters in [None, *ELSEWHERE, {"metadata": {"note": OURS}}, {"id": "t"}, {"NOT": [{"id": "s"}]}]:
        answer = house.ask(principal, method, f"/v3/workspaces/mine{path}", json={**body, "filters": filters})
        assert answer.status_code in (200, 422), answer.text
        silent(answer, OURS)


@pytest.mark.parametrize("principal", [P, S, BOTH], ids=["a peer's key", "a session's key", "a key of both"])
def test_a_narrowed_key_recalls_nothing_beyond_its_reach(principal: Principal, house: TwoWorkspaces) -> None:
    for about in ({}, {"peer_id": "p"}, {"peer_id": "q"}, {"peer_id": "r"}, {"session_id": "s"}):
        answer = house.ask(principal, "POST", "/v3/workspaces/mine/recall", json={**ASK, **about})
        assert answer.status_code == 200, answer.text
        recalled = answer.json()
        if principal is not P:
            silent(answer, OURS)
        assert {each["observer_id"] for each in recalled["conclusions"]} <= {"p"}
        assert not any(OURS in each["content"] for each in recalled["messages"])


@pytest.mark.parametrize("principal", [P, S], ids=["a peer's key", "a session's key"])
def test_a_message_is_found_in_its_session_only(principal: Principal, house: TwoWorkspaces) -> None:
    path = f"/v3/workspaces/mine/sessions/s/messages/{house.secret_message}"
    assert house.ask(principal, "GET", path).status_code == 404
    before = house.belongings("mine")
    assert house.ask(S, "PUT", path, json={"metadata": {"seen": True}}).status_code == 404
    assert house.ask(
        S, "POST", "/v3/workspaces/mine/sessions/s/clone", params={"message_id": house.secret_message}
    ).is_error
    assert house.belongings("mine") == before


def test_a_session_key_reads_only_conclusions_from_its_session(house: TwoWorkspaces) -> None:
    for perspective in ({}, {"peer_perspective": "p"}):
        query = {"peer_target": "q", "search_query": OURS, **perspective}
        answer = house.ask(S, "GET", "/v3/workspaces/mine/sessions/s/context", params=query)
        assert answer.status_code == 200
        assert answer.json()["peer_card"] is None
        assert OURS not in answer.text.replace(f"my {OURS}", "")


def test_get_or_create_with_a_narrowed_key_changes_nothing(house: TwoWorkspaces) -> None:
    before = house.belongings("mine")
    bodies: list[tuple[Principal, str, Json]] = [
        (P, "sessions", {"id": "t", "peers": {"p": {}}, "metadata": {"note": "mine now"}}),
        (P, "sessions", {"id": "s", "peers": {"p": {}, "r": {}}, "configuration": {"summary": {"enabled": False}}}),
        (S, "peers", {"id": "q", "metadata": {"note": "mine now"}, "configuration": {"observe_me": False}}),
        (S, "peers", {"id": "somebody-new"}),
        (S, "", {"id": "mine", "metadata": {"note": "mine now"}}),
    ]
    for principal, kind, body in bodies:
        path = f"/v3/workspaces/mine/{kind}" if kind else "/v3/workspaces"
        answer = house.ask(principal, "POST", path, json=body)
        assert answer.status_code in (200, 401), answer.text
    assert house.belongings("mine") == before
