"""What happened to a version of a conclusion: how it came about, what it ended, and when it was said again. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from omoide.core.records import Ending, Message
from omoide.storage.conclusion_history import Version

EventKind = Literal["stated", "said_again", "derived", "superseded", "corrected", "merged"]
_KINDS: dict[Ending, EventKind] = {"superseded": "superseded", "invalid": "corrected", "merged": "merged"}


@dataclass(frozen=True, slots=True)
class ConclusionEvent:
    """`at` is when it was said; for what was not said in a message, when it happened."""

    kind: EventKind
    at: int
    message_ids: Sequence[str] = ()
    conclusion_ids: Sequence[str] = ()
    reason: str | None = None


def events(version: Version) -> list[ConclusionEvent]:
    """The events of a version, newest first; the last one is how it came about."""
    conclusion = version.conclusion
    oldest_first = sorted(version.messages, key=lambda each: (each.created_at, each.id))
    if conclusion.is_correction:
        first, again = None, [each for each in oldest_first if each.created_at > conclusion.created_at]
    else:
        first, again = next(iter(oldest_first), None), oldest_first[1:]
    later = [
        *_ended(version, () if conclusion.is_correction else oldest_first),
        *(ConclusionEvent("said_again", each.created_at, (each.id,)) for each in again),
    ]
    later.sort(key=lambda each: each.at)
    if conclusion.level != "explicit" and not conclusion.is_correction:
        later.insert(0, ConclusionEvent("derived", conclusion.created_at, (), [*(conclusion.source_ids or ())]))
    elif first is not None:
        later.insert(0, ConclusionEvent("stated", first.created_at, (first.id,)))
    elif not conclusion.is_correction or not version.predecessors:
        later.insert(0, ConclusionEvent("stated", conclusion.created_at))
    return later[::-1]


def _ended(version: Version, oldest_first: Sequence[Message]) -> Iterator[ConclusionEvent]:
    """What the version took the place of, each with the first message that was said no earlier."""
    for each in version.predecessors:
        if each.ended_as is not None and each.ended_at is not None:
            said = (message.id for message in oldest_first if message.created_at >= each.said_at)
            cause = () if each.ended_as == "merged" else (*itertools.islice(said, 1),)
            reason = each.details.get("reason")
            shown = reason if isinstance(reason, str) else None
            yield ConclusionEvent(_KINDS[each.ended_as], each.ended_at, cause, (each.id,), shown)
