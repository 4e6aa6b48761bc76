"""OpenAI's chat completions, as compatible servers answer them."""

from __future__ import annotations

from typing import Any

from openai.types import chat, completion_usage
from pydantic import ValidationError
from pydantic_ai.models.openai import OpenAIChatModel

from omoide.core.surrogates import repaired_json

Json = dict[str, Any]

_OTHERS = ("annotations", "audio", "function_call", "role")
"""Fields of a message with types of their own that nothing here reads."""


class LenientChatModel(OpenAIChatModel):
    """Accepts half surrogate pairs, which become U+FFFD, an empty finish reason, which counts as none, and any value in
    fields that say nothing of the answer: many servers leave them out, or have their own types for them."""

    def _validate_completion(self, response: chat.ChatCompletion) -> Any:
        given: Json = repaired_json(response.model_dump(warnings=False))
        choices = given.get("choices")
        if isinstance(choices, list):
            given["choices"] = [_choice(index, each) for index, each in enumerate(choices)]
        created = given.get("created")
        given |= {
            "id": str(given.get("id") or ""),
            "model": str(given.get("model") or self.model_name),
            "object": "chat.completion",
            "created": int(created) if isinstance(created, int | float) else 0,
            "usage": _usage(given.get("usage")),
            "service_tier": None,
            "system_fingerprint": None,
        }
        return super()._validate_completion(chat.ChatCompletion.model_construct(**given))


def _choice(index: int, choice: Any) -> Any:
    if not isinstance(choice, dict):
        return choice
    message = choice.get("message")
    reason = "stop" if choice.get("finish_reason") == "" else choice.get("finish_reason")
    known = {"index": index, "logprobs": None, "finish_reason": reason}
    return {**choice, **known, "message": _message(message) if isinstance(message, dict) else message}


def _message(message: Json) -> Json:
    kept = {key: value for key, value in message.items() if key not in _OTHERS}
    if not isinstance(kept.get("refusal"), str):
        kept["refusal"] = None
    if not isinstance(kept.get("tool_calls"), list):
        kept["tool_calls"] = None
    return {**kept, "role": "assistant"}


def _usage(usage: Any) -> Json | None:
    """Counts of tokens without details that cannot be read; None if the counts cannot be read."""
    if not isinstance(usage, dict):
        return None
    for kept in (usage, {key: value for key, value in usage.items() if not key.endswith("_details")}):
        try:
            return completion_usage.CompletionUsage.model_validate(kept).model_dump()
        except ValidationError:
            continue
    return None
