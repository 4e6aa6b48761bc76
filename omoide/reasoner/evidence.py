"""Record of the conclusions and messages read for an answer, and of the tool calls. A superset of what it used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from omoide.core.records import Conclusion, Json, Message


@dataclass(frozen=True, slots=True)
class Snippet:
    """Consecutive messages of one session, oldest first, around one or more matches."""

    session_id: str
    messages: Sequence[Message]
    found: Sequence[str]
    """The ids of the matches, best first."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    tool_name: str
    tool_input: Json


@dataclass(slots=True)
class Evidence:
    """Records by id, in the order of the first read."""

    conclusions: dict[str, Conclusion] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)
    tool_calls: list[ToolCall] = field(default_factory=list)

    def note(
        self,
        tool: str,
        given: Json,
        *,
        conclusions: Iterable[Conclusion] = (),
        messages: Iterable[Message] = (),
        snippets: Iterable[Snippet] = (),
    ) -> None:
        """Record a successful call and its results."""
        self.tool_calls.append(ToolCall(tool, given))
        for conclusion in conclusions:
            self.conclusions.setdefault(conclusion.id, conclusion)
        for message in (*messages, *(message for snippet in snippets for message in snippet.messages)):
            self.messages.setdefault(message.id, message)
