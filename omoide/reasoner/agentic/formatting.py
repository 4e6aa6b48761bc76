"""Format messages and conclusions as lines of a prompt. Pure.

Continuation lines of a message begin with a bar, so that one message cannot imitate several. The output is neutralized
(see `prompts`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from omoide.core.clock import day, from_micros, local
from omoide.core.records import Conclusion, Message
from omoide.reasoner.agentic.prompt_templates import inline, neutral
from omoide.reasoner.evidence import Snippet

# Source: the public description of the API.
MOST_OF_MESSAGE = 2_000
MOST_OF_RESULT = 10_000
"""Maximum characters of one message in a tool result, and of the result."""

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

CUT = " […]"
BAR = "\n| "


def message_line(message: Message, label: str = "", most: int | None = None) -> str:
    """Format label, time, peer and content, which is truncated to `most` characters."""
    content = message.content if most is None else truncate(message.content, most)
    mark = f"[{label}] " if label else ""
    said_at = local_time(message.created_at, message.utc_offset)
    return f"{mark}{said_at} {inline(message.peer_id)}: {barred(content)}"


def local_time(instant: int, utc_offset: int | None) -> str:
    """Format an instant in the speaker's zone, with its weekday: `Sat 2025-03-01 20:30:00 -08:00`."""
    moment = local(instant, utc_offset)
    zone = f"{moment:%z}" if utc_offset else ""
    return f"{WEEKDAYS[moment.weekday()]} {moment:%Y-%m-%d %H:%M:%S}" + (f" {zone[:3]}:{zone[3:5]}" if zone else "")


def conclusion_line(conclusion: Conclusion, *, with_pair: bool = False) -> str:
    """Format id, level, time, optionally the pair, and content."""
    pair = f" [{inline(conclusion.observer_id)}->{inline(conclusion.observed_id)}]" if with_pair else ""
    content = barred(truncate(conclusion.content, MOST_OF_MESSAGE))
    said_at = local_time(conclusion.said_at, conclusion.utc_offset)
    return f"[id:{conclusion.id}] {conclusion.level} {said_at}{pair}: {content}{holding(conclusion)}"


def holding(conclusion: Conclusion) -> str:
    """Format since and until when it holds, and how it has ended; empty if it holds since it was said."""
    offset, said_on = conclusion.utc_offset, day(conclusion.said_at, conclusion.utc_offset)
    since = None if conclusion.valid_from is None else day(conclusion.valid_from, offset)
    until = None if conclusion.valid_until is None else day(conclusion.valid_until - 1, offset)
    parts = [f"since {since}"] if since not in (None, said_on) else []
    parts += [] if until is None else [f"until {until}"]
    parts += [] if conclusion.ended_as is None else [conclusion.ended_as]
    return f" ({', '.join(parts)})" if parts else ""


def conclusion_lines(conclusions: Iterable[Conclusion], *, with_pair: bool = False) -> str:
    return "\n".join(conclusion_line(each, with_pair=with_pair) for each in conclusions)


def messages_result(messages: Sequence[Message]) -> str:
    return "\n".join(message_line(each, f"id:{each.id}", MOST_OF_MESSAGE) for each in messages)


def snippets_result(snippets: Sequence[Snippet]) -> str:
    """Format snippets, each with its session and number of matches."""
    shown = (
        f"Session {inline(each.session_id)}, {len(each.found)} found:\n{messages_result(each.messages)}"
        for each in snippets
    )
    return "\n\n".join(shown)


def present(at: int) -> str:
    """Format the present for a prompt, with its weekday: `Monday, 2026-11-30 12:00 UTC`."""
    return f"{from_micros(at):%A, %Y-%m-%d %H:%M} UTC"


def barred(text: str) -> str:
    """Neutralize the text and mark its continuation lines."""
    return BAR.join(neutral(text).strip().splitlines())


def single(text: str) -> str:
    """Return the text as one line with single spaces, the form of facts and card lines."""
    return " ".join(text.split())


def truncate(text: str, most: int) -> str:
    """Truncate the text to `most` characters, including a mark at the end."""
    return text if len(text) <= most else text[: max(0, most - len(CUT))] + CUT
