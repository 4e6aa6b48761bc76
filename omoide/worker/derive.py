"""Derive conclusions from a peer's messages, one window at a time.

Messages are read and reasoned about first; then one transaction stores the conclusions for every observer, revises
their cards, counts towards dreams, and advances or finishes the job. After a crash the window is repeated from scratch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from omoide.core import clock
from omoide.core.clock import to_micros
from omoide.core.jobs import Job, JobUnfinished
from omoide.core.records import Conclusion, Fact
from omoide.core.settings import Settings
from omoide.reasoner.dedup import near_duplicates
from omoide.reasoner.protocol import Batch, CardTask
from omoide.scheduling.work_unit import WorkUnit
from omoide.services.container import Services
from omoide.storage import (
    Transaction,
    cards,
    completed_work,
    conclusion_upsert,
    conclusions,
    dreams,
    messages,
    observer_queries,
    queue,
    webhooks,
    workspaces,
)
from omoide.storage.cards import CardChanged, CardSnapshot
from omoide.storage.conclusion_upsert import KnownConclusion, NearDuplicate, Pair
from omoide.storage.dreams import Schedule
from omoide.storage.messages import Stretch, Window
from omoide.worker.contention import MOST_COMPUTATIONS, Contended
from omoide.worker.time_slice import TimeSlice

MOST_KNOWN = 500
"""Newest conclusions from a session that are searched for near-duplicates."""

MOST_LATER = 1_000
"""Newest conclusions said after the facts that change a card; the card is revised with them as well."""

MINUTE, HOUR = 60_000_000, 3_600_000_000


@dataclass(frozen=True, slots=True)
class Listener:
    """An observer before the update: its card and known conclusions."""

    pk: int
    id: str
    card: CardSnapshot
    known: Sequence[KnownConclusion]


@dataclass(frozen=True, slots=True)
class Observer:
    """The update of an observer. `revised` None leaves its card unchanged."""

    listener: Listener
    twins: Mapping[int, NearDuplicate]
    revised: Sequence[str] | None


class ScopesChanged(Exception):
    """The session's scopes changed since the observers were read. Read them again."""


async def derive(deps: Services, job: Job) -> None:
    """Reason about the job's unit of messages, to its end or until the time slice is over. Raises JobUnfinished."""
    turn = TimeSlice()
    unit: WorkUnit | None = WorkUnit.from_payload(job.payload)
    while unit is not None:
        workspace_id, window = await deps.store.read_offloaded(_read, job, unit, deps.settings.batch_tokens)
        facts = await _facts(deps, workspace_id, unit, window)
        unit = await _store(deps, job, turn, workspace_id, unit, window, facts)


def _read(db: Transaction, job: Job, unit: WorkUnit, budget: int) -> tuple[str, Window]:
    stretch = Stretch(unit.session_pk, unit.first, unit.through)
    window = messages.window(db, stretch, unit.observed_pk, budget, unit.observer_pks)
    return workspaces.name_of(db, job.workspace), window


async def _facts(deps: Services, workspace_id: str, unit: WorkUnit, window: Window) -> Sequence[Fact]:
    if not window.own:
        return []
    instructions = unit.resolved.reasoning_instructions
    batch = Batch(workspace_id, unit.session, unit.observed, window.messages, instructions)
    return await deps.reasoner.derive(batch)


async def _store(
    deps: Services,
    job: Job,
    turn: TimeSlice,
    workspace_id: str,
    unit: WorkUnit,
    window: Window,
    facts: Sequence[Fact],
) -> WorkUnit | None:
    """Store the facts and return the rest of the unit. Raises JobUnfinished if the job was given back with that rest.

    If a card or the scopes changed meanwhile, the stale parts are recomputed. Raises Contended after
    `MOST_COMPUTATIONS` changes.
    """
    observers: Sequence[Observer] = ()
    for _ in range(MOST_COMPUTATIONS):
        observers = await _observers(deps, workspace_id, unit, facts, observers)
        try:
            rest = await deps.store.write(_keep, deps, job, turn, workspace_id, unit, window, facts, observers)
        except (CardChanged, ScopesChanged) as change:
            reason = str(change)
        else:
            if rest is not None and not await deps.store.read(queue.is_held, job):
                raise JobUnfinished
            return rest
    raise Contended(f"{reason}, {MOST_COMPUTATIONS} times in a row")


async def _observers(
    deps: Services, workspace_id: str, unit: WorkUnit, facts: Sequence[Fact], computed: Sequence[Observer] = ()
) -> list[Observer]:
    """All observers: those at the time of the messages, and the scopes that currently contain the session.

    `computed` is the result of an earlier call; parts that are not stale are reused.
    """
    compares = bool(facts) and deps.settings.deduplicate
    listeners = await deps.store.read_offloaded(_listeners, unit, MOST_KNOWN if compares else 0)
    before = {each.listener.pk: each for each in computed}
    return [
        await _observer(deps, workspace_id, unit, facts, listener, before.get(listener.pk)) for listener in listeners
    ]


