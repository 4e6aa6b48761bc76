"""Large metadata is refused; if already stored, it is read in chunks and never held in memory."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import sql
from tests.handlers.workspace import WorkspaceClient
from tests.server_process import Server

LIMIT = 65_536
STORED: dict[str, Any] = {
    "more than is parsed with a row": {"a": "x" * 5_000},
    "more than the limit": {"a": ["é😀" * 9_000, {"b": [[], {}, 2**70]}] * 2},
    "more than a piece": {"a": ['\\"\n' * 100_000, "😀" * 400_000], "placeholder": {"": "{}"}},
}


@pytest.fixture
def stored(server: Server) -> Iterator[sqlite3.Connection]:
    """The server's database, to insert rows of an older version."""
    with sql.opened(server.db) as db:
        yield db


def enlarge(db: sqlite3.Connection, table: str, id: str, value: Any, column: str = "metadata") -> None:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    key = "id" if table == "messages" else "uid"
    assert sql.change(db, f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (text, id)) == 1


def metadata_of(count: int) -> dict[str, str]:
    """Metadata with a given number of bytes."""
    return {"a": "x" * (count - len('{"a":""}'))}


@pytest.mark.parametrize("value", [*STORED.values()], ids=[*STORED])
def test_large_stored_metadata_is_returned_unchanged(
    value: Any, workspace_client: WorkspaceClient, stored: sqlite3.Connection
) -> None:
    first, last = workspace_client.say("it", "hello there", "hello again")
    enlarge(stored, "messages", first["id"], value)
    expected = [value, {}]
    messages = "/sessions/it/messages"
    assert [each["metadata"] for each in workspace_client.ok("POST", f"{messages}/list")["items"]] == expected
    assert [each["metadata"] for each in workspace_client.ok("GET", "/sessions/it/context")["messages"]] == expected
    hits = {each["id"]: each["metadata"] for each in workspace_client.ok("POST", "/search", {"query": "hello"})}
    assert hits == {first["id"]: value, last["id"]: {}}
    assert workspace_client.ok("GET", f"{messages}/{first['id']}")["metadata"] == value
    assert workspace_client.ok("PUT", f"{messages}/{first['id']}", {})["metadata"] == value


@pytest.mark.parametrize("kind", ["peers", "sessions"])
@pytest.mark.parametrize("value", [*STORED.values()], ids=[*STORED])
def test_large_objects_are_listed_and_kept(
    value: Any, kind: str, workspace_client: WorkspaceClient, stored: sqlite3.Connection
) -> None:
    made = workspace_client.ok("POST", f"/{kind}", {"id": "it", "metadata": {"n": 1}})
    enlarge(stored, kind, made["uid"], value)
    enlarge(stored, kind, made["uid"], value, "configuration")
    expected = {**made, "metadata": value, "configuration": value}
    assert workspace_client.ok("POST", f"/{kind}/list")["items"] == [expected]
    assert workspace_client.ok("POST", f"/{kind}", {"id": "it"}) == expected
    assert workspace_client.ok("PUT", f"/{kind}/it", {"metadata": {}}) == {**expected, "metadata": {}}
    assert workspace_client.ok("POST", f"/{kind}/list")["items"] == [{**expected, "metadata": {}}]


def test_a_clone_has_large_metadata_too(workspace_client: WorkspaceClient, stored: sqlite3.Connection) -> None:
    value = STORED["more than a piece"]
    (message,) = workspace_client.say("it", "hello")
    enlarge(stored, "messages", message["id"], value)
    enlarge(stored, "sessions", workspace_client.session("it")["uid"], value)
    copy = workspace_client.ok("POST", "/sessions/it/clone")
    assert copy["metadata"] == value
    assert workspace_client.ok("POST", f"/sessions/{copy['id']}/messages/list")["items"][0]["metadata"] == value


@pytest.mark.parametrize("text", ["{" + "x" * 5_000, "[" + "1," * 3_000 + "1]", "x" * 1_100_000])
def test_a_large_value_that_is_not_an_object_affects_only_itself(
    text: str, workspace_client: WorkspaceClient, stored: sqlite3.Connection
) -> None:
    messages = workspace_client.say("it", "hello", "there")
    enlarge(stored, "messages", messages[0]["id"], text)
    assert workspace_client.ok("POST", "/sessions/it/messages/list")["items"] == messages


def test_a_large_configuration_is_merged_and_applied(
    workspace_client: WorkspaceClient, stored: sqlite3.Connection
) -> None:
    old = {"own": "x" * 200_000, "reasoning": {"enabled": False}, "observe_me": True}
    enlarge(stored, "sessions", workspace_client.session("it")["uid"], old, "configuration")
    assert workspace_client.say("it", "I live in Lisbon.")
    assert workspace_client.ok("GET", "/queue/status")["total_work_units"] == 0
    shrunk = {key: value for key, value in old.items() if key != "own"}
    assert workspace_client.session("it", configuration={"own": None})["configuration"] == shrunk


