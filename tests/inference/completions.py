"""Responses in the format of OpenAI's chat completions, for scripted endpoints."""

from __future__ import annotations

import json
from typing import Any

from tests.inference.fault_proxy import Fault, answering

USAGE = {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14, "prompt_tokens_details": {"cached_tokens": 4}}


def completion(text: str) -> bytes:
    """A complete response with USAGE."""
    message = {"role": "assistant", "content": text}
    return json.dumps(_frame("chat.completion", message=message, finish_reason="stop") | {"usage": USAGE}).encode()


def saying(text: str) -> Fault:
    return answering(200, completion(text))


def streaming(*pieces: str, ended: bool = True) -> Fault:
    """The pieces as server-sent events; without the end, as if the provider had died."""
    events = [_frame("chat.completion.chunk", delta={"content": piece}, finish_reason=None) for piece in pieces]
    if ended:
        events.append(_frame("chat.completion.chunk", delta={}, finish_reason="stop"))
        events.append({**_frame("chat.completion.chunk"), "choices": [], "usage": USAGE})
    else:
        events.append({"error": {"message": "the model fell over", "type": "server_error", "code": "server_error"}})
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
    return answering(200, body.encode(), Content_Type="text/event-stream")


def error(message: str, code: str | None = None) -> bytes:
    """The body of a refusal."""
    return json.dumps({"error": {"message": message, "type": "error", "code": code}}).encode()


def _frame(kind: str, **choice: Any) -> dict[str, Any]:
    return {"id": "1", "object": kind, "created": 1, "model": "toy", "choices": [{"index": 0, **choice}]}
