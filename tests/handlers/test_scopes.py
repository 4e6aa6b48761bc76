"""Scopes over HTTP: create, list, add and remove sessions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from omoide.core import clock
from omoide.core.auth import Keyring, Principal
from tests import sql
from tests.conftest import SECRET
from tests.server_process import Server

Fresh = Callable[[str], str]


@pytest.fixture
def w(fresh: Fresh) -> str:
    return fresh("scoped")


@pytest.fixture
def ws(http: httpx.Client, w: str) -> str:
    """The path of a workspace with the scope th and the sessions a, b and c."""
    path = f"/v3/workspaces/{w}"
    for session in "abc":
        http.post(f"{path}/sessions", json={"id": session, "peers": {"alice": {}}}).raise_for_status()
    http.post(f"{path}/scopes", json={"id": "th"}).raise_for_status()
    return path


def sessions(http: httpx.Client, ws: str, query: str = "", scope: str = "th") -> list[str]:
    return [session["id"] for session in http.post(f"{ws}/scopes/{scope}/sessions/list{query}").json()["items"]]


def add(http: httpx.Client, ws: str, *session_ids: str) -> httpx.Response:
    return http.post(f"{ws}/scopes/th/sessions", json={"session_ids": session_ids})


def squat(server: Server, w: str, peer_id: str) -> None:
    """Give an ordinary peer an id that only migrated data can have."""
    with sql.opened(server.db) as db:
        workspace = sql.value(db, "SELECT pk FROM workspaces WHERE id = ?", (w,))
        sql.change(
            db,
            """INSERT INTO peers (workspace, id, uid, metadata, configuration, created_at)
               VALUES (?, ?, ?, '{}', '{}', 0)""",
            (workspace, peer_id, clock.new_id(0)),
        )


def test_a_scope_and_its_workspace_are_created_on_first_use(http: httpx.Client, w: str) -> None:
    made = http.post(f"/v3/workspaces/{w}/scopes", json={"id": "th", "metadata": {"a": 1}, "configuration": {"b": 2}})
    assert made.status_code == 201
    assert made.json().keys() == {"id", "metadata", "created_at"}
    again = http.post(f"/v3/workspaces/{w}/scopes", json={"id": "th"})
    assert (again.status_code, again.json()) == (200, made.json())
    assert http.get(f"/v3/workspaces/{w}/scopes/th").json() == made.json()


@pytest.mark.parametrize(
    ("given", "kept"),
    [({}, {"a": 1}), ({"metadata": None}, {"a": 1}), ({"metadata": {}}, {}), ({"metadata": {"b": 2}}, {"b": 2})],
)
def test_metadata_replaces_the_stored_one(
    given: dict[str, Any], kept: dict[str, int], http: httpx.Client, w: str
) -> None:
    path = f"/v3/workspaces/{w}/scopes"
    http.post(path, json={"id": "th", "metadata": {"a": 1}})
    assert http.post(path, json={"id": "th", **given}).json()["metadata"] == kept
    assert http.get(f"{path}/th").json()["metadata"] == kept


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("scope.th", "must not start with the reserved prefix 'scope.' (scope names are unprefixed)"),
        ("a b", "must match pattern ^[a-zA-Z0-9_-]+$"),
        ("th\n", "must match pattern ^[a-zA-Z0-9_-]+$"),
        ("x" * 507, "must be between 1 and 506 characters"),
    ],
)
def test_an_invalid_name_is_refused(name: str, why: str, http: httpx.Client, w: str) -> None:
    alone = http.post(f"/v3/workspaces/{w}/scopes", json={"id": name})
    (fault,) = alone.json()["detail"]
    message = f"Value error, Scope name {why}"
    assert (alone.status_code, fault["loc"], fault["msg"]) == (422, ["body", "id"], message)
    with_session = http.post(f"/v3/workspaces/{w}/sessions", json={"id": "s", "scopes": ["good", name]})
    (fault,) = with_session.json()["detail"]
    assert (with_session.status_code, fault["loc"], fault["msg"]) == (422, ["body", "scopes"], message)
    assert http.post(f"/v3/workspaces/{w}/scopes/list").json()["total"] == 0


def test_the_longest_name_gives_the_longest_peer_id(http: httpx.Client, w: str) -> None:
    assert http.post(f"/v3/workspaces/{w}/scopes", json={"id": "x" * 506}).status_code == 201
    (peer,) = http.post(f"/v3/workspaces/{w}/peers/list", json={"kind": "scope"}).json()["items"]
    assert len(peer["id"]) == 512


def test_an_ordinary_peer_with_the_scopes_id_is_a_conflict(http: httpx.Client, ws: str, w: str, server: Server) -> None:
    squat(server, w, "scope.old")
    for path, body in (("scopes", {"id": "old"}), ("sessions", {"id": "s", "scopes": ["old"]})):
        refused = http.post(f"{ws}/{path}", json=body)
        assert refused.status_code == 409
        assert refused.json()["detail"].startswith(
            f"A peer named 'scope.old' already exists in workspace {w} but is not"
        )
    assert "s" not in {session["id"] for session in http.post(f"{ws}/sessions/list").json()["items"]}
    assert http.get(f"{ws}/scopes/old").status_code == 404


def test_scopes_are_listed_oldest_first_and_a_body_is_ignored(http: httpx.Client, ws: str) -> None:
    http.post(f"{ws}/scopes", json={"id": "work"})
    for query, names in (("", ["th", "work"]), ("?reverse=true", ["work", "th"]), ("?size=1&page=2", ["work"])):
        page = http.post(f"{ws}/scopes/list{query}", json={"filters": {"id": "nothing"}}).json()
        assert ([scope["id"] for scope in page["items"]], page["total"]) == (names, 2)


OF_ONE_SCOPE = [
    ("GET", ""),
    ("GET", "/status"),
    ("POST", "/sessions"),
    ("POST", "/sessions/list"),
    ("DELETE", "/sessions/a"),
]


@pytest.mark.parametrize("scope", ["nothing", "x" * 506])
@pytest.mark.parametrize(("method", "path"), OF_ONE_SCOPE)
def test_an_unknown_scope_is_not_found(method: str, path: str, scope: str, http: httpx.Client, ws: str, w: str) -> None:
    body = {"session_ids": ["a"]} if path == "/sessions" else None
    response = http.request(method, f"{ws}/scopes/{scope}{path}", json=body)
    assert (response.status_code, response.json()["detail"]) == (404, f"Scope {scope} not found in workspace {w}")


def test_sessions_are_listed_in_the_order_in_which_they_were_added(http: httpx.Client, ws: str) -> None:
    assert sessions(http, ws) == []
    assert add(http, ws, "b", "c").status_code == 204
    assert add(http, ws, "a").content == b""
    assert sessions(http, ws) == ["b", "c", "a"]
    assert sessions(http, ws, "?reverse=true") == ["a", "c", "b"]
    assert sessions(http, ws, "?size=1&page=2") == ["c"]


def test_a_session_that_is_added_again_keeps_its_position(http: httpx.Client, ws: str) -> None:
    add(http, ws, "a", "a")
    add(http, ws, "b")
    assert add(http, ws, "a", "b").status_code == 204
    http.post(f"{ws}/sessions", json={"id": "a", "scopes": ["th"]})
    assert sessions(http, ws) == ["a", "b"]


def test_sessions_are_added_all_or_none(http: httpx.Client, ws: str, w: str) -> None:
    http.delete(f"{ws}/sessions/c")
    refused = add(http, ws, "z", "a", "c", "x" * 600)
    assert refused.status_code == 404
    assert refused.json()["detail"] == f"Session(s) ['c', '{'x' * 50}…', 'z'] not found in workspace {w}"
    assert sessions(http, ws) == []


@pytest.mark.parametrize("given", [[], ["s"] * 101, "a", [1], None])
def test_between_1_and_100_sessions_are_added_at_once(given: object, http: httpx.Client, ws: str) -> None:
    assert http.post(f"{ws}/scopes/th/sessions", json={"session_ids": given}).status_code == 422


def test_a_session_is_removed_and_added_again(http: httpx.Client, ws: str) -> None:
    add(http, ws, "a", "b")
    for _ in range(2):
        assert http.delete(f"{ws}/scopes/th/sessions/a").status_code == 204
        assert sessions(http, ws) == ["b"]
    add(http, ws, "a")
    assert sessions(http, ws) == ["b", "a"]


def test_a_session_that_is_not_in_the_scope_cannot_be_removed(http: httpx.Client, ws: str, w: str) -> None:
    refused = http.delete(f"{ws}/scopes/th/sessions/z")
    assert (refused.status_code, refused.json()["detail"]) == (404, f"Session z not found in workspace {w}")


def test_a_deleted_session_is_in_no_scope(http: httpx.Client, ws: str) -> None:
    add(http, ws, "a", "b")
    http.delete(f"{ws}/sessions/a")
    assert sessions(http, ws) == ["b"]
    assert http.delete(f"{ws}/scopes/th/sessions/a").status_code == 404


def test_a_session_is_created_in_its_scopes(http: httpx.Client, ws: str) -> None:
    http.post(f"{ws}/sessions", json={"id": "s", "scopes": ["th", "new", "th"]}).raise_for_status()
    assert sessions(http, ws) == ["s"]
    assert sessions(http, ws, scope="new") == ["s"]
    http.post(f"{ws}/sessions", json={"id": "s", "scopes": []})
    http.post(f"{ws}/sessions", json={"id": "s", "scopes": None})
    http.post(f"{ws}/sessions", json={"id": "s", "scopes": ["third"]})
    assert [sessions(http, ws, scope=scope) for scope in ("th", "new", "third")] == [["s"]] * 3


def test_a_session_is_created_in_at_most_100_scopes(http: httpx.Client, ws: str) -> None:
    for count, status in ((101, 422), (100, 200)):
        body = {"id": "s", "scopes": [f"t{number}" for number in range(count)]}
        assert http.post(f"{ws}/sessions", json=body).status_code == status


def test_scopes_of_different_workspaces_share_nothing(http: httpx.Client, ws: str, fresh: Fresh) -> None:
    add(http, ws, "a")
    other = f"/v3/workspaces/{fresh('other')}"
    http.post(f"{other}/scopes", json={"id": "th"})
    assert sessions(http, other) == []
    assert http.post(f"{other}/scopes/th/sessions", json={"session_ids": ["a"]}).status_code == 404


@pytest.mark.parametrize("narrow", [Principal(workspace="w", peer="p"), Principal(workspace="w", session="s")])
def test_only_a_workspace_key_adds_a_session_to_scopes(narrow: Principal, guarded: Server, fresh: Fresh) -> None:
    w = fresh("keys")
    own = {field: getattr(narrow, field) for field in ("peer", "session")}

    def create(principal: Principal, **body: object) -> httpx.Response:
        key = Keyring(SECRET).mint(principal, now=clock.now())
        with guarded.client(headers={"Authorization": f"Bearer {key}"}) as client:
            return client.post(f"/v3/workspaces/{w}/sessions", json={"id": "s", "peers": {"p": {}}, **body})

    assert create(Principal(workspace=w), scopes=["th"]).status_code == 200
    assert create(Principal(workspace=w, **own), scopes=[]).status_code == 200
    refused = create(Principal(workspace=w, **own), scopes=["th"])
    assert refused.status_code == 401
    assert refused.json()["detail"] == "Scope membership requires a workspace-level key"


def test_deleting_a_workspace_frees_its_scopes(http: httpx.Client, ws: str) -> None:
    add(http, ws, "a")
    for session in "abc":
        http.delete(f"{ws}/sessions/{session}")
    assert http.delete(ws).status_code == 202
    assert http.post(f"{ws}/scopes", json={"id": "th"}).status_code == 201
    assert sessions(http, ws) == []