def _listeners(db: Transaction, unit: WorkUnit, most_known: int) -> list[Listener]:
    found = [*zip(unit.observer_pks, unit.observers, strict=True)]
    found += [(pk, observer_queries.peer_id(db, pk)) for pk in observer_queries.scopes(db, unit.session_pk)]
    return [
        Listener(
            pk,
            id,
            cards.kept(db, pk, unit.observed),
            conclusion_upsert.known(db, (pk, unit.observed_pk), unit.session_pk, most_known) if most_known else [],
        )
        for pk, id in found
    ]


async def _observer(
    deps: Services,
    workspace_id: str,
    unit: WorkUnit,
    facts: Sequence[Fact],
    listener: Listener,
    before: Observer | None,
) -> Observer:
    if before and before.listener.known == listener.known:
        twins = before.twins
    else:
        twins = await near_duplicates(deps.embedder, facts, listener.known) if facts and listener.known else {}
    if before and before.listener.card == listener.card:
        revised = before.revised
    else:
        revised = await _revised(deps, workspace_id, unit, facts, listener)
    return Observer(listener, twins, revised)


async def _revised(
    deps: Services, workspace_id: str, unit: WorkUnit, facts: Sequence[Fact], listener: Listener
) -> Sequence[str] | None:
    """The card's lines updated with the facts; None if it is not updated."""
    if not (facts and deps.reasoner.keeps_cards and unit.resolved.peer_card_create):
        return None
    new = [_as_conclusion(fact, listener.id, unit) for fact in facts]
    card, instructions = listener.card, unit.resolved.peer_card_instructions
    task = CardTask(listener.id, unit.observed, card.lines, card.given, new, instructions=instructions)
    revised = await deps.reasoner.card(task)
    if [*revised] == [*card.lines]:
        return revised
    # Later statements take precedence, even if older messages are imported after them.
    pair, since = (listener.pk, unit.observed_pk), min(to_micros(fact.said_at) for fact in facts)
    later = await deps.store.read_offloaded(conclusions.said_after, workspace_id, pair, since, MOST_LATER)
    return await deps.reasoner.card(replace(task, conclusions=[*new, *later])) if later else revised


def _as_conclusion(fact: Fact, observer_id: str, unit: WorkUnit) -> Conclusion:
    """The fact as a conclusion without a row."""
    said_at = fact.said_at
    return Conclusion(
        0, "", fact.content, observer_id, unit.observed, unit.session, "explicit", None, 1, said_at, said_at, {}
    )


def _keep(
    db: Transaction,
    deps: Services,
    job: Job,
    turn: TimeSlice,
    workspace_id: str,
    unit: WorkUnit,
    window: Window,
    facts: Sequence[Fact],
    observers: Sequence[Observer],
) -> WorkUnit | None:
    now = clock.now()
    queue.require(db, job)
    assert job.workspace is not None
    if observer_queries.scopes(db, unit.session_pk) != [
        each.listener.pk for each in observers[len(unit.observer_pks) :]
    ]:
        # The job that fills a scope copies what is known when the session joins; these facts must not be missed.
        raise ScopesChanged(f"the scopes of session {unit.session} changed meanwhile")
    schedule = schedule_of(deps.settings) if unit.resolved.dream_enabled else None
    for observer in observers:
        listener = observer.listener
        pair: Pair = (listener.pk, unit.observed_pk)
        fresh = conclusion_upsert.upsert(db, job.workspace, pair, unit.session_pk, facts, observer.twins, now)
        payload = {"observer": listener.id, "observed": unit.observed, "session": None, "automatic": True}
        dreams.learned(db, job.workspace, pair, payload, fresh, now, schedule)
        if observer.revised is not None:
            cards.revise(db, listener.pk, unit.observed, listener.card, observer.revised, now)
    rest = unit.rest(window.rest)
    if rest is not None:
        queue.advance(db, job, rest.payload(), units=window.own)
        completed_work.count(db, job, window.own, now)
        if turn.is_over():
            queue.give_back(db, job, now)
        return rest
    if queue.is_drained(db, job):
        webhooks.emit(db, job.workspace, "queue.empty", _emptied(workspace_id, unit), now)
    queue.finish(db, job, now)
    return None


def schedule_of(settings: Settings) -> Schedule:
    """The schedule of automatic dreams from the settings."""
    return Schedule(
        settings.dream_threshold, int(settings.dream_idle_minutes * MINUTE), int(settings.dream_min_hours * HOUR)
    )


def _emptied(workspace_id: str, unit: WorkUnit) -> dict[str, str | None]:
    return {
        "workspace_id": workspace_id,
        "queue_type": "representation",
        "session_id": unit.session,
        "observer": None,
        "observed": unit.observed,
    }
