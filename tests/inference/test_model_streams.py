"""Streams of a language model: retries, truncation, timeouts and slots."""

from __future__ import annotations

import pytest
from pydantic_ai import Agent

from omoide.core.usage import Counts
from omoide.inference.model_registry import ChatModels, ProviderFailed
from tests.inference.completions import error, streaming
from tests.inference.fault_proxy import FaultProxy, answering, in_turn, stalling
from tests.inference.scripted_models import SAID, failed, made, meter, run, used

# Streams.


async def streamed(models: ChatModels, pieces: list[str]) -> None:
    agent = Agent(models.of("answer"), model_settings=models.settings_of("answer", max_tokens=50))
    with models.watched("answer"):
        async with agent.run_stream(SAID) as stream:
            async for piece in stream.stream_text(delta=True, debounce_by=None):
                pieces.append(piece)


def test_a_stream_arrives_in_pieces_and_is_counted(provider: FaultProxy) -> None:
    provider.fault = streaming("Bees ", "and ", "honey.")
    models, pieces = made(provider, meter=(counted := meter())), list[str]()
    run(models, lambda: streamed(models, pieces))
    assert pieces == ["Bees ", "and ", "honey."]
    assert used(counted) == {"answer": Counts(1, input_tokens=11, cached_tokens=4, output_tokens=3)}


def test_opening_a_stream_is_retried(provider: FaultProxy) -> None:
    provider.fault = in_turn(answering(503, error("down")), streaming("Bees."))
    models, pieces = made(provider, meter=(counted := meter())), list[str]()
    run(models, lambda: streamed(models, pieces))
    assert (pieces, failed(counted)) == (["Bees."], 1)


def test_a_truncated_stream_fails_and_is_not_retried(provider: FaultProxy) -> None:
    provider.fault = streaming("Bees ", ended=False)
    models, pieces = made(provider, meter=(counted := meter())), list[str]()
    with pytest.raises(ProviderFailed):
        run(models, lambda: streamed(models, pieces))
    assert (pieces, len(provider.asked), failed(counted)) == (["Bees "], 1, 1)
    (part,) = used(counted).values()
    assert (part.calls, part.estimated_calls) == (1, 1), "what was sent before it broke off is counted"
    assert part.input_tokens > 0


def test_a_stalled_stream_times_out(provider: FaultProxy) -> None:
    provider.fault = stalling
    models = made(provider, model_timeout_seconds=0.3)
    with pytest.raises(ProviderFailed, match="did not answer in time"):
        run(models, lambda: streamed(models, []))


def test_slots_are_released_after_failed_streams(provider: FaultProxy) -> None:
    provider.fault = in_turn(streaming("Bees ", ended=False), answering(401, error("no")), streaming("Honey."))
    models, pieces = made(provider, model_concurrency=1), list[str]()

    async def work() -> None:
        for _ in range(2):
            with pytest.raises(ProviderFailed):
                await streamed(models, [])
        await streamed(models, pieces)

    run(models, work)
    assert pieces == ["Honey."]
