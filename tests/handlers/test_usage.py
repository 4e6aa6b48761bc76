"""Usage of models and budgets, on a server with a scripted provider: what is counted, shown, paused and resumed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families

from omoide.cli.main import main
from omoide.core import clock
from omoide.core.auth import ADMIN, Keyring, Principal
from tests.conftest import SECRET
from tests.handlers.workspace import WorkspaceClient, until
from tests.inference.completions import completion, streaming
from tests.inference.fault_proxy import FaultProxy, answering
from tests.server_process import Server
from tests.worker.provider import Asked, provider

Fresh = Callable[[str], str]
SILENT = "reports nothing"
"""In a message: the provider reports no usage."""


def key(principal: Principal) -> dict[str, str]:
    return {"Authorization": f"Bearer {Keyring(SECRET).mint(principal, now=clock.now())}"}


def script(asked: Asked) -> Any:
    said = json.dumps(asked["messages"])
    if asked.get("stream"):
        return streaming("Porto.")
    if SILENT in said:
        unreported = json.loads(completion('{"facts": []}'))
        del unreported["usage"]
        return answering(200, json.dumps(unreported).encode())
    return None


@pytest.fixture(scope="module")
def model() -> Iterator[FaultProxy]:
    with provider(script) as running:
        yield running


@pytest.fixture(scope="module")
def server(model: FaultProxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {"model": "openai:toy", "model_base_url": f"{model.url}/v1", "auth": "true", "jwt_secret": SECRET}
    path = tmp_path_factory.mktemp("usage") / "omoide.db"
    running = Server(path, debounce_seconds="0", embedder="wordllama", job_poll_seconds="0.1", **settings)
    yield running
    running.stop()


@pytest.fixture
def http(server: Server) -> Iterator[httpx.Client]:
    with server.client(headers=key(ADMIN)) as client:
        yield client


@pytest.fixture
def place(http: httpx.Client, fresh: Fresh) -> WorkspaceClient:
    return WorkspaceClient(http, fresh("usage"))


def finished(place: WorkspaceClient) -> bool:
    status = place.ok("GET", "/queue/status")
    return not status["pending_work_units"] + status["in_progress_work_units"]


def learn(place: WorkspaceClient, *contents: str) -> None:
    """Store messages, and wait for what is learned from them."""
    place.say("s", *contents)
    until(lambda: finished(place) and bool(used(place)))


def used(place: WorkspaceClient) -> dict[str, dict[str, Any]]:
    return {item["task"]: item for item in place.ok("GET", "/usage")["items"]}


def spend_budget(place: WorkspaceClient) -> None:
    """Give the workspace a budget of one token, and let it be spent."""
    place.ok("PUT", "", {"configuration": {"budget": {"tokens_per_day": 1}}})
    learn(place, "I live in Porto.")


def test_usage_is_told_by_day_task_and_model(place: WorkspaceClient) -> None:
    assert place.ok("PUT", "", {}) is not None
    assert place.ok("GET", "/usage") == {
        "budget": {"tokens_per_day": None, "used_today": 0, "paused_until": None},
        "items": [],
    }
    learn(place, "I live in Porto.")
    for level in ("minimal", "high"):
        place.ok("POST", "/peers/alice/chat", {"query": "Where?", "reasoning_level": level})
    streamed = place.call("POST", "/peers/alice/chat", {"query": "Where?", "stream": True})
    assert "Porto." in streamed.text
    items = used(place)
    assert {*items} == {"derive", "chat_minimal", "chat_low", "chat_high"}
    assert items["derive"] == {
        "day": f"{datetime.now(UTC):%Y-%m-%d}",
        "task": "derive",
        "model": "openai:toy",
        "calls": 1,
        "estimated_calls": 0,
        "input_tokens": 11,
        "output_tokens": 3,
        "cached_tokens": 4,
        "thinking_tokens": 0,
    }
    assert place.ok("GET", "/usage")["budget"]["used_today"] == sum(
        each["input_tokens"] + each["output_tokens"] for each in items.values()
    )


def test_usage_that_is_not_reported_is_estimated_and_marked(place: WorkspaceClient) -> None:
    learn(place, f"I know that it {SILENT}.")
    derive = used(place)["derive"]
    assert derive["estimated_calls"] == derive["calls"] == 1
    assert derive["input_tokens"] > 100, "the prompt has some hundred tokens"
    assert 0 < derive["output_tokens"] < 20


def test_only_the_chosen_days_are_told(place: WorkspaceClient) -> None:
    learn(place, "I live in Porto.")
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert len(place.ok("GET", "/usage", params={"since": today, "until": today})["items"]) == 1
    assert place.ok("GET", "/usage", params={"until": "2020-01-31"})["items"] == []


@pytest.mark.parametrize(
    "days",
    [
        {"since": "2026-02-30"},
        {"since": "20260201"},
        {"until": "tomorrow"},
        {"since": "2026-02-02", "until": "2026-02-01"},
        {"since": "2025-01-01", "until": "2026-01-02"},
        {"since": "0000-01-01"},
    ],
)
def test_bad_days_are_refused(place: WorkspaceClient, days: dict[str, str]) -> None:
    place.ok("PUT", "", {})
    refused = place.call("GET", "/usage", params=days)
    assert refused.status_code == 422
    assert refused.json()["detail"][0]["loc"][0] == "query"


def test_an_unknown_workspace_has_no_usage(http: httpx.Client, fresh: Fresh) -> None:
    assert http.get(f"/v3/workspaces/{fresh('nowhere')}/usage").status_code == 404


def test_usage_survives_a_restart_and_is_in_the_metrics_and_on_the_command_line(
    server: Server, http: httpx.Client, place: WorkspaceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn(place, "I live in Porto.")

    def counted() -> dict[str, float]:
        families = text_string_to_metric_families(http.get("/metrics").text)
        samples = [sample for family in families for sample in family.samples]
        return {
            sample.labels["kind"]: sample.value
            for sample in samples
            if sample.name == "omoide_model_tokens_total" and sample.labels["task"] == "derive"
        }

    before = counted()
    assert before["input"] >= 11
    server.kill()
    server.start()
    http.base_url = server.url
    assert counted() == before
    assert used(place)["derive"]["calls"] == 1
    monkeypatch.setenv("OMOIDE_DB", str(server.db))
    listed = CliRunner().invoke(main, ["queue"])
    assert "Used by models today" in listed.output
    assert "openai:toy: " in listed.output


def test_a_spent_budget_pauses_only_its_workspace_until_it_is_raised(
    server: Server, http: httpx.Client, model: FaultProxy, place: WorkspaceClient, fresh: Fresh
) -> None:
    spend_budget(place)
    place.say("s", "I like figs.")
    other = WorkspaceClient(http, fresh("other"))
    learn(other, "I like plums.")
    status = place.ok("GET", "/queue/status")
    midnight = datetime.fromisoformat(status["paused_until"])
    assert (midnight.hour, midnight.minute, midnight.second) == (0, 0, 0)
    assert midnight > datetime.now(UTC)
    assert status["pending_work_units"] == 1
    due = datetime.fromisoformat(status["next_due_at"])
    # The quarter of an hour in which more messages are awaited may end after midnight.
    assert midnight <= due < midnight + timedelta(minutes=15)
    assert status["sessions"]["s"]["next_due_at"] == status["next_due_at"]
    assert other.ok("GET", "/queue/status")["paused_until"] is None
    assert place.ok("GET", "/usage")["budget"]["paused_until"] == status["paused_until"]
    listed = CliRunner().invoke(main, ["queue", "--db", str(server.db)]).output
    assert f"Paused: workspace {place.id} has used 14 of 1 tokens" in listed
    assert f"paused  representation in {place.id}" in listed
    assert any(f"workspace {place.id} has spent its budget" in line for line in server.log)
    assert 'omoide_jobs{kind="representation",state="paused"} 1.0' in http.get("/metrics").text
    place.ok("PUT", "", {"configuration": {"budget": {"tokens_per_day": 1_000_000}}})
    until(lambda: finished(place))
    assert {each["content"] for each in place.ok("POST", "/conclusions/list", {})["items"]} == {
        "alice said I live in Porto.",
        "alice said I like figs.",
    }


def test_questions_are_answered_without_the_model_once_the_budget_is_spent(
    model: FaultProxy, place: WorkspaceClient
) -> None:
    spend_budget(place)
    model.asked.clear()
    for stream in (False, True):
        body = {"query": "Where does alice live?", "stream": stream}
        assert "Porto" in place.call("POST", "/peers/alice/chat", body).text
    assert model.asked == []


def test_only_an_admin_changes_the_budget(http: httpx.Client, server: Server, place: WorkspaceClient) -> None:
    budget = {"budget": {"tokens_per_day": 50}}
    place.ok("PUT", "", {"configuration": budget})
    with server.client(headers=key(Principal(workspace=place.id))) as tenant:
        own = WorkspaceClient(tenant, place.id)
        for other in ({"tokens_per_day": 51}, {"tokens_per_day": None}, None):
            refused = own.call("PUT", "", {"configuration": {"budget": other}})
            assert refused.status_code == 401, other
        assert own.ok("PUT", "", {"configuration": {**budget, "note": 1}})["configuration"] == {**budget, "note": 1}
        created = tenant.post("/v3/workspaces", json={"id": f"{place.id}x", "configuration": budget})
        assert created.status_code == 401


@pytest.mark.parametrize("tokens", [-1, 1.5, "many", 10**13])
def test_a_bad_budget_is_refused(place: WorkspaceClient, tokens: object) -> None:
    refused = place.call("PUT", "", {"configuration": {"budget": {"tokens_per_day": tokens}}})
    assert refused.status_code == 422


def test_the_usage_of_a_deleted_workspace_is_gone(http: httpx.Client, place: WorkspaceClient) -> None:
    learn(place, "I live in Porto.")
    place.ok("DELETE", "/sessions/s")
    place.ok("DELETE", "")
    place.ok("PUT", "", {})
    assert place.ok("GET", "/usage")["items"] == []
