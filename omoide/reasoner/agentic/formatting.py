"""Format messages and conclusions as lines of a prompt. Pure.

Messages stand under their day. Continuation lines of a message begin with a bar, so that one message cannot imitate
several. The output is neutralized (see `prompts`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Container, Iterable
from datetime import datetime

from omoide.core.clock import day, local
from omoide.core.records import Conclusion, Message
from omoide.reasoner.agentic.prompt_templates import inline, neutral
from omoide.reasoner.agentic.short_names import ShortNames
from omoide.reasoner.evidence import Snippet

# Source: the public description of the API.
MOST_OF_MESSAGE = 2_000
MOST_OF_RESULT = 10_000
"""Maximum characters of one message in a tool result, and of the result."""

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

CUT = " […]"
BAR = "\n| "


def _unlabelled(_: Message) -> str:
    return ""


def transcript(
    messages: Iterable[Message], label: Callable[[Message], str] = _unlabelled, most: int | None = None
) -> list[str]:
    """Format messages as lines, with a line for each day on which they were said, in the speaker's zone."""
    lines: list[str] = []
    day_before = ""
    for message in messages:
        if (said_on := day_line(message)) != day_before:
            lines.append(said_on)
            day_before = said_on
        lines.append(message_line(message, label(message), most))
    return lines


def transcripts(messages: Iterable[Message]) -> str:
    """Format messages of several sessions, each under the name of its session."""
    shown = (
        f"Session {inline(session_id)}:\n" + "\n".join(transcript(said))
        for session_id, said in itertools.groupby(messages, lambda message: message.session_id)
    )
    return "\n\n".join(shown)


def day_line(message: Message) -> str:
    """Format the day on which a message was said: `Sat 2025-03-01 -08:00`."""
    return local_day(message.created_at, message.utc_offset)


def message_line(message: Message, label: str = "", most: int | None = None) -> str:
    """Format label, time of the day, peer and content, which is truncated to `most` characters."""
    content = message.content if most is None else truncate(message.content, most)
    mark = f"[{label}] " if label else ""
    said_at = f"{local(message.created_at, message.utc_offset):%H:%M}"
    return f"{mark}{said_at} {inline(message.peer_id)}: {barred(content)}"


def local_day(instant: int, utc_offset: int | None, *, time: bool = False) -> str:
    """Format the day of an instant in the speaker's zone: `Sat 2025-03-01 -08:00`, with `time` as `… 20:30 -08:00`."""
    moment = local(instant, utc_offset)
    hour = f" {moment:%H:%M}" if time else ""
    return f"{WEEKDAYS[moment.weekday()]} {moment:%Y-%m-%d}{hour}{_zone(moment)}"


def _zone(moment: datetime) -> str:
    """The offset from UTC, unless it is zero."""
    offset = f"{moment:%z}"
    return f" {offset[:3]}:{offset[3:5]}" if moment.utcoffset() else ""


def conclusion_line(conclusion: Conclusion, name: str = "", *, with_pair: bool = False) -> str:
    """Format name, level, time, optionally the pair, and content."""
    mark = f"[{name}] " if name else ""
    pair = f" [{inline(conclusion.observer_id)}->{inline(conclusion.observed_id)}]" if with_pair else ""
    content = barred(truncate(conclusion.content, MOST_OF_MESSAGE))
    said_at = local_day(conclusion.said_at, conclusion.utc_offset, time=True)
    return f"{mark}{conclusion.level} {said_at}{pair}: {content}{holding(conclusion)}"


def holding(conclusion: Conclusion) -> str:
    """Format since and until when it holds, and how it has ended; empty if it holds since it was said."""
    offset, said_on = conclusion.utc_offset, day(conclusion.said_at, conclusion.utc_offset)
    since = None if conclusion.valid_from is None else day(conclusion.valid_from, offset)
    until = None if conclusion.valid_until is None else day(conclusion.valid_until - 1, offset)
    parts = [f"since {since}"] if since not in (None, said_on) else []
    parts += [] if until is None else [f"until {until}"]
    parts += [] if conclusion.ended_as is None else [conclusion.ended_as]
    return f" ({', '.join(parts)})" if parts else ""


def conclusion_lines(conclusions: Iterable[Conclusion], names: ShortNames, *, with_pair: bool = False) -> str:
    return "\n".join(conclusion_line(each, names.conclusion(each.id), with_pair=with_pair) for each in conclusions)


def messages_result(messages: Iterable[Message], names: ShortNames, found: Container[str] = ()) -> str:
    """Format messages with their names; those that were `found` are marked with an asterisk."""

    def label(message: Message) -> str:
        return f"{'*' if message.id in found else ''}{names.message(message.id)}"

    return "\n".join(transcript(messages, label, MOST_OF_MESSAGE))


def snippets_result(snippets: Iterable[Snippet], names: ShortNames) -> str:
    """Format snippets, each with its session and number of matches, which are marked."""
    shown = (
        f"Session {inline(each.session_id)}, {len(each.found)} found:\n"
        f"{messages_result(each.messages, names, each.found)}"
        for each in snippets
    )
    return "\n\n".join(shown)


def present(at: int, utc_offset: int | None = None) -> str:
    """Format the present for a prompt, with its weekday: `Monday, 2026-11-30 12:00 UTC`, or `… 04:00 -08:00`."""
    moment = local(at, utc_offset)
    return f"{moment:%A, %Y-%m-%d %H:%M}{_zone(moment) or ' UTC'}"


def barred(text: str) -> str:
    """Neutralize the text and mark its continuation lines."""
    return BAR.join(neutral(text).strip().splitlines())


def single(text: str) -> str:
    """Return the text as one line with single spaces, the form of facts and card lines."""
    return " ".join(text.split())


def truncate(text: str, most: int) -> str:
    """Truncate the text to `most` characters, including a mark at the end."""
    return text if len(text) <= most else text[: max(0, most - len(CUT))] + CUT
