"""Look at background jobs, try failed ones again, and process gathered messages at once."""

from __future__ import annotations

from tests import sql
from tests.handlers.workspace import WorkspaceClient, until
from tests.server_process import Server


def test_gathered_messages_are_seen_waiting_and_processed_at_once(workspace_client: WorkspaceClient) -> None:
    workspace_client.say("s", "I live in Rome.", "I have a cat.")
    (job,) = workspace_client.ok("POST", "/queue/list")["items"]
    assert (job["kind"], job["state"], job["messages"], job["attempts"]) == ("representation", "pending", 2, 0)
    assert (job["observer_ids"], job["observed_id"], job["session_id"]) == (["alice"], "alice", "s")
    assert job["waits_for"]["reason"] == "more_messages"
    assert job["waits_for"]["until"] == job["due_at"] > job["created_at"]
    assert workspace_client.ok("GET", "/overview")["queue"] == {"pending": 1, "in_progress": 0, "failed": 0}
    assert workspace_client.ok("POST", "/queue/flush") == {"count": 1}
    until(lambda: workspace_client.ok("POST", "/conclusions/list")["total"] == 2)
    assert workspace_client.ok("POST", "/queue/flush") == {"count": 0}


def test_failed_jobs_are_shown_without_secrets_and_tried_again(
    workspace_client: WorkspaceClient, server: Server
) -> None:
    workspace_client.say("s", "I live in Rome.")
    (job,) = workspace_client.ok("POST", "/queue/list")["items"]
    error = "ProviderError: no answer\nhttp://me:hunter2@model.example/v1 began with: oops"
    with sql.opened(server.db) as db:
        sql.change(db, "UPDATE jobs SET failed_at = 1, attempts = 8, error = ? WHERE pk = ?", (error, job["id"]))
    assert workspace_client.ok("POST", "/queue/list", {"state": "pending"})["total"] == 0
    (failed,) = workspace_client.ok("POST", "/queue/list", {"state": "failed"})["items"]
    assert (failed["state"], failed["attempts"], failed["waits_for"]) == ("failed", 8, None)
    assert failed["error"].endswith("began with: oops")
    assert "hunter2" not in failed["error"]
    assert workspace_client.ok("POST", "/queue/retry", {"ids": [job["id"], job["id"] + 10**6]}) == {"count": 1}
    until(lambda: workspace_client.ok("POST", "/conclusions/list")["total"] == 1)
    assert workspace_client.ok("POST", "/queue/retry") == {"count": 0}


def test_jobs_of_a_missing_workspace_are_not_found(workspace_client: WorkspaceClient) -> None:
    for path in ("/queue/list", "/queue/retry", "/queue/flush"):
        assert workspace_client.call("POST", path).status_code == 404
