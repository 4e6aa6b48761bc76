"""Format messages and conclusions as lines of a prompt. Pure.

Continuation lines of a message begin with a bar, so that one message cannot imitate several. The output is neutralized
(see `prompts`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from omoide.core.records import Conclusion, Message
from omoide.reasoner.agentic.prompt_templates import inline, neutral
from omoide.reasoner.evidence import Snippet
from omoide.reasoner.representation import time

# Source: the public description of the API.
MOST_OF_MESSAGE = 2_000
MOST_OF_RESULT = 10_000
"""Maximum characters of one message in a tool result, and of the result."""

CUT = " […]"
BAR = "\n| "


def message_line(message: Message, label: str = "", most: int | None = None) -> str:
    """Format label, time, peer and content, which is truncated to `most` characters."""
    content = message.content if most is None else truncate(message.content, most)
    mark = f"[{label}] " if label else ""
    return f"{mark}{time(message.created_at)} {inline(message.peer_id)}: {barred(content)}"


def conclusion_line(conclusion: Conclusion, *, with_pair: bool = False) -> str:
    """Format id, level, time, optionally the pair, and content."""
    pair = f" [{inline(conclusion.observer_id)}->{inline(conclusion.observed_id)}]" if with_pair else ""
    content = barred(truncate(conclusion.content, MOST_OF_MESSAGE))
    return f"[id:{conclusion.id}] {conclusion.level} {time(conclusion.said_at)}{pair}: {content}"


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


def barred(text: str) -> str:
    """Neutralize the text and mark its continuation lines."""
    return BAR.join(neutral(text).strip().splitlines())


def single(text: str) -> str:
    """Return the text as one line with single spaces, the form of facts and card lines."""
    return " ".join(text.split())


def truncate(text: str, most: int) -> str:
    """Truncate the text to `most` characters, including a mark at the end."""
    return text if len(text) <= most else text[: max(0, most - len(CUT))] + CUT
