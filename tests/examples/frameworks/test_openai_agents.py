"""The agent of the OpenAI Agents SDK continues sessions, and knows the user in new ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.examples.processes import environment, interpreter, output, python, settle
from tests.inference.faulty_provider import misbehaving
from tests.reasoner.agentic.endpoint import calling, in_turn, results
from tests.server_process import Server

EXAMPLE = "openai_agents_session.py"
SCRIPT = Path(__file__).with_name("agents_session.py")


@pytest.fixture(scope="module")
def asked(restless: Server, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The requests of three runs: one session, and another one twice."""
    question = "What is the user allergic to?"
    script = in_turn("Noted!", calling(("ask_memory", {"question": question})), "No peanuts.", "Bye!")
    with misbehaving(script) as model:
        home = tmp_path_factory.mktemp("home")
        env = environment(restless, home, OPENAI_BASE_URL=model.url, OPENAI_API_KEY="none", MODEL="toy")

        def run(*arguments: str) -> str:
            return python(EXAMPLE, "", env, *arguments, by=interpreter("agents"))

        assert run("monday", "I am allergic to peanuts and I love hiking.") == "Noted!\n"
        settle(restless, "openai-agents")
        assert run("tuesday", "What could I eat?") == "No peanuts.\n"
        assert run("tuesday", "Thanks.") == "Bye!\n"
    return model.asked


def test_another_session_knows_what_was_said_in_the_first(asked: list[dict[str, Any]]) -> None:
    first, second, third, _ = asked
    assert "nothing yet" in first["messages"][0]["content"]
    assert "is allergic to peanuts" in second["messages"][0]["content"]
    assert "peanuts" in results(third)[0]


def test_a_session_is_continued_with_its_calls_of_tools(asked: list[dict[str, Any]]) -> None:
    turns = [(message["role"], message["content"]) for message in asked[-1]["messages"][1:]]
    assert [role for role, _ in turns] == ["user", "assistant", "tool", "assistant", "user"]
    assert [turns[0][1], turns[3][1], turns[4][1]] == ["What could I eat?", "No peanuts.", "Thanks."]


def test_a_session_keeps_the_protocol(restless: Server, tmp_path: Path) -> None:
    assert output([interpreter("agents"), str(SCRIPT)], "", environment(restless, tmp_path)) == "kept\n"
