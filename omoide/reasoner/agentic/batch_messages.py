"""The messages in a derive request. Pure.

The peer's own messages have numbers. What others said, and what was said before, is context: it has a budget of its
own, within which long turns are cut in the middle, because a turn ends with the question that the next one answers.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from omoide.core.records import Message
from omoide.inference.tokens import TokenCounter
from omoide.reasoner.agentic.formatting import CUT, transcript
from omoide.reasoner.agentic.prompt_templates import plain
from omoide.reasoner.protocol import Batch

LEAST_CONTEXT, MOST_CONTEXT = 400, 1_000
"""Tokens of context. Between these limits there is as much as there is of the peer's own messages."""
LEAST_OF_TURN = 40
"""Tokens that each turn of the context has at least; if that is too much, there are fewer turns."""
MOST_BEFORE = 8
"""Turns of context before the second half of a batch."""


@dataclass(frozen=True, slots=True)
class ShownMessages:
    """The messages of a request in the order in which they were said, and the own ones among them by number."""

    messages: Sequence[Message]
    numbered: Mapping[int, Message]

    @property
    def text(self) -> str:
        numbers = {message.id: str(number) for number, message in self.numbered.items()}
        return "\n".join(transcript(self.messages, lambda message: numbers.get(message.id, "-")))


def shown_messages(batch: Batch, tokens: TokenCounter, budget: int) -> ShownMessages:
    """Choose what fits into the token budget. The own messages have priority; one that does not fit is truncated."""
    remaining = budget
    own: list[Message] = []
    for message in filter(_is_own(batch), batch.messages):
        content = tokens.trim(plain(message.content), remaining)
        if content.strip():
            own.append(message._replace(content=content))
            remaining -= tokens.count(content)
    of_context = min(remaining, MOST_CONTEXT, max(LEAST_CONTEXT, budget - remaining))
    kept = {message.id: message for message in [*_context(batch, tokens, of_context), *own]}
    shown = [kept[message.id] for message in [*batch.before, *batch.messages] if message.id in kept]
    return ShownMessages(shown, dict(enumerate(own, 1)))


def halves(batch: Batch) -> list[Batch]:
    """Split a batch between the peer's own messages; one with a single own message loses its context instead."""
    is_own = _is_own(batch)
    own = [index for index, message in enumerate(batch.messages) if is_own(message)]
    if len(own) > 1:
        middle = own[len(own) // 2]
        first, second = batch.messages[:middle], batch.messages[middle:]
        return [replace(batch, messages=first), replace(batch, messages=second, before=first[-MOST_BEFORE:])]
    return [replace(batch, messages=[batch.messages[index] for index in own], known=(), before=())]


def abridged(text: str, most: int, tokens: TokenCounter) -> str:
    """Cut a text of more than `most` tokens in the middle, between words if there are any."""
    count = tokens.count(text)
    if count <= most:
        return text
    head = tokens.trim(text, most - most // 2)
    tail = text[len(text) - len(text) * (most // 2) // count :]
    head, tail = head.rpartition(" ")[0] or head, tail.partition(" ")[2] or tail
    return f"{head.rstrip()}{CUT} {tail.lstrip()}"


def _is_own(batch: Batch) -> Callable[[Message], bool]:
    return lambda message: message.peer_id == batch.observed_id


def _context(batch: Batch, tokens: TokenCounter, budget: int) -> list[Message]:
    """The turns that fit into the budget: first those that an own message follows, then the newest."""
    is_own = _is_own(batch)
    turns = [*batch.before, *(message for message in batch.messages if not is_own(message))]
    both = [*batch.before, *batch.messages]
    answered = {first.id for first, second in itertools.pairwise(both) if is_own(second)}
    sizes = {message.id: tokens.count(plain(message.content)) for message in turns}
    kept: list[Message] = []
    newest_first, remaining = turns[::-1], budget
    for message in sorted(newest_first, key=lambda message: message.id not in answered):
        least = min(sizes[message.id], LEAST_OF_TURN)
        if least <= remaining:
            kept.append(message)
            remaining -= least
    level = _level(sorted(sizes[message.id] for message in kept), budget)
    return [message._replace(content=abridged(plain(message.content), level, tokens)) for message in kept]


def _level(sizes: Sequence[int], budget: int) -> int:
    """The size to which the larger ones have to be cut, so that all fit into the budget. `sizes` are ascending."""
    for index, size in enumerate(sizes):
        share = budget // (len(sizes) - index)
        if size > share:
            return share
        budget -= size
    return max(sizes, default=0)
