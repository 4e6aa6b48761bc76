"""Ask for no more output tokens than the endpoint accepts, under the name that it knows, and with no setting that it
refuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from pydantic_ai.exceptions import ModelAPIError
from pydantic_ai.messages import ModelMessage
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from omoide.inference.model_traits import ModelTraits
from omoide.inference.refusals import LEAST_OUTPUT, OutputName, other_name, output_limit, refused_setting
from omoide.inference.token_usage import request_texts

MOST_ADJUSTMENTS = 4
"""Requests that are adjusted because of a refusal before it counts."""
EFFORT_SETTINGS = ("thinking", "openai_reasoning_effort")
"""How much a model is to think: for models that are known to think, and for endpoints of unknown models."""
CHARACTERS_PER_TOKEN = 3
"""Fewer than there are in most texts, so that their tokens are not underestimated."""


def applied(traits: ModelTraits, settings: ModelSettings | None, characters: int) -> ModelSettings | None:
    """The settings within the limits that are known, for a request of about so many characters."""
    if settings is None or "max_tokens" not in settings:
        return settings
    for name in traits.refused_settings:
        settings = _without(settings, name)
    asked = limit = settings["max_tokens"]
    if traits.output_limit is not None:
        limit = min(limit, traits.output_limit)
    if traits.window is not None:
        room = traits.window - characters // CHARACTERS_PER_TOKEN
        limit = min(limit, max(room, LEAST_OUTPUT))
    return _with_limit(settings, limit, traits.output_name) if limit < asked or traits.output_name else settings


def adjusted(traits: ModelTraits, settings: ModelSettings | None, error: ModelAPIError) -> ModelSettings | None:
    """The settings for another request, remembered as far as they last; None if the refusal is about something else."""
    asked = _asked(settings)
    if settings is None or asked is None:
        return None
    name = refused_setting(error)
    if name is not None and (without := _without(settings, name)) != settings:
        traits.refused_settings |= {name}
        return without
    used = cast(OutputName, traits.output_name or "max_tokens")
    if (name := other_name(error, used)) is not None and traits.output_name is None:
        traits.output_name = name
        return _with_limit(settings, asked, name)
    found = output_limit(error, asked)
    if found is None:
        return None
    if found.is_lasting:
        traits.output_limit = found.tokens
    traits.window = found.window or traits.window
    return _with_limit(settings, found.tokens, traits.output_name)


def characters_of(messages: Sequence[ModelMessage], tools: Sequence[ToolDefinition] = ()) -> int:
    """About how long a request is."""
    return sum(map(len, request_texts(messages, tools)))


def _without(settings: ModelSettings, name: str) -> ModelSettings:
    dropped = ("temperature",) if name == "temperature" else EFFORT_SETTINGS
    return cast(ModelSettings, {key: value for key, value in settings.items() if key not in dropped})


def _asked(settings: ModelSettings | None) -> int | None:
    if settings is None:
        return None
    body = settings.get("extra_body")
    named = [body[name] for name in ("max_tokens", "max_completion_tokens") if isinstance(body, dict) and name in body]
    return named[0] if named else settings.get("max_tokens")


def _with_limit(settings: ModelSettings, limit: int, name: str | None) -> ModelSettings:
    if name is None:
        return cast(ModelSettings, {**settings, "max_tokens": limit})
    others = {key: value for key, value in settings.items() if key != "max_tokens"}
    return cast(ModelSettings, {**others, "extra_body": {name: limit}})
