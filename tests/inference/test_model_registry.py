"""Language models over HTTP: requests, usage, faults of a provider, and the fallback."""

from __future__ import annotations

import asyncio
import threading
import traceback
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from pydantic_ai import Agent

from omoide.core.answer_levels import DEFAULTS
from omoide.core.errors import OmoideError
from omoide.core.metrics import Metrics
from omoide.core.usage import Counts
from omoide.inference.errors import FAULTS
from omoide.inference.model_config import TASKS
from omoide.inference.model_registry import ModelUnfit, RequestRefused, chat_models
from tests.handlers.workspace import until
from tests.inference.completions import completion, error, saying
from tests.inference.fault_proxy import (
    Fault,
    FaultProxy,
    answering,
    dribbling,
    hanging_up,
    in_turn,
    send,
    stalling,
)
from tests.inference.scripted_models import (
    KEY,
    SAID,
    Waits,
    asked,
    failed,
    failure,
    made,
    meter,
    run,
    settings_of,
    used,
)

# Requests and usage.


def test_a_request_goes_to_the_endpoint_with_its_key(provider: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "another")
    models = made(provider)
    assert run(models, lambda: asked(models)) == "Bees."
    (request,) = provider.asked
    assert (request["model"], request["max_tokens"]) == ("toy", 50)
    assert provider.headers[0]["authorization"] == f"Bearer {KEY}"


def test_an_endpoint_without_a_key_gets_no_key(provider: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "another")
    models = made(provider, model_api_key="", openai_api_key=KEY)
    run(models, lambda: asked(models))
    assert provider.headers[0]["authorization"] == "Bearer no-key"


def test_usage_is_counted_per_task(provider: FaultProxy) -> None:
    models = made(provider, meter=(counted := meter()))

    async def work() -> None:
        await asked(models, "derive")
        await asked(models, "derive")
        await asked(models, "answer")

    run(models, work)
    assert used(counted) == {
        "derive": Counts(2, input_tokens=22, cached_tokens=8, output_tokens=6),
        "answer": Counts(1, input_tokens=11, cached_tokens=4, output_tokens=3),
    }


# Transient and permanent faults.

PASSING = {
    "500": answering(500, error("oops")),
    "502": answering(502, b"<html>Bad gateway</html>"),
    "503": answering(503, error("overloaded")),
    "429": answering(429, error("slow down", "rate_limit_exceeded")),
    "408": answering(408, error("too slow")),
    "hang-up": hanging_up,
    "half": answering(200, completion("Bees.")[:60]),
    "no-json": answering(200, b"Internal failure"),
    "no-choices": answering(200, b'{"id": "1", "object": "chat.completion", "created": 1, "model": "toy"}'),
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING.keys())
def test_a_transient_fault_is_retried(provider: FaultProxy, fault: Fault) -> None:
    waits = Waits()
    provider.fault = in_turn(fault, fault, saying("Bees."))
    models = made(provider, waits, counted := meter())
    assert run(models, lambda: asked(models)) == "Bees."
    assert waits.seconds == [0.5, 1.0]
    assert (used(counted)["derive"].calls, failed(counted)) == (1, 2)


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING.keys())
def test_a_persistent_fault_fails_as_retryable(provider: FaultProxy, fault: Fault) -> None:
    provider.fault = fault
    found = failure(made(provider, model_retries=1))
    assert len(provider.asked) == 2
    assert found.retryable
    assert found.reason.startswith("The provider of openai:toy ")


@pytest.mark.parametrize(
    ("status", "body", "reason", "retryable"),
    [
        (401, error(f"Incorrect key {KEY}"), "The provider of openai:toy refused the key (HTTP 401).", False),
        (403, error("no"), "The provider of openai:toy refused the key (HTTP 403).", False),
        (404, error("what?"), "The provider of openai:toy does not know this model or address (HTTP 404).", False),
        (402, error("pay"), "The provider of openai:toy has no quota or credit left (HTTP 402).", True),
        (
            429,
            error("no credit", "insufficient_quota"),
            "The provider of openai:toy has no quota or credit left (HTTP 429).",
            True,
        ),
    ],
)
def test_a_permanent_fault_is_not_retried(
    provider: FaultProxy, status: int, body: bytes, reason: str, retryable: bool
) -> None:
    provider.fault = answering(status, body)
    found = failure(made(provider))
    assert len(provider.asked) == 1
    assert (found.reason, found.retryable, found.provider_status) == (reason, retryable, status)


