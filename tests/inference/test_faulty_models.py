"""Endless, malformed and truncated responses: limits of bytes and time, and error messages."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from pydantic_ai.messages import ModelResponse
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.tools import ToolDefinition

from omoide.core.errors import OmoideError
from omoide.core.settings import Settings
from omoide.inference.model_registry import ChatModels, ModelUnfit, ProviderFailed, chat_models
from omoide.inference.probe import probe
from omoide.reasoner.agentic.model_client import ModelCaller, Opening
from tests.inference.completions import USAGE
from tests.inference.faulty_provider import (
    DONE,
    EVENTS,
    MEGABYTE,
    Misbehaving,
    ProviderConnection,
    Script,
    answering,
    beginning,
    body,
    choice,
    chunk,
    dripping,
    endless,
    event,
    events,
    head,
    misbehaving,
    payload,
    said,
    then_for_ever,
)
from tests.inference.scripted_models import failed, meter, used
from tests.inference.unusable_responses import ENDLESS, NONE, calling, choices

TOO_LONG = "sent more than an answer may hold"
UNREADABLE = "gave no answer that can be read"
BROKEN_OFF = "ended its answer before it was complete"
LATE = "did not answer in time"
LOST = "could not be reached, or broke off"

MOST_READ = 16 * MEGABYTE
"""Bytes that socket buffers accept from the provider while little is read."""

HOWS = pytest.mark.parametrize("how", ["whole", "streamed"])
BEES = event(chunk({"role": "assistant", "content": "Bees."}))
END = event(chunk({}, "stop"))
TOOLS = ModelRequestParameters(function_tools=[ToolDefinition(name="search_memory")])


async def no_pause(_: float) -> None:
    """Retries without delay."""


def made(provider: Misbehaving, **options: Any) -> ChatModels:
    given = {"model": "openai:toy", "model_base_url": provider.url, "model_retries": 0, "model_answer_bytes": MEGABYTE}
    meter = options.pop("meter", None)
    return chat_models(Settings.model_validate(given | options), pause=no_pause, meter=meter)


def asked(models: ChatModels, how: str, heard: Callable[[str], None] = lambda _: None) -> ModelResponse:
    """The answer of a model, requested as the reasoner does."""

    async def work() -> ModelResponse:
        caller = ModelCaller(models, "derive" if how == "whole" else "answer")
        history = [Opening("Rules.", "Who keeps bees?").request()]
        try:
            if how == "whole":
                return await caller.whole(history, 100, TOOLS)
            return await caller.spoken(history, 100, TOOLS, heard)
        finally:
            await models.aclose()

    return asyncio.run(work())


def failing(script: Script, how: str, **options: Any) -> tuple[str, int]:
    """The message of the failure without the model's name, and the number of bytes sent by the provider."""
    with misbehaving(script) as provider:
        with pytest.raises(ProviderFailed) as caught:
            asked(made(provider, **options), how)
        assert caught.value.retryable == (caught.value.provider_status != 401)
        return caught.value.reason.removeprefix("The provider of openai:toy ").removesuffix("."), provider.sent


@HOWS
@pytest.mark.parametrize("script", ENDLESS.values(), ids=ENDLESS.keys())
def test_a_response_is_read_only_up_to_the_limit(script: Script, how: str) -> None:
    reason, sent = failing(script, how, model_answer_bytes=65_536)
    assert reason == TOO_LONG
    assert sent < MOST_READ


@HOWS
@pytest.mark.parametrize("data", [b"[" * 60_000, b"[" * 900 + b"]" * 900, b"\xff", b"", b"[1]", b"null", b"NaN"])
def test_the_status_determines_the_error_whatever_its_body(data: bytes, how: str) -> None:
    assert failing(body(data, 503), how)[0] == "is overloaded or down (HTTP 503)"


@HOWS
@pytest.mark.parametrize(
    ("status", "reason"), [(401, "refused the key (HTTP 401)"), (500, "failed (HTTP 500)"), (307, UNREADABLE)]
)
def test_the_status_determines_the_error_if_its_body_is_endless(status: int, reason: str, how: str) -> None:
    place = "Location: /v1/chat/completions"
    found, sent = failing(then_for_ever(head(status, place), b"x" * 65_536), how)
    assert found == reason
    assert sent < MOST_READ


