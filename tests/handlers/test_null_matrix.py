"""Metadata and configuration that are omitted, null, {} or given in a body.

The two tables define the rules, which the tests execute. "existing" has OLD stored, and a request gives NEW.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.handlers.workspace import WorkspaceClient

OLD = {"old": {"deep": 1}}
NEW = {"new": 2}
BOTH = OLD | NEW
REFUSED = "422, and nothing changes"
LEFT_OUT = "left out"

GIVEN = [LEFT_OUT, None, {}, NEW]
METADATA = {
    # operation                 left out  null     {}   NEW
    "POST workspace, new": ({}, REFUSED, {}, NEW),
    "POST workspace, existing": (OLD, REFUSED, OLD, OLD),
    "PUT workspace, new": ({}, {}, {}, NEW),
    "PUT workspace, existing": (OLD, OLD, {}, NEW),
    "POST peer, new": ({}, {}, {}, NEW),
    "POST peer, existing": (OLD, OLD, {}, NEW),
    "PUT peer, new": ({}, {}, {}, NEW),
    "PUT peer, existing": (OLD, OLD, {}, NEW),
    "POST session, new": ({}, {}, {}, NEW),
    "POST session, existing": (OLD, OLD, {}, NEW),
    "PUT session, new": ({}, {}, {}, NEW),
    "PUT session, existing": (OLD, OLD, {}, NEW),
}
CONFIGURATION = {
    # operation                 left out  null     {}   NEW
    "POST workspace, new": ({}, REFUSED, {}, NEW),
    "POST workspace, existing": (OLD, REFUSED, OLD, OLD),
    "PUT workspace, new": ({}, {}, {}, NEW),
    "PUT workspace, existing": (OLD, OLD, OLD, BOTH),
    "POST peer, new": ({}, {}, {}, NEW),
    "POST peer, existing": (OLD, OLD, {}, NEW),
    "PUT peer, new": ({}, {}, {}, NEW),
    "PUT peer, existing": (OLD, OLD, {}, NEW),
    "POST session, new": ({}, {}, {}, NEW),
    "POST session, existing": (OLD, OLD, OLD, BOTH),
    "PUT session, new": ({}, {}, {}, NEW),
    "PUT session, existing": (OLD, OLD, OLD, BOTH),
}
METADATA_OF_MESSAGES: dict[str, tuple[Any, ...]] = {
    "POST": ({}, {}, {}, NEW),
    "PUT": (OLD, OLD, {}, NEW),
}

CASES = [
    pytest.param(operation, field, given, expected, id=f"{operation}: {field} {given}")
    for field, table in (("metadata", METADATA), ("configuration", CONFIGURATION))
    for operation, row in table.items()
    for given, expected in zip(GIVEN, row, strict=True)
]


class Resource:
    """A workspace, peer or session with its two paths."""

    def __init__(self, workspace_client: WorkspaceClient, kind: str) -> None:
        self.http = workspace_client.http
        self.collection = "/v3/workspaces" if kind == "workspace" else f"{workspace_client.url}/{kind}s"
        self.id = workspace_client.id if kind == "workspace" else "it"

    def send(self, method: str, body: dict[str, Any]) -> tuple[int, Any]:
        if method == "POST":
            response = self.http.post(self.collection, json={"id": self.id, **body})
        else:
            response = self.http.put(f"{self.collection}/{self.id}", json=body)
        return response.status_code, response.json()

    def stored(self) -> Any:
        """The resource as returned by a request without these fields."""
        return self.send("POST", {})[1]


@pytest.mark.parametrize(("operation", "field", "given", "expected"), CASES)
def test_fields_are_stored_as_in_the_tables(
    operation: str, field: str, given: Any, expected: Any, workspace_client: WorkspaceClient
) -> None:
    method, kind, state = operation.replace(",", "").split()
    resource = Resource(workspace_client, kind)
    before = {} if state == "new" else OLD
    if state == "existing":
        resource.send("POST", {"metadata": OLD, "configuration": OLD})
    status, answer = resource.send(method, {} if given == LEFT_OUT else {field: given})
    if expected == REFUSED:
        assert status == 422
        assert answer["detail"][0]["loc"] == ["body", field]
        assert resource.stored()[field] == before
    else:
        assert status in {200, 201}
        assert answer[field] == expected
        assert resource.stored()[field] == expected
        other = "configuration" if field == "metadata" else "metadata"
        assert answer[other] == before, "the other field was omitted"


@pytest.mark.parametrize(
    ("method", "given", "expected"),
    [(m, given, e) for m, row in METADATA_OF_MESSAGES.items() for given, e in zip(GIVEN, row, strict=True)],
)
def test_metadata_of_a_message(method: str, given: Any, expected: Any, workspace_client: WorkspaceClient) -> None:
    fields = {} if given == LEFT_OUT else {"metadata": given}
    first = {"peer_id": "alice", "content": "hi", **(fields if method == "POST" else {"metadata": OLD})}
    [message] = workspace_client.ok("POST", "/sessions/it/messages", {"messages": [first]})
    path = f"/sessions/it/messages/{message['id']}"
    if method == "PUT":
        message = workspace_client.ok("PUT", path, fields)
    assert message["metadata"] == expected
    assert workspace_client.ok("GET", path) == message


@pytest.mark.parametrize("given", [None, {}, {"reasoning": {"enabled": False}}])
def test_the_configuration_of_a_message_is_accepted_but_not_returned(
    given: Any, workspace_client: WorkspaceClient
) -> None:
    message = {"peer_id": "alice", "content": "hi", "configuration": given}
    [stored] = workspace_client.ok("POST", "/sessions/it/messages", {"messages": [message]})
    assert "configuration" not in stored


@pytest.mark.parametrize("kind", ["workspace", "peer", "session"])
def test_put_ignores_immutable_fields(kind: str, workspace_client: WorkspaceClient) -> None:
    resource = Resource(workspace_client, kind)
    resource.send("POST", {})
    before = resource.stored()
    body = {"id": "other", "uid": "x", "created_at": "2001-01-01T00:00:00Z", "is_active": False, "peers": {"zoe": {}}}
    assert resource.send("PUT", body) == (200, before)
    assert resource.stored() == before
    assert "zoe" not in workspace_client.peers()
