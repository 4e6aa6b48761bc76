"""Every operation is called, and every response is checked against the document."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest

from omoide.contract.document import OperationSpec
from omoide.core import clock
from omoide.core.auth import ADMIN, Keyring
from tests.conftest import SECRET
from tests.contract.conformance import OPERATIONS, Recorder
from tests.contract.requests import path_of
from tests.handlers.workspace import until
from tests.server_process import Server

Fresh = Callable[[str], str]
JSON_BODIES = [o for o in OPERATIONS.values() if o.body and "application/json" in o.body["content"]]


@pytest.fixture(scope="module")
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def api(server: Server, recorder: Recorder) -> Iterator[httpx.Client]:
    with server.client(event_hooks={"response": [recorder]}) as client:
        yield client


def test_a_story_that_calls_every_operation(
    api: httpx.Client, guarded: Server, recorder: Recorder, fresh: Fresh
) -> None:
    w = fresh("story")
    ws, s = f"/v3/workspaces/{w}", f"/v3/workspaces/{w}/sessions/s"

    def call(method: str, path: str, json: object = None, status: int = 200, **options: object) -> httpx.Response:
        response = api.request(method, path, json=json, **options)  # type: ignore[arg-type]
        assert response.status_code == status, f"{method} {path}: {response.text}"
        return response

    assert call("GET", "/health").json() == {"status": "ok", "reasoner": "extractive"}
    until(lambda: api.get("/ready").status_code == 200)  # the worker may have started only now
    assert api.get("/ready").json()["parts"].keys() == {"database", "wal", "worker", "embedder", "reasoner", "backlog"}
    assert "omoide_requests_total" in call("GET", "/metrics").text
    call("POST", "/v3/workspaces", {"id": w, "metadata": {"a": 1}}, 201)
    call("POST", "/v3/workspaces", {"id": w})
    call("POST", "/v3/workspaces/list?size=1", {})
    call("PUT", ws, {"metadata": {"b": [1, None]}, "configuration": {"summary": {"enabled": False}}})
    call("POST", f"{ws}/peers", {"id": "alice", "configuration": {"observe_me": True, "own": 1}}, 201)
    call("POST", f"{ws}/peers", {"id": "alice"})
    call("POST", f"{ws}/peers/list")
    call("PUT", f"{ws}/peers/bob", {"metadata": {"x": "y"}})
    call("POST", f"{ws}/sessions", {"id": "s", "peers": {"alice": {}, "bob": {"observe_others": True}}})
    call("POST", f"{ws}/sessions/list", {"filters": None})
    call("POST", f"{ws}/peers/alice/sessions")
    call("PUT", s, {"configuration": {"dream": {"enabled": None}}})
    call("POST", f"{s}/peers", {"carol": {}})
    call("GET", f"{s}/peers")
    call("PUT", f"{s}/peers", {"alice": {}, "bob": {}})
    call("DELETE", f"{s}/peers", ["bob"])
    call("GET", f"{s}/peers/alice/config")
    call("PUT", f"{s}/peers/alice/config", {"observe_me": False}, 204)
    batch = {"messages": [{"peer_id": "alice", "content": "Hello", "created_at": "2024-01-15T10:30:00+02:00"}]}
    (message,) = call("POST", f"{s}/messages", batch, 201, headers={"Idempotency-Key": "k"}).json()
    assert message["created_at"] == "2024-01-15T08:30:00Z"
    call("POST", f"{s}/messages/list?reverse=true", {"filters": {}})
    call("GET", f"{s}/messages/{message['id']}")
    call("GET", f"{s}/messages/{message['id']}/conclusions")
    call("PUT", f"{s}/messages/{message['id']}", {"metadata": {"seen": True}})
    for searched in (ws, f"{ws}/peers/alice", s):
        (found,) = call("POST", f"{searched}/search", {"query": "hello", "limit": 1, "filters": None}).json()
        assert found["id"] == message["id"]
    call("POST", f"{ws}/search", {"query": "", "scope": "unknown"}, 404)
    call("POST", f"{ws}/search", {"query": "", "scope": "unknown", "filters": {"session_id": "s"}}, 422)
    call("POST", f"{ws}/scopes", {"id": "th", "metadata": {"a": 1}}, 201)
    call("POST", f"{ws}/scopes", {"id": "th"})
    call("POST", f"{ws}/scopes", {"id": "scope.th"}, 422)
    call("POST", f"{ws}/scopes/list?reverse=true")
    call("GET", f"{ws}/scopes/th")
    call("GET", f"{ws}/scopes/none", status=404)
    call("POST", f"{ws}/scopes/th/sessions", {"session_ids": ["s"]}, 204)
    call("POST", f"{ws}/scopes/th/sessions", {"session_ids": ["none"]}, 404)
    call("POST", f"{ws}/scopes/th/sessions/list?size=1")
    call("GET", f"{ws}/scopes/th/status")
    call("POST", f"{ws}/peers/list", {"kind": "scope"})
    call("POST", f"{s}/peers", {"scope.th": {}}, 422)
    call("POST", f"{ws}/sessions", {"id": "s", "scopes": ["th", "work"]})
    call("POST", f"{ws}/sessions", {"id": "s", "scopes": ["scope.th"]}, 422)
    call("DELETE", f"{ws}/scopes/th/sessions/s", status=204)
    call("DELETE", f"{ws}/scopes/th/sessions/none", status=404)
    pair = {"observer_id": "alice", "observed_id": "bob"}
    made = call("POST", f"{ws}/conclusions", {"conclusions": [{"content": "bob likes tea", **pair}]}, 201).json()[0]
    call("POST", f"{ws}/conclusions/list", {"filters": pair})
    call("POST", f"{ws}/conclusions/query", {"query": "tea", "filters": pair})
    call("GET", f"{ws}/conclusions/{made['id']}")
    right = {"content": "bob likes coffee", "reason": "Misheard."}
    made, old = call("PATCH", f"{ws}/conclusions/{made['id']}", right).json(), made
    call("PATCH", f"{ws}/conclusions/{old['id']}", right, 409)
    call("PATCH", f"{ws}/conclusions/{made['id']}", {"content": " "}, 422)
    call("GET", f"{ws}/conclusions/{made['id']}/history")
    call("GET", f"{ws}/conclusions/{made['id']}/sources?max_nodes=5&max_depth=2")
    call("GET", f"{ws}/conclusions/{made['id']}/consequences?max_nodes=5&max_depth=2")
    call("PUT", f"{ws}/peers/alice/card?target=bob", {"peer_card": ["ATTRIBUTE: likes tea"]})
    call("GET", f"{ws}/peers/alice/card?target=bob")
    call("POST", f"{ws}/peers/alice/representation", {"target": "bob"})
    call("GET", f"{ws}/peers/alice/context?target=bob")
    call("GET", f"{s}/context?peer_target=bob&peer_perspective=alice&tokens=500")
    call("GET", f"{s}/summaries")
    call("DELETE", f"{ws}/conclusions/{made['id']}", status=204)
    call("DELETE", f"{ws}/conclusions/{made['id']}", status=404)
    for path in (f"{ws}/chat", f"{ws}/peers/alice/chat"):
        call("POST", path, {"query": "Who is Bob?", "include_evidence": True})
        call("POST", path, {"query": "Who is Bob?", "scope": "none"}, 404)
    call("POST", f"{ws}/schedule_dream", {"observer": "alice", "dream_type": "omni"}, 204)
    file = {"file": ("notes.txt", b"I moved to Lisbon.", "text/plain")}
    call("POST", f"{s}/messages/upload", status=201, data={"peer_id": "alice", "metadata": "{}"}, files=file)
    call("GET", f"{ws}/queue/status")
    call("GET", f"{ws}/queue/status?session_id=s&observer_id=alice&sender_id=bob")
    hook = call("POST", f"{ws}/webhooks", {"url": "https://example.org/hook"}, 201).json()
    call("POST", f"{ws}/webhooks", {"url": "https://example.org/hook"})
    call("POST", f"{ws}/webhooks", {"url": "http://127.0.0.1/"}, 422)
    call("GET", f"{ws}/webhooks")
    call("GET", f"{ws}/webhooks/test")
    call("DELETE", f"{ws}/webhooks/{hook['id']}", status=204)
    call("DELETE", f"{ws}/webhooks/{hook['id']}", status=404)
    call("POST", f"/v3/keys?workspace_id={w}", status=405)
    key = {"Authorization": f"Bearer {Keyring(SECRET).mint(ADMIN, now=clock.now())}"}
    with guarded.client(event_hooks={"response": [recorder]}, headers=key) as admin:
        assert admin.post("/v3/keys", params={"workspace_id": w, "expires_at": "2030-01-01"}).status_code == 200
    call("POST", f"{ws}/peers/alice/merge", {"into": "bob", "dry_run": True})
    call("GET", f"{s}/peers/alice/history")
    call("GET", f"{ws}/usage")
    call("GET", "/v3/server")
    call("GET", f"{ws}/overview")
    call("POST", f"{ws}/queue/list", {"state": "pending"})
    call("POST", f"{ws}/queue/retry", {"ids": [41]})
    call("POST", f"{ws}/queue/flush")
    call("GET", f"{ws}/observers")
    call("GET", f"{ws}/peers/alice/timeline")
    call("GET", "/v3/settings")
    call("GET", f"{ws}/export")
    call("POST", f"{ws}/recall", {"query": "where does she live", "peer_id": "alice", "max_tokens": 500})
    call("GET", "/deriver/metrics")
    call("GET", f"{ws}")
    call(
        "POST",
        f"{ws}/search/memory",
        {
            "query": "where does she live",
            "peer_id": "alice",
            "session_id": "s",
            "message_limit": 5,
            "conclusion_top_k": 5,
            "conclusion_filters": {"level": "explicit"},
        },
    )
    call("GET", f"{ws}/peers/alice")
    call("GET", f"{s}")
    call("GET", f"{s}/overview")
    call(
        "POST",
        f"{ws}/remember",
        {
            "session_id": "s",
            "messages": [{"peer_id": "alice", "content": "I moved to Lisbon."}],
            "facts": [{"peer_id": "alice", "content": "alice is vegetarian"}],
        },
        status=201,
    )
    call("POST", f"{ws}/context", {"peer_id": "alice", "session_id": "s", "query": "pets", "max_tokens": 1000})
    # New operations: `make regenerate` adds a call of each above this line.
    call("POST", f"{s}/clone?message_id={message['id']}", status=201)
    copy = call("POST", f"{s}/clone", status=201).json()["id"]
    call("DELETE", f"{s}/messages/{message['id']}", status=204)
    call("DELETE", f"{ws}/peers/alice", status=202)
    call("DELETE", ws, status=409)
    call("DELETE", s, status=202)
    call("DELETE", s, status=404)
    for session in call("POST", f"{ws}/sessions/list").json()["items"]:
        call("DELETE", f"{ws}/sessions/{session['id']}", status=202)
    call("DELETE", f"{ws}/sessions/{copy}", status=404)
    call("DELETE", ws, status=202)
    call("DELETE", ws, status=404)

    answered = {handler for handler, status in recorder.seen if status < 300}
    missing = OPERATIONS.keys() - answered
    assert not missing, f"add calls that succeed to this story for {missing}"


@pytest.mark.parametrize("operation", JSON_BODIES, ids=lambda o: o.handler)
def test_a_body_of_the_wrong_kind_is_refused_as_documented(
    operation: OperationSpec, api: httpx.Client, fresh: Fresh
) -> None:
    method, path = operation.method, path_of(operation, {"workspace_id": fresh("wrong")})
    assert api.request(method, path, json="text").status_code == 422
    assert api.request(method, path, content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415
    assert api.request(method, path, content=b"\xff", headers={"Content-Type": "application/json"}).status_code == 400