DRIPPING = {
    "body": dripping(b" "),
    "comments": dripping(b": still here\n\n"),
    "head": dripping(b"X-A: b\r\n", before=b"HTTP/1.1 200 OK\r\n"),
    "continue": dripping(b"HTTP/1.1 100 Continue\r\n\r\n", before=b""),
    "error": dripping(b"x", before=head(500)),
    "words": dripping(event(chunk({"content": ""})), before=head(media=EVENTS)),
    "nothing": lambda line, asked: line.hang(),
}


@HOWS
@pytest.mark.parametrize("script", DRIPPING.values(), ids=DRIPPING.keys())
def test_the_total_time_is_limited_however_often_a_byte_arrives(script: Script, how: str) -> None:
    assert failing(script, how, model_timeout_seconds=0.2)[0] == LATE


@HOWS
@pytest.mark.parametrize("script", NONE.values(), ids=NONE.keys())
def test_an_unusable_response_is_an_outage_of_the_provider(script: Script, how: str) -> None:
    assert failing(script, how)[0] == UNREADABLE


@HOWS
def test_an_unusable_response_is_retried_and_an_endless_one_is_not(how: str) -> None:
    for script, requests in ((choices([]), 3), (endless(b"x" * 65_536), 1)):
        with misbehaving(script) as provider:
            with pytest.raises(ProviderFailed):
                asked(made(provider, model_retries=2), how)
            assert len(provider.asked) == requests


