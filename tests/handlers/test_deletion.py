"""Deletion hides a resource and frees its id at once; its rows are removed in the background."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from omoide.core import clock
from omoide.storage import queue
from omoide.storage.sqlite.leader_lock import LeaderLock
from tests import sql
from tests.handlers.workspace import WorkspaceClient, until
from tests.postgresql import open_store
from tests.server_process import Server

HOUR = 3_600_000_000
LEFTOVERS = {
    "messages": "SELECT count(*) FROM messages WHERE session = :session",
    "members": "SELECT count(*) FROM members WHERE session = :session",
    "receipts": "SELECT count(*) FROM receipts WHERE session = :session",
    "sessions": "SELECT count(*) FROM sessions WHERE pk = :session",
}
OF_A_WORKSPACE = {
    "sessions": "SELECT count(*) FROM sessions WHERE workspace = :workspace",
    "messages": "SELECT count(*) FROM messages WHERE workspace = :workspace",
    "peers": "SELECT count(*) FROM peers WHERE workspace = :workspace",
    "workspaces": "SELECT count(*) FROM workspaces WHERE pk = :workspace",
}


def ask(db: Path, query: str, **values: Any) -> Any:
    """The first column of the first row, read directly from the database."""
    with sql.opened(db) as connection:
        return sql.value(connection, query, values)


def counts(db: Path, queries: dict[str, str], **values: int) -> dict[str, int]:
    return {table: ask(db, query, **values) for table, query in queries.items()}


@pytest.fixture
def full(workspace_client: WorkspaceClient) -> WorkspaceClient:
    """A workspace whose session `it` has more messages than one step of the purge removes."""
    workspace_client.session("it", metadata={"a": 1}, peers={"alice": {"observe_others": True}, "bob": {}})
    for n in range(21):
        workspace_client.say("it", *(f"{n} {i}" for i in range(100)), peer="alice", **{"Idempotency-Key": f"{n}"})
    return workspace_client


def test_a_deleted_session_is_hidden_from_every_read(full: WorkspaceClient) -> None:
    message = full.ok("POST", "/sessions/it/messages/list", params={"size": 1})["items"][0]["id"]
    answer = full.call("DELETE", "/sessions/it")
    assert (answer.status_code, answer.json()) == (202, {"message": "Session deleted successfully"})
    assert (full.sessions(), full.said("it"), full.members("it")) == ([], [], [])
    assert full.ok("POST", "/peers/alice/sessions")["total"] == 0
    for path in (f"/sessions/it/messages/{message}", "/sessions/it/peers/alice/config"):
        assert full.call("GET", path).status_code == 404
    assert full.peers() == ["alice", "bob"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", "", None),
        ("POST", "/clone", None),
        ("PUT", "/peers", {"alice": {}}),
        ("DELETE", "/peers", ["alice"]),
        ("PUT", "/peers/alice/config", {}),
        ("PUT", "/messages/{}", {"metadata": {}}),
    ],
)
def test_a_deleted_session_cannot_be_written(
    method: str, path: str, body: Any, workspace_client: WorkspaceClient
) -> None:
    [message] = workspace_client.say("it", "hi")
    workspace_client.ok("DELETE", "/sessions/it")
    assert workspace_client.call(method, f"/sessions/it{path}".format(message["id"]), body).status_code == 404
    assert workspace_client.sessions() == []


@pytest.mark.parametrize(
    ("method", "path", "body", "members"),
    [
        ("POST", "/sessions", {"id": "it"}, []),
        ("PUT", "/sessions/it", {}, []),
        ("POST", "/sessions/it/peers", {"carol": {}}, ["carol"]),
        ("POST", "/sessions/it/messages", {"messages": [{"peer_id": "carol", "content": "anew"}]}, ["carol"]),
    ],
)
def test_the_id_of_a_deleted_session_can_be_reused_at_once(
    method: str, path: str, body: Any, members: list[str], full: WorkspaceClient, server: Server
) -> None:
    uid = full.session("it")["uid"]
    old = ask(server.db, "SELECT pk FROM sessions WHERE uid = :uid", uid=uid)
    full.ok("DELETE", "/sessions/it")
    full.ok(method, path, body)
    until(lambda: not any(counts(server.db, LEFTOVERS, session=old).values()))
    anew = full.session("it")
    assert anew["uid"] != uid
    assert (anew["metadata"], full.members("it"), full.sessions()) == ({}, members, ["it"])
    assert full.said("it") == (["anew"] if "messages" in path else [])


def test_only_the_rows_of_a_deleted_session_are_removed(full: WorkspaceClient, server: Server) -> None:
    full.say("other", "stays", peer="alice")
    old = ask(server.db, "SELECT pk FROM sessions WHERE uid = :uid", uid=full.session("it")["uid"])
    assert counts(server.db, LEFTOVERS, session=old) == {
        "messages": 2100,
        "members": 2,
        "receipts": 21,
        "sessions": 1,
    }
    full.ok("DELETE", "/sessions/it")
    until(lambda: not any(counts(server.db, LEFTOVERS, session=old).values()))
    assert (full.said("other"), full.members("other"), full.peers()) == (["stays"], ["alice"], ["alice", "bob"])


def test_a_workspace_is_deleted_after_its_sessions(full: WorkspaceClient) -> None:
    refused = full.call("DELETE", "")
    assert refused.status_code == 409
    assert refused.json()["detail"] == (
        f"Cannot delete workspace '{full.id}': active session(s) remain. Delete all sessions first."
    )
    assert full.sessions() == ["it"]
    full.ok("DELETE", "/sessions/it")
    accepted, again = full.call("DELETE", ""), full.call("DELETE", "")
    assert (accepted.status_code, accepted.json()) == (202, {"message": "Workspace deletion accepted"})
    assert (again.status_code, again.json()) == (404, {"detail": f"Workspace {full.id} not found"})
    assert (full.peers(), full.sessions(), full.said("it")) == ([], [], [])


def test_the_id_of_a_deleted_workspace_can_be_reused_at_once(full: WorkspaceClient, server: Server) -> None:
    full.ok("PUT", "", {"metadata": {"a": 1}})
    uid = full.http.post("/v3/workspaces", json={"id": full.id}).json()["uid"]
    old = ask(server.db, "SELECT pk FROM workspaces WHERE uid = :uid", uid=uid)
    full.ok("DELETE", "/sessions/it")
    full.ok("DELETE", "")
    anew = full.http.post("/v3/workspaces", json={"id": full.id})
    assert anew.status_code == 201
    assert anew.json()["uid"] != uid
    assert anew.json()["metadata"] == {}
    full.say("it", "anew", peer="carol")
    until(lambda: not any(counts(server.db, OF_A_WORKSPACE, workspace=old).values()))
    assert (full.said("it"), full.peers()) == (["anew"], ["carol"])


def test_a_job_of_a_killed_server_runs_after_its_restart(db_path: Path) -> None:
    elsewhere = LeaderLock(db_path)
    assert elsewhere.take(), "the server's own worker is on standby: no job runs before the kill"
    running = Server(db_path, job_lease_seconds="3600", job_poll_seconds="0.1")
    with running.client() as http:
        workspace_client = WorkspaceClient(http, "demo")
        for n in range(30):
            workspace_client.say(f"s{n}", "one", "two")
        for n in range(30):
            workspace_client.ok("DELETE", f"/sessions/s{n}")
    running.kill()
    store = open_store(db_path)
    for _ in range(2):  # which the worker had started
        assert asyncio.run(store.write(queue.claim, clock.now(), lease=HOUR, led=True))
    store.close()
    assert ask(db_path, "SELECT count(*) FROM jobs WHERE kind = 'purge_session'") == 30
    elsewhere.close()
    running.start()
    with running.client() as http:
        assert WorkspaceClient(http, "demo").sessions() == []
    until(lambda: ask(db_path, "SELECT count(*) FROM jobs") == 0)
    for table in ("sessions", "messages", "members"):
        assert ask(db_path, f"SELECT count(*) FROM {table}") == 0
    assert ask(db_path, "SELECT count(*) FROM peers") == 1
    running.stop()
