"""What a conversation costs at live pace: 66 messages of two people and an assistant, in five sessions."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from omoide.core import clock
from omoide.core.clock import HOUR, MINUTE, to_micros
from omoide.core.records import MessageBatch, NewMessage, Observation, SessionChange
from omoide.core.settings import Settings
from omoide.inference.tokens import TokenCounter
from omoide.services import ingest
from omoide.storage import queue, sessions
from tests.worker.provider import Asked, provider, wants_facts
from tests.worker.test_provider_faults import options, run, without_pauses
from tests.worker.worker_fixture import Home

STORY = Path(__file__).with_name("live_story.txt")
MOST_TOKENS = 20_000
MOST_AT_LIVE_PACE = 2.5
"""Input tokens of derivation at live pace, as a multiple of those of an import."""
TOKENS = TokenCounter()

Line = tuple[str, int, str, str]
"""Session, time, peer, content."""


def story(slowness: int = 1) -> list[Line]:
    """The messages, one to three minutes apart: as long as it takes to read and to write them."""
    lines: list[Line] = []
    session, time = "", 0
    for line in STORY.read_text().splitlines():
        if heading := re.fullmatch(r"# (\S+) (\S+)", line):
            session, time = heading[2], to_micros(datetime.fromisoformat(heading[1]).replace(tzinfo=UTC))
            continue
        peer, content = line.split(": ", 1)
        lines.append((session, time, peer, content))
        time += slowness * (MINUTE + (0 if peer == "aide" else len(content) * MINUTE // 100))
    return lines


def input_tokens(asked: Sequence[Asked]) -> int:
    """All text of the requests for facts, with the schema of the answer."""
    texts = [*(each["content"] for one in asked for each in one["messages"])]
    schemas = [json.dumps(one["response_format"]) for one in asked]
    return sum(map(TOKENS.count, (*texts, *schemas)))


class Pace:
    """Says messages at their times, on a clock of its own, and runs what is due in between."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.now = 0

    def __call__(self) -> int:
        return self.now

    async def until(self, time: int) -> None:
        while (due := await self.home.store.read(queue.next_due, self.now)) is not None and due <= time:
            self.now = due
            await self.home.work()
        self.now = time
        await self.home.work()

    async def say(self, line: Line) -> None:
        session, time, peer, content = line
        change = SessionChange(peers={"aide": Observation(observe_me=False)})
        await self.home.store.write(sessions.get_or_create, "w", session, change, self.now)
        await ingest.add_messages(self.home.deps, MessageBatch("w", session, [NewMessage(peer, content, {}, 0, time)]))


def costs(path: Path, monkeypatch: pytest.MonkeyPatch, lines: Sequence[Line], *, is_live: bool) -> tuple[int, int]:
    """Number of requests for facts, and their input tokens, with the default settings."""

    async def told(home: Home) -> None:
        pace = Pace(home)
        monkeypatch.setattr(clock, "now", pace)
        pace.now = lines[0][1]
        for line in lines:
            if is_live:
                await pace.until(line[1])
            await pace.say(line)
        await pace.until(pace.now + HOUR)
        assert home.texts("mara", "mara")

    quiet = Settings.model_fields["model_debounce_seconds"].default
    with provider() as proxy:
        chosen = options(proxy, model_debounce_seconds=quiet, dream_enabled=False)
        run(path, told, without_pauses(Settings.model_validate(chosen)), **chosen)
        facts = [each for each in proxy.asked if wants_facts(each)]
    return len(facts), input_tokens(facts)


def test_a_conversation_at_live_pace_costs_little_more_than_an_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests, tokens = costs(tmp_path / "import.db", monkeypatch, story(), is_live=False)
    assert requests == 10  # two people in five sessions
    for slowness, most in ((1, MOST_TOKENS), (3, MOST_AT_LIVE_PACE * tokens)):
        _, tokens_live = costs(tmp_path / f"live{slowness}.db", monkeypatch, story(slowness), is_live=True)
        assert tokens <= tokens_live <= most