@HOWS
@pytest.mark.parametrize("size", [1_000_001, 3_000_000])
def test_oversized_text_is_too_long(size: int, how: str) -> None:
    text = " ".join(map(str, range(size // 4)))[:size]
    for script in (said(text), calling(function={"name": "search_memory", "arguments": "x" * size})):
        assert failing(script, how, model_answer_bytes=16 * MEGABYTE)[0] == TOO_LONG


def test_no_more_is_read_of_a_stream_that_repeats_itself() -> None:
    with misbehaving(then_for_ever(head(media=EVENTS), event(chunk({"content": "bees "})) * 64)) as provider:
        assert str(asked(made(provider), "streamed").text).startswith("bees bees")
        assert provider.sent < MOST_READ


LOSSES = {
    "hang-up": lambda line, asked: None,
    "length": lambda line, asked: line.say(beginning(asked, "Content-Length: 999") + b"{"),
    "negative length": lambda line, asked: line.say(beginning(asked, "Content-Length: -1") + b"{}"),
    "no HTTP": lambda line, asked: line.say(b"220 mail.example.com ESMTP\r\n"),
    "endless head": then_for_ever(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n" * 4_096),
    "endless chunk": then_for_ever(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0" * 65_536),
    "another protocol": lambda line, asked: line.say(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"),
}


@HOWS
@pytest.mark.parametrize("script", LOSSES.values(), ids=LOSSES.keys())
def test_a_connection_that_is_lost_is_an_outage_of_the_provider(script: Script, how: str) -> None:
    reason, sent = failing(script, how)
    assert (reason, sent < MOST_READ) == (LOST, True)


# The end of a response.


@pytest.mark.parametrize(
    "script",
    [
        events(BEES),
        events(BEES, END[:30]),
        events(BEES, b'data: {"cho'),
        answering({"content": "Bees."}, "error"),
        answering({"content": "Bees."}, "abort"),
    ],
    ids=["no end", "half an end", "half an event", "an error", "an abortion"],
)
def test_a_stream_without_an_end_marker_is_incomplete(script: Script) -> None:
    heard: list[str] = []
    with misbehaving(script) as provider, pytest.raises(ProviderFailed, match=BROKEN_OFF) as caught:
        asked(made(provider, model_retries=2), "streamed", heard.append)
    assert caught.value.retryable
    assert len(provider.asked) == 1


@pytest.mark.parametrize(
    "script",
    [
        events(BEES, END, DONE),
        events(BEES, END),
        events(BEES, DONE),
        events(BEES, event(chunk({}, "eos"))),
        events(b"\r\n".join((BEES + END).splitlines()) + b"\r\n\r\n"),
        events(b"\r".join((BEES + END).splitlines()) + b"\r\r"),
        events(b": hello\n\n", BEES, b": still here\n\n", END),
    ],
    ids=["both", "reason", "done", "unknown reason", "CRLF", "CR", "comments"],
)
def test_a_stream_ends_with_a_finish_reason_or_done(script: Script) -> None:
    heard: list[str] = []
    with misbehaving(script) as provider:
        asked(made(provider), "streamed", heard.append)
    assert "".join(heard) == "Bees."


@HOWS
@pytest.mark.parametrize(
    "script",
    [
        answering({"content": "Be"}, "content_filter"),
        answering({"content": ""}, "content_filter"),
        answering({"content": "Be"}, "guardrail_intervened"),
        answering({"content": None, "refusal": "I may not say."}),
    ],
    ids=["filter", "all of it", "another word", "refusal"],
)
def test_a_withheld_answer_is_a_failed_attempt_and_not_an_outage(script: Script, how: str) -> None:
    with misbehaving(script) as provider:
        with pytest.raises(ModelUnfit, match="withheld the answer of the model"):
            asked(made(provider, model_retries=2), how)
        assert len(provider.asked) == 1


@HOWS
def test_the_fallback_answers_what_the_first_model_withholds(how: str) -> None:
    with misbehaving(answering({"content": ""}, "content_filter")) as first, misbehaving(said("Bees.")) as second:
        spare = {"model_fallback": "openai:spare", "model_fallback_base_url": second.url}
        assert asked(made(first, **spare), how).text == "Bees."


@HOWS
@pytest.mark.parametrize("script", [NONE["brackets"], NONE["no choices"], ENDLESS["body"], ENDLESS["gzip"]])
def test_the_fallback_answers_for_a_provider_that_gives_no_answer(script: Script, how: str) -> None:
    with misbehaving(script) as first, misbehaving(said("Bees.")) as second:
        spare = {"model_fallback": "openai:spare", "model_fallback_base_url": second.url}
        assert asked(made(first, **spare), how).text == "Bees."


SOUND = {
    "plain": said("Bees."),
    "in parts": answering({"content": [{"type": "text", "text": "Bees."}]}),
    "without usage": answering({"content": "Bees."}, usage=None),
    "negative usage": answering({"content": "Bees."}, usage={**USAGE, "prompt_tokens": -5}),
    "usage beyond all numbers": answering({"content": "Bees."}, usage={**USAGE, "prompt_tokens": 10**30}),
    "cut by its limit": answering({"content": "Bees."}, "length"),
}


@HOWS
@pytest.mark.filterwarnings("ignore:Failed to extract usage")
@pytest.mark.parametrize("script", SOUND.values(), ids=SOUND.keys())
def test_an_unusual_but_valid_response_is_accepted(script: Script, how: str) -> None:
    with misbehaving(script) as provider:
        models = made(provider, meter=(counted := meter()))
        assert asked(models, how).text == "Bees."
        (usage,) = used(counted).values()
        assert (usage.calls, failed(counted)) == (1, 0)
        assert 0 < usage.input_tokens < 1_000
        assert 0 < usage.output_tokens < 1_000


@HOWS
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_compressed_response_is_decompressed(coding: str, how: str) -> None:
    pack = gzip.compress if coding == "gzip" else zlib.compress

    def script(line: ProviderConnection, asked: dict[str, Any]) -> None:
        sound = BEES + END + DONE if asked.get("stream") else json.dumps(choice({"content": "Bees."})).encode()
        line.say(beginning(asked, f"Content-Encoding: {coding}") + pack(sound))

    with misbehaving(script) as provider:
        assert asked(made(provider), how).text == "Bees."


@pytest.mark.parametrize("script", [NONE["brackets"], NONE["no choices"], ENDLESS["body"], ENDLESS["gzip"]])
def test_a_probe_reports_the_fault_of_a_response(script: Script) -> None:
    with misbehaving(script) as provider:
        models = made(provider)
        with pytest.raises(OmoideError, match=f"{UNREADABLE}|{TOO_LONG}"):
            asyncio.run(probe(models._choices.by_task["answer"], 30))
        assert provider.sent < MOST_READ


@HOWS
@pytest.mark.parametrize("status", [301, 307, 308])
def test_a_redirect_to_another_host_is_not_followed_with_the_key(how: str, status: int) -> None:
    with misbehaving(payload({})) as elsewhere:
        redirect = body(b"", status, f"Location: {elsewhere.url}/chat/completions")
        reason, _ = failing(redirect, how, model_api_key="secret")
        assert elsewhere.asked == []
    assert reason == UNREADABLE
