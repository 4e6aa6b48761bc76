"""Fields of a response that say nothing of the answer may have any value, and may be missing."""

from __future__ import annotations

from typing import Any

import pytest

from omoide.inference.model_registry import chat_models
from tests.inference.faulty_provider import choice, misbehaving, payload
from tests.inference.scripted_models import asked, run, settings_of

COUNTS = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
ODDITIES: list[tuple[str, dict[str, Any]]] = [
    ("whole", {"created": 1.5}),
    ("whole", {"created": "2024-05-01"}),
    ("whole", {"id": None}),
    ("whole", {"id": 7}),
    ("whole", {"model": None}),
    ("whole", {"object": "text_completion"}),
    ("whole", {"service_tier": "on_demand"}),
    ("whole", {"system_fingerprint": 5}),
    ("whole", {"usage": None}),
    ("whole", {"usage": "x"}),
    ("whole", {"usage": {"prompt_tokens": 1}}),
    ("whole", {"usage": {**COUNTS, "prompt_tokens": "many"}}),
    ("whole", {"usage": {**COUNTS, "prompt_tokens_details": []}}),
    ("whole", {"usage": {**COUNTS, "completion_tokens_details": {"reasoning_tokens": "x"}}}),
    ("choice", {"index": None}),
    ("choice", {"logprobs": []}),
    ("choice", {"finish_reason": ""}),
    ("message", {"role": None}),
    ("message", {"role": "model"}),
    ("message", {"refusal": False}),
    ("message", {"annotations": "x"}),
    ("message", {"audio": {}}),
    ("message", {"tool_calls": {}}),
    ("message", {"function_call": {}}),
]


@pytest.mark.filterwarnings("ignore::UserWarning")  # of pydantic, and of what counts usage
@pytest.mark.parametrize(("where", "fields"), ODDITIES, ids=repr)
def test_an_answer_is_read_whatever_stands_around_it(where: str, fields: dict[str, Any]) -> None:
    whole = choice({"content": "Bees."})
    (first,) = whole["choices"]
    {"whole": whole, "choice": first, "message": first["message"]}[where].update(fields)
    with misbehaving(payload(whole)) as provider:
        models = chat_models(settings_of(model="openai:toy", model_base_url=provider.url, model_api_key="sk-test"))
        assert run(models, lambda: asked(models)) == "Bees."
