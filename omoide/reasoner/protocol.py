"""The `Reasoner` protocol: seven verbs, with their frozen input and output types.

`derive` extracts facts from messages, `as_fact` makes one of a caller's statement, `judge` compares one with an older
conclusion, `summarize` summarizes a session, `card` updates a peer card, `dream` consolidates conclusions and derives
new ones, `answer` answers a question. A reasoner only reads. The worker stores its results, in the transaction that
completes the job.

`extractive/` needs no model and only restates or quotes; `agentic/` uses a language model.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from omoide.core.answer_levels import ReasoningLevel
from omoide.core.records import NOW, Conclusion, Derived, Effect, Fact, Json, Merge, Message, Moment, Replacement
from omoide.reasoner.memory_view import MemoryView

__all__ = [
    "Batch",
    "CardTask",
    "Derived",
    "DreamTask",
    "Dreamed",
    "Fact",
    "Merge",
    "Question",
    "Reasoner",
    "ReasoningLevel",
    "Replacement",
    "SummaryKind",
    "SummaryTask",
]

SummaryKind = Literal["short", "long"]


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages of one session, oldest first, to extract facts about one of its peers from."""

    workspace_id: str
    session_id: str
    observed_id: str
    messages: Sequence[Message]
    """Messages of the observed peer, and as context those of others between and just before them; in the order in which
    they were said."""
    instructions: str | None = None
    """Custom instructions on what to extract. Untrusted data: they change neither output format nor reach."""
    earlier: Sequence[str] = ()
    """The last conclusions from the session before these messages, oldest first: a correction may refer to them."""
    known: Sequence[Conclusion] = ()
    """Current conclusions that the messages may replace or correct, best first. Only for reasoners with `reads_known`;
    untrusted data."""
    before: Sequence[Message] = ()
    """What was said before `messages`, by anybody, oldest first: context from which no facts are drawn. Only for
    reasoners with `reads_known`."""


@dataclass(frozen=True, slots=True)
class SummaryTask:
    session_id: str
    kind: SummaryKind
    messages: Sequence[Message]
    """Messages since the previous summary of this kind, oldest first."""
    previous: str | None
    """The previous summary; the new one has to include its content."""
    max_tokens: int
    instructions: str | None = None


@dataclass(frozen=True, slots=True)
class CardTask:
    """`current` are the lines of the stored card, `given` those of them that API callers wrote: they are kept, except
    what the extractive reasoner finds to be out of date since a statement that was said after `written_at`."""

    observer_id: str
    observed_id: str
    current: Sequence[str]
    given: Sequence[str]
    conclusions: Sequence[Conclusion]
    """Conclusions that are not yet on the card, oldest first; all conclusions with `rebuild`."""
    rebuild: bool = False
    instructions: str | None = None
    ended: Sequence[str] = ()
    """Statements that are no longer true, or never were: their lines leave the card."""
    known: Sequence[Conclusion] = ()
    """Conclusions that are on the card already, oldest first: they may support a line that ended statements lose."""
    written_at: int | None = None
    """When callers wrote the given lines, in microseconds."""


@dataclass(frozen=True, slots=True)
class DreamTask:
    observer_id: str
    observed_id: str
    session_id: str | None
    conclusions: Sequence[Conclusion]
    """The newest conclusions of the pair, of all levels, oldest first."""
    instructions: str | None = None


@dataclass(frozen=True, slots=True)
class Dreamed:
    derived: Sequence[Derived] = ()
    merged: Sequence[Merge] = ()
    outdated: Sequence[str] = ()
    """Ids of derived conclusions to delete, because they no longer hold."""
    replaced: Sequence[Replacement] = ()


@dataclass(frozen=True, slots=True)
class Question:
    query: str
    observer_id: str | None
    """The peer whose knowledge is used; None for the whole workspace."""
    target_id: str | None
    """The peer that the question is about; None for the peers that it names."""
    level: ReasoningLevel = "low"
    session_id: str | None = None
    response_format: Json | None = None
    """A JSON Schema that `structured.check` has accepted; the answer is then JSON text that is valid against it."""
    instructions: str | None = None
    observer_card: Sequence[str] = ()
    """The observer's card about itself; empty if it is the target."""
    target_card: Sequence[str] = ()
    """The observer's card about the target."""
    semantic_query: str | None = None
    """Text for the first search, instead of the query."""
    is_streamed: bool = False
    """Whether the answer is streamed; it may then take longer in total."""
    moment: Moment = NOW
    """The time that the question is about, which is its present. `memory` reads nothing later."""


class Reasoner(Protocol):
    """There is one per server; its methods are called concurrently. All verbs raise Unavailable while a provider
    that they need is unavailable; the call may be retried."""

    @property
    def name(self) -> str:
        """The name shown to the operator: `extractive`, or `provider:model`."""

    @property
    def keeps_cards(self) -> bool:
        """Whether a card update is cheap enough to run after every batch. Otherwise only dreams update cards."""

    @property
    def reads_known(self) -> bool:
        """Whether `derive` compares the messages with what is known and was said before: `Batch.known` and `before`."""

    async def prepare(self) -> None:
        """Load lazily loaded resources in advance. Calls no provider, and never fails."""

    async def derive(self, batch: Batch) -> Sequence[Fact]:
        """Return the facts stated in the batch, in the order in which they were said."""

    def judge(self, newer: str, older: str, peer_id: str) -> Effect | None:
        """Return what a conclusion about the peer says about an older one that shares a topic: that it no longer holds,
        or never did; None if neither is certain. Fast and pure; called after `derive`."""

    def as_fact(self, content: str, peer_id: str, said_at: int) -> Fact:
        """Return a statement about the peer, which a caller has written, as a fact without messages: with its topics,
        and when it holds. Fast and pure."""

    async def summarize(self, task: SummaryTask) -> str:
        """Return a summary of at most `max_tokens` tokens; empty if there is nothing to summarize."""

    async def card(self, task: CardTask) -> Sequence[str]:
        """Return all lines of the updated card, including the given ones that still hold."""

    async def dream(self, task: DreamTask, memory: MemoryView) -> Dreamed:
        """Return the conclusions to add, merge and delete."""

    def answer(self, question: Question, memory: MemoryView) -> AsyncIterator[str]:
        """Yield the answer in pieces. `memory.evidence` then contains the records that were read.

        An answer that consists of white space means that there is none.
        """

    async def aclose(self) -> None:
        """Close connections."""
