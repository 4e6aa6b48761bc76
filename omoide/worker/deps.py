"""Dependencies of tasks, created once per worker."""

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
    """Services that tasks use."""

    store: Store
    settings: Settings
    embedder: Embedder
    tokens: TokenCounter
    finder: VectorFinder
    reasoner: Reasoner
    outbound: Outbound = field(default_factory=Outbound)

    @classmethod
    def around(cls, store: Store, settings: Settings, embedder: Embedder, outbound: Outbound | None = None) -> Tools:
        """Create the tools for a store, with the reasoner from the settings. Raises WrongSetting."""
        tokens = TokenCounter()
        finder = VectorFinder(embedder)
        reasoner = reasoner_for(settings, embedder, tokens)
        return cls(store, settings, embedder, tokens, finder, reasoner, outbound or Outbound())


Task = Callable[[Tools, Job], Awaitable[None]]
"""Runs one job, and must be idempotent: the job may have run before, partly or completely. An exception reschedules the
job; GiveUp ends it."""
