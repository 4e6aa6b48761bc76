"""Record of the conclusions and messages read for an answer, and of the tool calls. A superset of what it used."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from omoide.core.records import Conclusion, Json, Message


@dataclass(frozen=True, slots=True)
class Snippet:
    """Consecutive messages of one session, oldest first, around one or more matches."""

    session_id: str
    messages: Sequence[Message]
    found: Sequence[str]
    """The ids of the matches, best first."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """The likeness of a text and what was read."""

    embedder: str = ""
    cosines: Mapping[str, float] = field(default_factory=dict)
    """By the ids of messages and conclusions; those without a vector are missing."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    tool_name: str
    tool_input: Json


LONGEST_EXCERPT = 400
"""Characters of a message that are shown as evidence."""
LEAD = 60
"""Characters before a quotation that an excerpt begins with."""
FOUND_BY = 6
"""First words of a quotation by which it is found if it is not there as a whole."""


def excerpt(content: str, quoted: str = "") -> str:
    """Return the part of a message around what is quoted of it, or its beginning; "…" marks what is left out. Pure."""
    if len(content) <= LONGEST_EXCERPT:
        return content
    words = [re.escape(word) for word in quoted.strip("… ").split()]
    found = next(filter(None, (re.search(r"\s+".join(some), content) for some in (words, words[:FOUND_BY]))), None)
    start = min(max(0, found.start() - LEAD), len(content) - LONGEST_EXCERPT + 1) if found else 0
    room = LONGEST_EXCERPT - (start > 0)
    shown = content[start : start + room] if start + room >= len(content) else f"{content[start : start + room - 1]}…"
    return f"…{shown}" if start else shown


@dataclass(slots=True)
class Evidence:
    """Records by id, in the order of the first read."""

    conclusions: dict[str, Conclusion] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)
    tool_calls: list[ToolCall] = field(default_factory=list)
    quoted: dict[str, str] = field(default_factory=dict)
    """Message or conclusion → what the answer quotes of it, where the reasoner knows that."""

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

    def quote(self, id: str | None, text: str) -> None:
        """Record that the answer quotes a message or a conclusion; None: a line of a card."""
        if id is not None:
            self.quoted.setdefault(id, text)

    def message_ids(self) -> set[str]:
        """The ids of messages that conclusions and tool calls name."""
        named = {id for each in self.conclusions.values() for id in each.message_ids}
        return named.union(*(call.tool_input.get("message_ids", ()) for call in self.tool_calls))

    def name_only(self, readable: Collection[str]) -> None:
        """Remove the ids of other messages from conclusions and tool calls."""
        for id, each in self.conclusions.items():
            if any(named not in readable for named in each.message_ids):
                shown = [named for named in each.message_ids if named in readable]
                self.conclusions[id] = replace(each, details={**each.details, "message_ids": shown})
        for number, call in enumerate(self.tool_calls):
            if "message_ids" in call.tool_input:
                shown = [named for named in call.tool_input["message_ids"] if named in readable]
                self.tool_calls[number] = ToolCall(call.tool_name, {**call.tool_input, "message_ids": shown})
