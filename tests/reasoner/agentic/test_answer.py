from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from pydantic_ai.exceptions import ModelConnectionError
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart

from omoide.core.answer_levels import ANSWER_SECONDS
from omoide.core.records import Summary
from omoide.inference.model_registry import ModelUnfit, ProviderFailed, UnreadableOutput
from omoide.inference.tokens import TokenCounter
from omoide.reasoner.agentic import answer
from omoide.reasoner.agentic.model_client import ModelCaller
from omoide.reasoner.agentic.reasoner import OPENINGS, Agentic
from omoide.reasoner.agentic.voice import HELD
from omoide.reasoner.memory_view import WHOLE_MOST, MemoryView
from omoide.reasoner.output_schema import check
from omoide.storage import sessions, summaries
from omoide.storage.sqlite.engine import Connection
from tests.reasoner.agentic.scripted import Scripted, calls, question, read, results_in
from tests.reasoner.memory_fixtures import Past

LOOK = calls(("search_memory", {"query": "Porto"}))
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}}},
    "required": ["city"],
}


def said(memory: MemoryView, models: Scripted, clock: Iterator[float] | None = None, **more: Any) -> str:
    ticks = clock or itertools.repeat(0.0)
    return "".join(
        read(answer.answer(question(memory, **more), memory, ModelCaller(models, "answer"), lambda: next(ticks)))
    ).strip()


@pytest.fixture
def memory(past: Past) -> MemoryView:
    past.say("s", "I moved to Porto.", "It is lovely.")
    known = past.conclude("alice lives in Porto", session="s")
    past.conclude("alice likes the sea", level="deductive", sources=[known])
    past.embed()
    return past.memory()


def test_nearest_conclusions_are_prefetched_by_level(memory: MemoryView) -> None:
    models = Scripted("In Porto.")
    assert said(memory, models) == "In Porto."
    (prompt,) = models.prompts
    explicit, _, derived = prompt.partition("<derived>")
    assert "alice lives in Porto" in explicit
    assert "alice likes the sea" in derived
    assert len(memory.evidence.conclusions) == 2


def test_messages_are_prefetched_without_conclusions(past: Past) -> None:
    past.say("s", "I moved to Porto.", *(f"Boat number {number} is blue." for number in range(WHOLE_MOST)))
    models = Scripted("In Porto.")
    said(past.memory(), models)
    assert "I moved to Porto." in models.prompts[0].partition("<messages>")[2]


def test_the_semantic_query_replaces_the_question_in_the_prefetch(memory: MemoryView) -> None:
    said(memory, Scripted("."), semantic_query="cities")
    queries = {call.tool_input.get("query") for call in memory.evidence.tool_calls}
    assert queries - {None} == {"cities"}


@pytest.mark.parametrize(("level", "rounds"), [("minimal", 1), ("low", 5), ("medium", 8), ("high", 12), ("max", 16)])
def test_a_level_limits_the_rounds_with_tools(memory: MemoryView, level: Any, rounds: int) -> None:
    models = Scripted(script=lambda _, info: LOOK if info.function_tools else "In Porto.")
    assert said(memory, models, level=level) == "In Porto."
    assert len(models.asked) == rounds + 1
    output = models.levels[level].output_tokens
    assert {(info.model_settings or {}).get("max_tokens") for _, info in models.asked} == {output}


def test_the_last_turn_contains_the_findings(memory: MemoryView) -> None:
    models = Scripted(calls(("grep_messages", {"text": "lovely"})), "In Porto.")
    said(memory, models, level="minimal")
    assert '<findings>\ngrep_messages {"text":"lovely"}\nERROR' in models.prompts[-1].replace('": "', '":"')
    models = Scripted(calls(("search_messages", {"query": "lovely"})), "In Porto.")
    said(memory, models, level="minimal")
    assert "It is lovely." in models.prompts[-1].partition("<findings>")[2]
    assert results_in(models.asked[-1][0]) == []


def test_the_minimal_level_has_only_the_two_searches(memory: MemoryView) -> None:
    offered = {}
    for level in ("minimal", "low"):
        models = Scripted("In Porto.")
        said(memory, models, level=level)
        offered[level] = [tool.name for tool in models.asked[0][1].function_tools]
    assert offered["minimal"] == ["search_memory", "search_messages"]
    assert len(offered["low"]) == 6


