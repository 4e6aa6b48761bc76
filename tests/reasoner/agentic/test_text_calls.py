"""Tool calls in a text are found in whatever form a family of models writes them, and nothing else is taken for one."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from omoide.reasoner.agentic.text_calls import UNREADABLE, calls_in, is_call

DIALECTS = tomllib.loads(Path(__file__).with_name("call_dialects.toml").read_text(encoding="utf-8"))
TOOLS = {"search_memory": "query", "grep_messages": "text", "get_reasoning_chain": "observation_id"}


@pytest.mark.parametrize("text", DIALECTS.values(), ids=DIALECTS)
def test_a_call_is_found_in_every_dialect(text: str) -> None:
    first, *_ = [(call.tool_name, json.loads(call.args_as_json_str())) for call in calls_in(text, TOOLS)]
    assert first[0] == "search_memory"
    assert first[1]["query"] == "home town"


@pytest.mark.parametrize(
    "text",
    [
        "She searched with the search_memory function.",
        "The tool is called search_memory and takes a query.",
        "She wrote `search_memory(query=1)` in her notes.",
        "He complained that `<tool_call>` tags leak into answers.",
        "He complained that <tool_call> tags leak into his answers, and that [TOOL_CALLS] does too.",
        "She likes the <invoke> tag.",
        "Action: she moved to Leipzig.",
        'Her settings are {"name": "Ana", "age": 3}.',
        "[1] She lives in Lisbon.",
        "```python\nprint('hi')\n```",
    ],
)
def test_text_that_only_tells_of_calls_is_none(text: str) -> None:
    assert calls_in(text, TOOLS) == []
    assert not is_call(text)


@pytest.mark.parametrize(
    "text", ['<tool_call>{"name": "search_memory", "argum', "I look it up. [TOOL_CALLS] [{", "<|python_tag|>search"]
)
def test_a_call_that_cannot_be_read_is_told_apart_from_an_answer(text: str) -> None:
    assert [call.tool_name for call in calls_in(text, TOOLS)] == [UNREADABLE]
    assert is_call(text)
