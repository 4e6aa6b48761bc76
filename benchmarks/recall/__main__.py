"""`python -m benchmarks.recall`: the recall of the server's search for the turns that answer a question.

Compares four methods on the same store: full-text search only (`lexical.py`), vectors only, both with standard
reciprocal rank fusion (k = 60, equal weights), and the server's search.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from benchmarks.measurements import held, json_option, publish
from benchmarks.recall.dataset import KINDS, RecallQuestion, RecallTurn, conversations, questions
from benchmarks.recall.lexical import DEPTHS, baseline, evidence_ranks, evidence_recall, index, search
from omoide.core import clock
from omoide.core.job_payloads import JobKind
from omoide.core.jobs import Job, JobUnfinished
from omoide.core.records import NewMessage
from omoide.core.settings import Settings
from omoide.inference.embedder_factory import make_embedder
from omoide.inference.tokens import TokenCounter
from omoide.search.fusion import fused
from omoide.search.messages import search as search_messages
from omoide.search.semantic import SemanticSearch
from omoide.search.vector_group import Group
from omoide.services.container import open_services
from omoide.storage import embeddings, message_scope, message_search, messages
from omoide.storage.message_scope import MessageSearch
from omoide.storage.sqlite.engine import Store
from omoide.worker.embed import embed

USUAL_K = 60
COMPARED = 100
"""Turns per ranking in the standard fusion."""
OBSERVERS = 100
PATIENCE_SECONDS = 60.0

Ranks = list[list[int]]


class RecallBench:
    """The conversations, each in its own workspace, and the questions about them."""

    def __init__(self, folder: Path, embedder: str) -> None:
        self.store = Store.open(folder / "omoide.db", durability="normal")
        self.embedder = make_embedder(embedder, tokens=TokenCounter())
        self.finder = SemanticSearch(self.embedder)
        self.turns = conversations()
        self.asked = questions()

    async def fill(self) -> None:
        for name, turns in self.turns.items():
            for session in dict.fromkeys(turn.session for turn in turns):
                batch = [_message(turn) for turn in turns if turn.session == session]
                await self.store.write(messages.add, name, session, batch, clock.now(), max_observers=OBSERVERS)
        await self.store.write(embeddings.adopt, self.embedder.name, self.embedder.dimensions, clock.now())
        settings = Settings.model_validate({"db": self.store.path})
        services = open_services(settings, store=self.store, embedder=self.embedder)
        while True:
            with contextlib.suppress(JobUnfinished):
                await embed(services, Job(0, JobKind.EMBED, {}, 1))
                return

    async def by_server(self, question: RecallQuestion) -> list[str]:
        """The ids of the turns returned by the server's search, best first."""
        wanted = MessageSearch(question.conversation, question.question, max(DEPTHS))
        found = await search_messages(self.store, self.finder, wanted, seconds=PATIENCE_SECONDS)
        return [str(message.metadata["turn"]) for message in found]

    async def by_vectors(self, question: RecallQuestion) -> list[str]:
        """The ids of the turns with the vectors nearest to the question's."""
        vector = await self.finder.query_vector(question.question)
        within = await self.store.read(message_scope.resolve, MessageSearch(question.conversation))
        if vector is None or within is None:
            raise RuntimeError(f"no vector for {question.question!r}")
        near = await self.store.read(self.finder.index.nearest, Group("messages", within.workspace), vector, COMPARED)
        found = await self.store.read(message_search.fetch, [pk for pk, _ in near])
        return [str(message.metadata["turn"]) for message in found]

    def by_plain_fusion(self, question: RecallQuestion, near: Sequence[str]) -> list[str]:
        """The ids of the turns by full-text and vector search, fused with equal weights."""
        turns = self.turns[question.conversation]
        number = {turn.id: place for place, turn in enumerate(turns)}
        table = index(turns)
        try:
            worded = search(table, question.question, COMPARED)
        finally:
            table.close()
        rankings = [(0.5, [number[id] for id in ranking]) for ranking in (worded, near)]
        scores = fused(rankings, USUAL_K)
        return [turns[place].id for place in sorted(scores, key=lambda place: (-scores[place], place))]


def _message(turn: RecallTurn) -> NewMessage:
    return NewMessage(turn.peer, turn.content, {"turn": turn.id}, 0, None)


async def ranks(folder: Path, embedder: str) -> dict[str, Ranks]:
    """Search method → the ranks of each question's evidence."""
    bench = RecallBench(folder, embedder)
    await bench.fill()
    found: dict[str, Ranks] = {"words alone": baseline(bench.turns, bench.asked)}
    found |= {"vectors alone": [], "plain reciprocal rank": [], "the server": []}
    for question in bench.asked:
        near = await bench.by_vectors(question)
        found["vectors alone"].append(evidence_ranks(near, question.evidence))
        fused_ = bench.by_plain_fusion(question, near)
        found["plain reciprocal rank"].append(evidence_ranks(fused_, question.evidence))
        found["the server"].append(evidence_ranks(await bench.by_server(question), question.evidence))
    bench.store.close()
    return found


@click.command()
@json_option
@click.option("--embedder", default=lambda: Settings.model_fields["embedder"].default, help="As OMOIDE_EMBEDDER.")
def main(*, json_file: Path | None, embedder: str) -> None:
    """Print the share of evidence turns in the first 5, 10 and 20 results, and in the first 10 by kind."""
    with tempfile.TemporaryDirectory(prefix="omoide-bench-") as name:
        measured = asyncio.run(ranks(Path(name), embedder))
    asked = questions()
    figures = []
    for way, found in measured.items():
        figures += [held(way, f"recall@{depth}", evidence_recall(found, depth)) for depth in DEPTHS]
        for kind in KINDS:
            of_kind = [one for question, one in zip(asked, found, strict=True) if question.kind == kind]
            figures.append(held(way, f"{kind}@10", evidence_recall(of_kind, 10)))
    publish(f"Evidence found by {embedder}, {len(asked)} questions", figures, json_file)


if __name__ == "__main__":
    main()
