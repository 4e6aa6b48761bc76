"""Invalid scope names are refused with the rule, wherever a scope or peer is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.handlers.test_scopes import OF_ONE_SCOPE


@pytest.fixture
def ws(http: httpx.Client, fresh: Callable[[str], str]) -> str:
    """The path of a workspace with the session s of the peer p, and the scope th."""
    path = f"/v3/workspaces/{fresh('named')}"
    http.post(f"{path}/sessions", json={"id": "s", "peers": {"p": {}}, "scopes": ["th"]}).raise_for_status()
    return path


PREFIX_RULE = "Value error, Scope name must not start with the reserved prefix 'scope.' (scope names are unprefixed)"
LENGTH_RULE = "Value error, Scope name must be between 1 and 506 characters"
PATTERN_RULE = "Value error, Scope name must match pattern ^[a-zA-Z0-9_-]+$"
IMPOSSIBLE = [("scope.th", PREFIX_RULE), ("a b", PATTERN_RULE), ("é", PATTERN_RULE), ("x" * 507, LENGTH_RULE)]


@pytest.mark.parametrize(("scope", "rule"), IMPOSSIBLE)
@pytest.mark.parametrize(("method", "path"), OF_ONE_SCOPE)
def test_an_invalid_scope_name_in_a_path_is_refused_with_the_rule(
    method: str, path: str, scope: str, rule: str, http: httpx.Client, ws: str
) -> None:
    body = {"session_ids": ["a"]} if path == "/sessions" else None
    response = http.request(method, f"{ws}/scopes/{quote(scope)}{path}", json=body)
    assert response.status_code == 422
    (fault,) = response.json()["detail"]
    assert (fault["loc"], fault["msg"]) == (["path", "scope_id"], rule)


TAKING_A_SCOPE: list[tuple[str, str, dict[str, Any], bool]] = [
    ("POST", "/search", {"query": "x"}, False),
    ("POST", "/chat", {"query": "x"}, True),
    ("POST", "/peers/p/chat", {"query": "x"}, True),
    ("POST", "/peers/p/chat", {"query": "x", "stream": True}, True),
    ("POST", "/peers/p/representation", {}, True),
]


@pytest.mark.parametrize(("scope", "rule"), [*IMPOSSIBLE, ("", LENGTH_RULE)])
@pytest.mark.parametrize(("method", "path", "body", "several"), TAKING_A_SCOPE)
def test_an_invalid_scope_name_in_a_body_is_refused_with_the_rule(
    method: str, path: str, body: dict[str, Any], several: bool, scope: str, rule: str, http: httpx.Client, ws: str
) -> None:
    for given in (scope, ["fine", scope]) if several else (scope,):
        response = http.request(method, f"{ws}{path}", json={**body, "scope": given})
        assert response.status_code == 422, response.text
        (fault,) = response.json()["detail"]
        assert (fault["loc"], fault["msg"]) == (["body", "scope"], rule)


@pytest.mark.parametrize(("scope", "rule"), [*IMPOSSIBLE, ("", LENGTH_RULE)])
def test_an_invalid_scope_name_in_a_context_is_refused_with_the_rule(
    scope: str, rule: str, http: httpx.Client, ws: str
) -> None:
    response = http.get(f"{ws}/sessions/s/context", params={"peer_target": "p", "scope": scope})
    assert response.status_code == 422
    (fault,) = response.json()["detail"]
    assert (fault["loc"], fault["msg"]) == (["query", "scope"], rule)


def of_peers(http: httpx.Client, ws: str, peer: str) -> list[httpx.Response]:
    """Responses to reads that name a peer where scopes are not allowed."""
    return [
        http.get(f"{ws}/sessions/s/context", params={"peer_target": "p", "peer_perspective": peer}),
        http.get(f"{ws}/sessions/s/context", params={"peer_target": peer}),
        http.post(f"{ws}/peers/p/chat", json={"query": "x", "target": peer}),
        http.post(f"{ws}/peers/p/representation", json={"target": peer}),
        http.get(f"{ws}/peers/p/context", params={"target": peer}),
    ]


@pytest.mark.parametrize(
    ("peer", "sentence"),
    [
        ("scope.th", "Peer name(s) ['scope.th'] are scopes. Use the `scope` parameter to read from a scope."),
        (
            "scope.missing",
            "Peer name(s) ['scope.missing'] use the reserved scope prefix 'scope.'. "
            "Use the `scope` parameter to read from a scope.",
        ),
        (
            "scope.a b",
            "Peer name(s) ['scope.a b'] use the reserved scope prefix 'scope.'. "
            "Scope name must match pattern ^[a-zA-Z0-9_-]+$",
        ),
        (
            "scope.",
            "Peer name(s) ['scope.'] use the reserved scope prefix 'scope.'. "
            "Scope name must be between 1 and 506 characters",
        ),
    ],
)
def test_a_peer_with_a_scopes_prefix_is_refused_with_the_reason(
    peer: str, sentence: str, http: httpx.Client, ws: str
) -> None:
    found = [(answer.status_code, answer.json()["detail"]) for answer in of_peers(http, ws, peer)]
    assert found == [(422, sentence)] * len(found)


def test_an_invalid_scope_name_in_a_perspective_is_refused_with_the_rule(http: httpx.Client, ws: str) -> None:
    for path in ("/search", "/peers/p/search", "/sessions/s/search"):
        body = {"query": "x", "filters": {"peer_perspective": "scope.a b"}}
        answer = http.post(f"{ws}{path}", json=body)
        assert (answer.status_code, answer.json()["detail"]) == (
            422,
            "peer_perspective must be the id of a peer. Scope name must match pattern ^[a-zA-Z0-9_-]+$",
        )
        body = {"query": "x", "filters": {"peer_perspective": "scope.missing"}}
        assert http.post(f"{ws}{path}", json=body).json() == []
