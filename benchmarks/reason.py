"""The cost of reasoning: each verb of the embedded reasoner on a conversation of 300 turns, in process.

`python -m benchmarks.reason` stores a recall conversation, derives conclusions window by window as the worker does,
stores and embeds them, and asks the conversation's questions about the peer who said the answer. The quality of the
answers is not measured, only their number.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from benchmarks.measurements import Figure, held, json_option, percentile, publish
from benchmarks.recall.dataset import RecallQuestion, conversations, questions
from omoide.core import clock
from omoide.core.job_payloads import JobKind
from omoide.core.jobs import Job, JobUnfinished
from omoide.core.records import Conclusion, Fact, Message, NewConclusion, NewMessage
from omoide.core.settings import Settings
from omoide.inference.wordllama_embedder import WordLlamaEmbedder
from omoide.reasoner.memory_view import MemoryScope, MemoryView
from omoide.reasoner.protocol import Batch, CardTask, DreamTask, Question, Reasoner, SummaryKind, SummaryTask
from omoide.services.container import Services, open_services
from omoide.storage import conclusions, embeddings, messages
from omoide.storage.sqlite.engine import Store
from omoide.worker.embed import embed

WORKSPACE, SESSION = "reason", "talk"
CONVERSATION = "gothenburg_lisbon"
TURNS = 300
WINDOW = 20
"""Messages per reasoning step: about as many as fit into the tokens of a batch."""
QUESTIONS = 50
DREAMT = 500
UNLIMITED = 1_000_000
# The default intervals of summaries in messages, and their maximum lengths in tokens.
SUMMARIES: dict[SummaryKind, tuple[int, int]] = {"short": (20, 1_000), "long": (60, 4_000)}


@dataclass(frozen=True)
class TimedReasoning:
    """A verb: the milliseconds of each call, and the outcome."""

    verb: str
    milliseconds: Sequence[float]
    outcome: str

    def figures(self) -> list[Figure]:
        return [
            held(self.verb, "median", statistics.median(self.milliseconds), "ms"),
            held(self.verb, "p95", percentile(self.milliseconds, 0.95), "ms"),
            held(self.verb, "p99", percentile(self.milliseconds, 0.99), "ms"),
            held(self.verb, "calls", len(self.milliseconds)),
            Figure(self.verb, "outcome", self.outcome),
        ]


async def timed(verb: Callable[[], Awaitable[object]], rounds: int) -> list[float]:
    """Milliseconds of each call, after an uncounted one."""
    taken = []
    for _ in range(rounds + 1):
        begin = time.perf_counter()
        await verb()
        taken.append(1_000 * (time.perf_counter() - begin))
    return taken[1:]


async def talk(tools: Services) -> list[Message]:
    """The conversation, stored as one session."""
    turns = conversations()[CONVERSATION][:TURNS]
    said = [NewMessage(turn.peer, turn.content, {}, tools.tokens.count(turn.content), None) for turn in turns]
    return await tools.store.write(messages.add, WORKSPACE, SESSION, said, clock.now(), max_observers=UNLIMITED)


async def derived(reasoner: Reasoner, said: Sequence[Message]) -> dict[str, list[Fact]]:
    """Peer → the facts derived from its messages."""
    facts: dict[str, list[Fact]] = {peer: [] for peer in sorted({message.peer_id for message in said})}
    for start in range(0, len(said), WINDOW):
        window = said[start : start + WINDOW]
        for peer, drawn in facts.items():
            drawn += await reasoner.derive(Batch(WORKSPACE, SESSION, peer, window))
    return facts


async def kept(tools: Services, facts: dict[str, list[Fact]]) -> dict[str, list[Conclusion]]:
    """Peer → its conclusions about itself, stored and embedded."""
    held: dict[str, list[Conclusion]] = {}
    for peer, drawn in facts.items():
        new = [NewConclusion(fact.content, peer, peer, SESSION) for fact in drawn]
        held[peer] = await tools.store.write(conclusions.add, WORKSPACE, new, clock.now())
    await tools.store.write(embeddings.adopt, tools.embedder.name, tools.embedder.dimensions, clock.now())
    await _embedded(tools)
    return held


async def _embedded(tools: Services) -> None:
    """Embed everything, in as many time slices as that takes."""
    while True:
        with contextlib.suppress(JobUnfinished):
            return await embed(tools, Job(0, JobKind.EMBED, {}, 1))


def memory(tools: Services, peer: str) -> MemoryView:
    return MemoryView(tools.store, tools.finder, tools.tokens, MemoryScope(WORKSPACE, peer, peer))


async def deriving(tools: Services, said: Sequence[Message], rounds: int) -> TimedReasoning:
    taken = await timed(lambda: derived(tools.reasoner, said), rounds)
    count = sum(map(len, (await derived(tools.reasoner, said)).values()))
    rate = len(said) / statistics.median(taken) * 1_000
    return TimedReasoning(f"derive, {len(said)} messages", taken, f"{rate:,.0f} messages/s; {count} facts")


async def summarizing(tools: Services, said: Sequence[Message], kind: SummaryKind, rounds: int) -> TimedReasoning:
    """Time the last of a chain of incremental summaries."""
    every, most = SUMMARIES[kind]
    previous: str | None = None
    windows = [said[start : start + every] for start in range(0, len(said) - every + 1, every)]
    for window in windows[:-1]:
        previous = await tools.reasoner.summarize(SummaryTask(SESSION, kind, window, previous, most))
    task = SummaryTask(SESSION, kind, windows[-1], previous, most)
    taken = await timed(lambda: tools.reasoner.summarize(task), rounds)
    length = tools.tokens.count(await tools.reasoner.summarize(task))
    whole = sum(message.token_count for message in said)
    return TimedReasoning(f"summarize, {kind}", taken, f"{length:,} tokens for {whole:,}")


async def carding(tools: Services, peer: str, held: Sequence[Conclusion], rounds: int) -> TimedReasoning:
    task = CardTask(peer, peer, [], [], held, rebuild=True)
    taken = await timed(lambda: tools.reasoner.card(task), rounds)
    lines = await tools.reasoner.card(task)
    return TimedReasoning(f"card, {len(held)} conclusions", taken, f"{len(lines)} lines")


async def dreaming(tools: Services, peer: str, held: Sequence[Conclusion], rounds: int) -> TimedReasoning:
    task = DreamTask(peer, peer, SESSION, held)
    taken = await timed(lambda: tools.reasoner.dream(task, memory(tools, peer)), rounds)
    dreamed = await tools.reasoner.dream(task, memory(tools, peer))
    outcome = f"{len(dreamed.derived)} derived, {len(dreamed.merged)} merged, {len(dreamed.outdated)} outdated"
    return TimedReasoning(f"dream, {len(held)} conclusions", taken, outcome)


async def answering(tools: Services, asked: Sequence[tuple[str, str]]) -> TimedReasoning:
    """Time the answers to `asked`: (peer, question about it)."""
    taken, answered = [], 0
    for peer, query in [asked[0], *asked]:  # the first one includes lazy loading
        begin = time.perf_counter()
        question = Question(query, peer, peer)
        text = "".join([piece async for piece in tools.reasoner.answer(question, memory(tools, peer))])
        taken.append(1_000 * (time.perf_counter() - begin))
        answered += bool(text.strip()) and len(taken) > 1
    return TimedReasoning("answer", taken[1:], f"{answered} of {len(asked)} answered")


def questions_asked() -> list[tuple[str, str]]:
    """Questions that the conversation's first turns answer, each with the peer who said the answer."""
    speakers = {turn.id: turn.peer for turn in conversations()[CONVERSATION][:TURNS]}

    def about(question: RecallQuestion) -> str | None:
        return speakers.get(question.evidence[0]) if question.conversation == CONVERSATION else None

    found = [(peer, question.question) for question in questions() if (peer := about(question))]
    return list(itertools.islice(itertools.cycle(found), QUESTIONS))


