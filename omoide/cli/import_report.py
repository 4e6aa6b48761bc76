"""Lines that say what an import has found: by peer, when, and what is damaged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from omoide.core.formatting import pluralize

SHOWN = 20
"""Peers, and unreadable files, that are listed at most."""


def peer_lines(counts: Counter[str], noun: str) -> list[str]:
    lines = [f"{peer_id}: {pluralize(count, noun)}" for peer_id, count in counts.most_common(SHOWN)]
    return [*lines, f"and {pluralize(len(counts) - SHOWN, 'more peer')}"] if len(counts) > SHOWN else lines


def time_lines(times: Sequence[int]) -> list[str]:
    return [f"From {_day(min(times))} to {_day(max(times))}."] if times else []


def owner_line(me: Sequence[str]) -> str:
    return f"No speaker is {' or '.join(me)}: every speaker became a peer of its own. --me NAME says who you are."


def unreadable_lines(names: Sequence[str]) -> list[str]:
    lines = [f"Left out: {name} is damaged." for name in names[:SHOWN]]
    rest = len(names) - SHOWN
    return [*lines, f"Left out: {pluralize(rest, 'more damaged file')}."] if rest > 0 else lines


def _day(micros: int) -> str:
    return datetime.fromtimestamp(micros / 1e6, UTC).date().isoformat()
