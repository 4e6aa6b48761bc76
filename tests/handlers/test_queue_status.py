"""Counts of background work, their filters and authorization."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from honcho import Honcho

from omoide.core import clock
from omoide.core.auth import Keyring, Principal
from omoide.core.jobs import NewJob
from omoide.core.records import WorkCount
from omoide.handlers.serializers import queue_status
from omoide.services.pollers import MOST_REMEMBERED, WITHIN_SECONDS, Pollers
from omoide.storage import Transaction, queue, workspaces
from tests import sql
from tests.conftest import SECRET
from tests.handlers.workspace import until
from tests.postgresql import open_store
from tests.server_process import Server
from tests.worker.provider import provider, wants_facts

Fresh = Callable[[str], str]
NOTHING = {
    "total_work_units": 0,
    "completed_work_units": 0,
    "in_progress_work_units": 0,
    "pending_work_units": 0,
    "errored_work_units": 0,
    "next_due_at": None,
    "last_error": None,
    "paused_until": None,
    "sessions": None,
}
LATER = 4 * 10**15
"""Due time of these jobs: late enough that no worker claims them."""

WORK: list[tuple[str, dict[str, Any], str]] = [
    # kind, payload, state
    ("representation", {"session": "s", "observed": "alice", "observers": ["alice", "bob"]}, "pending"),
    ("representation", {"session": "s", "observed": "bob", "observers": ["carol"]}, "in_progress"),
    ("summary", {"session": "t"}, "completed"),
    ("dream", {"session": None, "observer": "carol", "observed": "alice"}, "pending"),
    ("purge_session", {"session": "s"}, "pending"),
]
STATES = {
    "pending": "UPDATE jobs SET attempts = 1 WHERE pk = ?",
    "in_progress": f"UPDATE jobs SET leased_until = {LATER} WHERE pk = ?",
    "completed": "UPDATE jobs SET failed_at = 1 WHERE pk = ?",
}


def owe_work(server: Server, workspace_id: str) -> None:
    """Put WORK into the workspace, which must exist."""

    def owed(db: Transaction) -> None:
        workspace = workspaces.find(db, workspace_id)
        assert workspace is not None
        for number, (kind, payload, state) in enumerate(WORK):
            queue.add(db, NewJob(kind, payload, key=f"{workspace_id}:{number}", workspace=workspace.pk), LATER)
            pk = sql.value(db, "SELECT max(pk) FROM jobs")
            sql.change(db, STATES[state], (pk,))

    store = open_store(server.db)
    asyncio.run(store.write(owed))
    store.close()


@pytest.fixture
def ask(http: httpx.Client, server: Server, fresh: Fresh) -> Callable[..., Any]:
    """`ask(session_id="s")` is the status of a workspace with WORK."""
    workspace = fresh("owing")
    http.post("/v3/workspaces", json={"id": workspace}).raise_for_status()
    owe_work(server, workspace)

    def asked(**parameters: str) -> Any:
        answer = http.get(f"/v3/workspaces/{workspace}/queue/status", params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return asked


def test_the_status_tells_the_reason_of_a_failure_and_no_sample() -> None:
    counts: dict[str | None, WorkCount] = {
        "s": WorkCount(pending=1, error="UnreadableOutput: no facts.\nIt began: I am")
    }
    status = queue_status(counts, by_session=True, paused_until=None)
    assert status.last_error == "UnreadableOutput: no facts."
    assert status.sessions is not None
    assert status.sessions["s"].last_error == "UnreadableOutput: no facts."


def test_a_workspace_that_does_not_exist_has_no_work(http: httpx.Client, fresh: Fresh) -> None:
    assert http.get(f"/v3/workspaces/{fresh('nowhere')}/queue/status").json() == NOTHING


def test_reasoning_is_counted_in_total_and_by_session(ask: Callable[..., Any]) -> None:
    in_s: dict[str, Any] = {
        "total_work_units": 2,
        "completed_work_units": 0,
        "in_progress_work_units": 1,
        "pending_work_units": 1,
        "errored_work_units": 0,
        "next_due_at": "2096-10-02T07:06:40Z",
        "last_error": None,
    }
    in_t = {
        "total_work_units": 1,
        "completed_work_units": 1,
        "in_progress_work_units": 0,
        "pending_work_units": 0,
        "errored_work_units": 1,
        "next_due_at": None,
        "last_error": None,
    }
    assert ask() == {
        "total_work_units": 4,
        "completed_work_units": 1,
        "in_progress_work_units": 1,
        "pending_work_units": 2,
        "errored_work_units": 1,
        "next_due_at": "2096-10-02T07:06:40Z",
        "last_error": None,
        "paused_until": None,
        "sessions": {"s": {"session_id": "s", **in_s}, "t": {"session_id": "t", **in_t}},
    }


def test_one_session_is_counted_without_the_table_of_sessions(ask: Callable[..., Any]) -> None:
    status = ask(session_id="s")
    assert (status["total_work_units"], status["sessions"]) == (2, None)
    assert ask(session_id="nowhere") == NOTHING


@pytest.mark.parametrize(
    ("parameters", "total"),
    [
        ({"sender_id": "alice"}, 2),
        ({"observer_id": "carol"}, 2),
        ({"observer_id": "bob"}, 1),
        ({"observer_id": "bob", "sender_id": "bob"}, 2),
        ({"observer_id": "carol", "session_id": "s"}, 1),
        ({"observer_id": "nobody"}, 0),
        ({"observer_id": "", "sender_id": "", "session_id": ""}, 4),
    ],
)
def test_observer_and_sender_are_alternatives_and_session_restricts(
    parameters: dict[str, str], total: int, ask: Callable[..., Any]
) -> None:
    assert ask(**parameters)["total_work_units"] == total


def test_work_without_a_session_is_only_in_the_totals(ask: Callable[..., Any]) -> None:
    status = ask(observer_id="carol", sender_id="nobody")
    assert status["total_work_units"] == 2
    assert status["sessions"].keys() == {"s"}


@pytest.mark.parametrize(("query", "status"), [("?session_id=s", 200), ("?session_id=t", 401), ("", 401)])
def test_a_session_key_may_query_only_its_own_session(query: str, status: int, guarded: Server) -> None:
    key = Keyring(SECRET).mint(Principal(workspace="asked", session="s"), now=clock.now())
    with guarded.client(headers={"Authorization": f"Bearer {key}"}) as client:
        answer = client.get(f"/v3/workspaces/asked/queue/status{query}")
    assert answer.status_code == status, answer.text
    if status == 401:
        assert answer.json()["detail"] == "JWT not permissioned for this resource"


def test_a_caller_waits_if_it_asks_for_the_same_again_and_soon() -> None:
    now = 0.0
    pollers = Pollers(lambda: now)
    asked = [("w", None), ("w", "s"), ("v", None), ("w", None)]
    assert [pollers.is_waiting(each) for each in asked] == [False, False, False, True]
    now = WITHIN_SECONDS
    assert pollers.is_waiting(("w", "s"))
    now = 3 * WITHIN_SECONDS
    assert not pollers.is_waiting(("w", "s"))
    assert not any(pollers.is_waiting((f"w{number}", None)) for number in range(2 * MOST_REMEMBERED))
    assert not pollers.is_waiting(("w", "s"))


def test_whoever_waits_for_the_work_that_a_model_gathers_gets_it_done(tmp_path: Path, fresh: Fresh) -> None:
    with provider() as proxy:
        model = {"model": "openai:toy", "model_base_url": f"{proxy.url}/v1", "model_api_key": "k"}
        running = Server(tmp_path / "omoide.db", **model)
        try:
            honcho = Honcho(base_url=running.url, workspace_id=fresh("workspace"))
            alice, session = honcho.peer("alice"), honcho.session("s")
            session.add_messages([alice.message("I live in Porto.")])
            gathering = honcho.queue_status()
            assert gathering.pending_work_units == 1
            assert not any(map(wants_facts, proxy.asked))
            assert honcho.queue_status(session="elsewhere").pending_work_units == 0
            until(lambda: honcho.queue_status().completed_work_units == 1)
            assert alice.representation() != ""
            honcho._http.close()  # the SDK has no public way
        finally:
            running.kill()