def test_tool_results_are_returned_and_recorded_as_evidence(memory: MemoryView) -> None:
    models = Scripted(calls(("grep_messages", {"text": "LOVELY"}), ("search_memory", {"query": "Porto"})), "In Porto.")
    said(memory, models)
    first, second = results_in(models.asked[1][0])
    assert "It is lovely." in first
    assert "Shown before: 1" in second
    assert [call.tool_name for call in memory.evidence.tool_calls[-2:]] == ["grep_messages", "search_memory"]
    assert len(memory.evidence.messages) == 2


def test_calls_beyond_the_limit_of_a_round_are_not_run(memory: MemoryView) -> None:
    models = Scripted(calls(*[("search_memory", {"query": "x"})] * 11), "In Porto.")
    said(memory, models)
    results = results_in(models.asked[1][0])
    assert len(results) == 11
    assert sum(result.startswith("ERROR: not run") for result in results) == 3


def test_the_answer_is_streamed(memory: MemoryView) -> None:
    long = "Porto is where alice lives: " + ", ".join(f"in street number {n}" for n in range(30))
    asked = question(memory, is_streamed=True)
    pieces = read(answer.answer(asked, memory, ModelCaller(Scripted(long), "answer")))
    assert len(pieces) > 20
    assert "".join(pieces).strip() == long.strip()


def test_text_before_a_tool_call_is_not_part_of_the_answer(memory: MemoryView) -> None:
    preface = ModelResponse(parts=[TextPart("Let me see."), ToolCallPart("search_memory", {"query": "Porto"})])
    assert said(memory, Scripted(preface, "In Porto.")) == "In Porto."


def test_a_long_text_before_a_tool_call_is_no_answer(memory: MemoryView) -> None:
    text = "I will look for " + ", ".join(f"place number {n}" for n in range(HELD))
    both = ModelResponse(parts=[TextPart(text), ToolCallPart("search_messages", {"query": "Porto"})])
    assert said(memory, Scripted(both, "In Porto.")) == "In Porto."
    streamed = said(memory, Scripted(both, "In Porto."), is_streamed=True)
    assert streamed.startswith("I will look for")
    assert streamed.endswith("\n\nIn Porto.")
    assert "search_messages" in {call.tool_name for call in memory.evidence.tool_calls}


def test_an_empty_answer_is_requested_twice_more(memory: MemoryView) -> None:
    models = Scripted("", "", "In Porto.")
    assert said(memory, models) == "In Porto."
    assert "You have not said anything." in models.prompts[-1]


def test_repeated_empty_answers_are_a_failure(memory: MemoryView) -> None:
    models = Scripted("", "", "")
    with pytest.raises(UnreadableOutput, match="gave no answer in words"):
        said(memory, models)
    assert len(models.asked) == 3


def test_rounds_end_when_their_share_of_the_time_is_used(memory: MemoryView) -> None:
    models = Scripted(script=lambda _, info: LOOK if info.function_tools else "In Porto.")
    ticks = iter([*[0.0] * 4, *[ANSWER_SECONDS] * 9])
    assert said(memory, models, ticks, level="max") == "In Porto."
    assert len(models.asked) == 2


def test_cards_follow_the_rules_in_the_instructions(memory: MemoryView) -> None:
    models = Scripted(".")
    said(memory, models, target_card=["IDENTITY: is 30"], instructions="Be kind.")
    rules = models.asked[0][1].instructions or ""
    assert "<card>\nalice:\n- IDENTITY: is 30\n</card>" in rules
    assert rules.index("How to answer") < rules.index("<card>") < rules.index("<instructions>\nBe kind.")


def test_rules_have_a_constant_prefix(past: Past) -> None:
    rules = []
    for observer, observed in (("alice", "alice"), ("alice", "bob"), (None, None)):
        models = Scripted(".")
        said(past.memory(observer, observed), models)
        rules.append((models.asked[0][1].instructions or "").split("\n\nThe question is")[0])
    assert len({*rules}) == 1
    assert len(rules[0]) > 2_000


def test_the_prompt_contains_the_history_of_the_session(past: Past) -> None:
    past.say("s", "I moved to Porto.")
    past.say("t", "Elsewhere.")
    models = Scripted("In Porto.")
    said(past.memory(session_id="s"), models)
    history = models.prompts[0].partition("<history>")[2].partition("</history>")[0]
    assert "I moved to Porto." in history
    assert "Elsewhere." not in models.prompts[0]


