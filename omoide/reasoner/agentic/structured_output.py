"""Structured output with fallbacks: JSON schema, else JSON mode, else a schema in the prompt.

If a provider rejects a mode, the next one is tried and remembered once it has worked. The output is validated here in
every mode. Invalid output is returned to the model once, with the error, for repair; output that the token limit cut
before there was anything in it is requested again with more room.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from itertools import islice
from typing import Any, Generic, TypeVar

from pydantic_ai.exceptions import UserError
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, TextPart
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.output import OutputObjectDefinition
from pydantic_core import from_json

from omoide.core.records import Json
from omoide.core.redaction import redact_keys
from omoide.core.usage import REPAIR as REPAIRING
from omoide.inference.model_registry import (
    ContextExceeded,
    FormRefused,
    OutputMode,
    ProviderFailed,
    RequestRefused,
    UnreadableOutput,
)
from omoide.reasoner.agentic import loose_json, prompt_templates
from omoide.reasoner.agentic.model_client import ModelCaller, Opening
from omoide.reasoner.agentic.thoughts import without_thoughts
from omoide.reasoner.agentic.tidying import is_cut, text_of, thoughts_of

T = TypeVar("T")
logger = logging.getLogger("omoide.reasoner")

MODES: Sequence[OutputMode] = ("schema", "json", "prompt")
"""Strictest first."""
MOST_FAULT = 500
"""Maximum characters of an error in the repair prompt."""
MOST_OF_SAMPLE = 200
"""Characters of an output that cannot be read, as it is shown to the operator."""
MOST_BEGINNINGS = 100
"""Maximum opening brackets at which JSON is tried; a model in a loop may write thousands."""

IN_WORDS, REPAIR = prompt_templates.load("json.rules"), prompt_templates.load("repair")
_REFUSALS = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.NOT_IMPLEMENTED)
_DECODER = json.JSONDecoder(strict=False)
_BEGINNING = re.compile(r"[{\[]")
_BEGINS_JSON = re.compile(r"\s*(?:```\w*\s*)?(?:\{|\[\s*[\[{\"\d\]])")


@dataclass(frozen=True, slots=True)
class OutputForm(Generic[T]):
    """A named schema. `read` converts parsed JSON to the value, and raises ValueError if it is invalid."""

    name: str
    schema: Json
    read: Callable[[Any], T]
    is_empty: Callable[[T], bool] = lambda _: False
    """Whether a value of a truncated output has nothing in it."""


async def filled(caller: ModelCaller, opening: Opening, form: OutputForm[T], max_tokens: int) -> T:
    """Return the value. Raises UnreadableOutput if the output stays invalid after a repair, ProviderFailed, and
    RequestRefused if the provider rejects the request in every mode."""
    first = caller.models.output_mode(caller.task)
    modes = MODES[MODES.index(first) :]
    for mode in modes:
        try:
            value = await _filled(caller, opening, form, max_tokens, mode)
        except (ProviderFailed, RequestRefused, UserError) as refusal:
            if mode == modes[-1] or not _may_be_about_form(refusal):
                raise
            logger.info("output mode %s rejected for task %s: %s", mode, caller.task, type(refusal).__name__)
            continue
        _remember(caller, mode)
        return value
    raise AssertionError("there is no output mode")


def _may_be_about_form(failure: ProviderFailed | RequestRefused | UserError) -> bool:
    """Whether a simpler mode may work. Some servers reject a form with an unspecific error."""
    if isinstance(failure, ContextExceeded):
        return False
    if isinstance(failure, ProviderFailed | RequestRefused):
        return isinstance(failure, FormRefused) or failure.provider_status in _REFUSALS
    return True


def _remember(caller: ModelCaller, mode: OutputMode) -> None:
    """Record the mode. Only its success shows that the provider rejected the stricter mode and not the request."""
    models, task = caller.models, caller.task
    while MODES.index(models.output_mode(task)) < MODES.index(mode) and models.refused(task):
        pass


async def _filled(caller: ModelCaller, opening: Opening, form: OutputForm[T], max_tokens: int, mode: OutputMode) -> T:
    request, parameters = _asked(opening, form, mode)
    history: list[ModelMessage] = [request.request()]
    tokens: int | None = caller.traits.output(max_tokens)
    while tokens is not None:
        response = await caller.whole(history, tokens, parameters)
        try:
            return form.read(json_in(_said(response)))
        except ValueError as error:
            fault = prompt_templates.neutral(str(error))[:MOST_FAULT]
        if not is_cut(response):
            break
        value = _salvaged(form, [response])
        if value is not None and not form.is_empty(value):
            return value
        tokens = caller.traits.more_output(tokens)  # a repair would be truncated as well
    else:
        reason = f"{caller.models.name} used up its limit of output tokens before it gave an answer."
        raise UnreadableOutput(reason, sample_of(response))
    repairing = replace(caller, purpose=REPAIRING)
    repaired = await repairing.whole([*history, *_repair(request, response, fault)], max_tokens, parameters)
    try:
        return form.read(json_in(_said(repaired)))
    except ValueError:
        value = _salvaged(form, [repaired, response])
    if value is None or form.is_empty(value):
        reason = f"{caller.models.name} gave no output that matches the form {form.name!r}."
        raise UnreadableOutput(reason, sample_of(repaired) or sample_of(response))
    return value


def _said(response: ModelResponse) -> str:
    """Return the text of a response, or its thoughts if these are JSON and there is no text."""
    if text := text_of(response):
        return text
    thoughts = without_thoughts(thoughts_of(response))
    return thoughts if _BEGINS_JSON.match(thoughts) else ""


def sample_of(response: ModelResponse) -> str:
    """Return the beginning of a response, as one line without secrets."""
    said = text_of(response) or thoughts_of(response)
    return redact_keys(" ".join(prompt_templates.plain(said).split())[:MOST_OF_SAMPLE])


def _asked(opening: Opening, form: OutputForm[T], mode: OutputMode) -> tuple[Opening, ModelRequestParameters]:
    if mode == "prompt":
        schema = json.dumps(form.schema, ensure_ascii=False)
        rules = prompt_templates.fill(IN_WORDS, schema=prompt_templates.section("schema", schema))
        return Opening(f"{opening.rules}\n\n{rules}", opening.given), ModelRequestParameters()
    output = OutputObjectDefinition(form.schema, form.name)
    return opening, ModelRequestParameters(
        output_mode="native" if mode == "schema" else "prompted", output_object=output, allow_text_output=False
    )


def _repair(opening: Opening, response: ModelResponse, fault: str) -> list[ModelMessage]:
    """Return the messages that ask for a repair; an empty response is not repeated to the model."""
    said = text_of(response)
    wish = ModelRequest.user_text_prompt(prompt_templates.fill(REPAIR, fault=fault), instructions=opening.rules)
    return [ModelResponse(parts=[TextPart(said)]), wish] if said else [wish]


def _salvaged(form: OutputForm[T], responses: Sequence[ModelResponse]) -> T | None:
    """Parse truncated JSON leniently; return the value of the first response that has one."""
    for response in responses:
        text = _without_thoughts(_said(response))
        start = _BEGINNING.search(text)
        if start is None:
            continue
        try:
            return form.read(from_json(text[start.start() :], allow_partial=True))
        except ValueError:
            continue
    return None


def json_in(text: str) -> Any:
    """Return the first JSON object or list in a text, ignoring what is around it; one that is
    nearly JSON counts if there are objects in it. Raises ValueError."""
    text = _without_thoughts(text)
    fault = "There is no JSON in it."
    for start in islice(_BEGINNING.finditer(text), MOST_BEGINNINGS):
        try:
            return _DECODER.raw_decode(text, start.start())[0]
        except (ValueError, RecursionError) as error:
            fault = str(error) if fault.startswith("There") else fault
        try:
            value, _ = loose_json.decode(text, start.start())
        except ValueError:
            continue
        if isinstance(value, dict) or any(isinstance(each, dict) for each in value):
            return value
    raise ValueError(fault)


def list_under(key: str, given: Any, is_entry: Callable[[Any], bool]) -> Any:
    """Return an object with a list under the key, where a model gave only the list, or the list under another key."""
    if isinstance(given, dict) and key not in given:
        others = [each for each in given.values() if isinstance(each, list) and any(map(is_entry, each))]
        given = others[0] if len(others) == 1 else given
    return {key: given} if isinstance(given, list) and any(map(is_entry, given)) else given


def _without_thoughts(text: str) -> str:
    """A text that begins as JSON has no thoughts: what resembles their tags was said by somebody."""
    return text if _BEGINS_JSON.match(text) else without_thoughts(text)
