"""What a task may use besides its job, made once and handed to every task."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from omoide.inference.embedders import Embedder
from omoide.inference.tokens import TokenCounter
from omoide.jobs import Job
from omoide.reasoning.choice import reasoner_for
from omoide.reasoning.reasoner import Reasoner
from omoide.search.finder import VectorFinder
from omoide.settings import Settings
from omoide.store import Store
from omoide.worker.outbound import Outbound


@dataclass(frozen=True, slots=True)
class Tools:
    """The surroundings of all tasks of one worker."""

    store: Store
    settings: Settings
    embedder: Embedder
    tokens: TokenCounter
    finder: VectorFinder
    reasoner: Reasoner
    outbound: Outbound = field(default_factory=Outbound)

    @classmethod
    def around(cls, store: Store, settings: Settings, embedder: Embedder, outbound: Outbound | None = None) -> Tools:
        """Tools on a store, with the reasoner of the settings. Raises WrongSetting."""
        tokens = TokenCounter()
        finder = VectorFinder(embedder)
        reasoner = reasoner_for(settings, embedder, tokens)
        return cls(store, settings, embedder, tokens, finder, reasoner, outbound or Outbound())


Task = Callable[[Tools, Job], Awaitable[None]]
"""Does one job, which may have been done before in part or whole. What it raises is the reason to try again later;
GiveUp, the reason not to."""
