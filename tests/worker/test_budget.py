"""Usage and budgets in the worker: what a job used is stored with its end, and a spent budget stops it at a step."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx

from omoide.core import clock
from omoide.core.records import Change, MessageBatch, NewMessage
from omoide.core.settings import Settings
from omoide.core.usage import day_of
from omoide.inference.model_registry import chat_models
from omoide.reasoner.agentic.reasoner import Agentic
from omoide.services import ingest, spending
from omoide.services.container import open_services
from omoide.storage import budgets, model_usage, workspaces
from omoide.worker.loop import Worker
from tests import sql
from tests.inference.completions import completion
from tests.inference.fault_proxy import FaultProxy, fault_proxy, send
from tests.postgresql import located
from tests.worker.provider import provider, wants_facts
from tests.worker.test_provider_faults import options, run
from tests.worker.worker_fixture import Home, HookedReasoner

GIBBERISH = completion("no facts here")
LONG = "I own " + ", ".join(f"boat number {number}" for number in range(40))


def facts_asked(proxy: FaultProxy) -> int:
    return sum(map(wants_facts, proxy.asked))


def played(path: Path, proxy: FaultProxy, story: Callable[[Home], Awaitable[None]], **more: Any) -> None:
    """Run the story with a reasoner whose requests are counted."""
    chosen = options(proxy, summary_enabled=False, **more)

    async def counted(home: Home) -> None:
        meter, tokens = home.deps.metrics.own, home.deps.tokens
        models = chat_models(Settings.model_validate(chosen), meter=meter, tokens=tokens)
        home.deps = replace(home.deps, reasoner=Agentic(models, tokens))
        home.worker = home.new_worker()
        await story(home)
        await models.aclose()

    run(path, counted, HookedReasoner, **chosen)


def test_a_long_job_stops_at_the_step_that_spends_the_budget_and_goes_on_later(db_path: Path) -> None:
    with provider() as proxy:

        async def story(home: Home) -> None:
            await home.say(*(f"alice {LONG} {number}" for number in range(12)))
            await home.work()
            steps = facts_asked(proxy)
            assert steps == 1
            assert 0 < len(home.texts()) < 12
            assert home.status()["s"].pending > 0
            state = await home.store.read(budgets.state, 1, 10, clock.now())
            assert state.used == 14 * len(proxy.asked)
            assert state.paused_until is not None
            change = Change(configuration={"budget": {"tokens_per_day": 0}})
            await home.store.write(workspaces.update, "w", change, clock.now())
            await spending.review(home.deps, 1)
            await home.work()
            assert len(home.texts()) == 12
            assert facts_asked(proxy) > steps

        played(db_path, proxy, story, workspace_tokens_per_day=10, batch_tokens=300)


def test_a_failed_job_is_counted_as_well(db_path: Path) -> None:
    def broken(asked: dict[str, Any]) -> Any:
        return (lambda handler, proxy, body: send(handler, 200, GIBBERISH)) if wants_facts(asked) else None

    with provider(broken) as proxy:

        async def story(home: Home) -> None:
            await home.say("alice I own a boat.")
            await home.work()
            assert home.texts() == []
            used = await home.store.read(model_usage.of_workspace, 1, 0, day_of(clock.now()))
            assert {each.task: each.counts.calls for each in used} == {"derive": 1, "repair": 1}

        played(db_path, proxy, story)


def test_the_tokens_of_an_embedder_are_divided_between_workspaces(db_path: Path) -> None:
    def embed(handler: BaseHTTPRequestHandler, proxy: FaultProxy, body: bytes) -> None:
        data = [{"index": n, "embedding": [1.0, 0.0]} for n, _ in enumerate(json.loads(body)["input"])]
        send(handler, 200, json.dumps({"data": data, "usage": {"prompt_tokens": 100}}).encode())

    async def story(url: str) -> dict[str, list[Any]]:
        chosen = {"embedder": "openai:toy", "embedder_base_url": url, "embedder_dimensions": 2}
        chosen_settings = {"db": located(db_path), "reasoning_enabled": False, **chosen}
        services = open_services(Settings.model_validate(chosen_settings))
        await services.adopt_embedder()
        for workspace, content in (("w", "a" * 30), ("x", "b" * 10)):
            batch = MessageBatch(workspace, "s", [NewMessage("alice", content, {}, 0, None)])
            await ingest.add_messages(services, batch)
        worker = Worker(services)
        while await worker.run_one():
            pass
        found = {
            name: await services.store.read(model_usage.of_workspace, pk, 0, day_of(clock.now()))
            for pk, name in await services.store.read(sql.rows, "SELECT pk, id FROM workspaces")
        }
        await services.aclose()
        return found

    with httpx.Client() as nobody, fault_proxy(nobody) as proxy:
        proxy.fault = embed
        found = asyncio.run(story(f"{proxy.url}/v1"))
    assert {name: [(each.task, each.model) for each in used] for name, used in found.items()} == {
        name: [("embedding", "openai:toy")] for name in "wx"
    }
    assert {name: used[0].counts.input_tokens for name, used in found.items()} == {"w": 75, "x": 25}
