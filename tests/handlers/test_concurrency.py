"""Concurrent clients, and several servers on one file: one row, the same response, nothing lost."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.handlers.concurrency import shared, together
from tests.handlers.workspace import WorkspaceClient
from tests.server_process import Server

CLIENTS = 64
MESSAGES_EACH = 500


@pytest.fixture
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    """Two servers started at the same time on one file that did not exist."""
    db = tmp_path_factory.mktemp("pair") / "omoide.db"
    servers: list[Server] = []
    starting = [threading.Thread(target=lambda: servers.append(Server(db))) for _ in range(2)]
    for thread in starting:
        thread.start()
    for thread in starting:
        thread.join()
    yield servers
    for server in servers:
        server.stop()
    assert len(servers) == 2


def test_clients_that_create_one_session_at_once_create_one(server: Server, workspace_client: WorkspaceClient) -> None:
    body = {"id": "it", "metadata": {"a": 1}, "peers": {"alice": {}, "bob": {"observe_others": True}}}
    answers = together(server.url, [("POST", f"{workspace_client.url}/sessions", body)] * CLIENTS)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert (workspace_client.sessions(), workspace_client.peers(), workspace_client.members("it")) == (
        ["it"],
        ["alice", "bob"],
        ["alice", "bob"],
    )


@pytest.mark.parametrize("what", ["workspace", "peer"])
def test_of_clients_that_create_a_resource_at_once_one_gets_201(
    what: str, server: Server, workspace_client: WorkspaceClient
) -> None:
    path, id = (
        ("/v3/workspaces", workspace_client.id) if what == "workspace" else (f"{workspace_client.url}/peers", "alice")
    )
    answers = together(server.url, [("POST", path, {"id": id, "metadata": {"a": 1}})] * CLIENTS)
    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: CLIENTS - 1}
    assert len({answer.text for answer in answers}) == 1
    assert workspace_client.peers() == ([] if what == "workspace" else ["alice"])


def test_first_messages_at_once_create_one_session_with_all_of_them(
    server: Server, workspace_client: WorkspaceClient
) -> None:
    calls = [
        (
            "POST",
            f"{workspace_client.url}/sessions/it/messages",
            {"messages": [{"peer_id": f"peer{n % 8}", "content": f"{n}"}]},
        )
        for n in range(CLIENTS)
    ]
    assert {answer.status_code for answer in together(server.url, calls)} == {201}
    assert sorted(map(int, workspace_client.said("it"))) == [*range(CLIENTS)]
    assert (workspace_client.sessions(), len(workspace_client.members("it"))) == (["it"], 8)


def test_concurrent_updates_leave_one_of_them(server: Server, workspace_client: WorkspaceClient) -> None:
    calls = [
        ("PUT", f"{workspace_client.url}/sessions/it", {"configuration": {f"key{n}": n, "last": n}})
        for n in range(CLIENTS)
    ]
    assert {answer.status_code for answer in together(server.url, calls)} == {200}
    configuration = workspace_client.session("it")["configuration"]
    assert configuration.pop("last") in range(CLIENTS)
    assert configuration == {f"key{n}": n for n in range(CLIENTS)}


def test_a_session_is_deleted_once(server: Server, workspace_client: WorkspaceClient) -> None:
    workspace_client.session("it")
    answers = together(server.url, [("DELETE", f"{workspace_client.url}/sessions/it", None)] * CLIENTS)
    assert Counter(answer.status_code for answer in answers) == {202: 1, 404: CLIENTS - 1}


def test_two_servers_write_one_file_without_loss(pair: list[Server]) -> None:
    path, count = "/v3/workspaces/demo/sessions/it/messages", len(pair) * MESSAGES_EACH
    batches = [[{"peer_id": "alice", "content": f"{n + i}"} for i in range(5)] for n in range(0, count, 5)]
    answers = shared([server.url for server in pair] * 8, [("POST", path, {"messages": batch}) for batch in batches])
    assert Counter(answer.status_code for answer in answers) == {201: len(batches)}
    with pair[0].client() as http, pair[1].client() as other:
        workspace_client = WorkspaceClient(http, "demo")
        said = [content for page in range(1, 11) for content in workspace_client.said("it", page=page)]
        assert sorted(map(int, said)) == [*range(count)]
        assert (workspace_client.peers(), workspace_client.sessions(), workspace_client.members("it")) == (
            ["alice"],
            ["it"],
            ["alice"],
        )
        assert [
            content for page in range(1, 11) for content in WorkspaceClient(other, "demo").said("it", page=page)
        ] == said
