"""Dreams: consolidate what is known about a peer, derive more conclusions from it, and renew the card.

Whether dreams are enabled is read from the configuration of the workspace and session when the job runs. All changes of
a dream are stored in one transaction with the end of its job, so an interrupted dream has no effect.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from omoide.core import clock, config_resolution
from omoide.core.config_resolution import ResolvedConfig, defaults_of
from omoide.core.jobs import DREAM, Job, PermanentFailure
from omoide.core.records import Conclusion, Json
from omoide.reasoner.memory_view import MemoryScope, MemoryView
from omoide.reasoner.protocol import CardTask, Dreamed, DreamTask
from omoide.services.container import Services
from omoide.storage import Transaction, cards, conclusions, dream_jobs, dreams, observer_queries, queue, workspaces
from omoide.storage.cards import CardChanged, CardSnapshot
from omoide.storage.dream_jobs import CARD_REFRESH, OMNI, Pair
from omoide.storage.dreams import Schedule
from omoide.worker.contention import MOST_COMPUTATIONS, Contended
from omoide.worker.derive import schedule_of

logger = logging.getLogger("omoide.worker")

CARD_PAUSE = 60_000_000
"""Delay of the job that revises a card that kept changing during a dream, in microseconds."""

MOST_CONCLUSIONS = 2_000
"""Newest conclusions of a pair that a dream reads."""


async def dream(deps: Services, job: Job) -> None:
    """Run a dream. Raises PermanentFailure if its peers do not exist."""
    payload = job.payload
    workspace_id = await deps.store.read(workspaces.name_of, job.workspace)
    pair = await deps.store.read(conclusions.pair, workspace_id, payload["observer"], payload["observed"])
    if pair is None:
        raise PermanentFailure("the peers of this dream do not exist")
    seen = await deps.store.read(dreams.since, pair)
    newest = await deps.store.read_offloaded(conclusions.recent, workspace_id, pair, MOST_CONCLUSIONS)
    known = newest[::-1]
    session_id = payload["session"] or (_session_of(known) if payload.get("automatic") else None)
    resolved = await _resolved(deps, workspace_id, session_id)
    if not resolved.dream_enabled and not _is_due_anyway(deps, job):
        return
    dreamed = None
    if payload["type"] == OMNI and resolved.dream_enabled:
        dreamed = await _dreamed(deps, workspace_id, session_id, payload, known, resolved)
    await _store(deps, job, pair, workspace_id, session_id, known, dreamed, resolved, seen)


def _is_due_anyway(deps: Services, job: Job) -> bool:
    """Whether the card must be rebuilt after a deletion, and the reasoner keeps cards even without dreams."""
    return bool(job.payload.get("automatic") and job.payload.get("rebuild")) and deps.reasoner.keeps_cards


async def _dreamed(
    deps: Services,
    workspace_id: str,
    session_id: str | None,
    payload: Json,
    known: Sequence[Conclusion],
    resolved: ResolvedConfig,
) -> Dreamed:
    """The result of the reasoner's dream; empty if nothing is known."""
    if not known:
        return Dreamed()
    task = DreamTask(str(payload["observer"]), str(payload["observed"]), session_id, known, resolved.dream_instructions)
    reach = MemoryScope(workspace_id, task.observer_id, task.observed_id)
    memory = MemoryView(deps.store, deps.finder, deps.tokens, reach)
    return await deps.reasoner.dream(task, memory)


def _session_of(known: Sequence[Conclusion]) -> str | None:
    """The session of the newest explicit conclusion."""
    explicit = [each for each in known if each.level == "explicit" and each.session_id]
    return explicit[-1].session_id if explicit else None


async def _resolved(deps: Services, workspace_id: str, session_id: str | None) -> ResolvedConfig:
    workspace, session = await deps.store.read(observer_queries.configurations_of, workspace_id, session_id)
    return config_resolution.resolve(workspace, session, None, defaults_of(deps.settings))