def test_merges_cannot_grow_beyond_the_limit(workspace_client: WorkspaceClient) -> None:
    half = "x" * (LIMIT // 2)
    assert workspace_client.session("it", configuration={"a": half})
    refused = workspace_client.call("PUT", "/sessions/it", {"configuration": {"b": half}})
    assert (refused.status_code, refused.json()["detail"][0]["loc"]) == (422, ["body", "configuration"])
    assert workspace_client.session("it")["configuration"] == {"a": half}


LIMITED: dict[str, tuple[str, str, str]] = {
    # the request, and the field of its body
    "a peer's configuration": ("POST", "/peers", "configuration"),
    "a session's configuration": ("POST", "/sessions", "configuration"),
    "a workspace's configuration": ("PUT", "", "configuration"),
    "a scope": ("POST", "/scopes", "metadata"),
}


@pytest.mark.parametrize(("method", "path", "field"), [*LIMITED.values()], ids=[*LIMITED])
def test_every_free_object_has_the_limit_of_metadata(
    method: str, path: str, field: str, workspace_client: WorkspaceClient
) -> None:
    assert workspace_client.call(method, path, {"id": "it", field: metadata_of(LIMIT)}).is_success
    refused = workspace_client.call(method, path, {"id": "it", field: metadata_of(LIMIT + 1)})
    assert (refused.status_code, refused.json()["detail"][0]["loc"]) == (422, ["body", field])


def test_a_card_has_the_limit_of_metadata(workspace_client: WorkspaceClient) -> None:
    assert workspace_client.call("PUT", "/peers/it/card", {"peer_card": ["x" * (LIMIT - 4)]}).is_success
    refused = workspace_client.call("PUT", "/peers/it/card", {"peer_card": ["x" * (LIMIT - 3)]})
    assert (refused.status_code, refused.json()["detail"][0]["loc"]) == (422, ["body", "peer_card"])


@pytest.mark.parametrize("size", [LIMIT + 1, 7 * LIMIT])
def test_an_upload_has_the_limit_of_metadata(size: int, workspace_client: WorkspaceClient) -> None:
    form = {"peer_id": "alice", "metadata": json.dumps(metadata_of(size))}
    path = f"{workspace_client.url}/sessions/it/messages/upload"
    refused = workspace_client.http.post(path, data=form, files={"file": ("a.txt", b"hello", "text/plain")})
    assert (refused.status_code, refused.json()["detail"][0]["loc"]) == (422, ["body", "metadata"])


def test_context_and_search_end_at_the_limit_of_an_answer(
    workspace_client: WorkspaceClient, stored: sqlite3.Connection
) -> None:
    for message in workspace_client.say("it", "hello one", "hello two", "hello three"):
        enlarge(stored, "messages", message["id"], {"a": "x" * 5_000_000})
    context = workspace_client.ok("GET", "/sessions/it/context")
    assert [each["content"] for each in context["messages"]] == ["hello three"]
    assert len(workspace_client.ok("POST", "/search", {"query": "hello"})) == 1
    listed = workspace_client.ok("POST", "/sessions/it/messages/list")
    assert [len(each["metadata"]["a"]) for each in listed["items"]] == [5_000_000] * 3


def test_a_context_holds_more_messages_than_are_read_at_once(workspace_client: WorkspaceClient) -> None:
    for start in range(0, 1_100, 100):
        workspace_client.say("it", *map(str, range(start, start + 100)))
    found = workspace_client.ok("GET", "/sessions/it/context?summary=false")["messages"]
    assert [each["content"] for each in found] == [*map(str, range(1_100))]


def test_a_long_page_equals_the_short_ones(workspace_client: WorkspaceClient) -> None:
    workspace_client.say("it", *map(str, range(100)))
    path = "/sessions/it/messages/list"
    whole = workspace_client.ok("POST", path, params={"size": 100})
    parts = [workspace_client.ok("POST", path, params={"size": 20, "page": number}) for number in range(1, 6)]
    assert whole == {**parts[0], "size": 100, "pages": 1, "items": [item for part in parts for item in part["items"]]}


def test_a_list_of_large_messages_takes_little_memory(tmp_path: Path) -> None:
    running = Server(tmp_path / "omoide.db", debounce_seconds="86400", max_metadata_bytes="20000000")
    try:
        with running.client() as http:
            workspace_client, count, size = WorkspaceClient(http, "heavy"), 8, 8_000_000
            for _ in range(count):
                body = {"peer_id": "alice", "content": "hello", "metadata": {"a": "x" * size}}
                workspace_client.ok("POST", "/sessions/it/messages", {"messages": [body]})
            before = running.resident_bytes()
            with http.stream("POST", f"{workspace_client.url}/sessions/it/messages/list", json={}) as answer:
                received, most = 0, 0
                for part in answer.iter_raw():
                    received += len(part)
                    most = max(most, running.resident_bytes() - before) if received % 50 == 0 else most
            most = max(most, running.resident_bytes() - before)
        assert received > count * size
        assert most < 4 * size
    finally:
        running.stop()