@pytest.mark.parametrize(
    ("status", "words"), [(400, "policy"), (400, "blocked: tell me a json_schema"), (413, "too much"), (422, "no")]
)
def test_a_rejected_request_is_not_an_outage(provider: FaultProxy, status: int, words: str) -> None:
    provider.fault = answering(status, error(words))
    models = made(provider)

    async def plainly() -> None:
        await models.guarded("summary", lambda: Agent(models.of("summary")).run(SAID), asks_form=False)

    with pytest.raises(RequestRefused) as caught:
        run(models, plainly)
    assert caught.value.reason == f"The provider of openai:toy refused the request (HTTP {status})."
    assert caught.value.provider_status == status
    assert len(provider.asked) == 1


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        (answering(401, error("no")), "refused the key"),
        (answering(403, error("no")), "refused the key"),
        (answering(404, error("what?")), "does not know this model or address"),
        (answering(400, error("bad")), "refused the request"),
        (answering(400, error("json_schema?")), "refused the form of output that was asked for"),
        (answering(402, error("pay")), "has no quota or credit left"),
        (answering(429, error("slow")), "was asked too often"),
        (answering(500, b"oops"), "failed"),
        (answering(503, b""), "is overloaded or down"),
        (answering(200, b"{}"), "gave no answer that can be read"),
        (hanging_up, "could not be reached, or broke off"),
        (stalling, "did not answer in time"),
    ],
)
def test_the_metrics_have_the_last_fault_in_our_own_words(provider: FaultProxy, fault: Fault, word: str) -> None:
    provider.fault = fault
    counted = Metrics(tasks=TASKS, faults=FAULTS)
    given = {"model": "openai:toy", "model_base_url": f"{provider.url}/v1", "model_timeout_seconds": 0.2}
    models = chat_models(settings_of(**given, model_retries=0), meter=counted.own)
    with pytest.raises(OmoideError):
        run(models, lambda: asked(models))
    (derive,) = [each for each in counted.models_seen() if each.name == "derive"]
    assert (derive.failed, derive.fault) == (1, word)
    assert word in FAULTS


def test_a_text_that_is_too_long_is_not_an_outage(provider: FaultProxy) -> None:
    provider.fault = answering(400, error("too long", "context_length_exceeded"))
    models = made(provider)
    with pytest.raises(ModelUnfit, match="The text exceeds the context window of openai:toy"):
        run(models, lambda: asked(models))
    assert len(provider.asked) == 1


def test_an_unreachable_endpoint_has_a_sentence(provider: FaultProxy) -> None:
    models = made(provider, model_base_url="http://127.0.0.1:9/v1", model_retries=0)
    assert failure(models).reason == "The provider of openai:toy could not be reached, or broke off."


def test_retry_after_is_respected(provider: FaultProxy) -> None:
    waits = Waits()
    provider.fault = in_turn(answering(429, error("slow"), Retry_After="3"), saying("Bees."))
    models = made(provider, waits)
    assert run(models, lambda: asked(models)) == "Bees."
    assert waits.seconds == [3.0]


def test_a_long_retry_after_is_not_waited_for(provider: FaultProxy) -> None:
    waits = Waits()
    provider.fault = answering(429, error("slow"), Retry_After="600")
    assert failure(made(provider, waits)).retryable
    assert (len(provider.asked), waits.seconds) == (1, [])


@pytest.mark.parametrize("fault", [stalling, dribbling])
def test_a_request_that_times_out_is_not_retried(provider: FaultProxy, fault: Fault) -> None:
    provider.fault = fault
    found = failure(made(provider, model_timeout_seconds=0.3))
    assert found.reason == "The provider of openai:toy did not answer in time."
    assert found.retryable
    until(lambda: len(provider.asked) > 0)  # it may read the request after we have disconnected
    assert len(provider.asked) == 1


def test_a_whole_answer_has_a_time_limit_below_the_clients(provider: FaultProxy) -> None:
    assert all(level.seconds < 60 for level in DEFAULTS.values())
    provider.fault = answering(500, error("oops"))
    levels = {"low": {"seconds": 1}}
    given = {"model": "openai:toy", "model_base_url": f"{provider.url}/v1", "model_retries": 10}
    models = chat_models(settings_of(**given, answer_levels=levels))
    assert failure(models, "answer").reason == "The provider of openai:toy did not answer within 1 s."


def test_exceptions_that_are_not_the_providers_propagate(provider: FaultProxy) -> None:
    models = made(provider)

    async def broken() -> None:
        raise LookupError("ours")

    with pytest.raises(LookupError, match="ours"):
        run(models, lambda: models.guarded("derive", broken))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429, 500, 503])
