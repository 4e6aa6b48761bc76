"""A session has at most ten active members that observe others, however they are added."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.handlers.concurrency import together
from tests.handlers.workspace import WorkspaceClient
from tests.server_process import Server

LIMIT = 10
OBSERVER = {"observe_others": True}
TEN = {f"observer{n}": OBSERVER for n in range(LIMIT)}
PEERS = "/sessions/it/peers"
REFUSAL = (
    "Cannot create session it with 11 observers. Maximum allowed is 10 observers per session. "
    "Observers are peers with 'observe_others' set to true."
)


@pytest.fixture
def full(workspace_client: WorkspaceClient) -> WorkspaceClient:
    """A workspace whose session `it` has ten observers and another member, bob."""
    workspace_client.session("it", peers={**TEN, "bob": {}})
    return workspace_client


def observers(workspace_client: WorkspaceClient) -> int:
    return sum(workspace_client.flags("it", peer)[1] is True for peer in workspace_client.members("it"))


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", PEERS, {"carol": OBSERVER}),
        ("POST", PEERS, {"bob": OBSERVER}),
        ("POST", "/sessions", {"id": "it", "peers": {"carol": OBSERVER}}),
        ("PUT", PEERS, {**TEN, "carol": OBSERVER}),
        ("PUT", f"{PEERS}/bob/config", OBSERVER),
    ],
)
def test_the_eleventh_observer_is_refused(method: str, path: str, body: Any, full: WorkspaceClient) -> None:
    refused = full.call(method, path, body)
    assert (refused.status_code, refused.json()) == (400, {"detail": REFUSAL})
    assert (observers(full), full.flags("it", "bob")) == (LIMIT, (None, None))
    assert "carol" not in full.peers()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", PEERS, {f"listener{n}": {"observe_others": False} for n in range(20)}),
        ("POST", PEERS, {"observer3": OBSERVER}),
        ("POST", "/sessions", {"id": "it", "peers": TEN}),
        ("PUT", f"{PEERS}/observer3/config", OBSERVER),
        ("PUT", PEERS, {f"new{n}": OBSERVER for n in range(LIMIT)}),
        ("POST", PEERS, {"observer3": {"observe_others": False}, "carol": OBSERVER}),
    ],
    ids=["not observing", "added again", "created again", "configured again", "all others instead", "one for another"],
)
def test_requests_that_add_no_observer_succeed(method: str, path: str, body: Any, full: WorkspaceClient) -> None:
    full.ok(method, path, body)
    assert observers(full) == LIMIT


def test_an_observer_that_leaves_or_stops_observing_frees_a_slot(full: WorkspaceClient) -> None:
    full.ok("DELETE", PEERS, ["observer3"])
    full.ok("POST", PEERS, {"carol": OBSERVER})
    full.ok("PUT", f"{PEERS}/observer4/config", {"observe_others": False})
    full.ok("PUT", f"{PEERS}/bob/config", OBSERVER)
    assert observers(full) == LIMIT


@pytest.mark.parametrize("leaves_as", ["an observer", "a member that is made one after it left"])
def test_an_author_that_rejoins_does_not_exceed_the_limit(leaves_as: str, full: WorkspaceClient) -> None:
    peer = "observer3" if leaves_as == "an observer" else "bob"
    full.ok("DELETE", PEERS, [peer])
    if peer == "bob":
        full.ok("PUT", f"{PEERS}/bob/config", OBSERVER)
    else:
        full.ok("POST", PEERS, {"carol": OBSERVER})
    full.call("POST", "/sessions/it/messages", {"messages": [{"peer_id": peer, "content": "back"}]})
    assert observers(full) == LIMIT


def test_twenty_concurrent_clients_add_only_ten_observers(server: Server, workspace_client: WorkspaceClient) -> None:
    workspace_client.session("it")
    path = f"{workspace_client.url}{PEERS}"
    answers = together(server.url, [("POST", path, {f"peer{n}": OBSERVER}) for n in range(2 * LIMIT)])
    assert Counter(answer.status_code for answer in answers) == {200: LIMIT, 400: LIMIT}
    assert (observers(workspace_client), len(workspace_client.members("it")), len(workspace_client.peers())) == (
        LIMIT,
        LIMIT,
        LIMIT,
    )
