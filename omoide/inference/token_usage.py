"""How many tokens a call of a model used: as the provider reports, else estimated with our own tokenizer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.tools import ToolDefinition

from omoide.core.usage import Counts, admitted
from omoide.inference.tokens import TokenCounter


def usage_of(
    response: ModelResponse, asked: Sequence[ModelMessage], tools: Sequence[ToolDefinition], counter: TokenCounter
) -> Counts:
    """What a call used. Anything that was sent or came without being reported is estimated."""
    reported = response.usage
    given, came = admitted(reported.input_tokens), admitted(reported.output_tokens)
    is_estimated = False
    if not given:
        given, is_estimated = sum(map(counter.count, request_texts(asked, tools))), True
    if not came and (estimate := sum(map(counter.count, _texts_of(response)))):
        came, is_estimated = estimate, True
    return Counts(
        1,
        int(is_estimated),
        given,
        came,
        admitted(reported.cache_read_tokens),
        admitted(reported.output_reasoning_tokens),
    )


def request_texts(messages: Sequence[ModelMessage], tools: Sequence[ToolDefinition] = ()) -> Iterator[str]:
    """The texts of a request: instructions, messages, and descriptions of tools."""
    for message in messages:
        yield getattr(message, "instructions", None) or ""
        yield from _texts_of(message)
    yield from (f"{each.name}{each.description or ''}{json.dumps(each.parameters_json_schema)}" for each in tools)


def _texts_of(message: ModelMessage) -> Iterator[str]:
    yield from (str(getattr(part, "content", "") or getattr(part, "args", "")) for part in message.parts)
