"""The agent of pydantic-ai remembers across runs."""

from __future__ import annotations

from pathlib import Path

from tests.examples.processes import environment, python, settle
from tests.inference.faulty_provider import misbehaving
from tests.reasoner.agentic.endpoint import calling, in_turn, results
from tests.server_process import Server


def test_instructions_and_the_tool_say_what_an_earlier_run_was_told(restless: Server, tmp_path: Path) -> None:
    script = in_turn(
        "Noted!",
        calling(("ask_memory", {"question": "What is the user allergic to?"})),
        "Something without peanuts.",
    )
    with misbehaving(script) as model:
        env = environment(restless, tmp_path, OPENAI_BASE_URL=model.url, OPENAI_API_KEY="none")
        assert python("pydantic_ai_agent.py", "", env, "I am allergic to peanuts and I love hiking.") == "Noted!\n"
        settle(restless, "pydantic-ai")
        assert python("pydantic_ai_agent.py", "", env, "What can I eat?") == "Something without peanuts.\n"
    first, second, third = model.asked
    assert "nothing yet" in first["messages"][1]["content"]
    assert "is allergic to peanuts" in second["messages"][1]["content"]
    assert "peanuts" in results(third)[0]
