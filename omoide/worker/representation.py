"""Draws conclusions from what a peer said, a window of messages at a time.

Reading and thinking come first; then one transaction stores the conclusions for every observer, revises their cards,
counts for dreams, and moves the job on or ends it. A crash anywhere repeats a window that has left no trace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from omoide import clock
from omoide.jobs import Job
from omoide.reasoning.reasoner import Batch, CardTask
from omoide.reasoning.twins import twins_of
from omoide.reasoning.units import Unit
from omoide.records import Conclusion, Fact
from omoide.settings import Settings
from omoide.store import Connection, cards, dreams, learning, messages, observing, queue, webhooks, workspaces
from omoide.store.cards import CardChanged, Kept
from omoide.store.dreams import Schedule
from omoide.store.learning import Pair, Twin
from omoide.store.messages import Window
from omoide.worker.tools import Tools

MOST_KNOWN = 500
"""How many of the newest conclusions from a session are looked through for what says the same."""

MINUTE, HOUR = 60_000_000, 3_600_000_000


@dataclass(frozen=True, slots=True)
class Observer:
    """What one of those who learn has to be given: for `revised` None, its card stays as it is."""

    pk: int
    id: str
    twins: Mapping[int, Twin]
    card: Kept
    revised: Sequence[str] | None


class ScopesChanged(Exception):
    """The session is in other scopes than when the observers were looked up: look again."""


async def derive(tools: Tools, job: Job) -> None:
    """Reason about the job's unit of messages to its end."""
    unit: Unit | None = Unit.from_payload(job.payload)
    while unit is not None:
        place = (unit.session_pk, unit.observed_pk, unit.first, unit.through, tools.settings.batch_tokens)
        window = await tools.store.read_aside(messages.window, *place)
        workspace_id = tools.store.read(workspaces.name_of, job.workspace)
        facts = await _facts(tools, workspace_id, unit, window)
        unit = await _store(tools, job, workspace_id, unit, window, facts)


async def _facts(tools: Tools, workspace_id: str, unit: Unit, window: Window) -> Sequence[Fact]:
    if not window.own:
        return []
    instructions = unit.resolved.reasoning_instructions
    batch = Batch(workspace_id, unit.session, unit.observed, window.messages, instructions)
    return await tools.reasoner.derive(batch)


async def _store(
    tools: Tools, job: Job, workspace_id: str, unit: Unit, window: Window, facts: Sequence[Fact]
) -> Unit | None:
    """Keep the facts and return what is left of the unit. Begins again if a card or the scopes changed meanwhile."""
    while True:
        observers = await _observers(tools, workspace_id, unit, facts)
        try:
            return await tools.store.write(_keep, tools, job, workspace_id, unit, window, facts, observers)
        except (CardChanged, ScopesChanged):
            continue


async def _observers(tools: Tools, workspace_id: str, unit: Unit, facts: Sequence[Fact]) -> list[Observer]:
    """Everybody who learns: those of the time of the messages, and the scopes that the session is in now."""
    scopes = tools.store.read(observing.scopes, unit.session_pk)
    observers = [*zip(unit.observer_pks, unit.observers, strict=True)]
    observers += [(pk, tools.store.read(observing.peer_id, pk)) for pk in scopes]
    return [await _observer(tools, workspace_id, unit, facts, pk, id) for pk, id in observers]


async def _observer(tools: Tools, workspace_id: str, unit: Unit, facts: Sequence[Fact], pk: int, id: str) -> Observer:
    card = tools.store.read(cards.kept, pk, unit.observed)
    twins: Mapping[int, Twin] = {}
    revised = None
    if facts and tools.settings.deduplicate:
        pair = (pk, unit.observed_pk)
        known = await tools.store.read_aside(learning.known, pair, unit.session_pk, MOST_KNOWN)
        twins = await twins_of(tools.embedder, facts, known) if known else {}
    if facts and tools.reasoner.keeps_cards and unit.resolved.peer_card_create:
        new = [_as_conclusion(fact, id, unit) for fact in facts]
        instructions = unit.resolved.peer_card_instructions
        task = CardTask(id, unit.observed, card.lines, card.given, new, instructions=instructions)
        revised = await tools.reasoner.card(task)
    return Observer(pk, id, twins, card, revised)


def _as_conclusion(fact: Fact, observer_id: str, unit: Unit) -> Conclusion:
    """The fact as it will stand, but without a row yet."""
    said_at = fact.said_at
    return Conclusion(
        0, "", fact.content, observer_id, unit.observed, unit.session, "explicit", None, 1, said_at, said_at, {}
    )


def _keep(
    db: Connection,
    tools: Tools,
    job: Job,
    workspace_id: str,
    unit: Unit,
    window: Window,
    facts: Sequence[Fact],
    observers: Sequence[Observer],
) -> Unit | None:
    now = clock.now()
    queue.require(db, job)
    assert job.workspace is not None
    if observing.scopes(db, unit.session_pk) != [each.pk for each in observers[len(unit.observer_pks) :]]:
        # What is copied into a scope that the session enters is what was known then: this must not fall between.
        raise ScopesChanged(f"session {unit.session} entered or left a scope meanwhile")
    schedule = schedule_of(tools.settings) if unit.resolved.dream_enabled else None
    for observer in observers:
        pair: Pair = (observer.pk, unit.observed_pk)
        fresh = learning.learn(db, job.workspace, pair, unit.session_pk, facts, observer.twins, now)
        told = {"observer": observer.id, "observed": unit.observed, "session": None, "automatic": True}
        dreams.learned(db, job.workspace, pair, told, fresh, now, schedule)
        if observer.revised is not None:
            cards.revise(db, observer.pk, unit.observed, observer.card, observer.revised, now)
    rest = unit.rest(window.rest)
    if rest is not None:
        queue.advance(db, job, rest.payload(), units=window.own)
        queue.count_done(db, job, window.own, now)
        return rest
    if queue.is_drained(db, job):
        webhooks.emit(db, job.workspace, "queue.empty", _emptied(workspace_id, unit), now)
    queue.finish(db, job, now)
    return None


def schedule_of(settings: Settings) -> Schedule:
    """When pairs dream by themselves, as the operator has it."""
    return Schedule(
        settings.dream_threshold, int(settings.dream_idle_minutes * MINUTE), int(settings.dream_min_hours * HOUR)
    )


def _emptied(workspace_id: str, unit: Unit) -> dict[str, str | None]:
    return {
        "workspace_id": workspace_id,
        "queue_type": "representation",
        "session_id": unit.session,
        "observer": None,
        "observed": unit.observed,
    }
