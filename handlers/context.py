"""Dependencies of the handlers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from omoide.inference.embedders import Embedder
from omoide.inference.tokens import TokenCounter
from omoide.metrics import Metrics
from omoide.reasoning.owing import Rules
from omoide.reasoning.reasoner import Reasoner
from omoide.search.finder import VectorFinder
from omoide.security import Principal
from omoide.settings import Settings
from omoide.store import Store


@dataclass(frozen=True, slots=True)
class Context:
    """Services of the server, and the caller of one request."""

    store: Store
    settings: Settings
    tokens: TokenCounter
    finder: VectorFinder
    reasoner: Reasoner
    rules: Rules
    """Decide which jobs stored messages enqueue."""
    principal: Principal
    wake_worker: Callable[[], None]
    """Notify the worker, if one runs in this process, of a new job."""
    embedder: Embedder
    metrics: Metrics
    """Counters of all processes of the server."""
