"""The chat loop remembers across conversations, with a model and without one."""

from __future__ import annotations

from pathlib import Path

from tests.examples.processes import environment, python, settle
from tests.inference.faulty_provider import misbehaving, said
from tests.server_process import Server

LINES = "I live in Porto and I have two cats.\nMy sister Ana is visiting on Friday.\n\n"


def test_memory_answers_without_a_model(restless: Server, tmp_path: Path) -> None:
    env = environment(restless, tmp_path, CHAT_USER="carla")
    first = python("chat_loop.py", LINES, env)
    assert first.startswith("What I know of you:\n  nothing yet\n")
    settle(restless, "chat-loop")
    second = python("chat_loop.py", "Where do I live?\n", env)
    assert "  ATTRIBUTE: lives in Porto\n" in second
    assert "assistant: carla lives in Porto." in second


def test_a_model_is_given_what_was_said_in_an_earlier_conversation(restless: Server, tmp_path: Path) -> None:
    with misbehaving(said("You live in Porto.")) as model:
        env = environment(
            restless, tmp_path, CHAT_USER="dora", OPENAI_BASE_URL=model.url, OPENAI_API_KEY="none", MODEL="toy"
        )
        python("chat_loop.py", LINES, env)
        settle(restless, "chat-loop")
        assert "assistant: You live in Porto." in python("chat_loop.py", "Where do I live?\n", env)
    *first, last = (request["messages"] for request in model.asked)
    assert [message["content"] for message in first[1][-3:]] == [
        "I live in Porto and I have two cats.",
        "You live in Porto.",
        "My sister Ana is visiting on Friday.",
    ]
    remembered = "\n".join(message["content"] for message in last if message["role"] == "system")
    assert "dora lives in Porto" in remembered
    assert [message["content"] for message in last if message["role"] == "user"] == ["Where do I live?"]
