"""The recorded story at the pace at which it was said: one message at a time, while the clock goes on."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from omoide.core import clock
from omoide.core.clock import HOUR
from omoide.core.records import MessageBatch, NewMessage, Observation, SessionChange
from omoide.core.settings import Settings
from omoide.services import ingest
from omoide.storage import sessions
from tests.journeys.steps import Said, Say
from tests.journeys.story import Story
from tests.worker.test_live_pace import Pace
from tests.worker.test_provider_faults import run, without_pauses
from tests.worker.worker_fixture import Home

Spoken = tuple[int, str, NewMessage]
"""Instant, session, message."""


def spoken(story: Story) -> list[Spoken]:
    """All messages of a story, in the order in which they were said."""
    said = [act.messages for act in story.acts() if isinstance(act, Say)]
    all_of_them = [_spoken(session, each) for part in said for session in part for each in part[session]]
    return sorted(all_of_them, key=lambda each: each[0])


def _spoken(session: str, said: Said) -> Spoken:
    assert said.at is not None
    moment = datetime.fromisoformat(said.at)
    at = clock.to_micros(moment)
    return at, session, NewMessage(said.peer, said.text, {}, 0, at, None, clock.utc_offset(moment))


def play_live(story: Story, path: Path, url: str, patch: pytest.MonkeyPatch) -> None:
    """Play a story with the default pace, reasoning with the model at `url`."""

    async def told(home: Home) -> None:
        pace = Pace(home)
        patch.setattr(clock, "now", pace)
        change = SessionChange(peers={"mochi": Observation(observe_me=False)})
        for at, session, message in spoken(story):
            await pace.until(at)
            await home.store.write(sessions.get_or_create, "w", session, change, at)
            await ingest.add_messages(home.deps, MessageBatch("w", session, [message]))
        await pace.until(pace.now + HOUR)

    quiet = Settings.model_fields["model_debounce_seconds"].default
    chosen = {"model": "openai:strong", "model_base_url": url, "model_api_key": "sk-recorded", "dream_enabled": False}
    settings = Settings.model_validate(chosen)
    run(path, told, without_pauses(settings), model_debounce_seconds=quiet, **chosen)
