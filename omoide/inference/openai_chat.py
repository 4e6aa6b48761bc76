"""OpenAI's chat completions, as compatible servers answer them."""

from __future__ import annotations

from typing import Any

from openai.types import chat
from pydantic_ai.models.openai import OpenAIChatModel

from omoide.core.surrogates import repaired_json


class LenientChatModel(OpenAIChatModel):
    """Accepts half surrogate pairs, which become U+FFFD, and an empty finish reason, which counts as none."""

    def _validate_completion(self, response: chat.ChatCompletion) -> Any:
        given: dict[str, Any] = repaired_json(response.model_dump(warnings=False))
        for choice in given.get("choices") or ():
            if isinstance(choice, dict) and choice.get("finish_reason") == "":
                choice["finish_reason"] = "stop"
        return super()._validate_completion(chat.ChatCompletion.model_construct(**given))
