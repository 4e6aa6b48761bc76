"""What a peer said, what was learned about it, and what of that was replaced."""

from __future__ import annotations

from typing import Any

import pytest

from tests.handlers.thinking import ReasonedWorkspace
from tests.handlers.workspace import WorkspaceClient


def test_a_timeline_tells_what_was_said_learned_and_superseded(memory: ReasonedWorkspace) -> None:
    (first,) = memory.hear("s", "I live in Rome.")
    (second,) = memory.hear("t", "I live in Oslo now.")
    memory.say("s", "Hello.", peer="bob")
    oslo = memory.known("Oslo")
    found = memory.ok("GET", "/peers/alice/timeline?buckets=3")
    by_kind: dict[str, list[Any]] = {}
    for event in found["events"]:
        by_kind.setdefault(event["kind"], []).append(event)
    assert [each["message_id"] for each in by_kind["said"]] == [second, first]
    assert [each["message_id"] for each in by_kind["learned"]] == [second, first]
    assert by_kind["learned"][0]["conclusion_id"] == oslo["id"]
    (superseded,) = by_kind["superseded"]
    assert (superseded["text"], superseded["replaced_by"], superseded["message_id"]) == (
        by_kind["learned"][1]["text"],
        oslo["id"],
        None,
    )
    kinds = ("said", "learned", "superseded", "corrected", "merged")
    assert [sum(each[kind] for each in found["buckets"]) for kind in kinds] == [2, 2, 1, 0, 0]
    assert (found["observer_id"], found["next"], found["approximate"]) == ("alice", None, False)


def test_an_observer_sees_what_it_learned_itself(workspace_client: WorkspaceClient) -> None:
    for peer in ("alice", "bob"):
        workspace_client.peer(peer)
    about = {"observer_id": "bob", "observed_id": "alice"}
    workspace_client.ok("POST", "/conclusions", {"conclusions": [{"content": "x" * 400, **about}]})
    assert workspace_client.ok("GET", "/peers/alice/timeline")["events"] == []
    found = workspace_client.ok("GET", "/peers/alice/timeline", params={"observer_id": "bob"})
    assert [each["text"] for each in found["events"]] == ["x" * 300]
    assert found["observer_id"] == "bob"


def test_an_interval_and_pages_narrow_the_events(workspace_client: WorkspaceClient) -> None:
    times = [f"2024-05-0{day}T12:00:00Z" for day in range(1, 6)]
    messages = [{"content": at, "peer_id": "alice", "created_at": at} for at in times]
    workspace_client.ok("POST", "/sessions/s/messages", {"messages": messages})
    interval = {"since": "2024-05-02T00:00:00Z", "until": "2024-05-05T12:00:00Z", "limit": 2}
    first = workspace_client.ok("GET", "/peers/alice/timeline", params=interval)
    rest = workspace_client.ok("GET", "/peers/alice/timeline", params={**interval, "before": first["next"]})
    assert [each["text"] for each in [*first["events"], *rest["events"]]] == times[3:0:-1]
    assert rest["next"] is None
    assert (first["since"], first["until"]) == (interval["since"], interval["until"])


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("before=x", 422),
        ("since=2024-05-02&until=2024-05-01", 422),
        ("since=0001-01-01T00:00:00%2B14:00", 422),
        ("buckets=201", 422),
        ("observer_id=nobody", 404),
    ],
)
def test_what_cannot_be_shown_is_refused(query: str, status: int, workspace_client: WorkspaceClient) -> None:
    workspace_client.peer("alice")
    assert workspace_client.call("GET", f"/peers/alice/timeline?{query}").status_code == status


def test_a_missing_peer_has_no_timeline(workspace_client: WorkspaceClient) -> None:
    assert workspace_client.call("GET", "/peers/alice/timeline").status_code == 404
