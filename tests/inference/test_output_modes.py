"""Structured output of a language model: modes that an endpoint accepts or refuses."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput, PromptedOutput

from omoide.inference.model_config import Task
from omoide.inference.model_registry import ChatModels, FormRefused, ModelUnfit
from tests.inference.completions import completion, error, saying
from tests.inference.fault_proxy import Fault, FaultProxy, send
from tests.inference.scripted_models import SAID, made, run

# Forms of output.


class ListedFacts(BaseModel):
    facts: list[str]


async def formed(models: ChatModels, task: Task = "derive") -> ListedFacts:
    """Requests the output mode that is known to work, as a reasoner does."""
    while True:
        form = NativeOutput(ListedFacts) if models.output_mode(task) == "schema" else PromptedOutput(ListedFacts)
        agent = Agent(models.of(task), output_type=form, model_settings=models.settings_of(task, max_tokens=50))
        try:
            with models.watched(task):
                return (await agent.run(SAID)).output
        except FormRefused:
            if not models.refused(task):
                raise


def picky(*known: str) -> Fault:
    """An endpoint that accepts only these response formats."""

    def fault(handler: BaseHTTPRequestHandler, proxy: FaultProxy, body: bytes) -> None:
        form = proxy.asked[-1].get("response_format")
        if form is not None and form["type"] not in known:
            send(handler, 400, error(f"response_format {form['type']} is not supported"))
        else:
            send(handler, 200, completion('{"facts": ["Ottokar keeps bees"]}'))

    return fault


def forms(provider: FaultProxy) -> list[str]:
    return [request.get("response_format", {"type": "none"})["type"] for request in provider.asked]


@pytest.mark.parametrize(
    ("known", "first", "later"),
    [
        (["json_schema", "json_object"], ["json_schema"], "json_schema"),
        (["json_object"], ["json_schema", "json_object"], "json_object"),
        ([], ["json_schema", "json_object", "none"], "none"),
    ],
)
def test_a_refused_output_mode_is_not_requested_again(
    provider: FaultProxy, known: list[str], first: list[str], later: str
) -> None:
    provider.fault = picky(*known)
    models = made(provider)

    async def work() -> None:
        assert (await formed(models)).facts == ["Ottokar keeps bees"]
        await formed(models)
        await formed(models, "dream")

    run(models, work)
    assert forms(provider) == [*first, later, later]


@pytest.mark.parametrize(("output", "form"), [("schema", "json_schema"), ("json", "json_object"), ("prompt", "none")])
def test_a_configured_output_mode_is_used(provider: FaultProxy, output: str, form: str) -> None:
    provider.fault = picky("json_schema", "json_object")
    models = made(provider, model_output=output)
    run(models, lambda: formed(models))
    assert forms(provider) == [form]
    assert not models.refused("derive")


def test_a_refused_configured_output_mode_is_reported(provider: FaultProxy) -> None:
    provider.fault = picky()
    models = made(provider, model_output="schema")
    with pytest.raises(FormRefused, match="refused the form of output that was asked for"):
        run(models, lambda: formed(models))


def test_answers_without_the_form_are_not_an_outage(provider: FaultProxy) -> None:
    provider.fault = saying("I will not.")
    models = made(provider)
    with pytest.raises(ModelUnfit, match="do not match the requested form"):
        run(models, lambda: formed(models))
