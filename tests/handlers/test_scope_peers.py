"""The hidden peer of a scope: where it is listed, and where it may not be named."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest

Fresh = Callable[[str], str]

MEMBERSHIP = (
    "Peer name(s) ['scope.th'] are scopes. Scope membership is managed via the scopes routes "
    "(/v3/workspaces/{workspace_id}/scopes/{scope_id}/sessions) or the `scopes` field at session creation."
)
CONFIG = "Peer name(s) ['scope.th'] are scopes. Scope membership is managed via the scopes routes."
AUTHOR = "Peer name(s) ['scope.th'] are scopes. Scope peers cannot author messages."
RESERVED = "Peer name(s) ['scope.no'] use the reserved scope prefix 'scope.'. Use the scopes routes to create scopes."


@pytest.fixture
def ws(http: httpx.Client, fresh: Fresh) -> str:
    """The path of a workspace with alice in the session s, which is in the scope th."""
    path = f"/v3/workspaces/{fresh('hidden')}"
    body = {"id": "s", "peers": {"alice": {"observe_others": True}}, "scopes": ["th"]}
    http.post(f"{path}/sessions", json=body).raise_for_status()
    return path


def members(http: httpx.Client, ws: str) -> list[str]:
    return [peer["id"] for peer in http.get(f"{ws}/sessions/s/peers").json()["items"]]


def in_scope(http: httpx.Client, ws: str) -> list[str]:
    return [session["id"] for session in http.post(f"{ws}/scopes/th/sessions/list").json()["items"]]


@pytest.mark.parametrize(("kind", "ids"), [(None, ["alice"]), ("scope", ["scope.th"]), ("all", ["alice", "scope.th"])])
def test_peers_are_listed_by_kind(kind: str | None, ids: list[str], http: httpx.Client, ws: str) -> None:
    page = http.post(f"{ws}/peers/list", json={"kind": kind}).json()
    assert ([peer["id"] for peer in page["items"]], page["total"]) == (ids, len(ids))
    assert [peer["configuration"] for peer in page["items"] if "." in peer["id"]] in ([], [{"observe_me": False}])


def test_an_unknown_kind_is_refused(http: httpx.Client, ws: str) -> None:
    refused = http.post(f"{ws}/peers/list", json={"kind": "peer"})
    assert (refused.status_code, refused.json()["detail"][0]["type"]) == (422, "literal_error")


def test_a_filter_sees_only_peers_of_the_kind(http: httpx.Client, ws: str) -> None:
    wanted = {"id": "scope.th"}
    assert http.post(f"{ws}/peers/list", json={"filters": wanted}).json()["total"] == 0
    assert http.post(f"{ws}/peers/list", json={"filters": wanted, "kind": "scope"}).json()["total"] == 1


def test_a_peer_whose_configuration_says_scope_is_not_one(http: httpx.Client, ws: str) -> None:
    http.put(f"{ws}/peers/bob", json={"configuration": {"kind": "scope"}})
    assert http.post(f"{ws}/peers/list", json={"kind": "scope"}).json()["total"] == 1


def test_the_sessions_of_a_scopes_peer_are_those_in_the_scope(http: httpx.Client, ws: str) -> None:
    assert [s["id"] for s in http.post(f"{ws}/peers/scope.th/sessions").json()["items"]] == ["s"]


def test_members_are_listed_without_scopes(http: httpx.Client, ws: str) -> None:
    assert members(http, ws) == ["alice"]


CALLS = [
    ("POST", "/sessions/s/peers", {"scope.{}": {}}),
    ("PUT", "/sessions/s/peers", {"bob": {}, "scope.{}": {}}),
    ("DELETE", "/sessions/s/peers", ["alice", "scope.{}"]),
    ("GET", "/sessions/s/peers/scope.{}/config", None),
    ("PUT", "/sessions/s/peers/scope.{}/config", {"observe_me": True}),
    ("POST", "/sessions/s/messages", {"messages": [{"peer_id": "scope.{}", "content": "Hello"}]}),
    ("PUT", "/peers/scope.{}", {}),
]


def call(http: httpx.Client, ws: str, method: str, path: str, body: object, scope: str) -> httpx.Response:
    content = None if body is None else json.dumps(body).replace("scope.{}", f"scope.{scope}")
    headers = {"Content-Type": "application/json"} if content else {}
    return http.request(method, ws + path.replace("{}", scope), content=content, headers=headers)


@pytest.mark.parametrize(
    ("method", "path", "body", "detail"),
    [
        (*given, detail)
        for given, detail in zip(
            CALLS,
            [
                *[MEMBERSHIP] * 3,
                *[CONFIG] * 2,
                AUTHOR,
                "Peer 'scope.th' is a scope. Use the scopes routes to manage scopes.",
            ],
            strict=True,
        )
    ],
)
def test_a_scopes_peer_may_not_be_named(
    method: str, path: str, body: object, detail: str, http: httpx.Client, ws: str
) -> None:
    refused = call(http, ws, method, path, body, "th")
    assert (refused.status_code, refused.json()["detail"]) == (422, detail)
    assert (members(http, ws), in_scope(http, ws)) == (["alice"], ["s"])


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "detail"),
    [
        (*given, status, detail)
        for given, (status, detail) in zip(
            CALLS,
            [
                (422, RESERVED),
                (422, RESERVED),
                (200, None),
                (404, "Peer scope.no not found in workspace"),
                (404, "Peer scope.no not found in workspace"),
                (422, RESERVED),
                (422, RESERVED),
            ],
            strict=True,
        )
    ],
)
def test_a_scopes_peer_is_not_created_by_name(
    method: str, path: str, body: object, status: int, detail: str | None, http: httpx.Client, ws: str
) -> None:
    response = call(http, ws, method, path, body, "no")
    assert response.status_code == status
    if detail is not None:
        assert response.json()["detail"].startswith(detail)
    assert members(http, ws) == ([] if method == "DELETE" else ["alice"])
    assert http.post(f"{ws}/peers/list", json={"kind": "all"}).json()["total"] == 2


def test_a_session_is_not_created_with_a_scopes_peer(http: httpx.Client, ws: str) -> None:
    observes = {"observe_me": False, "observe_others": True}
    for session in ("s", "new"):
        refused = http.post(f"{ws}/sessions", json={"id": session, "peers": {"scope.th": observes}})
        assert refused.status_code == 422
        assert MEMBERSHIP in refused.text.replace("\\", "")
    assert http.post(f"{ws}/sessions/list").json()["total"] == 1


def test_no_peer_is_created_with_a_reserved_name(http: httpx.Client, ws: str) -> None:
    for name in ("scope.th", "scope.no", "scope."):
        refused = http.post(f"{ws}/peers", json={"id": name})
        assert (refused.status_code, refused.json()["detail"][0]["type"]) == (422, "string_pattern_mismatch")


def test_replacing_the_members_keeps_the_scopes(http: httpx.Client, ws: str) -> None:
    sets: list[dict[str, object]] = [{"bob": {}}, {}]
    for given in sets:
        assert http.put(f"{ws}/sessions/s/peers", json=given).status_code == 200
        assert members(http, ws) == [*given]
        assert in_scope(http, ws) == ["s"]


def test_scopes_do_not_count_as_observers(http: httpx.Client, ws: str) -> None:
    observes = {"observe_others": True}
    nine = {f"p{number}": observes for number in range(9)}
    eleven_scopes = [f"t{number}" for number in range(11)]
    path = f"{ws}/sessions/s/peers"
    assert http.post(f"{ws}/sessions", json={"id": "s", "peers": nine, "scopes": eleven_scopes}).status_code == 200
    http.post(path, json={"bob": {}})
    assert http.post(path, json={"bob": observes}).status_code == 400
    assert http.put(f"{path}/bob/config", json=observes).status_code == 400
    assert http.put(path, json={**nine, "bob": observes}).status_code == 200
    assert http.put(f"{path}/p0/config", json={"observe_others": False}).status_code == 204
    assert http.put(f"{path}/p0/config", json=observes).status_code == 204


def test_a_clone_is_in_the_scopes_of_its_source(http: httpx.Client, ws: str) -> None:
    clone = http.post(f"{ws}/sessions/s/clone").json()["id"]
    assert in_scope(http, ws) == ["s", clone]
