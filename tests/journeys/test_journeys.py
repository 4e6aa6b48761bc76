"""End-to-end stories: peers send messages in sessions, and the story checks what the server derives from them.

The official SDK runs them over HTTP against a server without debounce, each in its own workspace. Each YAML file in
this folder contains the stories about one subject, one per document:

    title: the rule, as a sentence
    workspace: {reasoning: {enabled: false}}           configuration, optional
    peers: {bob: {observe_me: false}}                  peers with a configuration, optional
    sessions:                                          created at the start, with members and their flags
      s: {peers: {alice: {observe_others: true}, bob: }, configuration: {...}, scopes: [work]}
    steps:
      - say: {s: [{alice: "I live in Lisbon.", at: "2026-03-02T09:00:00Z", reasoning: true}]}
      - wait
      - expect:
          - conclusions: {observer: alice, contain: [alice lives in Lisbon]}

Steps: say, talk (many messages), wait (until nothing is pending or in progress), mark (name an instant), join, leave,
configure, dream, refresh_card (both wait), write_card, scope, upload, delete, correct (a conclusion), merge (peers),
expect, and eventually, which polls its expectations. See `steps` for their fields, `expectations` for expectations, and
`matching` for claims about texts and lists. Unknown keys are errors.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from honcho import Honcho

from tests.journeys.server_fixture import Stage
from tests.journeys.story import Story, stories, stories_in
from tests.server_process import Server

STORIES = [*stories_in(Path(__file__).parent)]


@pytest.fixture(scope="session")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server without debounce, whose jobs must not fail."""
    running = Server(tmp_path_factory.mktemp("journeys") / "omoide.db", debounce_seconds="0")
    yield running
    log = "".join(running.log)
    assert running.stop() == -signal.SIGTERM, log
    assert "failed at attempt" not in log, log


@pytest.fixture(scope="session")
def connections(quick: Server) -> Iterator[httpx.Client]:
    """Shared, because a new client loads the system's certificates, which takes longer than a story."""
    with quick.client() as http:
        yield http


@pytest.fixture
def stage(quick: Server, connections: httpx.Client, fresh: Callable[[str], str]) -> Stage:
    """Without retries, so that a call that fails once fails the test."""
    honcho = Honcho(base_url=quick.url, workspace_id=fresh("story"), max_retries=0, http_client=connections)
    return Stage(honcho, connections)


@pytest.mark.parametrize("story", [story for _, story in STORIES], ids=[name for name, _ in STORIES])
def test_story(story: Story, stage: Stage) -> None:
    story.play(stage)


def test_story_names_are_unique() -> None:
    assert len({name for name, _ in STORIES}) == len(STORIES)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{title: t, steps: [wait]}", "expects nothing"),
        ("{title: t, steps: []}", "at least 1 item"),
        ("{title: t, steps: [{expect: []}]}", "expected a list of expectations"),
        ("{title: t, colour: red, steps: [{expect: [{queue: {pending: 0}}]}]}", "colour"),
        ("{title: t, sessions: {s: {members: {}}}, steps: [{expect: [{queue: {pending: 0}}]}]}", "members"),
        ("{title: t, steps: [{expect: [{queue: {pendin: 0}}]}]}", "pendin"),
        ("{title: t, steps: [{expect: [{queue: {session: s}}]}]}", "claims nothing"),
        ("{title: t, steps: [{expect: [{chat: {ask: Who, evidence: {}, contain: [a]}}]}]}", "claims nothing"),
        ("{title: t, steps: [{expect: [{mood: {}}]}]}", "unknown expectation 'mood'"),
        ("{title: t, steps: [{shout: {}}, {expect: [{queue: {pending: 0}}]}]}", "unknown step 'shout'"),
        ("{title: t, steps: [{say: {s: [{a: b, c: d}]}}, {expect: [{queue: {pending: 0}}]}]}", "one peer"),
        ("{title: t, steps: [{wait: , leave: {}}, {expect: [{queue: {pending: 0}}]}]}", "step must have exactly one"),
        ("{title: t, steps: [{delete: {message: a}}, {expect: [{queue: {pending: 0}}]}]}", "name a session"),
        ("{title: t, steps: [{configure: {}}, {expect: [{queue: {pending: 0}}]}]}", "changes nothing"),
    ],
)
def test_an_invalid_story_is_an_error(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        stories(text)
