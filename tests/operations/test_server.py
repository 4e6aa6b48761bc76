"""A server from an operator's view: /ready during faults, /metrics of all processes, JSON logs."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.process_tree import named
from tests import sql
from tests.handlers.workspace import WorkspaceClient, until
from tests.server_process import Server

SETTINGS = {
    "debounce_seconds": "0",
    "log_format": "json",
    "access_log": "true",
    "ready_seconds": "0.5",
    "ready_worker_seconds": "1.5",
    "job_poll_seconds": "0.2",
    "busy_timeout_seconds": "60",
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("operated") / "omoide.db", "--workers", "2", **SETTINGS)
    yield server
    assert server.stop() == -signal.SIGTERM, "".join(server.log)


@pytest.fixture(scope="module")
def http(running: Server) -> Iterator[httpx.Client]:
    with running.client() as client:
        yield client


def ready(server: Server) -> tuple[int, dict[str, Any]]:
    """Status and components, over a new connection, which any of the processes may accept."""
    answer = httpx.get(f"{server.url}/ready")
    return answer.status_code, {**answer.json()["parts"], "status": answer.json()["status"]}


def awaited(server: Server, status: int, **parts: str) -> dict[str, Any]:
    """Poll for a response with this status and these statuses of components; return it."""
    said: dict[str, Any] = {}

    def is_said() -> bool:
        found, told = ready(server)
        said.update(told)
        return found == status and all(told[name]["status"] == wanted for name, wanted in parts.items())

    until(is_said)
    return said


def counted(server: Server, name: str, **labels: str) -> float:
    page = httpx.get(f"{server.url}/metrics")
    assert page.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    samples = [sample for family in text_string_to_metric_families(page.text) for sample in family.samples]
    return sum(each.value for each in samples if each.name == name and labels.items() <= each.labels.items())


def test_a_working_server_is_ready_in_all_components(running: Server) -> None:
    parts = awaited(running, 200, embedder="ok")
    assert {name: part["status"] for name, part in parts.items() if name != "status"} == dict.fromkeys(
        ["database", "wal", "worker", "embedder", "reasoner", "backlog"], "ok"
    )
    assert parts["status"] == "ok"
    until(lambda: ready(running)[1]["worker"]["detail"].startswith("last heartbeat"))


def test_a_hanging_worker_makes_the_server_unready_until_it_resumes(running: Server, http: httpx.Client) -> None:
    (pid,) = named(running.process.pid, "omoide-worker")
    os.kill(pid, signal.SIGSTOP)
    try:
        assert awaited(running, 503, worker="down", database="ok")["status"] == "down"
        assert http.get("/health").json()["status"] == "ok"
    finally:
        os.kill(pid, signal.SIGCONT)
    awaited(running, 200)


def test_a_locked_database_makes_the_server_unready_until_it_is_released(running: Server, http: httpx.Client) -> None:
    awaited(running, 200)
    with sql.locked(running.db):
        status, parts = ready(running)
        assert (status, parts["database"]) == (503, {"status": "down", "detail": "no write succeeded within 0.5 s"})
        assert http.get("/health").status_code == 200
        assert counted(running, "omoide_database_up") == 1
    awaited(running, 200)


def test_metrics_cover_all_processes_whichever_answers(running: Server, http: httpx.Client) -> None:
    workspace_client = WorkspaceClient(http, "counted")
    before = counted(running, "omoide_requests_total", operation="get_or_create_peer", status="201")
    for number in range(8):
        httpx.post(f"{running.url}{workspace_client.url}/peers", json={"id": f"peer-{number}"}).raise_for_status()

    def after() -> float:
        return counted(running, "omoide_requests_total", operation="get_or_create_peer", status="201")

    until(lambda: after() == before + 8)  # a process counts a request after its response was sent
    assert [after() for _ in range(6)] == [before + 8] * 6
    for name in ("api-1", "api-2", "worker"):
        assert counted(running, "omoide_process_resident_bytes", process=name) > 10_000_000


def test_jobs_and_embedded_texts_are_counted(running: Server, http: httpx.Client) -> None:
    before = counted(running, "omoide_job_attempts_total", kind="representation", result="done")
    messages = counted(running, "omoide_messages")
    WorkspaceClient(http, "jobs").say("s", "I live in Lisbon.", "I work as a nurse.")
    until(lambda: counted(running, "omoide_job_attempts_total", kind="representation", result="done") > before)
    until(lambda: counted(running, "omoide_job_attempts_total", kind="embed", result="done") > 0)
    until(lambda: counted(running, "omoide_embedder_texts_total") >= 2)
    assert counted(running, "omoide_messages") == messages + 2
    until(lambda: counted(running, "omoide_jobs") == 0)


def test_counts_of_a_killed_process_are_kept(running: Server) -> None:
    def made() -> float:
        return counted(running, "omoide_requests_total", operation="get_or_create_workspace")

    before = made()
    for number in range(8):
        httpx.post(f"{running.url}/v3/workspaces", json={"id": f"kept-{number}"}).raise_for_status()
    until(lambda: made() == before + 8)
    pids = named(running.process.pid, "omoide-api")
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        until(lambda: len(set(named(running.process.pid, "omoide-api")) - {*pids[: pids.index(pid) + 1]}) == 2)  # noqa: B023
    assert made() == before + 8


def test_every_log_line_is_json_with_the_request_id_and_no_private_data(running: Server, http: httpx.Client) -> None:
    headers = {"X-Request-ID": "look-for-me", "Authorization": "Bearer my-key"}
    path = WorkspaceClient(http, "logged").url
    http.post(f"{path}/search", json={"query": "my-query", "limit": 1}, params={"x": "my-parameter"}, headers=headers)
    until(lambda: any("look-for-me" in line for line in running.log))
    lines = [json.loads(line) for line in running.log if not line.startswith("Omoide")]
    (line,) = [line for line in lines if line.get("request_id") == "look-for-me"]
    assert (line["level"], line["logger"], line["operation"]) == ("info", "omoide.access", "search_workspace")
    assert line["path"] == f"{path}/search"
    assert not {"my-key", "my-query", "my-parameter"} & set(json.dumps(lines).replace('"', " ").split())
    assert "my-" not in json.dumps(lines)


def test_with_authentication_metrics_need_an_admin_key_and_readiness_none(guarded: Server) -> None:
    assert httpx.get(f"{guarded.url}/metrics").status_code == 401
    assert httpx.get(f"{guarded.url}/ready").status_code == 200
