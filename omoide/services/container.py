"""The services of a process, created once and passed to handlers, tasks and use cases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from omoide.core import clock
from omoide.core.metrics import Metrics
from omoide.core.settings import Settings
from omoide.core.usage import UsageLedger
from omoide.inference.cross_encoder import CrossEncoder, make_cross_encoder
from omoide.inference.embedder_factory import comparer_of, make_embedder
from omoide.inference.embedders import Embedder
from omoide.inference.instrumented_embedder import InstrumentedEmbedder
from omoide.inference.tokens import TokenCounter
from omoide.reasoner.factory import embedded_reasoner, make_reasoner
from omoide.reasoner.protocol import Reasoner
from omoide.scheduling.enqueue import EnqueuePolicy, enqueue_policy
from omoide.search.rerank import Reranker
from omoide.search.semantic import SemanticSearch
from omoide.services.pollers import Pollers
from omoide.storage import Store, embeddings
from omoide.storage.engine import FileIdentity, open_store, secure_delete


def _no_worker() -> None:
    """Wake nothing: the worker runs in another process, which polls."""


@dataclass(frozen=True, slots=True)
class Services:
    """Services with the lifetime of the server or worker."""

    store: Store
    settings: Settings
    embedder: Embedder
    """Embeds what is searched."""
    comparer: Embedder
    """Embeds texts to compare them with each other, many at once; often the same as `embedder`."""
    cross_encoder: CrossEncoder | None
    """None if it is switched off, or cannot run on this machine."""
    reranker: Reranker
    """Orders texts by the cross-encoder."""
    tokens: TokenCounter
    finder: SemanticSearch
    reasoner: Reasoner
    embedded: Reasoner
    """The reasoner without a model, which answers where a budget is spent; often the same as `reasoner`."""
    metrics: Metrics
    """Counters of all processes of the server."""
    usage: UsageLedger
    """What this process has used of models and has not stored yet."""
    policy: EnqueuePolicy
    """Decides which jobs stored messages enqueue."""
    wake_worker: Callable[[], None] = _no_worker
    """Notify the worker of a new job, if this process can."""
    pollers: Pollers = field(default_factory=Pollers)
    """Recognizes callers that wait for their work."""

    async def adopt_embedder(self) -> None:
        """Make this the database's embedder, and enqueue the erasure of data left by older versions.

        Call it before any work begins.
        """
        await self.store.write(embeddings.adopt, self.embedder.name, self.embedder.dimensions, clock.now())
        await self.store.write(secure_delete.enqueue_first, clock.now())

    async def aclose(self) -> None:
        await self.reasoner.aclose()
        await self.embedder.aclose()
        self.store.close()


def open_services(
    settings: Settings,
    metrics: Metrics | None = None,
    *,
    store: Store | None = None,
    embedder: Embedder | None = None,
    reasoner: Reasoner | None = None,
    known: FileIdentity | None = None,
) -> Services:
    """Create the services of a process, and open the database unless a `store` is given.

    `embedder` and `reasoner` override those of the settings. `metrics.own` counts requests to models and embedders.
    With `known`, only that file is opened. Raises Unavailable if the database cannot be opened, and SettingsError.
    """
    metrics = metrics or Metrics()
    tokens = TokenCounter()
    embedder = embedder or InstrumentedEmbedder(embedder_of(settings, tokens), metrics.own)
    comparer = comparer_of(embedder)
    cross_encoder = make_cross_encoder(settings)
    reranker = Reranker(cross_encoder)
    embedded = embedded_reasoner(settings, comparer, tokens, reranker, judge=embedder)
    reasoner = reasoner or make_reasoner(settings, tokens, embedded, metrics.own)
    store = store or open_store(
        settings.db,
        durability=settings.durability,
        busy_timeout=settings.busy_timeout_seconds,
        wal_limit_bytes=settings.wal_limit_bytes,
        known=known,
    )
    finder = SemanticSearch(embedder)
    return Services(
        store=store,
        settings=settings,
        embedder=embedder,
        comparer=comparer,
        cross_encoder=cross_encoder,
        reranker=reranker,
        tokens=tokens,
        finder=finder,
        reasoner=reasoner,
        embedded=embedded,
        metrics=metrics,
        usage=metrics.own.usage,
        policy=enqueue_policy(settings),
    )


def embedder_of(settings: Settings, tokens: TokenCounter) -> Embedder:
    """Create the embedder of the settings. Raises SettingsError."""
    return make_embedder(
        settings.embedder,
        tokens=tokens,
        base_url=settings.embedder_base_url,
        api_key=settings.embedder_api_key.get_secret_value(),
        dimensions=settings.embedder_dimensions or None,
        threads=settings.inference_threads,
    )
