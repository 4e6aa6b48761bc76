"""What an answer is worth before anybody reads it: whole or broken off, withheld, or none at all."""

from __future__ import annotations

import httpx2
from pydantic_ai.exceptions import (
    AgentRunError,
    ContentFilterError,
    ModelAPIError,
    ModelConnectionError,
    UnexpectedModelBehavior,
    UserError,
)
from pydantic_ai.messages import ModelResponse, TextPart, ThinkingPart, ToolCallPart

from omoide.inference import provider_failed as said
from omoide.inference.model_client import Reading

MOST_PARTS = 512
"""Texts, thoughts and calls of one answer. The public limit of calls at once is 128."""
MOST_CHARACTERS = 1_000_000
"""All that an answer says, thinks and calls with: some 250,000 tokens."""

READING_ERRORS = (
    LookupError,
    AttributeError,
    TypeError,
    ValueError,
    ArithmeticError,
    AssertionError,
    OSError,
    RuntimeError,
    httpx2.HTTPError,
)
"""What SDKs and pydantic-ai raise when an answer that has begun is not what they expect: no choices, a date beyond all
years, lists in lists without end. Before an answer has begun the same errors are faults of ours."""

# Reasons of which pydantic-ai knows nothing; endpoints that speak OpenAI's format have words of their own.
_WITHHELD = ("filter", "safety", "guardrail", "block", "refus", "recitation", "prohibited", "sensitive", "moderat")
_BROKEN = ("error", "abort", "cancel", "fail", "timeout", "overload")


class BadAnswer(ModelAPIError):
    """An answer came that is of no use. `fault` is one of `provider_failed.FAULTS`."""

    def __init__(self, model_name: str, fault: str) -> None:
        super().__init__(model_name, fault)
        self.fault = fault


def failure(error: Exception, model_name: str, noted: Reading) -> ModelAPIError | ContentFilterError | None:
    """What an error is that came up while an answer was asked for or read; none if it is not the provider's.

    `noted` is what is known of the answer.
    """
    if noted.fault:
        return BadAnswer(model_name, noted.fault)
    if isinstance(error, ModelAPIError | ContentFilterError):
        return error
    if isinstance(error, UnexpectedModelBehavior):
        # An answer that is no answer of this protocol: the endpoint's fault, which another one may not have.
        return BadAnswer(model_name, said.UNREADABLE)
    if not noted.has_begun or isinstance(error, UserError | AgentRunError) or not isinstance(error, READING_ERRORS):
        return None
    if isinstance(error, httpx2.HTTPError):
        return ModelConnectionError(model_name, type(error).__name__)
    return BadAnswer(model_name, said.UNREADABLE)


def check(response: ModelResponse, model_name: str, noted: Reading, *, is_stream: bool = False) -> None:
    """Raise BadAnswer for an answer that is none or not whole, ContentFilterError for one that was withheld.

    One that the limit of tokens ended is whole; whoever reads it decides what the rest is worth. A reason that is not
    known counts as an end.
    """
    word = str((response.provider_details or {}).get("finish_reason") or "").lower()
    reason = response.finish_reason
    if reason == "content_filter" or (reason is None and any(each in word for each in _WITHHELD)):
        raise ContentFilterError("The answer was withheld.")
    if reason == "error" or (reason is None and any(each in word for each in _BROKEN)):
        raise BadAnswer(model_name, said.BROKEN_OFF)
    if is_stream and not word and not noted.is_marked_done:
        raise BadAnswer(model_name, said.BROKEN_OFF)
    if not response.parts and reason != "length":
        raise BadAnswer(model_name, said.UNREADABLE)
    if len(response.parts) > MOST_PARTS or not all(map(_is_sound, response.parts)):
        raise BadAnswer(model_name, said.UNREADABLE)
    if sum(map(_length, response.parts)) > MOST_CHARACTERS:
        raise BadAnswer(model_name, said.TOO_LONG)


def _is_sound(part: object) -> bool:
    """Whether a part holds what its type says; SDKs pass on what they were sent."""
    if isinstance(part, TextPart | ThinkingPart):
        return isinstance(part.content, str)
    if isinstance(part, ToolCallPart):
        names = (part.tool_name, part.tool_call_id)
        return all(isinstance(name, str) for name in names) and isinstance(part.args, str | dict | None)
    return True


def _length(part: object) -> int:
    if isinstance(part, TextPart | ThinkingPart):
        return len(part.content)
    return len(part.args_as_json_str()) if isinstance(part, ToolCallPart) else 0