async def many(tools: Services, peer: str) -> list[Conclusion]:
    """`DREAMT` conclusions: those of all conversations, repeated in further sessions."""
    facts: list[Fact] = []
    for turns in conversations().values():
        said = [Message(turn.id, SESSION, WORKSPACE, peer, turn.content, {}, 0, 0) for turn in turns]
        facts += (await derived(tools.reasoner, said))[peer]
    repeated = itertools.islice(itertools.cycle(facts), DREAMT)
    return [
        Conclusion(
            pk, f"c{pk}", fact.content, peer, peer, f"s{pk // len(facts)}", "explicit", None, 1, fact.said_at,
            fact.said_at, {},
        )
        for pk, fact in enumerate(repeated)
    ]  # fmt: skip


async def measured(db: Path, rounds: int) -> list[TimedReasoning]:
    store = Store.open(db, durability="normal")
    tools = open_services(Settings.model_validate({"db": db}), store=store, embedder=WordLlamaEmbedder())
    try:
        said = await talk(tools)
        figures = [await deriving(tools, said, rounds)]
        held = await kept(tools, await derived(tools.reasoner, said))
        peer = said[0].peer_id
        for kind in SUMMARIES:
            figures.append(await summarizing(tools, said, kind, rounds))
        figures.append(await carding(tools, peer, held[peer], rounds))
        figures.append(await dreaming(tools, peer, await many(tools, peer), rounds))
        figures.append(await answering(tools, questions_asked()))
        return figures
    finally:
        await tools.reasoner.aclose()
        store.close()


@click.command()
@click.option("--rounds", type=click.IntRange(min=1), default=10, show_default=True, help="Calls per figure.")
@json_option
def main(*, rounds: int, json_file: Path | None) -> None:
    """Print a table with a row for each verb."""
    with tempfile.TemporaryDirectory(prefix="omoide-bench-") as name:
        verbs = asyncio.run(measured(Path(name) / "omoide.db", rounds))
    publish("What reasoning costs without a model", [figure for verb in verbs for figure in verb.figures()], json_file)


if __name__ == "__main__":
    main()
