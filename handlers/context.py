"""What a handler may ask of its surroundings."""

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
    """One request's view of the server."""

    store: Store
    settings: Settings
    tokens: TokenCounter
    finder: VectorFinder
    reasoner: Reasoner
    rules: Rules
    """What stored messages owe."""
    principal: Principal
    wake_worker: Callable[[], None]
    """Tells the worker, if one runs beside the API, that a job was stored."""
    embedder: Embedder
    metrics: Metrics
    """What all processes of the server have counted."""
