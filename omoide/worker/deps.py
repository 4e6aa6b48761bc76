"""Dependencies of tasks, created once per worker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from omoide.core.jobs import Job
from omoide.core.settings import Settings
from omoide.inference.embedders import Embedder
from omoide.inference.tokens import TokenCounter
from omoide.reasoner.factory import make_reasoner
from omoide.reasoner.protocol import Reasoner
from omoide.search.semantic import SemanticSearch
from omoide.storage import Store
from omoide.worker.ssrf_guard import GuardedClient


@dataclass(frozen=True, slots=True)
class WorkerDeps:
    """Services that tasks use."""

    store: Store
    settings: Settings
    embedder: Embedder
    tokens: TokenCounter
    finder: SemanticSearch
    reasoner: Reasoner
    outbound: GuardedClient = field(default_factory=GuardedClient)

    @classmethod
    def around(
        cls, store: Store, settings: Settings, embedder: Embedder, outbound: GuardedClient | None = None
    ) -> WorkerDeps:
        """Create the tools for a store, with the reasoner from the settings. Raises SettingsError."""
        tokens = TokenCounter()
        finder = SemanticSearch(embedder)
        reasoner = make_reasoner(settings, embedder, tokens)
        return cls(store, settings, embedder, tokens, finder, reasoner, outbound or GuardedClient())


Task = Callable[[WorkerDeps, Job], Awaitable[None]]
"""Runs one job, and must be idempotent: the job may have run before, partly or completely. An exception reschedules the
job; PermanentFailure ends it."""
