"""What an endpoint refuses of a request, over HTTP: it is asked for less, and asked for that the next time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from pydantic_ai.messages import ModelResponse
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.tools import ToolDefinition

from omoide.inference.errors import ContextExceeded, ToolsRefused
from omoide.inference.model_registry import ChatModels
from omoide.inference.probe import probe
from omoide.reasoner.agentic.model_client import PLAIN, ModelCaller, Opening
from tests.inference.completions import completion, error, streaming
from tests.inference.fault_proxy import Fault, FaultProxy, answering, send
from tests.inference.scripted_models import made, run

TOOLS = ModelRequestParameters(function_tools=[ToolDefinition(name="search_memory")])
HOWS = pytest.mark.parametrize("how", ["whole", "streamed"])


def unless(is_fine: Callable[[dict[str, Any]], bool], words: str, status: int = 400) -> Fault:
    """An endpoint that refuses with these words whatever is not fine."""

    def fault(handler: BaseHTTPRequestHandler, proxy: FaultProxy, body: bytes) -> None:
        asked = json.loads(body)
        if not is_fine(asked):
            send(handler, status, error(words))
        elif asked.get("stream"):
            streaming("Bees.")(handler, proxy, body)
        else:
            send(handler, 200, completion("Bees."))

    return fault


async def request(
    models: ChatModels, how: str, output: int = 8_192, parameters: ModelRequestParameters = PLAIN
) -> ModelResponse:
    history = [Opening("Rules.", "Who keeps bees?").request()]
    if how == "whole":
        return await ModelCaller(models, "derive").whole(history, output, parameters)
    return await ModelCaller(models, "answer").spoken(history, output, parameters)


def twice(provider: FaultProxy, how: str) -> list[dict[str, Any]]:
    """The requests for two answers."""
    models = made(provider)

    async def work() -> None:
        for _ in range(2):
            assert (await request(models, how)).text == "Bees."

    run(models, work)
    return provider.asked


@HOWS
@pytest.mark.parametrize("limit", [2_048, 4_096, 8_000])
def test_a_refused_limit_of_output_is_lowered_and_remembered(provider: FaultProxy, limit: int, how: str) -> None:
    words = f"max_tokens is too large: 8192. This model supports at most {limit} completion tokens."
    provider.fault = unless(lambda asked: asked["max_tokens"] <= limit, words)
    assert [each["max_tokens"] for each in twice(provider, how)] == [8_192, limit, limit]


def test_a_limit_that_is_not_named_is_halved_until_it_fits(provider: FaultProxy) -> None:
    provider.fault = unless(lambda asked: asked["max_tokens"] <= 2_500, "max_tokens is too large", 422)
    assert [each["max_tokens"] for each in twice(provider, "whole")] == [8_192, 4_096, 2_048, 2_048]


@HOWS
def test_a_window_limits_the_output_to_what_the_text_leaves(provider: FaultProxy, how: str) -> None:
    words = "This model's maximum context length is 4096 tokens. However, you requested 8992 tokens (800 in the "
    provider.fault = unless(lambda asked: asked["max_tokens"] <= 3_296, f"{words}messages, 8192 in the completion).")
    first, second, third = (each["max_tokens"] for each in twice(provider, how)[:3])
    assert (first, second) == (8_192, 3_280)
    assert third < 8_192


@HOWS
def test_the_other_name_of_the_limit_is_used_and_remembered(provider: FaultProxy, how: str) -> None:
    words = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    provider.fault = unless(lambda asked: "max_tokens" not in asked, words)
    refused, second, third = twice(provider, how)
    assert refused["max_tokens"] == 8_192
    assert second["max_completion_tokens"] == third["max_completion_tokens"] == 8_192
    provider.fault = unless(lambda asked: "max_tokens" not in asked, words)
    models = made(provider)
    asyncio.run(probe(models._choices.by_task["answer"], 30))


def test_a_limit_is_remembered_for_its_model_only(provider: FaultProxy) -> None:
    words = "max_tokens must be at most 1000"
    provider.fault = unless(lambda asked: asked["model"] != "toy" or asked["max_tokens"] <= 1_000, words)
    models = made(provider, model_answer="openai:other")

    async def work() -> None:
        await request(models, "whole")
        await request(models, "streamed")

    run(models, work)
    assert [(each["model"], each["max_tokens"]) for each in provider.asked] == [
        ("toy", 8_192),
        ("toy", 1_000),
        ("other", 8_192),
    ]


@HOWS
@pytest.mark.parametrize(
    ("words", "status"), [("toy does not support tools", 400), ("tools param requires --jinja flag", 500)]
)
def test_refused_tools_are_told_from_other_refusals(provider: FaultProxy, words: str, status: int, how: str) -> None:
    provider.fault = answering(status, error(words))
    models = made(provider, model_retries=0)
    with pytest.raises(ToolsRefused, match="takes no tools"):
        run(models, lambda: request(models, how, parameters=TOOLS))


@HOWS
def test_a_text_that_is_too_long_says_how_much_fits(provider: FaultProxy, how: str) -> None:
    provider.fault = answering(400, error("prompt is too long: 5000 tokens > 4000 maximum"))
    models = made(provider)
    with pytest.raises(ContextExceeded) as caught:
        run(models, lambda: request(models, how))
    assert caught.value.share == 0.8
    assert len(provider.asked) == 1


def whole(**changes: Any) -> Fault:
    answer = json.loads(completion("x"))
    answer["choices"][0] |= changes
    return answering(200, json.dumps(answer).encode())


def test_an_empty_finish_reason_counts_as_none(provider: FaultProxy) -> None:
    provider.fault = whole(message={"role": "assistant", "content": "Bees."}, finish_reason="")
    models = made(provider)
    assert run(models, lambda: request(models, "whole")).text == "Bees."


@HOWS
def test_half_an_emoji_becomes_a_replacement_character(provider: FaultProxy, how: str) -> None:
    pieces = ("Bees \ud83d", "\ude00 and \ud83d.")
    joined = {"role": "assistant", "content": "".join(pieces)}
    provider.fault = streaming(*pieces) if how == "streamed" else whole(message=joined)
    models = made(provider)
    assert run(models, lambda: request(models, how)).text == "Bees \U0001f600 and \ufffd."


def test_half_an_emoji_in_a_call_becomes_a_replacement_character(provider: FaultProxy) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "search_memory", "arguments": '{"query": "\\ud83d"}'}}
    provider.fault = whole(message={"role": "assistant", "content": None, "tool_calls": [call]})
    models = made(provider)
    (found,) = run(models, lambda: request(models, "whole", parameters=TOOLS)).tool_calls
    assert found.args_as_dict() == {"query": "\ufffd"}
