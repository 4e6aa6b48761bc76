"""Dreams: consolidate what is known about a peer, derive more conclusions from it, and renew the card.

Whether dreams are enabled is read from the configuration of the workspace and session when the job runs. All changes of
a dream are stored in one transaction with the end of its job, so an interrupted dream has no effect.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from omoide.core import clock, config_resolution
from omoide.core.config_resolution import ResolvedConfig, defaults_of
from omoide.core.job_payloads import DreamPayload, JobKind
from omoide.core.jobs import Job, PermanentFailure
from omoide.core.records import Conclusion
from omoide.inference.errors import ModelUnfit
from omoide.reasoner.memory_view import MemoryScope, MemoryView
from omoide.reasoner.protocol import CardTask, Dreamed, DreamTask
from omoide.services.container import Services
from omoide.storage import (
    Transaction,
    cards,
    conclusions,
    deletion_cascade,
    dream_jobs,
    dreams,
    ended_texts,
    observer_queries,
    queue,
    workspaces,
)
from omoide.storage.cards import CardChanged, CardSnapshot
from omoide.storage.dream_jobs import CARD_REFRESH, OMNI, Pair
from omoide.storage.dreams import Schedule
from omoide.worker.contention import MOST_COMPUTATIONS, Contended
from omoide.worker.derive import schedule_of

logger = logging.getLogger("omoide.worker")

CARD_PAUSE = clock.MINUTE
"""Delay of the job that revises a card that kept changing during a dream, in microseconds."""

MOST_ENDED = 200
"""Last ended conclusions of a pair that a card is revised without."""

EARLIEST = -(2**63)
"""Before everything that was ever said."""

MOST_CONCLUSIONS = 2_000
"""Newest conclusions of a pair that a dream reads."""


@dataclass(frozen=True, slots=True)
class _Input:
    """What a dream starts from."""

    job: Job
    payload: DreamPayload
    workspace_id: str
    pair: Pair
    session_id: str | None
    known: Sequence[Conclusion]
    """The newest conclusions of the pair by when they were said, oldest first."""
    config: ResolvedConfig
    new_conclusions: int
    """Number of new explicit conclusions since the last dream."""
    ended: Sequence[str] = ()
    """What the dream found to hold no longer."""


async def dream(deps: Services, job: Job, payload: DreamPayload) -> None:
    """Run a dream. Raises PermanentFailure if its peers do not exist."""
    workspace_id = await deps.store.read(workspaces.name_of, job.workspace)
    pair = await deps.store.read(conclusions.pair, workspace_id, payload.observer, payload.observed)
    if pair is None:
        raise PermanentFailure("the peers of this dream do not exist")
    count = await deps.store.read(dreams.since, pair)
    newest = await deps.store.read_offloaded(conclusions.said_after, workspace_id, pair, EARLIEST, MOST_CONCLUSIONS)
    known = newest[::-1]
    session_id = payload.session or (_session_of(known) if payload.automatic else None)
    config = await _resolved(deps, workspace_id, session_id)
    # After a deletion the card must be rebuilt, and the reasoner may keep cards even without dreams.
    is_due_anyway = payload.automatic and payload.rebuild and deps.reasoner.keeps_cards
    if not config.dream_enabled and not is_due_anyway:
        return
    given = _Input(job, payload, workspace_id, pair, session_id, known, config, count)
    dreamed = await _dreamed(deps, given) if payload.type == OMNI and config.dream_enabled else None
    await _store(deps, given, dreamed)


async def _dreamed(deps: Services, given: _Input) -> Dreamed:
    """The result of the reasoner's dream; empty if nothing is known."""
    if not given.known:
        return Dreamed()
    observer, observed = given.payload.observer, given.payload.observed
    task = DreamTask(observer, observed, given.session_id, given.known, given.config.dream_instructions)
    reach = MemoryScope(given.workspace_id, observer, observed)
    memory = MemoryView(deps.store, deps.finder, deps.tokens, reach, deps.reranker)
    return await deps.reasoner.dream(task, memory)


def _after(given: _Input, dreamed: Dreamed) -> _Input:
    """What is known after a dream that is not stored yet, for the card."""
    ended = {*dreamed.outdated, *(each.old for each in dreamed.replaced)}
    gone = ended.union(*(each.dropped for each in dreamed.merged))
    by_id = {each.id: each for each in given.known}
    known = [each for each in given.known if each.id not in gone]
    for number, each in enumerate(dreamed.derived, 1):
        sources = [by_id[id] for id in each.source_ids if id in by_id]
        said_at = max((source.said_at for source in sources), default=clock.now())
        content, level, ids = each.content, each.level, [*each.source_ids]
        pair = given.payload.observer, given.payload.observed
        id = f"new-{number}"
        known.append(Conclusion(0, id, content, *pair, None, level, ids, 1, said_at, said_at, each.details))
    known.sort(key=lambda each: each.said_at)
    texts = {each.content for each in known}
    lost = [by_id[id].content for id in ended if id in by_id and by_id[id].content not in texts]
    return replace(given, known=known, ended=lost)


