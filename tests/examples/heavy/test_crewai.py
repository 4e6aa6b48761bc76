"""A crew remembers across runs, by each tool of the integration."""

from __future__ import annotations

from pathlib import Path

from tests.examples.processes import environment, interpreter, python, settle
from tests.inference.faulty_provider import misbehaving
from tests.reasoner.agentic.endpoint import calling, in_turn, results
from tests.server_process import Server


def test_the_tools_find_what_was_said_in_an_earlier_run(restless: Server, tmp_path: Path) -> None:
    script = in_turn(
        "Noted!",
        calling(("query_peer_knowledge", {"query": "What is the user allergic to?"})),
        calling(("get_session_context", {"peer_target": "alice"})),
        calling(("search_session_messages", {"query": "snack"})),
        "No peanuts.",
    )
    with misbehaving(script) as model:
        env = environment(restless, tmp_path, OPENAI_BASE_URL=model.url, OPENAI_API_KEY="none")

        def run(text: str) -> str:
            return python("crewai_memory.py", "", env, text, by=interpreter("crewai"))

        assert run("I am allergic to peanuts and I love hiking.").endswith("Noted!\n")
        settle(restless, "crewai")
        assert run("What could I take along as a snack?").endswith("No peanuts.\n")
    knowledge, context, search = results(model.asked[-1])
    assert "peanuts" in knowledge
    assert "is allergic to peanuts" in context
    assert "What could I take along as a snack?" in search