def test_no_error_shows_a_key_or_content(provider: FaultProxy, status: int, caplog: pytest.LogCaptureFixture) -> None:
    provider.fault = answering(status, error(f"{KEY} is wrong for {SAID}", KEY))
    models = made(provider)
    with pytest.raises(OmoideError) as caught:
        run(models, lambda: asked(models))
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + caught.value.detail + caplog.text
    assert KEY not in shown
    assert SAID not in shown


# The fallback.


def test_the_fallback_is_used_only_if_configured(provider: FaultProxy, other: FaultProxy) -> None:
    provider.fault = answering(401, error("no"))
    models = made(provider, model_fallback="openai:spare", model_fallback_base_url=f"{other.url}/v1")
    assert run(models, lambda: asked(models)) == "From the other one."
    assert [request["model"] for request in other.asked] == ["spare"]
    assert other.headers[0]["authorization"] == "Bearer no-key"
    assert failure(made(provider)).provider_status == 401


@pytest.mark.parametrize("fault", [*PASSING.values(), stalling], ids=[*PASSING.keys(), "stall"])
def test_the_fallback_answers_whatever_the_fault(provider: FaultProxy, other: FaultProxy, fault: Fault) -> None:
    provider.fault = fault
    url = f"{other.url}/v1"
    patience = 1 if fault is stalling else 30  # the fallback has no more time than the first
    models = made(provider, model_timeout_seconds=patience, model_fallback="openai:spare", model_fallback_base_url=url)
    assert run(models, lambda: asked(models)) == "From the other one."


def test_if_both_fail_the_first_failure_is_reported(provider: FaultProxy, other: FaultProxy) -> None:
    provider.fault, other.fault = answering(401, error("no")), answering(503, error("down"))
    models = made(provider, model_fallback="openai:spare", model_fallback_base_url=f"{other.url}/v1")
    found = failure(models)
    assert found.reason == "The provider of openai:toy refused the key (HTTP 401). The fallback failed too."
    assert found.retryable


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (answering(400, error("no such talk")), answering(500, b"oops")),
        (answering(503, b""), answering(400, error("no such talk"))),
        (answering(400, error("too long", "context_length_exceeded")), answering(401, error("no"))),
    ],
)
def test_a_rejection_is_final_only_if_the_fallback_cannot_succeed_later(
    provider: FaultProxy, other: FaultProxy, first: Fault, second: Fault
) -> None:
    provider.fault, other.fault = first, second
    options: dict[str, Any] = {"model_fallback": "openai:spare", "model_fallback_base_url": f"{other.url}/v1"}
    assert failure(made(provider, **options)).reason.endswith(" The fallback failed too.")
    provider.fault = other.fault = answering(422, error("no such talk"))
    models = made(provider, **options)
    with pytest.raises(RequestRefused):
        run(models, lambda: asked(models))


# Concurrency.


class Doorkeeper:
    """A fault that releases requests in pairs and records the maximum concurrency."""

    def __init__(self) -> None:
        self.pairs, self.lock = threading.Barrier(2), threading.Lock()
        self.inside = self.most = 0

    def __call__(self, handler: BaseHTTPRequestHandler, proxy: FaultProxy, asked: bytes) -> None:
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.pairs.wait()
        with self.lock:
            self.inside -= 1
        send(handler, 200, completion("Bees."))


def test_the_number_of_concurrent_requests_is_limited(provider: FaultProxy) -> None:
    provider.fault = door = Doorkeeper()
    models = made(provider, model_concurrency=2)

    async def work() -> None:
        await asyncio.gather(*(asked(models, "answer") for _ in range(8)))

    run(models, work)
    assert (door.most, len(provider.asked)) == (2, 8)


def test_a_question_does_not_wait_for_background_work(provider: FaultProxy) -> None:
    held, begun = threading.Event(), threading.Event()

    def hold(handler: BaseHTTPRequestHandler, proxy: FaultProxy, asked: bytes) -> None:
        begun.set()
        held.wait()
        send(handler, 200, completion("Late."))

    provider.fault = in_turn(hold, saying("Now."))
    models = made(provider, model_concurrency=2)

    async def work() -> list[str]:
        background = [asyncio.create_task(asked(models)) for _ in range(3)]
        await asyncio.to_thread(begun.wait)
        answer = await asked(models, "answer")
        assert not any(task.done() for task in background)
        held.set()
        return [answer, *(await asyncio.gather(*background))]

    assert run(models, work) == ["Now.", "Late.", "Now.", "Now."]