def _session_of(known: Sequence[Conclusion]) -> str | None:
    """The session of the newest explicit conclusion."""
    explicit = [each for each in known if each.level == "explicit" and each.session_id]
    return explicit[-1].session_id if explicit else None


async def _resolved(deps: Services, workspace_id: str, session_id: str | None) -> ResolvedConfig:
    workspace, session = await deps.store.read(observer_queries.configurations_of, workspace_id, session_id)
    return config_resolution.resolve(workspace, session, None, defaults_of(deps.settings))


async def _store(deps: Services, given: _Input, dreamed: Dreamed | None) -> None:
    """Store the dream and the card. If the card changed meanwhile, it is revised again.

    After `MOST_COMPUTATIONS` changes, or if the model gives no card, the dream is stored without the card, for which a
    separate job is enqueued; a job for the card alone raises Contended.
    """
    schedule = schedule_of(deps.settings)
    after = given if dreamed is None else _after(given, dreamed)
    for _ in range(MOST_COMPUTATIONS):
        card = await deps.store.read(cards.kept, given.pair[0], given.payload.observed)
        try:
            revised = await _revised(deps, after, card)
        except ModelUnfit as failure:
            if dreamed is None:
                raise
            logger.warning("the card after a dream will be asked for again: %s", failure)
            break
        try:
            await deps.store.write(_keep, given, dreamed, card, revised, schedule)
        except CardChanged as change:
            reason = str(change)
        else:
            return
    if dreamed is None:
        raise Contended(f"{reason}, {MOST_COMPUTATIONS} times in a row")
    await deps.store.write(_keep, given, dreamed, None, None, schedule)


async def _revised(deps: Services, given: _Input, card: CardSnapshot) -> Sequence[str] | None:
    """The card's lines after the dream; None if cards are disabled."""
    if not given.config.peer_card_create:
        return None
    payload = given.payload
    if payload.rebuild and (deps.reasoner.keeps_cards or not given.known):
        return await _rebuilt(deps, given, card)
    ended = await deps.store.read_offloaded(ended_texts.newest_gone, given.pair, MOST_ENDED)
    ended = [*given.ended, *ended]
    task = CardTask(
        payload.observer,
        payload.observed,
        card.lines,
        card.given,
        given.known,
        rebuild=payload.rebuild,
        instructions=_instructions(given.config),
        ended=ended,
        written_at=card.written_at,
    )
    return await deps.reasoner.card(task)


async def _rebuilt(deps: Services, given: _Input, card: CardSnapshot) -> Sequence[str]:
    """The card rebuilt from all conclusions, oldest first, in batches; the given lines if there are none."""
    payload, of_pair = given.payload, (given.workspace_id, given.pair)
    lines: Sequence[str] = card.given
    last: Conclusion | None = None
    while some := await deps.store.read_offloaded(conclusions.oldest, *of_pair, last, MOST_CONCLUSIONS):
        task = CardTask(
            payload.observer,
            payload.observed,
            lines,
            [line for line in card.given if line in lines],
            some,
            rebuild=last is None,
            instructions=_instructions(given.config),
            written_at=card.written_at,
        )
        lines, last = await deps.reasoner.card(task), some[-1]
    return lines


def _instructions(resolved: ResolvedConfig) -> str | None:
    """The dream's instructions and the card's, joined."""
    both = [text for text in (resolved.dream_instructions, resolved.peer_card_instructions) if text]
    return "\n".join(both) or None


def _keep(
    db: Transaction,
    given: _Input,
    dreamed: Dreamed | None,
    card: CardSnapshot | None,
    revised: Sequence[str] | None,
    schedule: Schedule,
) -> None:
    """Store everything and finish the job. Without a `card`, enqueue a job for it."""
    now = clock.now()
    job, pair = given.job, given.pair
    queue.require(db, job)
    db.lock("peers", pair[0])
    assert job.workspace is not None
    if dreamed is not None:
        session = observer_queries.session_pk(db, given.workspace_id, given.session_id)
        dreams.merge(db, pair, dreamed.merged, now)
        dreams.outdate(db, pair, dreamed.outdated, now)
        deletion_cascade.hide_resting(db, pair, dreams.replace(db, pair, dreamed.replaced, now), now)
        refused = dreams.add_derived(db, job.workspace, pair, session, dreamed.derived, now)
        if refused:
            logger.info("dream: %d conclusions refused: their sources do not exist", len(refused))
        dreams.dreamed(db, pair, given.new_conclusions, now)
    if card is None and not queue.is_queued(db, JobKind.DREAM, dream_jobs.key(CARD_REFRESH, pair)):
        refresh = replace(given.payload, type=CARD_REFRESH)
        dream_jobs.add(db, job.workspace, pair, refresh, now, now + CARD_PAUSE)
    if card is not None and revised is not None:
        cards.revise(db, pair[0], given.payload.observed, card, revised, now)
    queue.finish(db, job, now)
    if dreamed is not None:
        # Conclusions learned during the dream enqueued no next dream, because this one was still pending.
        dreams.learned(db, job.workspace, pair, 0, now, schedule)
