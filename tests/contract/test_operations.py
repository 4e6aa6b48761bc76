"""Every operation is called for real, and every answer, good or bad, is held against the document."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.contract.conformance import OPERATIONS, Recorder
from tests.running import Server

Fresh = Callable[[str], str]


@pytest.fixture(scope="module")
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def api(server: Server, recorder: Recorder) -> Iterator[httpx.Client]:
    with server.client(event_hooks={"response": [recorder]}) as client:
        yield client


def test_a_story_that_calls_every_operation(api: httpx.Client, recorder: Recorder, fresh: Fresh) -> None:
    w = fresh("story")
    ws, s = f"/v3/workspaces/{w}", f"/v3/workspaces/{w}/sessions/s"

    def call(method: str, path: str, json: object = None, status: int = 200, **options: object) -> httpx.Response:
        response = api.request(method, path, json=json, **options)  # type: ignore[arg-type]
        assert response.status_code == status, f"{method} {path}: {response.text}"
        return response

    assert call("GET", "/health").json() == {"status": "ok"}
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
    call("PUT", f"{s}/messages/{message['id']}", {"metadata": {"seen": True}})
    call("POST", f"{s}/clone?message_id={message['id']}", status=201)
    copy = call("POST", f"{s}/clone", status=201).json()["id"]
    call("DELETE", ws, status=409)
    call("DELETE", s, status=202)
    call("DELETE", s, status=404)
    for session in call("POST", f"{ws}/sessions/list").json()["items"]:
        call("DELETE", f"{ws}/sessions/{session['id']}", status=202)
    call("DELETE", f"{ws}/sessions/{copy}", status=404)
    call("DELETE", ws, status=202)
    call("DELETE", ws, status=404)

    answered = {handler for handler, status in recorder.seen if status < 300}
    assert answered == OPERATIONS.keys(), "an operation without a line in this story"


@pytest.mark.parametrize("operation", [o for o in OPERATIONS.values() if o.body], ids=lambda o: o.handler)
def test_a_body_of_the_wrong_kind_is_refused_as_documented(operation: object, api: httpx.Client, fresh: Fresh) -> None:
    path = operation.path.format(  # type: ignore[attr-defined]
        workspace_id=fresh("wrong"), session_id="s", peer_id="p", message_id="m"
    )
    method = operation.method  # type: ignore[attr-defined]
    assert api.request(method, path, json="text").status_code == 422
    assert api.request(method, path, content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415
    assert api.request(method, path, content=b"\xff", headers={"Content-Type": "application/json"}).status_code == 400
