"""What a reader of exports returns: conversations, and what it left out of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from omoide.core.errors import Unprocessable
from omoide.text_extraction.chats.turn import ChatTurn


class NotSuchExport(Unprocessable):
    """The file is no export of the program that was said, or damaged."""


class LeftOut(NamedTuple):
    """A kind of thing that is not imported: its noun, and what follows the noun in a report."""

    noun: str
    detail: str = ""


NO_TALK = LeftOut("message", " without talk (system, tools, media, forwarded, replaced)")
DAMAGED_LINE = LeftOut("damaged line")


class Conversation(NamedTuple):
    id: str
    """What identifies it in the program, or the name of its file."""
    title: str
    turns: Sequence[ChatTurn]
    left_out: Mapping[LeftOut, int] = MappingProxyType({})
    has_own_times: bool = True
    """Whether the time is a part of what identifies a message. That of a note changes with its file."""


@dataclass(slots=True)
class Report:
    """What a reader noticed about the whole export."""

    unreadable: list[str] = field(default_factory=list)
    """Names of files that are damaged."""
    left_out: Counter[LeftOut] = field(default_factory=Counter)
    """What belongs to no conversation."""
    aliases: dict[str, set[str]] = field(default_factory=dict)
    """Speaker → mail addresses and other names, in lower case."""


class Export(NamedTuple):
    conversations: Sequence[Conversation]
    report: Report

    def left_out(self) -> Counter[LeftOut]:
        """Everything that is not imported."""
        total = Counter(self.report.left_out)
        for each in self.conversations:
            total.update(each.left_out)
        return total


def conversation(id: str, title: object, turns: Sequence[ChatTurn], total: int) -> Conversation:
    """A conversation of the turns that have a text; `total` is the number of its messages in the export."""
    spoken = [turn for turn in turns if turn.text.strip()]
    missing = max(0, total - len(spoken))
    return Conversation(id, str(title or ""), spoken, {NO_TALK: missing} if missing else {})
