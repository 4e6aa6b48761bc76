"""Check a model's response: complete, truncated, withheld by a filter, or unusable."""

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

from omoide.inference import errors as said
from omoide.inference.http_client import ResponseState

MOST_PARTS = 512
"""Text, thinking and tool-call parts of one response. The public limit for parallel tool calls is 128."""
MOST_CHARACTERS = 1_000_000
"""Characters of all parts of one response: about 250,000 tokens."""

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
"""Raised by SDKs and pydantic-ai for a malformed response: no choices, a date out of range, endlessly nested lists.
Before a response has started, the same exceptions are our own bugs."""

# Finish reasons that pydantic-ai does not map; OpenAI-compatible endpoints use their own words.
_WITHHELD = ("filter", "safety", "guardrail", "block", "refus", "recitation", "prohibited", "sensitive", "moderat")
_BROKEN = ("error", "abort", "cancel", "fail", "timeout", "overload")


class InvalidResponse(ModelAPIError):
    """The response is unusable. `fault` is one of `provider_failed.FAULTS`."""

    def __init__(self, model_name: str, fault: str) -> None:
        super().__init__(model_name, fault)
        self.fault = fault


def failure(error: Exception, model_name: str, state: ResponseState) -> ModelAPIError | ContentFilterError | None:
    """Translate an exception raised while requesting or reading a response; None if it is not the provider's fault.

    `state` holds the state of the response.
    """
    if state.fault:
        return InvalidResponse(model_name, state.fault)
    if isinstance(error, ModelAPIError | ContentFilterError):
        return error
    if isinstance(error, UnexpectedModelBehavior):
        # The response violates the protocol: the endpoint's fault, so the fallback may succeed.
        return InvalidResponse(model_name, said.UNREADABLE)
    if not state.has_begun or isinstance(error, UserError | AgentRunError) or not isinstance(error, READING_ERRORS):
        return None
    if isinstance(error, httpx2.HTTPError):
        return ModelConnectionError(model_name, type(error).__name__)
    return InvalidResponse(model_name, said.UNREADABLE)


def check(response: ModelResponse, model_name: str, state: ResponseState, *, is_stream: bool = False) -> None:
    """Raise InvalidResponse for an empty or truncated response, ContentFilterError for one that was withheld.

    A response that ended at the token limit is accepted; its reader decides whether it is usable. An unknown finish
    reason is accepted.
    """
    word = str((response.provider_details or {}).get("finish_reason") or "").lower()
    reason = response.finish_reason
    if reason == "content_filter" or (reason is None and any(each in word for each in _WITHHELD)):
        raise ContentFilterError("The answer was withheld.")
    if reason == "error" or (reason is None and any(each in word for each in _BROKEN)):
        raise InvalidResponse(model_name, said.BROKEN_OFF)
    if is_stream and not word and not state.is_marked_done:
        raise InvalidResponse(model_name, said.BROKEN_OFF)
    if not response.parts and reason != "length":
        raise InvalidResponse(model_name, said.UNREADABLE)
    if len(response.parts) > MOST_PARTS or not all(map(_is_sound, response.parts)):
        raise InvalidResponse(model_name, said.UNREADABLE)
    if sum(map(_length, response.parts)) > MOST_CHARACTERS:
        raise InvalidResponse(model_name, said.TOO_LONG)


def _is_sound(part: object) -> bool:
    """Whether a part's fields have their declared types; SDKs do not validate them."""
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
