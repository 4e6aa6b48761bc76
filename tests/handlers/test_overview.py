"""A workspace in numbers."""

from __future__ import annotations

from typing import Any

from tests.handlers.thinking import ReasonedWorkspace
from tests.handlers.workspace import WorkspaceClient

COUNTS = ("peers", "sessions", "messages", "conclusions", "ended_conclusions")


def counts(memory: WorkspaceClient) -> list[Any]:
    found = memory.ok("GET", "/overview")
    return [found[name] for name in COUNTS]


def test_an_overview_counts_what_lists_show(memory: ReasonedWorkspace) -> None:
    memory.hear("s", "I live in Rome.", "My sister is called Ines.")
    memory.hear("t", "I live in Oslo now.")
    shown = memory.ok("GET", "/overview")
    lists = {name: memory.ok("POST", f"/{name}/list", {})["total"] for name in ("peers", "sessions", "conclusions")}
    assert {name: shown[name] for name in lists} == lists
    assert (shown["messages"], shown["ended_conclusions"], shown["approximate"]) == (3, 1, [])
    (newest,) = memory.ok("POST", "/conclusions/list?size=1", {})["items"]
    assert shown["last_conclusion_at"] == newest["created_at"]
    (said,) = memory.ok("POST", "/sessions/t/messages/list", {})["items"]
    assert shown["last_message_at"] == said["created_at"]
    assert shown["queue"] == {"pending": shown["queue"]["pending"], "in_progress": 0, "failed": 0}
    assert shown["workspace_id"] == memory.id


def test_what_was_deleted_is_not_counted(memory: ReasonedWorkspace) -> None:
    memory.hear("s", "I live in Rome.")
    memory.hear("t", "I like tea.", peer="bob")
    memory.ok("DELETE", "/sessions/s")
    assert counts(memory) == [2, 1, 1, 1, 0]
    memory.ok("DELETE", "/peers/bob")
    assert counts(memory)[3] == 0
    message = memory.say("t", "Hello.")[0]
    memory.ok("DELETE", f"/sessions/t/messages/{message['id']}")
    assert counts(memory)[0] == 1


def test_an_empty_workspace_has_no_times(workspace_client: WorkspaceClient) -> None:
    workspace_client.ok("PUT", "", {})
    shown = workspace_client.ok("GET", "/overview")
    assert [shown[name] for name in COUNTS] == [0] * 5
    assert (shown["last_message_at"], shown["last_conclusion_at"]) == (None, None)


def test_messages_that_arrive_out_of_order_do_not_hide_the_newest(workspace_client: WorkspaceClient) -> None:
    times = ["2024-05-01T00:00:00Z", "2023-05-01T00:00:00Z"]
    messages = [{"content": "x", "peer_id": "alice", "created_at": at} for at in times]
    workspace_client.ok("POST", "/sessions/s/messages", {"messages": messages})
    assert workspace_client.ok("GET", "/overview")["last_message_at"] == "2024-05-01T00:00:00Z"


def test_a_missing_workspace_has_no_overview(workspace_client: WorkspaceClient) -> None:
    assert workspace_client.call("GET", "/overview").status_code == 404
