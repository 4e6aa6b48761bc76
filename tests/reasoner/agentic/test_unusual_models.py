"""Answers of models that think aloud, write calls as text, repeat themselves, or whose endpoints take less."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart
from pydantic_ai.models.function import AgentInfo

from omoide.core.answer_levels import DEFAULTS
from omoide.inference.model_registry import ContextExceeded, ModelTraits, RequestRefused, UnreadableOutput
from omoide.reasoner.agentic import answer
from omoide.reasoner.agentic.model_client import ModelCaller
from omoide.reasoner.memory_view import MemoryView
from omoide.storage.sqlite.engine import Store
from tests.reasoner.agentic.scripted import (
    Scripted,
    calls,
    cut,
    prompt_of,
    question,
    read,
    refusal,
    thinking,
    too_long,
)
from tests.reasoner.memory_fixtures import Past

ANSWER = "She lives in Porto."
LOOK = calls(("search_memory", {"query": "Porto"}))
STREAMED = pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    """Shared by all tests, which only read it."""
    store = Store.open(tmp_path_factory.mktemp("known") / "omoide.db", durability="normal", busy_timeout=5.0)
    past = Past(store)
    past.say("s", "I moved to Porto.", *(f"I have seen bird number {n}. " + "word " * 40 for n in range(20)))
    for number in range(30):
        past.conclude(f"alice has seen bird number {number}", session="s")
    past.embed()
    yield past
    store.close()


@pytest.fixture
def memory(known: Past) -> MemoryView:
    return known.memory()


def said(memory: MemoryView, models: Scripted, **more: Any) -> str:
    asked = question(memory, **more)
    return "".join(read(answer.answer(asked, memory, ModelCaller(models, "answer"), lambda: 0.0))).strip()


def limits(models: Scripted) -> list[int]:
    return [(info.model_settings or {})["max_tokens"] for _, info in models.asked]


@STREAMED
@pytest.mark.parametrize(
    "text",
    [
        f"<think>Where? In {{}}</think>{ANSWER}",
        f"<THINKING>\nhm\n</THINKING>\n\n{ANSWER}",
        f"So the user asks. Long thoughts follow here.\n</think>\n{ANSWER}",
        f"[THINK]hm[/THINK]{ANSWER}",
        f"<thought_process>a</thought_process><answer>{ANSWER}</answer>",
        f"<|channel|>analysis<|message|>we look<|end|><|start|>assistant<|channel|>final<|message|>{ANSWER}",
        f"{ANSWER}<|im_end|>",
    ],
)
def test_thoughts_do_not_reach_the_caller(memory: MemoryView, text: str, is_streamed: bool) -> None:
    models = Scripted(text)
    models.learned.closes_thoughts = None
    assert said(memory, models, is_streamed=is_streamed) == ANSWER


def test_a_model_that_closes_thoughts_is_remembered(memory: MemoryView) -> None:
    long = "I wonder where " + ", ".join(f"it is, number {n}" for n in range(200))
    models = Scripted(f"{long}</think>{ANSWER}", f"{long}</think>{ANSWER}", ANSWER)
    models.learned.closes_thoughts = None
    for _ in range(3):
        assert said(memory, models, is_streamed=True) == ANSWER
    assert models.learned.closes_thoughts is True


def test_text_of_a_model_that_is_known_not_to_think_aloud_is_said_at_once(memory: MemoryView) -> None:
    text = "Porto, where " + ", ".join(f"street {n} is" for n in range(100))
    models = Scripted(text, text)
    models.learned.closes_thoughts = None
    for count in (1, 50):
        asked = question(memory, is_streamed=True)
        pieces = read(answer.answer(asked, memory, ModelCaller(models, "answer")))
        assert "".join(pieces).strip() == text
        assert len(pieces) >= count


CALLS = [
    '<tool_call>\n{"name": "search_messages", "arguments": {"query": "Porto"}}\n</tool_call>',
    '[TOOL_CALLS][{"name": "search_messages", "arguments": {"query": "Porto"}}]',
    '[TOOL_CALLS]search_messages[ARGS]{"query": "Porto"}',
    '{"name": "search_messages", "parameters": {"query": "Porto"}}',
    'I will look it up.\n```json\n{"tool": "search_messages", "args": {"query": "Porto"}}\n```',
    "<function=search_messages>\n<parameter=query>\nPorto\n</parameter>\n</function>",
    '<invoke name="search_messages"><parameter name="query">Porto</parameter></invoke>',
    'Thought: look.\nAction: search_messages\nAction Input: {"query": "Porto"}',
    '```tool_code\nprint(search_messages(query="Porto"))\n```',
    '[search_messages(query="Porto")]',
    "<tool_call>search_messages\n<arg_key>query</arg_key>\n<arg_value>Porto</arg_value>\n</tool_call>",
    '<think>I call {"x": 1}</think><tool_call>{"name": "search_messages", "arguments": {"query": "Porto"}}',
]


@STREAMED
@pytest.mark.parametrize("text", CALLS)
def test_calls_in_the_text_are_run(memory: MemoryView, text: str, is_streamed: bool) -> None:
    assert said(memory, Scripted(text, ANSWER), is_streamed=is_streamed) == ANSWER
    (call,) = [each for each in memory.evidence.tool_calls if each.tool_name == "search_messages"]
    assert call.tool_input["query"] == "Porto"


@STREAMED
@pytest.mark.parametrize("text", ['<tool_call>{"name": "search_messages", "argum', "[TOOL_CALLS] Porto?", CALLS[0]])
def test_a_call_that_cannot_be_run_is_no_answer(memory: MemoryView, text: str, is_streamed: bool) -> None:
    models = Scripted(text, text, ANSWER, ANSWER)
    assert said(memory, models, is_streamed=is_streamed, level="minimal") == ANSWER


@pytest.mark.parametrize(
    "text", ['```json\n{"a": 1}\n```', "She said: search_memory is a tool.", "- [x] done\n- [ ] not"]
)
def test_an_answer_that_only_resembles_a_call_is_said(memory: MemoryView, text: str) -> None:
    for is_streamed in (False, True):
        assert said(memory, Scripted(text), is_streamed=is_streamed) == text


LOOP = "She likes it there. She likes it there very much. " * 40


def test_an_answer_that_repeats_itself_is_asked_for_again(memory: MemoryView) -> None:
    assert said(memory, Scripted(LOOP, ANSWER)) == ANSWER
    with pytest.raises(UnreadableOutput, match="only repeats itself") as caught:
        said(memory, Scripted(LOOP, LOOP, LOOP))
    assert caught.value.sample.startswith("She likes it there.")


def test_what_an_answer_says_before_it_repeats_itself_is_kept(memory: MemoryView) -> None:
    good = "alice lives in Porto, in a street near the river, with two dogs and a cat."
    assert said(memory, Scripted(f"{good} {LOOP}", f"{good} {LOOP}", LOOP)) == good


def test_a_stream_that_repeats_itself_is_ended(memory: MemoryView) -> None:
    models = Scripted("alice lives in Porto. " + LOOP * 20)
    text = said(memory, models, is_streamed=True)
    assert text.startswith("alice lives in Porto.")
    assert len(text) < 1_500


@pytest.mark.parametrize("level", ["minimal", "low"])
@STREAMED
def test_a_model_whose_thoughts_use_up_its_limit_gets_more_room(
    memory: MemoryView, level: Any, is_streamed: bool
) -> None:
    models = Scripted(cut(""), ANSWER, ANSWER)
    assert said(memory, models, level=level, is_streamed=is_streamed) == ANSWER
    first, second = limits(models)
    assert second >= 2_048
    assert second >= 4 * first
    said(memory, models, level=level)
    assert limits(models)[-1] == second


def test_a_model_that_only_thinks_is_a_failure_with_the_reason(memory: MemoryView) -> None:
    models = Scripted(script=lambda _, __: thinking("hm", reason="length"))
    with pytest.raises(UnreadableOutput, match="used up its limit of output tokens"):
        said(memory, models, level="minimal")
    assert len(models.asked) <= 8


def test_an_answer_among_the_thoughts_is_used_but_thoughts_are_not(memory: MemoryView) -> None:
    assert said(memory, Scripted(script=lambda _, __: thinking(ANSWER))) == ANSWER
    with pytest.raises(UnreadableOutput, match="gave no answer in words"):
        said(memory, Scripted(script=lambda _, __: thinking("Okay, the user asks where she lives.")))


def test_half_an_emoji_becomes_a_replacement_character(memory: MemoryView) -> None:
    for is_streamed in (False, True):
        text = ModelResponse(parts=[TextPart("In Porto \ud83d.")])
        assert said(memory, Scripted(text), is_streamed=is_streamed).strip() == "In Porto \ufffd."


# Endpoints that take less.


def without_tools(words: str) -> Any:
    return lambda _, info: refusal(words) if info.function_tools else ANSWER


@STREAMED
@pytest.mark.parametrize("words", ["toy does not support tools", '"auto" tool choice requires a flag', "Bad Request"])
def test_an_endpoint_without_tools_answers_from_a_wider_prefetch(
    memory: MemoryView, words: str, is_streamed: bool
) -> None:
    models = Scripted(script=without_tools(words))
    models.levels["low"] = replace(DEFAULTS["low"], prefetch_tokens=300)
    for _ in range(2):
        assert said(memory, models, is_streamed=is_streamed) == ANSWER
    assert [bool(info.function_tools) for _, info in models.asked] == [True, False, False]
    first, wide = (prompt.count("alice has seen bird") for prompt in models.prompts[:2])
    assert wide > first
    assert "<messages>" in models.prompts[1]
    assert "I moved to Porto." in models.prompts[1]


def test_an_endpoint_without_tools_fills_a_form(memory: MemoryView) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    models = Scripted(script=lambda _, info: refusal("no tools") if info.function_tools else '{"city": "Porto"}')
    assert said(memory, models, response_format=schema) == '{"city": "Porto"}'


def test_a_refused_question_does_not_count_as_a_refusal_of_tools(memory: MemoryView) -> None:
    models = Scripted(script=lambda _, __: refusal("The prompt was flagged by a policy."))
    with pytest.raises(RequestRefused):
        said(memory, models)
    assert models.learned.takes_tools


def small(characters: int, words: str = "This model's maximum context length is 4096 tokens.") -> Any:
    """A model with room for so many characters of prompt, that looks as often as it may."""

    def script(messages: Sequence[ModelMessage], info: AgentInfo) -> Any:
        tools = sum(len(str(each.parameters_json_schema)) for each in info.function_tools)
        if len(prompt_of(messages, info)) + tools > characters:
            return too_long(words)
        return LOOK if info.function_tools else ANSWER

    return script


@pytest.mark.parametrize(
    "words", ["maximum context length is 4096 tokens", "prompt is too long: 9000 tokens > 4096 maximum"]
)
@pytest.mark.parametrize("characters", [25_000, 12_000, 6_000])
def test_a_question_beyond_the_context_is_asked_again_with_less(
    memory: MemoryView, characters: int, words: str
) -> None:
    models = Scripted(script=small(characters, words))
    assert said(memory, models) == ANSWER
    before = len(models.asked)
    assert said(memory, models) == ANSWER
    refused = [each for each in models.asked[before:] if isinstance(small(characters)(*each), Exception)]
    assert len(refused) <= 1


def test_the_newest_findings_are_kept_in_a_small_context(memory: MemoryView) -> None:
    turns = itertools.chain(
        [calls(("grep_messages", {"text": "bird number 1"})), calls(("grep_messages", {"text": "moved to"}))],
        itertools.repeat(LOOK),
    )

    def script(messages: Sequence[ModelMessage], info: AgentInfo) -> Any:
        if info.function_tools:
            return too_long() if len(messages) > 4 else next(turns)
        return ANSWER if len(prompt_of(messages, info)) < 16_000 else too_long()

    models = Scripted(script=script)
    assert said(memory, models) == ANSWER
    assert "I moved to Porto." in models.prompts[-1]


def test_a_question_that_fits_no_context_is_a_failure_with_the_reason(memory: MemoryView) -> None:
    models = Scripted(script=lambda _, __: too_long())
    with pytest.raises(ContextExceeded, match="context window"):
        said(memory, models)
    assert len(models.asked) <= 10


def test_traits_limit_what_is_asked_for() -> None:
    traits = ModelTraits(output_limit=4_096)
    assert traits.output(8_192) == 4_096
    assert traits.more_output(250) == 2_048
    assert traits.more_output(4_096) is None
