from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic_ai.messages import ToolCallPart

from omoide.core.clock import DAY
from omoide.reasoner.agentic.formatting import MOST_OF_MESSAGE, MOST_OF_RESULT
from omoide.reasoner.agentic.tools import ERROR, NOTHING, ReadingTools, Toolbox
from omoide.reasoner.memory_view import MemoryView
from omoide.storage import conclusion_endings
from omoide.storage.conclusion_endings import Ended
from tests.reasoner.memory_fixtures import MONDAY, Past


def use(memory: MemoryView, tool: str, arguments: Any) -> str:
    return use_all(memory, (tool, arguments))[0]


def use_all(memory: MemoryView, *calls: tuple[str, Any]) -> list[str]:
    """The results of calls in one conversation."""
    tools = ReadingTools(memory)
    toolbox = Toolbox(tools.all(), tools.names)

    async def used() -> list[str]:
        return [await toolbox.use(ToolCallPart(*call)) for call in calls]

    return asyncio.run(used())


def test_conclusions_have_short_names_levels_and_weekdays(past: Past) -> None:
    past.conclude("alice lives in Porto", at=MONDAY)
    result = use(past.memory(), "search_memory", {"query": "Porto"})
    assert result == "[1] explicit Mon 2024-01-15 00:00: alice lives in Porto"


def test_a_short_name_stands_for_the_same_record_in_the_whole_conversation(past: Past) -> None:
    (said,) = past.say("s", "In Porto, since March.")
    known = past.conclude("alice lives in Porto", said=[said])
    memory = past.memory()
    search = ("search_memory", {"query": "Porto"})
    spelled = [("get_observation_context", {"message_ids": [name]}) for name in ("1", 1, "[1]", "id:1", "m1", "M1")]
    first, *context, again = use_all(memory, search, *spelled, search)
    assert "[1] explicit" in first
    assert again == "Shown before: 1."
    assert all("[*m1] " in each and "since March" in each for each in context)
    assert memory.evidence.tool_calls[1].tool_input == {"message_ids": [said.id]}
    assert known.id in memory.evidence.conclusions


def test_a_name_that_was_not_given_finds_nothing(past: Past) -> None:
    past.say("s", "In Porto, since March.")
    for name in ("1", "m7", "new-1", "", "-3", "9" * 30):
        assert use(past.memory(), "get_observation_context", {"message_ids": [name]}) == NOTHING


def test_a_search_of_an_empty_memory_falls_back_to_messages(past: Past) -> None:
    past.say("s", "I live in Porto")
    assert "I live in Porto" in use(past.memory(), "search_memory", {"query": "Porto"})


def test_the_whole_workspace_marks_conclusions_with_their_pair(past: Past) -> None:
    past.conclude("bob lives in Porto", "alice", "bob")
    assert "[alice->bob]" in use(past.memory(None, None), "search_memory", {"query": "Porto"})


def test_snippets_name_their_session_and_how_many_were_found(past: Past) -> None:
    past.say("s", "hello", "I live in Porto", "bye", at=MONDAY)
    result = use(past.memory(), "grep_messages", '{"text": "porto"}')
    said = "[m1] 00:00 alice: hello\n[*m2] 00:00 alice: I live in Porto\n[m3] 00:00 alice: bye"
    assert result == f"Session s, 1 found:\nMon 2024-01-15\n{said}"


def test_messages_of_an_interval_are_found(past: Past) -> None:
    past.say("s", "then", at=MONDAY)
    past.say("s", "now")
    found = use(past.memory(), "get_messages_by_date_range", {"after_date": "2024-01-14", "before_date": "2024-01-16"})
    assert "then" in found
    assert "now" not in found


def test_a_chain_is_followed(past: Past) -> None:
    said = past.conclude("alice moved to Porto")
    drawn = past.conclude("alice lives in Porto", level="deductive", sources=[said])
    chain = use(past.memory(), "get_reasoning_chain", {"observation_id": f"id:{drawn.id}"})
    assert said.content in chain
    assert drawn.content in chain


def test_a_reach_restricted_to_sessions_has_no_chain_tool(past: Past) -> None:
    tools = ReadingTools(past.memory(sessions=("s",))).all()
    assert "get_reasoning_chain" not in {tool.name for tool in tools}
    assert len(tools) == 5


