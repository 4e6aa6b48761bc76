"""Lines that say what an import has found: by peer, when, and what is damaged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from omoide.core.formatting import pluralize
from omoide.text_extraction.exports.conversation import LeftOut

SHOWN = 20
"""Peers, and unreadable files, that are listed at most."""


def peer_lines(counts: Counter[str], noun: str) -> list[str]:
    lines = [f"{peer_id}: {pluralize(count, noun)}" for peer_id, count in counts.most_common(SHOWN)]
    return [*lines, f"and {pluralize(len(counts) - SHOWN, 'more peer')}"] if len(counts) > SHOWN else lines


def time_lines(times: Sequence[int | None]) -> list[str]:
    """When it was said; None is an unknown time."""
    known = [each for each in times if each is not None]
    lines = [f"From {_day(min(known))} to {_day(max(known))}."] if known else []
    if unknown := len(times) - len(known):
        lines.append(f"Without a time: {pluralize(unknown, 'message')}, dated as of the import.")
    return lines


def owner_line(me: Sequence[str]) -> str:
    return f"No speaker is {' or '.join(me)}: every speaker became a peer of its own. --me NAME says who you are."


def left_out_lines(counts: Mapping[LeftOut, int]) -> list[str]:
    return [f"Left out: {pluralize(count, each.noun)}{each.detail}." for each, count in counts.items()]


def unreadable_lines(names: Sequence[str]) -> list[str]:
    lines = [f"Left out: {name} is damaged." for name in names[:SHOWN]]
    rest = len(names) - SHOWN
    return [*lines, f"Left out: {pluralize(rest, 'more damaged file')}."] if rest > 0 else lines


def _day(micros: int) -> str:
    return datetime.fromtimestamp(micros / 1e6, UTC).date().isoformat()
