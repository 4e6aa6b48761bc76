"""Make a model's response usable: without thoughts in its text, with the calls that it wrote as text. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic_ai.messages import ModelResponse, ModelResponsePart, TextPart, ThinkingPart, ToolCallPart
from pydantic_ai.tools import ToolDefinition

from omoide.core.surrogates import repaired_json, repaired_text
from omoide.reasoner.agentic.text_calls import calls_in, is_call
from omoide.reasoner.agentic.thoughts import are_thoughts, separated


def text_of(response: ModelResponse) -> str:
    """Return the trimmed text of a response, without reasoning parts."""
    return "".join(part.content for part in response.parts if isinstance(part, TextPart)).strip()


def thoughts_of(response: ModelResponse) -> str:
    """Return the trimmed text of the reasoning parts."""
    return "".join(part.content for part in response.parts if isinstance(part, ThinkingPart)).strip()


def is_cut(response: ModelResponse) -> bool:
    """Whether the response was truncated by the token limit."""
    return response.finish_reason == "length"


def used_up(response: ModelResponse) -> bool:
    """Whether the token limit was reached before there was anything to use."""
    if not is_cut(response):
        return False
    return not text_of(response) if not response.tool_calls else not all(map(_is_whole, response.tool_calls))


def misplaced_text(response: ModelResponse) -> str:
    """Return what the thoughts hold of a complete response without text, unless it looks like thoughts.

    Servers that expect thoughts take an answer without them for thoughts.
    """
    if is_cut(response) or text_of(response) or response.tool_calls:
        return ""
    text = separated(thoughts_of(response))[0]
    return "" if are_thoughts(text) else text


def tidied(
    response: ModelResponse, tools: Sequence[ToolDefinition] = (), *, is_answer: bool = False
) -> tuple[ModelResponse, bool]:
    """Return the response without thoughts in its text, and whether thoughts ended in it that had not begun.

    Calls in the text become calls; without `tools`, a text that is a call and no `is_answer` is dropped.
    """
    others = [part for part in map(_repaired, response.parts) if not isinstance(part, TextPart)]
    text, closes_unopened = separated(_raw_text(response))
    calls: Sequence[ToolCallPart] = ()
    if not response.tool_calls:
        raw = _raw_text(response)
        calls = calls_in(text, _first_arguments(tools)) or (calls_in(raw, _first_arguments(tools)) if not text else [])
        if calls or (is_answer and not tools and is_call(text)):
            text = ""
    parts: list[ModelResponsePart] = [*others, *([TextPart(text)] if text else []), *calls]
    return replace(response, parts=parts), closes_unopened


def repaired(response: ModelResponse) -> ModelResponse:
    """Return the response with U+FFFD for halves of characters."""
    return replace(response, parts=[*map(_repaired, response.parts)])


def _raw_text(response: ModelResponse) -> str:
    return repaired_text("".join(part.content for part in response.parts if isinstance(part, TextPart)))


def _repaired(part: ModelResponsePart) -> ModelResponsePart:
    if isinstance(part, TextPart | ThinkingPart):
        return replace(part, content=repaired_text(part.content))
    if isinstance(part, ToolCallPart):
        name, args = repaired_text(part.tool_name), _repaired_arguments(part.args)
        return part if (name, args) == (part.tool_name, part.args) else ToolCallPart(name, args, part.tool_call_id)
    return part


def _repaired_arguments(given: Any) -> str | dict[str, Any] | None:
    """Return a call's arguments; halves of characters may also be escaped in their JSON."""
    if isinstance(given, dict):
        return {repaired_text(key): repaired_json(each) for key, each in given.items()}
    if not isinstance(given, str):
        return None
    if "\\u" not in given:
        return repaired_text(given)
    try:
        return json.dumps(repaired_json(json.loads(given)))
    except (ValueError, RecursionError):
        return repaired_text(given)


def _is_whole(call: ToolCallPart) -> bool:
    try:
        return not isinstance(call.args, str) or isinstance(json.loads(call.args or "{}"), dict)
    except (ValueError, RecursionError):
        return False


def _first_arguments(tools: Sequence[ToolDefinition]) -> Mapping[str, str]:
    """Name of each tool → that of its first argument."""
    return {tool.name: next(iter(tool.parameters_json_schema.get("properties", {})), "") for tool in tools}
