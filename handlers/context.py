"""Dependencies of the handlers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from omoide.core.auth import Principal
from omoide.core.metrics import Metrics
from omoide.core.settings import Settings
from omoide.inference.embedders import Embedder
from omoide.inference.tokens import TokenCounter
from omoide.reasoner.protocol import Reasoner
from omoide.scheduling.enqueue import EnqueuePolicy
from omoide.search.semantic import SemanticSearch
from omoide.storage import Store


@dataclass(frozen=True, slots=True)
class Context:
    """Services of the server, and the caller of one request."""

    store: Store
    settings: Settings
    tokens: TokenCounter
    finder: SemanticSearch
    reasoner: Reasoner
    rules: EnqueuePolicy
    """Decide which jobs stored messages enqueue."""
    principal: Principal
    wake_worker: Callable[[], None]
    """Notify the worker, if one runs in this process, of a new job."""
    embedder: Embedder
    metrics: Metrics
    """Counters of all processes of the server."""
