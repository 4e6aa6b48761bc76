"""A provider on loopback with OpenAI's format, a minimal model, and scripted failures.

The model turns every numbered message that starts with "I" into a fact, verbatim, and keeps empty cards. It answers any
other request with the same sentence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

import httpx

from tests.inference.completions import completion
from tests.inference.fault_proxy import Fault, FaultProxy, fault_proxy, send

SENTENCE = "They talk about what they own."
_NUMBERED = re.compile(r"^\[(\d+)\] \d\d:\d\d (\S+): (I .*)$", re.MULTILINE)

Asked = dict[str, Any]
Script = Callable[[Asked], Fault | None]
"""Chooses the fault for a request; None for a correct answer."""


@contextmanager
def provider(script: Script = lambda _: None) -> Iterator[FaultProxy]:
    """A running provider. Its `fault` may be replaced at any time."""

    def answer(handler: BaseHTTPRequestHandler, proxy: FaultProxy, body: bytes) -> None:
        asked = json.loads(body)
        fault = script(asked)
        if fault is None:
            send(handler, 200, answer_to(asked))
        else:
            fault(handler, proxy, body)

    with httpx.Client() as nobody, fault_proxy(nobody) as proxy:
        proxy.fault = answer
        yield proxy


def answer_to(asked: Asked) -> bytes:
    if wants(asked, "card"):
        return completion('{"lines": []}')
    if not wants(asked, "facts"):
        return completion(SENTENCE)
    given = "\n".join(message["content"] for message in asked["messages"] if message["role"] == "user")
    facts = [
        {"content": f"{peer} said {content}", "message_ids": [int(number)]}
        for number, peer, content in _NUMBERED.findall(given)
    ]
    return completion(json.dumps({"facts": facts}))


def wants_facts(asked: Asked) -> bool:
    return wants(asked, "facts")


def wants(asked: Asked, form: str) -> bool:
    return bool(asked.get("response_format", {}).get("json_schema", {}).get("name") == form)


def is_repair(asked: Asked) -> bool:
    """Whether the request repeats one whose answer was malformed."""
    return any(message["role"] == "assistant" for message in asked["messages"])


def half(handler: BaseHTTPRequestHandler, proxy: FaultProxy, body: bytes) -> None:
    """The correct answer, truncated in the middle of its bytes."""
    whole = answer_to(json.loads(body))
    send(handler, 200, whole[: len(whole) // 2], promised=len(whole))


def half_said(handler: BaseHTTPRequestHandler, proxy: FaultProxy, body: bytes) -> None:
    """A complete response in which the model's output is truncated."""
    said = json.loads(answer_to(json.loads(body)))["choices"][0]["message"]["content"]
    send(handler, 200, completion(said[: len(said) // 2]))
