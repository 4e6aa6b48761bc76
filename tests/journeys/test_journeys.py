"""Stories: peers say things in sessions, and what the server then knows is what the story expects.

They are played over HTTP by the official SDK against a server that reasons without waiting for quiet; every story has
a workspace of its own. Each file beside this one holds stories about one subject, a YAML document each:

    title: what is shown, as a sentence
    workspace: {reasoning: {enabled: false}}           configuration, optional
    peers: {bob: {observe_me: false}}                  peers that have a configuration, optional
    sessions:                                          made at the start, with members and their flags
      s: {peers: {alice: {observe_others: true}, bob: }, configuration: {...}, scopes: [work]}
    steps:
      - say: {s: [{alice: "I live in Lisbon.", at: "2026-03-02T09:00:00Z", reasoning: true}]}
      - wait
      - expect:
          - conclusions: {observer: alice, contain: [alice lives in Lisbon]}

Steps: say, talk (many messages), wait (until nothing is pending or in progress), join, leave, configure, dream,
refresh_card (both wait), write_card, scope, upload, delete, expect, and eventually, which expects as `expect` does but
for what the server does in its own time. What each takes stands in `steps`, what can be expected in `expectations`,
and how texts and lists are held against claims in `matching`. A key that is not known there is an error.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from honcho import Honcho

from tests.journeys.stage import Stage
from tests.journeys.story import Story, stories, stories_in
from tests.running import Server

STORIES = [*stories_in(Path(__file__).parent)]


@pytest.fixture(scope="session")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that reasons about everything at once. No job of it may fail."""
    running = Server(tmp_path_factory.mktemp("journeys") / "omoide.db", quiet_seconds="0")
    yield running
    log = "".join(running.log)
    assert running.stop() == -signal.SIGTERM, log
    assert "failed at attempt" not in log, log


@pytest.fixture(scope="session")
def connections(quick: Server) -> Iterator[httpx.Client]:
    """Shared, because a client reads the system's certificates first, which takes longer than a story."""
    with quick.client() as http:
        yield http


@pytest.fixture
def stage(quick: Server, connections: httpx.Client, fresh: Callable[[str], str]) -> Stage:
    """Nothing is asked twice: a call that fails once is a fault."""
    honcho = Honcho(base_url=quick.url, workspace_id=fresh("story"), max_retries=0, http_client=connections)
    return Stage(honcho, connections)


@pytest.mark.parametrize("story", [story for _, story in STORIES], ids=[name for name, _ in STORIES])
def test_the_story_comes_true(story: Story, stage: Stage) -> None:
    story.play(stage)


def test_every_story_has_a_name_of_its_own() -> None:
    assert len({name for name, _ in STORIES}) == len(STORIES)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{title: t, steps: [wait]}", "expects nothing"),
        ("{title: t, steps: []}", "at least 1 item"),
        ("{title: t, steps: [{expect: []}]}", "a list of expectations is needed"),
        ("{title: t, colour: red, steps: [{expect: [{queue: {pending: 0}}]}]}", "colour"),
        ("{title: t, sessions: {s: {members: {}}}, steps: [{expect: [{queue: {pending: 0}}]}]}", "members"),
        ("{title: t, steps: [{expect: [{queue: {pendin: 0}}]}]}", "pendin"),
        ("{title: t, steps: [{expect: [{queue: {session: s}}]}]}", "claims nothing"),
        ("{title: t, steps: [{expect: [{chat: {ask: Who, evidence: {}, contain: [a]}}]}]}", "claims nothing"),
        ("{title: t, steps: [{expect: [{mood: {}}]}]}", "no expectation is called 'mood'"),
        ("{title: t, steps: [{shout: {}}, {expect: [{queue: {pending: 0}}]}]}", "no step is called 'shout'"),
        ("{title: t, steps: [{say: {s: [{a: b, c: d}]}}, {expect: [{queue: {pending: 0}}]}]}", "one peer"),
        ("{title: t, steps: [{wait: , leave: {}}, {expect: [{queue: {pending: 0}}]}]}", "a step has one name"),
        ("{title: t, steps: [{configure: {}}, {expect: [{queue: {pending: 0}}]}]}", "changes nothing"),
    ],
)
def test_what_is_no_story_is_an_error(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        stories(text)