def test_conclusions_are_found_by_when_they_were_said(past: Past) -> None:
    past.conclude("alice drinks tea", at=MONDAY)
    past.conclude("alice drinks coffee", at=MONDAY + 7 * DAY)
    for dates, expected in (
        ({"after_date": "2024-01-22"}, "alice drinks coffee"),
        ({"before_date": "2024-01-22"}, "alice drinks tea"),
        ({"after_date": "2024-01-15", "before_date": "2024-01-15T00:00:01Z"}, "alice drinks tea"),
        ({"after_date": "2024-02-01"}, NOTHING),
    ):
        result = use(past.memory(), "search_memory", {"query": "alice drinks", **dates})
        assert [line.partition(": ")[2] or line for line in result.splitlines()] == [expected]


def test_what_was_true_earlier_is_found_if_it_is_wanted_and_says_so(past: Past) -> None:
    old = past.conclude("alice lives in Lisbon", at=MONDAY)
    new = past.conclude("alice lives in Porto", at=MONDAY + 7 * DAY)
    past.supersede(old, new)
    memory = past.memory()
    assert "Lisbon" not in use(memory, "search_memory", {"query": "alice lives in Lisbon"})
    found = use(memory, "search_memory", {"query": "alice lives in Lisbon", "include_ended": True})
    assert ": alice lives in Lisbon (until 2024-01-21, superseded)" in found
    assert found.count("(") == 1
    assert memory.evidence.tool_calls[-1].tool_input == {
        "query": "alice lives in Lisbon",
        "top_k": 20,
        "include_ended": True,
    }


def test_what_was_never_true_is_not_found(past: Past) -> None:
    wrong, right = past.conclude("alice lives in Lisbon"), past.conclude("alice lives in Porto")
    past.write(conclusion_endings.end, [Ended(wrong.pk, "invalid", right.id)], MONDAY)
    assert "Lisbon" not in use(past.memory(), "search_memory", {"query": "Lisbon", "include_ended": True})


def test_a_conclusion_leads_to_its_messages(past: Past) -> None:
    said = past.say("s", "Where do you live?", "In Porto, since March.", "Nice!")
    known = past.conclude("alice lives in Porto", said=said[1:2])
    memory = past.memory()
    assert use(memory, "get_observation_context", {"message_ids": [f"id:{known.id}"]}) == NOTHING
    use(memory, "search_memory", {"query": "Porto"})
    found = use(memory, "get_observation_context", {"message_ids": [f"id:{known.id}"]})
    assert "Where do you live?" in found


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("drop_everything", {}),
        ("", {}),
        ("search_memory", {}),
        ("search_memory", "{broken"),
        ("search_memory", "[1, 2]"),
        ("search_memory", {"query": {"$ne": 1}}),
        ("search_memory", {"query": "x", "top_k": "many"}),
        ("search_memory", {"query": "x", "top_k": 1e400}),
        ("search_memory", {"query": "x", "after_date": "yesterday"}),
        ("search_memory", {"query": "x", "include_ended": "perhaps"}),
        ("get_messages_by_date_range", {"after_date": "yesterday"}),
        ("get_messages_by_date_range", {"after_date": "0001-01-01T00:00:00+14:00"}),
        ("get_messages_by_date_range", {"order": "sideways"}),
        ("get_observation_context", {"message_ids": 7}),
        ("get_reasoning_chain", {"observation_id": "x", "direction": "up"}),
    ],
)
def test_an_invalid_call_returns_an_error_and_leaves_no_evidence(past: Past, tool: str, arguments: Any) -> None:
    memory = past.memory()
    assert use(memory, tool, arguments).startswith(ERROR)
    assert memory.evidence.tool_calls == []


def test_limits_above_the_maximum_are_clamped(past: Past) -> None:
    memory = past.memory()
    assert use(memory, "search_memory", {"query": "x", "top_k": 10**9}) == NOTHING
    assert memory.evidence.tool_calls[0].tool_input == {"query": "x", "top_k": 40}


def test_null_means_default_and_unknown_arguments_are_ignored(past: Past) -> None:
    memory = past.memory()
    use(memory, "search_messages", {"query": "x", "limit": None, "session_id": "secret", "observer": "bob"})
    assert memory.evidence.tool_calls[0].tool_input == {"query": "x", "limit": 10}


def test_long_messages_and_results_are_truncated(past: Past) -> None:
    past.say("s", *(f"{n} porto " + "x" * 5_000 for n in range(20)))
    result = use(past.memory(), "grep_messages", {"text": "porto", "limit": 20})
    assert len(result) <= MOST_OF_RESULT
    lines = result.splitlines()
    assert max(map(len, lines)) <= MOST_OF_MESSAGE + 100


def test_a_marked_name_is_understood(past: Past) -> None:
    past.say("s", "In Porto, since March.")
    memory = past.memory()
    _, found = use_all(
        memory, ("grep_messages", {"text": "Porto"}), ("get_observation_context", {"message_ids": ["*m1"]})
    )
    assert "since March" in found
