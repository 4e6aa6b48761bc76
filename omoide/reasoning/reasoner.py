"""What a reasoner is: five verbs, and the frozen values that go in and come out.

`derive` draws facts from what was said, `summarize` tells what a session comes down to, `card` keeps a peer card,
`dream` looks over what is known and draws more from it, `answer` answers a question. A reasoner reads and thinks; it
never writes. What it returns is stored by the worker, in one transaction with the end of the job.

`extractive/` needs no model and invents nothing; `agentic/` asks a language model.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from omoide.reasoning.memory import Memory
from omoide.records import Conclusion, Derived, Fact, Json, Merge, Message

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
    "SummaryKind",
    "SummaryTask",
]

ReasoningLevel = Literal["minimal", "low", "medium", "high", "max"]
SummaryKind = Literal["short", "long"]


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages of one session, oldest first, from which facts about one of its peers are to be drawn."""

    workspace_id: str
    session_id: str
    observed_id: str
    messages: Sequence[Message]
    """Those of the observed peer, and as context what others said between and just before."""
    instructions: str | None = None
    """The operator's own wish as to what is worth drawing: data, which changes neither form nor reach."""


@dataclass(frozen=True, slots=True)
class SummaryTask:
    session_id: str
    kind: SummaryKind
    messages: Sequence[Message]
    """What was said since the previous summary of this kind, oldest first."""
    previous: str | None
    """That summary; what it says has to be carried on."""
    max_tokens: int
    instructions: str | None = None


@dataclass(frozen=True, slots=True)
class CardTask:
    """`current` is the card as it stands, `given` those lines of it that the API's callers wrote: they stay."""

    observer_id: str
    observed_id: str
    current: Sequence[str]
    given: Sequence[str]
    conclusions: Sequence[Conclusion]
    """What is known and not yet on the card, oldest first; with `rebuild` everything that is known."""
    rebuild: bool = False
    instructions: str | None = None


@dataclass(frozen=True, slots=True)
class DreamTask:
    observer_id: str
    observed_id: str
    session_id: str | None
    conclusions: Sequence[Conclusion]
    """The newest that the observer holds about the observed, of all levels, oldest first."""
    instructions: str | None = None


@dataclass(frozen=True, slots=True)
class Dreamed:
    derived: Sequence[Derived] = ()
    merged: Sequence[Merge] = ()
    outdated: Sequence[str] = ()
    """Ids of derived conclusions that no longer hold and go away."""


@dataclass(frozen=True, slots=True)
class Question:
    query: str
    observer_id: str | None
    """Whose knowledge answers; None asks the whole workspace."""
    target_id: str | None
    """Whom the question is about; None for whomever it names."""
    level: ReasoningLevel = "low"
    session_id: str | None = None
    response_format: Json | None = None
    """A JSON Schema that `structured.check` has admitted; the answer is then JSON text that fits it."""
    instructions: str | None = None
    observer_card: Sequence[str] = ()
    """What the observer keeps about itself; nothing where it is the target."""
    target_card: Sequence[str] = ()
    """What the observer keeps about the target."""
    semantic_query: str | None = None
    """What to look for first, in place of the query."""
    is_streamed: bool = False
    """Whether the answer is read as it comes, so that it may take longer than a client would wait for it in silence."""


class Reasoner(Protocol):
    """One for the server. Its methods may be called at the same time. All raise Unavailable when a provider that they
    need cannot be had just now; nothing is lost then, and the same call may succeed later."""

    @property
    def name(self) -> str:
        """What the operator knows it by: `extractive`, or the model at work."""

    @property
    def keeps_cards(self) -> bool:
        """Whether keeping a card is so cheap that it follows every batch. Otherwise it is left to dreams."""

    async def prepare(self) -> None:
        """Loads what the first call would have to wait for. Calls no provider, and never fails."""

    async def derive(self, batch: Batch) -> Sequence[Fact]:
        """The facts, in the order in which they were said; none where nothing was stated."""

    async def summarize(self, task: SummaryTask) -> str:
        """The summary, of at most `max_tokens` tokens; empty if there is nothing to say."""

    async def card(self, task: CardTask) -> Sequence[str]:
        """The card's lines from now on, the given ones among them."""

    async def dream(self, task: DreamTask, memory: Memory) -> Dreamed:
        """What is to be added, merged and taken away."""

    def answer(self, question: Question, memory: Memory) -> AsyncIterator[str]:
        """The answer in pieces, as they come. What it read stands in `memory.evidence` afterwards.

        Nothing but white space in all means that there is no answer.
        """

    async def aclose(self) -> None:
        """Lets connections go."""
