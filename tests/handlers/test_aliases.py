"""The id of a merged peer stands for the other peer in every operation that takes an id of a peer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import yaml

from omoide.asgi.app import document_path
from omoide.handlers.peer_names import NAMES
from tests.handlers.workspace import WorkspaceClient, until
from tests.server_process import Server

Fresh = Callable[[str], str]

CALLS: dict[str, list[tuple[str, str, Any]]] = {
    "get_or_create_peer": [("POST", "/peers", {"id": "ally", "metadata": {"a": 1}})],
    "get_peer": [("GET", "/peers/ally", None)],
    "update_peer": [("PUT", "/peers/ally", {"metadata": {"b": 1}})],
    "get_sessions_for_peer": [("POST", "/peers/ally/sessions", {})],
    "search_peer": [("POST", "/peers/ally/search", {"query": "tea"})],
    "chat": [
        ("POST", "/peers/ally/chat", {"query": "What does ally drink?", "target": "bob"}),
        ("POST", "/peers/bob/chat", {"query": "What is liked?", "target": "ally"}),
    ],
    "get_representation": [
        ("POST", "/peers/ally/representation", {}),
        ("POST", "/peers/bob/representation", {"target": "ally"}),
    ],
    "get_peer_card": [("GET", "/peers/ally/card", None), ("GET", "/peers/bob/card?target=ally", None)],
    "set_peer_card": [
        ("PUT", "/peers/ally/card", {"peer_card": ["IDENTITY: A"]}),
        ("PUT", "/peers/bob/card?target=ally", {"peer_card": ["IDENTITY: B"]}),
    ],
    "get_peer_context": [("GET", "/peers/ally/context", None), ("GET", "/peers/bob/context?target=ally", None)],
    "get_or_create_session": [("POST", "/sessions", {"id": "new", "peers": {"ally": {"observe_others": True}}})],
    "add_peers_to_session": [("POST", "/sessions/b/peers", {"ally": {}})],
    "set_session_peers": [("PUT", "/sessions/other/peers", {"ally": {}})],
    "remove_peers_from_session": [("DELETE", "/sessions/other/peers", ["ally"])],
    "get_peer_config": [("GET", "/sessions/b/peers/ally/config", None)],
    "get_peer_history": [("GET", "/sessions/b/peers/ally/history", None)],
    "set_peer_config": [("PUT", "/sessions/b/peers/ally/config", {"observe_me": True})],
    "get_session_context": [
        ("GET", "/sessions/b/context?peer_target=ally&peer_perspective=bob", None),
        ("GET", "/sessions/b/context?peer_target=bob&peer_perspective=ally", None),
    ],
    "create_messages_for_session": [
        ("POST", "/sessions/b/messages", {"messages": [{"peer_id": "ally", "content": "Hello"}]})
    ],
    "get_messages": [("POST", "/sessions/b/messages/list", {"filters": {"NOT": [{"peer_id": {"ne": "ally"}}]}})],
    "search_session": [("POST", "/sessions/b/search", {"query": "tea", "filters": {"peer_id": ["ally"]}})],
    "search_workspace": [("POST", "/search", {"query": "tea", "filters": {"peer_id": "ally"}})],
    "create_conclusions": [
        (
            "POST",
            "/conclusions",
            {"conclusions": [{"content": "is tall", "observer_id": "ally", "observed_id": "ally"}]},
        )
    ],
    "list_conclusions": [("POST", "/conclusions/list", {"filters": {"observer": "ally", "observed_id": "ally"}})],
    "query_conclusions": [("POST", "/conclusions/query", {"query": "tea", "filters": {"observer_id": "ally"}})],
    "schedule_dream": [("POST", "/schedule_dream", {"observer": "ally", "observed": "ally", "dream_type": "omni"})],
    "get_queue_status": [("GET", "/queue/status?observer_id=ally", None)],
    "get_observers": [("GET", "/observers?peer_id=ally", None)],
    "recall": [("POST", "/recall", {"query": "tea", "peer_id": "ally"})],
    "search_memory": [
        ("POST", "/search/memory", {"query": "tea", "peer_id": "ally"}),
        ("POST", "/search/memory", {"query": "tea", "peer_id": "ally", "message_filters": {"peer_id": "ally"}}),
    ],
    "get_context": [("POST", "/context", {"peer_id": "ally", "target": "ally"})],
    "remember": [
        (
            "POST",
            "/remember",
            {
                "session_id": "b",
                "messages": [{"peer_id": "ally", "content": "Hello"}],
                "facts": [{"peer_id": "ally", "content": "paints"}],
            },
        )
    ],
    "get_timeline": [
        ("GET", "/peers/ally/timeline?limit=1", None),
        ("GET", "/peers/bob/timeline?observer_id=ally&limit=1", None),
    ],
}
ELSEWHERE = {
    "create_messages_with_file": "test_an_upload_is_stored_for_the_peer_of_its_alias",
    "merge_peer": "test_merge.py",
    "delete_peer": "test_merge.py",
    "create_key": "test_merge.py",
    "delete_conclusion": "test_a_conclusion_is_deleted_as_one_of_the_alias",
}


@pytest.fixture(scope="module")
def ws(server: Server) -> Iterator[WorkspaceClient]:
    """ally was merged into alice."""
    with server.client() as http:
        yield _merged(http, "aliases")


def _merged(http: httpx.Client, name: str) -> WorkspaceClient:
    ws = WorkspaceClient(http, name)
    for session in ("b", "other"):
        ws.session(session, peers={"ally": {"observe_me": False}, "bob": {"observe_me": False}})
    ws.say("b", "I like tea.", peer="ally")
    ws.peer("alice")
    until(lambda: ws.call("POST", "/peers/ally/merge", {"into": "alice"}).status_code == 200)
    return ws


def takes_peers(path: dict[str, Any], operation: dict[str, Any], document: dict[str, Any]) -> bool:
    """Whether a parameter or a member of the body has a name that peers are named by."""
    names: set[str] = set()

    def collect(part: Any, depth: int = 0) -> None:
        if isinstance(part, dict) and depth < 12:
            if "$ref" in part:
                target: Any = document
                for step in part["$ref"].split("/")[1:]:
                    target = target[step]
                collect(target, depth + 1)
            names.update(part.get("properties", {}))
            if "in" in part:
                names.add(part["name"])
            for each in part.values():
                collect(each, depth + 1)
        elif isinstance(part, list):
            for each in part:
                collect(each, depth + 1)

    collect(path.get("parameters", []))
    collect(operation.get("parameters", []))
    collect(operation.get("requestBody", {}))
    return bool(names & NAMES)


def test_every_operation_that_takes_a_peer_is_called_with_an_alias() -> None:
    document = yaml.load(document_path().read_text(), yaml.CSafeLoader)
    found = {
        operation.get("x-handler", operation["operationId"])
        for path in document["paths"].values()
        for method, operation in path.items()
        if method in ("get", "post", "put", "patch", "delete") and takes_peers(path, operation, document)
    }
    assert found <= CALLS.keys() | ELSEWHERE.keys(), "add a call to CALLS"


@pytest.mark.parametrize(
    ("method", "path", "body"), [pytest.param(*call, id=name) for name, calls in CALLS.items() for call in calls]
)
def test_an_alias_is_answered_as_its_peer(ws: WorkspaceClient, method: str, path: str, body: Any) -> None:
    answer = ws.call(method, path, body)
    assert answer.is_success, answer.text
    assert "ally" not in answer.text.replace("What does ally", "")
    assert "ally" not in ws.peers()
    if method == "POST" and ("search" in path or "list" in path):
        assert answer.json(), "the alias found nothing"


def test_an_upload_is_stored_for_the_peer_of_its_alias(ws: WorkspaceClient) -> None:
    url = f"{ws.url}/sessions/b/messages/upload"
    answer = ws.http.post(url, data={"peer_id": "ally"}, files={"file": ("a.txt", b"I like cake.", "text/plain")})
    assert [message["peer_id"] for message in answer.json()] == ["alice"]


def test_a_conclusion_is_deleted_as_one_of_the_alias(ws: WorkspaceClient) -> None:
    new = {"content": "is old", "observer_id": "ally", "observed_id": "ally"}
    (stored,) = ws.ok("POST", "/conclusions", {"conclusions": [new]})
    path = f"/conclusions/{stored['id']}?observer_id=ally&observed_id="
    assert ws.call("DELETE", f"{path}bob").status_code == 404
    assert ws.call("DELETE", f"{path}ally").is_success


def test_an_alias_is_one_of_its_own_workspace_only(ws: WorkspaceClient, fresh: Fresh) -> None:
    other = WorkspaceClient(ws.http, fresh("aliases"))
    assert other.peer("ally")["id"] == "ally"
