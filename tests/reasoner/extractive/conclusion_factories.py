"""Conclusions for tests; `know` numbers them, one day apart."""

from __future__ import annotations

from datetime import UTC, datetime

from omoide.core.clock import DAY, to_micros
from omoide.core.records import Conclusion, Level

START = to_micros(datetime(2026, 3, 1, 9, tzinfo=UTC))


def know(
    content: str, number: int, session_id: str | None = "s", level: Level = "explicit", **details: object
) -> Conclusion:
    said_at = START + number * DAY
    id = f"c{number}"
    return Conclusion(number, id, content, "bot", "alice", session_id, level, None, 1, said_at, said_at, dict(details))


def said(*contents: str) -> list[Conclusion]:
    return [know(content, number) for number, content in enumerate(contents)]
