from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic_ai.exceptions import ModelAuthenticationError, ModelHTTPError, ModelRequestRejectedError
from pydantic_ai.messages import ModelRequest

from omoide.inference.model_registry import ProviderFailed, RequestRefused, UnreadableOutput
from omoide.reasoner.agentic.model_client import ModelCaller, Opening
from omoide.reasoner.agentic.structured_output import OutputForm, filled, json_in
from tests.reasoner.agentic.scripted import Scripted, cut

OPENING = Opening("Rules.", "Given.")


def _positive(value: Any) -> int:
    number = value.get("n") if isinstance(value, dict) else None
    if not isinstance(number, int) or number <= 0:
        raise ValueError("n must be a positive number")
    return number


FORM = OutputForm("number", {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}, _positive)


def fill(models: Scripted) -> int | None:
    wanted = filled(ModelCaller(models, "derive"), OPENING, FORM, 100)
    return asyncio.run(wanted)


def rejected(body: object = "no") -> ModelHTTPError:
    return ModelHTTPError.for_category(
        category=ModelRequestRejectedError, status_code=400, model_name="scripted", body=body
    )


@pytest.mark.parametrize(
    "text",
    [
        '{"n": 3}',
        '```json\n{"n": 3}\n```',
        'Here it is: {"n": 3}. Anything else?',
        '<think>{"n": 9}</think>{"n": 3}',
        '{broken {"n": 3}',
        '{"n": 3,}',
        "{'n': 3}",
        "[see below] {n: 3}",
    ],
)
def test_json_is_extracted_from_surrounding_text(text: str) -> None:
    assert json_in(text) == {"n": 3}


def test_text_without_json_raises_value_error() -> None:
    with pytest.raises(ValueError, match="no JSON"):
        json_in("I would rather not")


@pytest.mark.parametrize(("mode", "expected"), [("schema", "native"), ("json", "prompted"), ("prompt", "text")])
def test_the_request_uses_the_configured_output_mode(mode: Any, expected: str) -> None:
    models = Scripted('{"n": 3}', mode=mode)
    assert fill(models) == 3
    (_, info), *_ = models.asked
    assert info.model_request_parameters.output_mode == expected
    assert (mode == "schema") or '"integer"' in (models.prompts[0])


def test_invalid_output_is_returned_once_with_its_error() -> None:
    models = Scripted('{"n": -1}', '{"n": 1}')
    assert fill(models) == 1
    last = models.asked[1][0][-1]
    assert isinstance(last, ModelRequest)
    assert "n must be a positive number" in models.prompts[1]


def test_there_is_only_one_repair() -> None:
    models = Scripted("nonsense", "more nonsense")
    with pytest.raises(UnreadableOutput) as caught:
        fill(models)
    assert caught.value.sample == "more nonsense"
    assert len(models.asked) == 2


def test_a_truncated_output_is_not_requested_again() -> None:
    models = Scripted(cut('{"n": 12, "m": "abc'))
    assert fill(models) == 12
    assert len(models.asked) == 1


def test_a_rejected_mode_falls_back_and_is_remembered() -> None:
    models = Scripted(rejected({"error": "response_format is not supported"}), '{"n": 3}', '{"n": 4}')
    assert fill(models) == 3
    assert models.mode == "json"
    assert fill(models) == 4
    assert len(models.asked) == 3


def test_an_unspecific_rejection_tries_all_modes() -> None:
    models = Scripted(rejected(), rejected(), '{"n": 3}')
    assert fill(models) == 3
    assert models.mode == "prompt"


def test_a_request_rejected_in_all_modes_does_not_change_the_mode() -> None:
    models = Scripted(rejected(), rejected(), rejected())
    with pytest.raises(RequestRefused):
        fill(models)
    assert models.mode == "schema"


def test_other_failures_do_not_change_the_mode() -> None:
    models = Scripted(
        ModelHTTPError.for_category(category=ModelAuthenticationError, status_code=401, model_name="scripted")
    )
    with pytest.raises(ProviderFailed, match="key"):
        fill(models)
    assert (models.mode, len(models.asked)) == ("schema", 1)
