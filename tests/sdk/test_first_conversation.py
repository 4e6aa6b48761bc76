"""The code of the README, the tutorial and the filter guide runs as written, on a server without network access."""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from honcho import Honcho, Peer, Session

from tests.sdk.styles import Plain, Style
from tests.server_process import Server

ROOT = Path(__file__).parents[2]
OFFLINE = ROOT / "tests/offline"
README = (ROOT / "README.md").read_text()
CONVERSATION, OUTPUT = re.search(r"```python\n(.*?)```\n\nprints\n\n```\n(.*?)```", README, re.DOTALL).groups()  # type: ignore[union-attr]
TUTORIAL = (ROOT / "docs/tutorial/first-conversation.md").read_text()
TUTORIAL_OUTPUT = re.search(r"\$ python first.py\n(.*?)```", TUTORIAL, re.DOTALL)[1]  # type: ignore[index]
FILTERS = (ROOT / "docs/how-to/search-with-filters.md").read_text()
ADDRESS = "http://localhost:8000"
SAID = ["I moved to Lisbon with my dog Rex.", "Nice!"]


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with default settings that exits at the first attempt to reach another machine."""
    running = Server(tmp_path_factory.mktemp("offline") / "omoide.db", python_path=str(OFFLINE))
    yield running
    running.stop()


def python_blocks(page: str) -> str:
    return "\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL))


def without_dates(text: str) -> str:
    return re.sub(r"\d{4}-\d{2}-\d{2}", "DATE", text)


@pytest.fixture(scope="module")
def first(offline: Server) -> Iterator[dict[str, Any]]:
    """The result of the README's conversation: its variables, the `printed` output and the `seconds` it took."""
    names: dict[str, Any] = {}
    printed = io.StringIO()
    begin = time.monotonic()
    with contextlib.redirect_stdout(printed):
        exec(CONVERSATION.replace(ADDRESS, offline.url), names)
    yield {**names, "printed": printed.getvalue(), "seconds": time.monotonic() - begin}
    Plain().close(names["honcho"])


def test_the_hook_ends_a_program_that_uses_the_network() -> None:
    attempt = "import socket; socket.socket().connect(('192.0.2.1', 80))"
    done = subprocess.run(
        [sys.executable, "-c", attempt], env={"PYTHONPATH": str(OFFLINE)}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (99, "OFFLINE: socket.connect '192.0.2.1'\n")


def test_the_readme_prints_the_documented_output(first: dict[str, Any]) -> None:
    assert without_dates(first["printed"]) == without_dates(OUTPUT)


def test_the_tutorial_and_the_filter_guide_run_as_written(offline: Server) -> None:
    code = python_blocks(TUTORIAL).replace("http://127.0.0.1:8000", offline.url).replace('"demo"', '"tutorial"')
    names: dict[str, Any] = {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, names)
    assert without_dates(printed.getvalue()).startswith(without_dates(TUTORIAL_OUTPUT))
    assert "alice Hi Bob! I moved to Lisbon with my dog Rex.\n" in printed.getvalue()
    exec(python_blocks(FILTERS), names)
    Plain().close(names["honcho"])


def test_the_answer_names_lisbon_with_evidence(first: dict[str, Any]) -> None:
    answer = first["alice"].chat("Where does Alice live?", include_evidence=True)
    assert "Lisbon" in answer.content
    assert any("Lisbon" in conclusion.content for conclusion in answer.evidence.conclusions)
    assert {message.peer_id for message in answer.evidence.messages} <= {"alice", "assistant"}


def test_representation_card_and_context_show_it(first: dict[str, Any]) -> None:
    alice, session = first["alice"], first["session"]
    assert "alice moved to Lisbon" in alice.representation()
    assert any("Lisbon" in line for line in alice.get_card())
    context = session.context(peer_target="alice")
    assert "Lisbon" in context.peer_representation
    assert any("Lisbon" in line for line in context.peer_card)
    assert len(context.messages) == 6


def test_no_work_is_pending(first: dict[str, Any], offline: Server) -> None:
    status = first["honcho"].queue_status()
    assert (status.pending_work_units, status.in_progress_work_units) == (0, 0)
    assert status.completed_work_units == 3
    assert offline.process.poll() is None
    assert not [line for line in offline.log if line.startswith("OFFLINE")]


def test_a_conversation_needs_nothing_created_beforehand(honcho: Honcho, call: Style) -> None:
    alice, bob, session = Peer("alice", honcho), Peer("bob", honcho), Session("first", honcho)
    call(session.add_messages, [alice.message(SAID[0]), bob.message(SAID[1])])
    assert [message.content for message in call(session.messages).items] == SAID
    assert [peer.id for peer in call(honcho.peers).items] == ["alice", "bob"]
    assert [peer.id for peer in call(session.peers)] == ["alice", "bob"]
    assert [found.id for found in call(honcho.sessions).items] == ["first"]