async def _store(
    deps: Services,
    job: Job,
    pair: Pair,
    workspace_id: str,
    session_id: str | None,
    known: Sequence[Conclusion],
    dreamed: Dreamed | None,
    resolved: ResolvedConfig,
    seen: int,
) -> None:
    """Store the dream and the card. If the card changed meanwhile, it is revised again.

    After `MOST_COMPUTATIONS` changes the dream is stored without the card, for which a separate job is enqueued; a job
    for the card alone raises Contended.
    """
    payload = job.payload
    schedule = schedule_of(deps.settings)
    for _ in range(MOST_COMPUTATIONS):
        card = await deps.store.read(cards.kept, pair[0], payload["observed"])
        revised = await _revised(deps, job, pair, workspace_id, card, known, resolved)
        try:
            await deps.store.write(_keep, job, pair, workspace_id, session_id, dreamed, card, revised, seen, schedule)
        except CardChanged as change:
            reason = str(change)
        else:
            return
    if dreamed is None:
        raise Contended(f"{reason}, {MOST_COMPUTATIONS} times in a row")
    await deps.store.write(_keep, job, pair, workspace_id, session_id, dreamed, None, None, seen, schedule)


async def _revised(
    deps: Services,
    job: Job,
    pair: Pair,
    workspace_id: str,
    card: CardSnapshot,
    known: Sequence[Conclusion],
    resolved: ResolvedConfig,
) -> Sequence[str] | None:
    """The card's lines after the dream; None if cards are disabled."""
    payload = job.payload
    if not resolved.peer_card_create:
        return None
    instructions = _instructions(resolved)
    rebuilds = bool(payload.get("rebuild"))
    if rebuilds and (deps.reasoner.keeps_cards or not known):
        return await _rebuilt(deps, payload, pair, workspace_id, card, instructions)
    task = CardTask(
        payload["observer"],
        payload["observed"],
        card.lines,
        card.given,
        known,
        rebuild=rebuilds,
        instructions=instructions,
    )
    return await deps.reasoner.card(task)


async def _rebuilt(
    deps: Services, payload: Json, pair: Pair, workspace_id: str, card: CardSnapshot, instructions: str | None
) -> Sequence[str]:
    """The card rebuilt from all conclusions, oldest first, in batches; the given lines if there are none."""
    lines: Sequence[str] = card.given
    last: Conclusion | None = None
    while some := await deps.store.read_offloaded(conclusions.oldest, workspace_id, pair, last, MOST_CONCLUSIONS):
        task = CardTask(
            payload["observer"],
            payload["observed"],
            lines,
            card.given,
            some,
            rebuild=last is None,
            instructions=instructions,
        )
        lines, last = await deps.reasoner.card(task), some[-1]
    return lines


def _instructions(resolved: ResolvedConfig) -> str | None:
    """The dream's instructions and the card's, joined."""
    both = [text for text in (resolved.dream_instructions, resolved.peer_card_instructions) if text]
    return "\n".join(both) or None


def _keep(
    db: Transaction,
    job: Job,
    pair: Pair,
    workspace_id: str,
    session_id: str | None,
    dreamed: Dreamed | None,
    card: CardSnapshot | None,
    revised: Sequence[str] | None,
    seen: int,
    schedule: Schedule,
) -> None:
    """Store everything and finish the job. Without a `card`, enqueue a job for it."""
    now = clock.now()
    queue.require(db, job)
    assert job.workspace is not None
    if dreamed is not None:
        session = observer_queries.session_pk(db, workspace_id, session_id)
        dreams.merge(db, pair, dreamed.merged, now)
        dreams.outdate(db, pair, dreamed.outdated, now)
        refused = dreams.add_derived(db, job.workspace, pair, session, dreamed.derived, now)
        if refused:
            logger.info("dream: %d conclusions refused: their sources do not exist", len(refused))
        dreams.dreamed(db, pair, seen, now)
    if card is None and not queue.is_queued(db, DREAM, dream_jobs.key(CARD_REFRESH, pair)):
        dream_jobs.add(db, job.workspace, pair, CARD_REFRESH, job.payload, now, now + CARD_PAUSE)
    if card is not None and revised is not None:
        cards.revise(db, pair[0], job.payload["observed"], card, revised, now)
    queue.finish(db, job, now)
    if dreamed is not None:
        # Conclusions learned during the dream enqueued no next dream, because this one was still pending.
        payload = {"observer": job.payload["observer"], "observed": job.payload["observed"], "session": None}
        dreams.learned(db, job.workspace, pair, {**payload, "automatic": True}, 0, now, schedule)
