"""Ask questions with a model at a scripted endpoint, over HTTP."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from omoide.core.settings import Settings
from omoide.inference.model_registry import chat_models
from omoide.reasoner.agentic import answer
from omoide.reasoner.agentic.model_client import ModelCaller
from omoide.reasoner.memory_view import MemoryView
from tests.inference.faulty_provider import Script, answering, misbehaving, said
from tests.reasoner.agentic.scripted import question

Asked = dict[str, Any]


def calling(*calls: tuple[str, dict[str, Any]]) -> Script:
    """A turn that calls tools."""
    functions = [{"name": name, "arguments": json.dumps(given)} for name, given in calls]
    parts = [{"index": at, "id": f"c{at}", "type": "function", "function": each} for at, each in enumerate(functions)]
    return answering({"content": None, "tool_calls": parts}, "tool_calls")


def in_turn(*turns: Script | str) -> Script:
    """A script that answers one request after the other."""
    remaining = iter(turns)

    def script(line: Any, asked: Asked) -> None:
        turn = next(remaining)
        (said(turn) if isinstance(turn, str) else turn)(line, asked)

    return script


def results(asked: Asked) -> list[str]:
    """The results of tools in a request."""
    return [each["content"] for each in asked["messages"] if each["role"] == "tool"]


def prompt(asked: Asked) -> str:
    return "\n".join(str(each["content"]) for each in asked["messages"])


def asked_over_http(memory: MemoryView, script: Script, *, level: Any = "low", **more: Any) -> tuple[str, list[Asked]]:
    """Return the answer, and the requests that were made for it. `settings` are those of the server."""
    settings = more.pop("settings", {})
    with misbehaving(script) as running:
        given = {"model": "openai:toy", "model_base_url": running.url, "model_retries": 0, **settings}
        models = chat_models(Settings.model_validate(given))

        async def ask() -> str:
            try:
                asked = question(memory, level=level, **more)
                return "".join([piece async for piece in answer.answer(asked, memory, ModelCaller(models, "answer"))])
            finally:
                await models.aclose()

        return asyncio.run(ask()).strip(), running.asked
