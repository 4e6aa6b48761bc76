"""Accepted values of a message's `created_at`, and their normalization to UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.handlers.workspace import WorkspaceClient

NOON = "2024-01-15T10:30:00Z"
TAKEN = {
    "2024-01-15T10:30:00Z": NOON,
    "2024-01-15T16:00:00+05:30": NOON,
    "2024-01-14T22:30:00-12:00": NOON,
    "2024-01-15T10:30:00-00:00": NOON,
    "2024-01-15t10:30:00z": NOON,
    "2024-01-15 10:30:00Z": NOON,
    "2024-01-15T10:30Z": NOON,
    "2024-01-15T10:30:00": NOON,
    "2024-01-15T10:30:00.000000Z": NOON,
    "2024-01-15T10:30:00.1Z": "2024-01-15T10:30:00.100000Z",
    "2024-01-15T10:30:00.123456999Z": "2024-01-15T10:30:00.123456Z",
    "2024-01-15": "2024-01-15T00:00:00Z",
    1705314600: NOON,
    1705314600.25: "2024-01-15T10:30:00.250000Z",
    1705314600123: "2024-01-15T10:30:00.123000Z",
    "1705314600": NOON,
    "1705314600123": "2024-01-15T10:30:00.123000Z",
    0: "1970-01-01T00:00:00Z",
    -1: "1969-12-31T23:59:59Z",
    "0001-01-01T00:00:00Z": "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z": "9999-12-31T23:59:59.999999Z",
}
REFUSED = [
    True,
    False,
    "",
    "yesterday",
    "2024-13-01T00:00:00Z",
    "2024-02-30T00:00:00Z",
    "2024-01-15T25:00:00Z",
    "20240115T103000Z",
    "2024-01-15T10:30:00+24:00",
    "10000-01-01T00:00:00Z",
    "NaN",
    1e300,
    [],
    {},
]
OUT_OF_RANGE_IN_UTC = ["0001-01-01T00:00:00+05:30", "9999-12-31T23:59:59-05:30"]


def give(workspace_client: WorkspaceClient, *times: Any) -> Any:
    batch = [{"peer_id": "alice", "content": str(n), "created_at": time} for n, time in enumerate(times)]
    return workspace_client.call("POST", "/sessions/it/messages", {"messages": batch})


@pytest.mark.parametrize("given", TAKEN)
def test_a_time_is_returned_in_utc_at_once_and_later(given: Any, workspace_client: WorkspaceClient) -> None:
    [message] = give(workspace_client, given).json()
    assert message["created_at"] == TAKEN[given]
    assert workspace_client.ok("GET", f"/sessions/it/messages/{message['id']}") == message
    assert workspace_client.ok("POST", "/sessions/it/messages/list")["items"] == [message]


@pytest.mark.parametrize("given", REFUSED + OUT_OF_RANGE_IN_UTC)
def test_an_invalid_time_is_refused_with_its_batch(given: Any, workspace_client: WorkspaceClient) -> None:
    refused = give(workspace_client, NOON, given)
    assert refused.status_code == 422
    assert refused.json()["detail"][0]["loc"][:4] == ["body", "messages", 1, "created_at"]
    assert workspace_client.said("it") == []


def test_a_batch_without_times_gets_the_current_time(workspace_client: WorkspaceClient) -> None:
    before = datetime.now(UTC)
    times = {message["created_at"] for message in give(workspace_client, None, None).json()}
    times.add(workspace_client.ok("POST", "/sessions/it/messages/list")["items"][0]["created_at"])
    assert len(times) == 1
    assert before <= datetime.fromisoformat(times.pop()) <= datetime.now(UTC)


def test_times_do_not_order_messages(workspace_client: WorkspaceClient) -> None:
    give(workspace_client, "2030-01-01", "2001-01-01")
    give(workspace_client, "1999-01-01")
    years = [m["created_at"][:4] for m in workspace_client.ok("POST", "/sessions/it/messages/list")["items"]]
    assert years == ["2030", "2001", "1999"]
