"""The stories of memory once more, with a scripted model in place of the embedded reasoner: the books are the same.

What is known differs, because the script knows one trick only. What was owed and done for each session does not, nor
which summaries there are, how far they reach, and what was copied into scopes. Stories that correct a conclusion name
its text, so they are left out.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from honcho import Honcho

from tests.journeys.server_fixture import Stage
from tests.journeys.steps import Correct
from tests.journeys.story import Expect, Story, stories_in
from tests.server_process import Server
from tests.worker.provider import provider


def needs_wording(story: Story) -> bool:
    """Whether a step names a conclusion by the text that the embedded reasoner gives it."""
    return any(isinstance(act, Correct) for act in story.acts())


STORIES = [each for each in stories_in(Path(__file__).parents[1] / "journeys") if not needs_wording(each[1])]
LEFT = ("pending_work_units", "in_progress_work_units", "errored_work_units")
_numbers = itertools.count()


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    """One with the embedded reasoner, one with the scripted model."""
    with provider() as endpoint:
        model = {"model": "openai:scripted", "model_base_url": endpoint.url, "model_timeout_seconds": "20"}
        folder = tmp_path_factory.mktemp("books")
        running = [
            Server(folder / "extractive.db", debounce_seconds="0"),
            Server(folder / "agentic.db", model_debounce_seconds="0", **model),
        ]
        yield running
        for server in running:
            server.stop()
            assert not [line for line in server.log if "failed at attempt" in line]


@contextmanager
def on_stage(server: Server, workspace: str) -> Iterator[Stage]:
    honcho = Honcho(base_url=server.url, workspace_id=workspace, max_retries=0)
    try:
        with server.client() as http:
            yield Stage(honcho, http)
    finally:
        honcho._http.close()


def play(story: Story, stage: Stage) -> None:
    """Everything that happens in the story; what it expects of the embedded reasoner's wording is passed over."""
    acts = story.acts()
    told = story.model_copy(
        update={"steps": [s for s, a in zip(story.steps, acts, strict=True) if not isinstance(a, Expect)]}
    )
    told.play(stage)
    stage.wait()


def books(stage: Stage) -> dict[str, Any]:
    """What was owed and done by session, which summaries reach how far, and what became of sessions in scopes."""
    sessions = sorted(session.id for session in stage.honcho.sessions())
    return {
        "units": {peer.id: _units(stage, peer.id) for peer in stage.honcho.peers()},
        "left": [stage.http.get(f"{stage.url}/queue/status").json()[name] for name in LEFT],
        "messages": {id: [message.content for message in stage.session(id).messages()] for id in sessions},
        "summaries": {id: _reach(stage, id) for id in sessions},
        "scopes": {scope.id: {id: job.state for id, job in scope.status().items()} for scope in stage.honcho.scopes()},
    }


def _units(stage: Stage, peer: str) -> dict[str, list[int]]:
    """What was done and is left for the messages of the peer, by session. Summaries are of no peer: how many are made
    depends on when a session is found quiet."""
    status = stage.http.get(f"{stage.url}/queue/status", params={"sender_id": peer}).json()
    counts = ("completed_work_units", *LEFT)
    return {id: [of[name] for name in counts] for id, of in (status["sessions"] or {}).items()}


def _reach(stage: Stage, session: str) -> list[str | None]:
    """The content of the last message that each summary covers; None where there is no such summary."""
    said = {message.id: message.content for message in stage.session(session).messages()}
    found = stage.http.get(f"{stage.url}/sessions/{session}/summaries").json()
    return [found[kind] and said[found[kind]["message_id"]] for kind in ("short_summary", "long_summary")]


@pytest.mark.parametrize("story", [pytest.param(story, id=name) for name, story in STORIES])
def test_a_scripted_model_keeps_the_same_books(story: Story, servers: list[Server]) -> None:
    workspace = f"books-{next(_numbers)}"
    kept = []
    for server in servers:
        with on_stage(server, workspace) as stage:
            play(story, stage)
            kept.append(books(stage))
    assert kept[0] == kept[1]
