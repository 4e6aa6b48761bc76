"""Helpers for tests of answers: statements, messages and questions about alice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from omoide.core.clock import DAY, MINUTE, to_micros
from omoide.core.records import Conclusion, Level, Message
from omoide.core.settings import Settings
from omoide.inference.cross_encoder import make_cross_encoder
from omoide.reasoner.evidence import Snippet
from omoide.reasoner.extractive.answer import Case, answer, told
from omoide.reasoner.extractive.candidates import statements
from omoide.reasoner.extractive.questions import parse_question
from omoide.reasoner.memory_view import MemoryView
from omoide.reasoner.protocol import Question
from omoide.search.rerank import Reranker
from tests.reasoner.memory_fixtures import EMBEDDER

WITHOUT, WITH = Reranker(None), Reranker(make_cross_encoder(Settings.model_validate({"cross_encoder": True})))


class Ranking:
    """How answers are ranked in the current test; see the fixture of `conftest`."""

    reranker = WITHOUT


ranking = Ranking()


NOTHING = "I have no information about that"
START = to_micros(datetime(2026, 1, 5, 9, tzinfo=UTC))
"""A Monday; day 1 is the next day."""


def fact(content: str, day: int = 0, peer: str = "alice", level: Level = "explicit", times: int = 1) -> Conclusion:
    at = START + day * DAY
    return Conclusion(day, f"{peer}-{day}-{content}", content, peer, peer, "s", level, None, times, at, at, {})


def turn(peer: str, content: str, minute: int = 0, day: int = 0) -> Message:
    at = START + day * DAY + minute * MINUTE
    return Message(f"{day}-{minute}-{peer}", "s", "w", peer, content, {}, 1, at)


def snippet(*turns: tuple[str, str]) -> list[Snippet]:
    """Return one snippet with a message per minute, all of them matches."""
    said = [turn(peer, content, minute) for minute, (peer, content) in enumerate(turns)]
    return [Snippet("s", said, [each.id for each in said])]


def question(query: str, target: str | None = "alice", observer: str | None = "alice", **more: Any) -> Question:
    return Question(query, observer, target, **more)


def facts(*contents: str, peer: str = "alice") -> Sequence[Conclusion]:
    """Return facts one day apart, oldest first."""
    return [fact(content, day, peer) for day, content in enumerate(contents)]


def said(asked: Question, memory: MemoryView) -> str:
    async def read() -> list[str]:
        return [piece async for piece in answer(asked, memory, EMBEDDER, ranking.reranker)]

    return "".join(asyncio.run(read()))


def check(text: str, holds: Sequence[str], lacks: Sequence[str]) -> None:
    assert [word for word in holds if word not in text] == [], text
    assert [word for word in lacks if word in text] == [], text


def compose(
    asked: Question,
    conclusions: Sequence[Conclusion],
    snippets: Sequence[Snippet],
    peers: Iterable[str] = (),
    past: Sequence[Conclusion] = (),
) -> str:
    """Compose the answer from given records, without vectors; `peers` are further ids that the question may name,
    `past` superseded conclusions."""
    around = [asked.target_id, asked.observer_id, *peers, *(each.observed_id for each in conclusions)]
    around += [message.peer_id for snippet in snippets for message in snippet.messages]
    parsed = parse_question(asked.query, filter(None, around), asked.observer_id, asked.target_id)
    case = Case(asked, parsed, statements(asked, parsed, conclusions, snippets, past), ranking.reranker, snippets)
    return " ".join(sentence for _, sentence in told(case)) or case.frames.nothing_known(parsed.about)
