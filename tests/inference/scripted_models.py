"""Chat models at a scripted endpoint, and their answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest
from pydantic_ai import Agent

from omoide.core.metrics import Meter, Metrics
from omoide.core.settings import Settings
from omoide.core.usage import Counts
from omoide.inference.errors import FAULTS
from omoide.inference.model_config import TASKS, Task
from omoide.inference.model_registry import ChatModels, ProviderFailed, chat_models
from tests.inference.fault_proxy import FaultProxy

T = TypeVar("T")
KEY = "sk-test-4f9a2c-do-not-show"
SAID = "My neighbour Ottokar keeps bees."


class Waits:
    """Records requested waits instead of waiting."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def settings_of(**options: Any) -> Settings:
    return Settings(**options)


def made(provider: FaultProxy, waits: Waits | None = None, meter: Meter | None = None, **options: Any) -> ChatModels:
    given = {"model": "openai:toy", "model_base_url": f"{provider.url}/v1", "model_api_key": KEY, **options}
    return chat_models(settings_of(**given), pause=waits or Waits(), chance=lambda: 1.0, meter=meter)


def meter() -> Meter:
    """Counts requests to models."""
    return Metrics(tasks=TASKS, faults=FAULTS).own


def failed(counted: Meter) -> float:
    """How many requests failed."""
    return sum(each.failed for each in counted.metrics.models_seen())


def used(counted: Meter) -> dict[str, Counts]:
    """What was used for each purpose since the last call, from any model."""
    return {purpose: counts for (purpose, _), counts in counted.usage.take().in_all.items()}


def run(models: ChatModels, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    async def whole() -> T:
        try:
            return await work()
        finally:
            await models.aclose()

    return asyncio.run(whole())


async def asked(models: ChatModels, task: Task = "derive") -> str:
    agent = Agent(models.of(task), model_settings=models.settings_of(task, max_tokens=50))
    return (await models.guarded(task, lambda: agent.run(SAID))).output


def failure(models: ChatModels, task: Task = "derive") -> ProviderFailed:
    with pytest.raises(ProviderFailed) as caught:
        run(models, lambda: asked(models, task))
    return caught.value
