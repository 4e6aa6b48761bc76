"""A LiteLLM proxy with litellm_memory.py gives memory to clients that only name their user."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.examples.processes import EXAMPLES, environment, interpreter, settle
from tests.handlers.workspace import until
from tests.inference.faulty_provider import Misbehaving, misbehaving, said
from tests.server_process import Server

KEY = "sk-" + "0123456789abcdef" * 4
LISTENING = re.compile(r"Uvicorn running on (http://[\d.:]+)")


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that one of the tests stops."""
    running = Server(tmp_path_factory.mktemp("server") / "omoide.db", debounce_seconds="0")
    yield running
    running.kill()


@pytest.fixture(scope="module")
def model() -> Iterator[Misbehaving]:
    with misbehaving(said("As you like.")) as running:
        yield running


@pytest.fixture(scope="module")
def proxy(memory: Server, model: Misbehaving, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a running proxy."""
    home = tmp_path_factory.mktemp("home")
    env = environment(memory, home, OPENAI_BASE_URL=model.url, OPENAI_API_KEY="none", LITELLM_MASTER_KEY=KEY)
    env["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # it would be downloaded
    command = [
        str(Path(interpreter("litellm")).with_name("litellm")),
        "--config",
        str(EXAMPLES / "litellm_config.yaml"),
    ]
    log = home / "log"
    with (
        log.open("w") as output,
        subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", "0"], env=env, cwd=home, stdout=output, stderr=output
        ) as process,
    ):

        def address() -> str:
            assert process.poll() is None, log.read_text()
            found = LISTENING.search(log.read_text())
            return found[1] if found else ""

        until(lambda: address() != "")
        headers = {"Authorization": f"Bearer {KEY}"}
        with httpx.Client(base_url=address(), headers=headers, timeout=60) as client:
            yield client
        process.terminate()


@pytest.fixture
def ask(proxy: httpx.Client) -> Callable[..., str]:
    """`ask("Hello", user="alice")` returns the body of the response."""

    def asked(text: str, **more: Any) -> str:
        body = {"model": "toy", "messages": [{"role": "user", "content": text}], **more}
        response = proxy.post("/v1/chat/completions", json=body)
        assert response.status_code == 200, response.text
        return response.text

    return asked


def remembered(memory: Server) -> list[tuple[str, str]]:
    """Who said what, in order."""
    with memory.client() as http:
        found = http.post("/v3/workspaces/litellm/search", json={"query": "", "limit": 100}).json()
    return [(each["peer_id"], each["content"]) for each in reversed(found)]


def test_a_later_call_is_given_what_was_said_in_earlier_ones(
    memory: Server, model: Misbehaving, ask: Callable[..., str]
) -> None:
    assert "As you like." in ask("I am allergic to peanuts.", user="alice")
    until(lambda: len(remembered(memory)) == 2)
    assert "As you like." in ask("I work as a nurse.", user="alice", stream=True)
    until(lambda: len(remembered(memory)) == 4)
    assert [content for _, content in remembered(memory)] == [
        "I am allergic to peanuts.",
        "As you like.",
        "I work as a nurse.",
        "As you like.",
    ]
    settle(memory, "litellm")
    ask("What can I eat?", user="alice")
    system, user = model.asked[-1]["messages"]
    assert "is allergic to peanuts" in system["content"]
    assert "is a nurse" in system["content"]
    assert user == {"role": "user", "content": "What can I eat?"}
    until(lambda: len(remembered(memory)) == 6)


def test_users_with_similar_names_are_apart(memory: Server, model: Misbehaving, ask: Callable[..., str]) -> None:
    ask("I live in Rome.", user="bo@example.org")
    until(lambda: "I live in Rome." in dict(map(reversed, remembered(memory))))  # type: ignore[arg-type]
    settle(memory, "litellm")
    ask("Where do I live?", user="bo-example-org")
    assert [message["role"] for message in model.asked[-1]["messages"]] == ["user"]
    ask("Where do I live?", user="bo@example.org")
    assert "Rome" in model.asked[-1]["messages"][0]["content"]


def test_calls_without_a_user_pass_unchanged(memory: Server, model: Misbehaving, ask: Callable[..., str]) -> None:
    ask("Nobody said this.")
    assert model.asked[-1]["messages"] == [{"role": "user", "content": "Nobody said this."}]
    ask("Somebody did.", user="somebody")
    until(lambda: ("somebody", "Somebody did.") in remembered(memory))
    assert "Nobody said this." not in [content for _, content in remembered(memory)]


def test_calls_go_on_without_memory_while_the_server_is_down(
    memory: Server, model: Misbehaving, ask: Callable[..., str]
) -> None:
    memory.stop()
    assert "As you like." in ask("Is anybody there?", user="alice")
    assert model.asked[-1]["messages"] == [{"role": "user", "content": "Is anybody there?"}]
    memory.start()