def test_the_prompt_contains_the_summary_of_the_session_and_the_present(past: Past) -> None:
    (message,) = past.say("s", "I moved to Porto.")

    def put(db: Connection) -> None:
        _, session = sessions.ensure(db, past.workspace_id, "s", 0)
        summaries.put(db, session, Summary("alice moved.", message.id, 1, summaries.SHORT, 0, 2), 0)

    past.write(put)
    models = Scripted(".", ".", ".")
    said(past.memory(session_id="s"), models)
    said(past.memory(), models)
    assert "<summary>\nalice moved.\n</summary>" in models.prompts[0]
    assert "alice moved." not in models.prompts[1]
    assert re.search(r"It is now \w+day, \d{4}-\d\d-\d\d \d\d:\d\d UTC\. Answer", models.prompts[0])


def test_a_provider_failure_is_raised(memory: MemoryView) -> None:
    with pytest.raises(ProviderFailed):
        said(memory, Scripted(ModelConnectionError("scripted", "refused")))


def test_closing_the_stream_cancels_the_work(memory: MemoryView) -> None:
    async def first_piece() -> int:
        models = Scripted(" ".join(f"word{n}" for n in range(500)))
        pieces = answer.answer(question(memory, is_streamed=True), memory, ModelCaller(models, "answer"))
        await anext(pieces)
        await pieces.aclose()  # type: ignore[attr-defined]
        return len(asyncio.all_tasks())

    assert asyncio.run(first_piece()) == 1


def test_concurrent_prefetching_is_limited(memory: MemoryView, monkeypatch: pytest.MonkeyPatch) -> None:
    search, running, most = MemoryView.search_memory, 0, 0

    async def counted(*arguments: Any, **options: Any) -> Any:
        nonlocal running, most
        running += 1
        most = max(most, running)
        found = await search(*arguments, **options)
        running -= 1
        return found

    monkeypatch.setattr(MemoryView, "search_memory", counted)

    async def ask(reasoner: Agentic) -> str:
        return "".join([piece async for piece in reasoner.answer(question(memory), memory)]).strip()

    async def ask_all() -> list[str]:
        reasoner = Agentic(Scripted(*["In Porto."] * 20), TokenCounter())
        return await asyncio.gather(*(ask(reasoner) for _ in range(20)))

    assert asyncio.run(ask_all()) == ["In Porto."] * 20
    assert most <= OPENINGS


def in_form(memory: MemoryView, *turns: Any, level: Any = "low", mode: Any = "schema") -> tuple[Any, Scripted]:
    check(SCHEMA)
    models = Scripted(*turns, mode=mode)
    return json.loads(said(memory, models, response_format=SCHEMA, level=level)), models


@pytest.mark.parametrize(
    "turns",
    [
        ['{"city": "Porto"}'],
        ['Sure: {"city": "Porto", "mood": "good"}'],
        ["In Porto.", '{"city": "Porto"}'],
        [LOOK, "In Porto.", '{"city": 7}', '{"city": "Porto"}'],
        ["", '{"city": "Porto", "tags": []}'],
    ],
)
@pytest.mark.parametrize("mode", ["schema", "json", "prompt"])
def test_a_structured_answer_is_valid_for_any_first_output(memory: MemoryView, turns: Sequence[Any], mode: Any) -> None:
    assert in_form(memory, *turns, mode=mode)[0] == {"city": "Porto", "tags": []}


def test_a_null_that_the_schema_forbids_is_omitted(memory: MemoryView) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}, "opera": {"type": "string"}}}
    models = Scripted('{"city": "Porto", "opera": null}')
    assert json.loads(said(memory, models, response_format=schema)) == {"city": "Porto"}


def test_an_answer_that_violates_a_constraint_is_repaired(memory: MemoryView) -> None:
    city = {"type": "string", "minLength": 3}
    schema = {"type": "object", "properties": {"city": city}, "required": ["city"]}
    models = Scripted("In Porto.", '{"city": "P"}', '{"city": "Porto"}')
    assert json.loads(said(memory, models, response_format=schema)) == {"city": "Porto"}


def test_a_structured_answer_is_one_piece(memory: MemoryView) -> None:
    asked = question(memory, response_format=SCHEMA)
    assert len(read(answer.answer(asked, memory, ModelCaller(Scripted('{"city": "Porto"}'), "answer")))) == 1


def test_structured_output_is_requested_only_without_tools(memory: MemoryView) -> None:
    _, models = in_form(memory, LOOK, "In Porto.", '{"city": "Porto"}')
    modes = [info.model_request_parameters.output_mode for _, info in models.asked]
    tools = [bool(info.function_tools) for _, info in models.asked]
    assert (modes, tools) == (["text", "text", "native"], [True, True, False])


def test_invalid_structured_output_raises_model_unfit(memory: MemoryView) -> None:
    with pytest.raises(ModelUnfit, match="response_format"):
        in_form(memory, "In Porto.", "Porto!", "Porto!!")
