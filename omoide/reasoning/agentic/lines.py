"""Messages and conclusions as lines for a model to read. Pure.

A message of several lines cannot pass for several messages: each further line of it begins with a bar. What comes out
is neutral already (see `prompts`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from omoide.reasoning.agentic.prompts import inline, neutral
from omoide.reasoning.evidence import Snippet
from omoide.reasoning.representation import time
from omoide.records import Conclusion, Message

# Source: the public description of the API.
MOST_OF_MESSAGE = 2_000
MOST_OF_RESULT = 10_000
"""Characters of one message in a result, and of the result."""

CUT = " […]"
BAR = "\n| "


def message_line(message: Message, label: str = "", most: int | None = None) -> str:
    """`label`, time, peer and content, of which at most so many characters are shown."""
    content = message.content if most is None else shortened(message.content, most)
    mark = f"[{label}] " if label else ""
    return f"{mark}{time(message.created_at)} {inline(message.peer_id)}: {barred(content)}"


def conclusion_line(conclusion: Conclusion, *, with_pair: bool = False) -> str:
    """Its id, level and time, then what it says; with whose knowledge of whom it is, where that can differ."""
    pair = f" [{inline(conclusion.observer_id)}->{inline(conclusion.observed_id)}]" if with_pair else ""
    content = barred(shortened(conclusion.content, MOST_OF_MESSAGE))
    return f"[id:{conclusion.id}] {conclusion.level} {time(conclusion.said_at)}{pair}: {content}"


def conclusion_lines(conclusions: Iterable[Conclusion], *, with_pair: bool = False) -> str:
    return "\n".join(conclusion_line(each, with_pair=with_pair) for each in conclusions)


def messages_result(messages: Sequence[Message]) -> str:
    return "\n".join(message_line(each, f"id:{each.id}", MOST_OF_MESSAGE) for each in messages)


def snippets_result(snippets: Sequence[Snippet]) -> str:
    """Each stretch of conversation with its session and how many messages in it were found."""
    shown = (
        f"Session {inline(each.session_id)}, {len(each.found)} found:\n{messages_result(each.messages)}"
        for each in snippets
    )
    return "\n\n".join(shown)


def barred(text: str) -> str:
    """The text as one entry: its further lines are marked as such."""
    return BAR.join(neutral(text).strip().splitlines())


def single(text: str) -> str:
    """The text in one line, as facts and lines of cards stand."""
    return " ".join(text.split())


def shortened(text: str, most: int) -> str:
    """At most `most` characters of the text, with a sign where it was cut."""
    return text if len(text) <= most else text[: max(0, most - len(CUT))] + CUT
