"""Seven weeks of conversation, learned, summarized, dreamed and asked about with a strong model that was recorded.

`story.yaml` is the conversation and what is in the memory afterwards. `model.yaml` holds what the model answers to each
request, and what the request must contain so that it can: a prompt that loses something fails here, and says what.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from honcho import Honcho

from tests.journeys.expectations import Chat
from tests.journeys.server_fixture import Stage
from tests.journeys.story import Check, Expect, stories
from tests.recorded.live_pace import play_live
from tests.recorded.strong_model import TOKENS, RecordedAnswer, StrongModel, recording, strong_model
from tests.server_process import Server

MOST_INPUT_OF_DERIVE = 20_000
"""Input tokens that learning from the 66 messages may cost at the pace at which they were said."""
MOST_INPUT_OF_ANSWER = 5_000
"""Input tokens of an answer at the level low, on average."""

FOLDER = Path(__file__).parent
(STORY,) = stories((FOLDER / "story.yaml").read_text(encoding="utf-8"))
TOLD = [step for step, act in zip(STORY.steps, STORY.acts(), strict=True) if not isinstance(act, Expect)]
CLAIMS = [claim for act in STORY.acts() if isinstance(act, Expect) for claim in act.checks]
RECORDING = recording()


@pytest.fixture(scope="module")
def endpoint() -> Iterator[tuple[StrongModel, str]]:
    with strong_model(RECORDING) as running:
        yield running


@pytest.fixture(scope="module")
def model(endpoint: tuple[StrongModel, str]) -> StrongModel:
    return endpoint[0]


@pytest.fixture(scope="module")
def stage(endpoint: tuple[StrongModel, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The workspace after the story, with the default embedder: it decides what is known near to what is said."""
    model, url = endpoint
    running = Server(
        tmp_path_factory.mktemp("recorded") / "omoide.db",
        model="openai:strong",
        model_base_url=url,
        model_api_key="sk-recorded",
        embedder="bge-small",
        debounce_seconds="0",
        messages_per_short_summary="10",
        messages_per_long_summary="20",
    )
    with running.client() as http:
        stage = Stage(Honcho(base_url=running.url, workspace_id="recorded", max_retries=0, http_client=http), http)
        try:
            STORY.model_copy(update={"steps": TOLD}).play(stage)
        finally:
            print(*model.faults, sep="\n")
        yield stage
    assert running.stop() == -signal.SIGTERM


def test_no_request_lacks_what_a_strong_model_needs(stage: Stage, model: StrongModel) -> None:
    assert not model.faults, "\n".join(model.faults)
    assert not model.unused, "these were never asked for:\n" + "\n".join(model.unused)


@pytest.mark.parametrize("claim", CLAIMS, ids=[f"{number}: {each!r:.60}" for number, each in enumerate(CLAIMS)])
def test_the_memory_afterwards(claim: Check, stage: Stage) -> None:
    claim.check(stage)


@pytest.mark.parametrize("recorded", RECORDING.answers, ids=lambda each: each.question)
def test_an_answer(recorded: RecordedAnswer, stage: Stage, model: StrongModel) -> None:
    before = len(model.faults)
    given = recorded.model_dump(include={"peer", "about", "session", "valid_at"})
    chat = Chat.model_validate({**given, "ask": recorded.question, "level": "low", "whole": recorded.answer})
    try:
        chat.check(stage)
    finally:
        assert not model.faults[before:], "\n".join(model.faults[before:])


def test_answers_cost_few_tokens(stage: Stage, model: StrongModel) -> None:
    """Of the questions of the test before this one."""
    inputs = [TOKENS.count(each.text) for each in model.prompts if each.task == "answer"]
    assert 0 < sum(inputs) <= MOST_INPUT_OF_ANSWER * len(RECORDING.answers), inputs


def test_talk_at_its_pace_costs_few_tokens_and_loses_no_context(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with strong_model(RECORDING) as (model, url):
        play_live(STORY, tmp_path / "omoide.db", url, monkeypatch)
        faults = [each for each in model.faults if "before: " in each]
        assert not faults, "\n".join(faults)
        inputs = [TOKENS.count(each.text) for each in model.prompts if each.task == "derive"]
        assert 0 < sum(inputs) <= MOST_INPUT_OF_DERIVE, inputs
