"""What was read for an answer: each thing once, and by which calls. It is wider than what the answer rests on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from omoide.records import Conclusion, Json, Message


@dataclass(frozen=True, slots=True)
class Snippet:
    """Neighbouring messages of one session, oldest first, around those that were found."""

    session_id: str
    messages: Sequence[Message]
    found: Sequence[str]
    """The ids of those that were looked for, best first."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    tool_name: str
    tool_input: Json


@dataclass(slots=True)
class Evidence:
    """What was read, by id, in the order in which it was first come across."""

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
        """Keep a call that succeeded, and what it returned."""
        self.tool_calls.append(ToolCall(tool, given))
        for conclusion in conclusions:
            self.conclusions.setdefault(conclusion.id, conclusion)
        for message in (*messages, *(message for snippet in snippets for message in snippet.messages)):
            self.messages.setdefault(message.id, message)
