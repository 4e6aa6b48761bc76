"""A database, the embedded reasoner, and a worker that runs on demand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from omoide.core.records import Change, Conclusion, MessageBatch, NewMessage, SessionChange, WorkCount
from omoide.core.settings import Settings
from omoide.inference.embedders import Embedder
from omoide.inference.tokens import TokenCounter
from omoide.inference.wordllama_embedder import WordLlamaEmbedder
from omoide.reasoner import protocol as reasoning
from omoide.reasoner.extractive.reasoner import Extractive
from omoide.reasoner.memory_view import MemoryView
from omoide.reasoner.protocol import Batch, CardTask, Dreamed, DreamTask, Fact, SummaryTask
from omoide.services import ingest
from omoide.services.container import open_services
from omoide.storage import conclusions, embeddings, job_stats, sessions, workspaces
from omoide.worker.loop import Worker
from tests import sql
from tests.postgresql import located, open_store
from tests.read_now import read_now

EMBEDDER = WordLlamaEmbedder()
LATER = 4 * 10**15


class HookedReasoner(Extractive):
    """The embedded reasoner with a hook: see `Home.meanwhile`, or override `before`."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.meanwhile: dict[str, Callable[[], Awaitable[object]]] = {}

    async def before(self, verb: str) -> None:
        if verb in self.meanwhile:
            await self.meanwhile.pop(verb)()

    async def derive(self, batch: Batch) -> Sequence[Fact]:
        await self.before("derive")
        return await super().derive(batch)

    async def summarize(self, task: SummaryTask) -> str:
        await self.before("summarize")
        return await super().summarize(task)

    async def card(self, task: CardTask) -> Sequence[str]:
        await self.before("card")
        return await super().card(task)

    async def dream(self, task: DreamTask, memory: MemoryView) -> Dreamed:
        await self.before("dream")
        return await super().dream(task, memory)


MakeReasoner = Callable[[Embedder, TokenCounter], reasoning.Reasoner]


class Home:
    """A workspace `w` in which peers talk in the session `s` by default."""

    def __init__(self, path: Path, reasoner: MakeReasoner = HookedReasoner, **options: Any) -> None:
        given = {
            "debounce_seconds": 0,
            "model_debounce_seconds": 0,
            "job_poll_seconds": 3_600,
            "job_lease_seconds": 3_600,
            "worker_concurrency": 1,
        }
        self.settings = Settings.model_validate({"db": located(path), **given, **options})
        self.store = open_store(path, durability="normal")
        around = open_services(self.settings, store=self.store, embedder=EMBEDDER)
        self.reasoner = reasoner(EMBEDDER, around.tokens)
        self.deps = replace(around, reasoner=self.reasoner)
        self.worker = self.new_worker()

    def new_worker(self, **options: Any) -> Worker:
        # Failed jobs wait until a test makes them due, however long the test takes.
        return Worker(self.deps, **{"rest": lambda attempts: 3_600.0, **options})

    async def open(self) -> Home:
        await self.store.write(embeddings.adopt, EMBEDDER.name, EMBEDDER.dimensions, 0)
        return self

    async def say(self, *lines: str, session: str = "s") -> None:
        batch = [NewMessage(line.split(" ", 1)[0], line.split(" ", 1)[1], {}, 0, None) for line in lines]
        await ingest.add_messages(self.deps, MessageBatch("w", session, batch))

    async def work(self) -> int:
        """Run every due job; return their number."""
        done = 0
        while await self.worker.run_one():
            done += 1
        return done

    def meanwhile(self, verb: str, act: Callable[[], Awaitable[object]]) -> None:
        """Act once, while the next task of this kind runs."""
        assert isinstance(self.reasoner, HookedReasoner)
        self.reasoner.meanwhile[verb] = act

    def known(self, observer: str = "alice", observed: str = "alice") -> list[Conclusion]:
        """The observer's conclusions, oldest first."""
        pair = read_now(self.store, conclusions.pair, "w", observer, observed)
        return read_now(self.store, conclusions.oldest, "w", pair, None, 999) if pair else []

    def texts(self, observer: str = "alice", observed: str = "alice") -> list[str]:
        return [each.content for each in self.known(observer, observed)]

    def status(self, now: int = LATER) -> dict[str | None, WorkCount]:
        return read_now(self.store, job_stats.status, "w", now)


async def configure(home: Home, session: str | None = "s", **configuration: Any) -> None:
    if session is None:
        await home.store.write(workspaces.update, "w", Change(configuration=configuration), 0)
    else:
        change = SessionChange(configuration=configuration)
        await home.store.write(sessions.get_or_create, "w", session, change, 0)


def jobs(home: Home) -> list[tuple[str, str | None]]:
    """Kind and error of every job except erasure."""
    query = "SELECT kind, error FROM jobs WHERE kind <> 'erase' ORDER BY pk"
    return read_now(home.store, sql.rows, query)
