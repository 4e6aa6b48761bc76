"""Derive conclusions from a peer's messages, one window at a time.

Messages are read and reasoned about first; then one transaction stores the conclusions for every observer, revises
their cards, counts towards dreams, and advances or finishes the job. After a crash the window is repeated from scratch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from omoide.core import clock, config_resolution
from omoide.core.clock import FIRST, HOUR, MINUTE
from omoide.core.config_resolution import ResolvedConfig
from omoide.core.job_payloads import WorkUnit
from omoide.core.jobs import Job, JobUnfinished
from omoide.core.lazy_import import lazy_import
from omoide.core.records import Conclusion, Fact
from omoide.core.settings import Settings
from omoide.reasoner.dedup import near_duplicates, said_again
from omoide.reasoner.protocol import Batch, CardTask
from omoide.services import spending
from omoide.services.container import Services
from omoide.services.supersede import Judge, supersede
from omoide.storage import (
    Transaction,
    budgets,
    cards,
    completed_work,
    conclusion_upsert,
    conclusions,
    deletion_cascade,
    dreams,
    ended_texts,
    messages,
    observer_queries,
    queue,
    webhooks,
    workspaces,
)
from omoide.storage.cards import CardChanged, CardSnapshot
from omoide.storage.conclusion_upsert import KnownConclusion, NearDuplicate, Pair
from omoide.storage.conclusions import Target
from omoide.storage.dreams import Schedule
from omoide.storage.messages import Stretch, Window, WindowSize
from omoide.worker.contention import MOST_COMPUTATIONS, Contended
from omoide.worker.known import known_conclusions
from omoide.worker.summary_catch_up import catch_up
from omoide.worker.time_slice import TimeSlice

with lazy_import("omoide.reasoner.extractive.card"):
    from omoide.reasoner.extractive import card as card_lines

MOST_KNOWN = 500
"""Newest conclusions from a session that are searched for near-duplicates."""

TURNS_BEFORE = 8
"""Messages before a window that a model reads as context."""

MOST_EARLIER = 4
"""Newest conclusions from the session that a correction may refer to."""

MOST_LATER = 1_000
"""Newest conclusions that are read when facts change a card: the card is revised with those said later as well."""


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
    ended: frozenset[str] = frozenset()
    """Texts of conclusions that the facts end: `revised` is without them."""


class ScopesChanged(Exception):
    """The session's scopes changed since the observers were read. Read them again."""


class StatementsEnded(Exception):
    """The facts end statements that are still on the cards. `by_observer` are their texts: revise the cards again."""

    def __init__(self, by_observer: Mapping[int, frozenset[str]]) -> None:
        super().__init__()
        self.by_observer = by_observer


@dataclass(frozen=True, slots=True)
class Step:
    """A window of a job's unit of messages, and the facts derived from it."""

    job: Job
    workspace_id: str
    unit: WorkUnit
    config: ResolvedConfig
    """Configuration of the unit."""
    window: Window
    earlier: Sequence[KnownConclusion]
    """The last conclusions from the session before the window, oldest first."""
    facts: Sequence[Fact]


@dataclass(frozen=True, slots=True)
class Terms:
    """How facts are stored. `schedule` None: no automatic dreams."""

    schedule: Schedule | None
    judge: Judge
    is_cheap: bool
    """Whether the reasoner's summaries cost no request to a model."""


async def derive(deps: Services, job: Job, unit: WorkUnit) -> None:
    """Reason about the job's unit of messages, to its end or until the time slice is over. Raises JobUnfinished."""
    turn = TimeSlice()
    config = config_resolution.from_json(unit.configuration)
    remaining: WorkUnit | None = unit
    while remaining is not None:
        read = await deps.store.read_offloaded(_read, job, remaining, window_size(deps))
        workspace_id, window, earlier = read
        step = Step(job, workspace_id, remaining, config, window, earlier, ())
        facts = await _facts(deps, step)
        await spending.settle(deps)  # the budget may be spent: see `_keep`
        remaining = await _store(deps, turn, replace(step, facts=facts))


def _read(db: Transaction, job: Job, unit: WorkUnit, size: WindowSize) -> tuple[str, Window, Sequence[KnownConclusion]]:
    stretch = Stretch(unit.session_pk, unit.first, unit.through)
    window = messages.window(db, stretch, unit.observed_pk, size, unit.observer_pks)
    earlier = [
        each
        for observer in unit.observer_pks[:1]
        for each in conclusion_upsert.known(db, (observer, unit.observed_pk), unit.session_pk, MOST_EARLIER)
    ]
    return workspaces.name_of(db, job.workspace), window, earlier[::-1]


def window_size(deps: Services) -> WindowSize:
    """How many messages are read at once: a model gets as many of the peer's own, and the turns before them."""
    if not deps.reasoner.reads_known:
        return WindowSize(deps.settings.batch_tokens)
    return WindowSize(deps.settings.batch_tokens, counts_others=False, before=TURNS_BEFORE)


async def _facts(deps: Services, step: Step) -> Sequence[Fact]:
    if not step.window.own:
        return []
    unit, messages, instructions = step.unit, step.window.messages, step.config.reasoning_instructions
    earlier = [each.content for each in step.earlier]
    batch = Batch(step.workspace_id, unit.session, unit.observed, messages, instructions, earlier)
    return await deps.reasoner.derive(replace(batch, known=await _known(deps, step), before=step.window.before))


async def _known(deps: Services, step: Step) -> Sequence[Conclusion]:
    """What the first observer, usually the peer itself, knows near to the messages, if the reasoner reads it."""
    unit = step.unit
    if not (deps.reasoner.reads_known and unit.observers):
        return ()
    pks = (unit.observer_pks[0], unit.observed_pk)
    if not await deps.store.read(conclusions.oldest, step.workspace_id, pks, None, 1):
        return ()  # a search would wait for the embedder to be loaded
    pair, last = (unit.observers[0], unit.observed), [each.pk for each in reversed(step.earlier)]
    return await known_conclusions(deps, step.workspace_id, pair, step.window.messages, last)


async def _store(deps: Services, turn: TimeSlice, step: Step) -> WorkUnit | None:
    """Store the facts and return the rest of the unit. Raises JobUnfinished if the job was given back with that rest.

    If a card or the scopes changed meanwhile, the stale parts are recomputed; so are the cards once it is known which
    statements the facts end. Raises Contended after `MOST_COMPUTATIONS` changes.
    """
    observers: Sequence[Observer] = ()
    ended: dict[int, frozenset[str]] = {}
    schedule = schedule_of(deps.settings) if step.config.dream_enabled else None
    terms = Terms(schedule, partial(deps.reasoner.judge, peer_id=step.unit.observed), deps.reasoner.keeps_cards)
    changes = 0
    while changes < MOST_COMPUTATIONS:
        observers = await _observers(deps, step, observers, ended)
        try:
            rest = await deps.store.write(_keep, turn, step, observers, terms)
        except StatementsEnded as more:
            ended |= {pk: ended.get(pk, frozenset()) | texts for pk, texts in more.by_observer.items()}
        except (CardChanged, ScopesChanged) as change:
            reason, changes = str(change), changes + 1
        else:
            if rest is not None and not await deps.store.read(queue.is_held, step.job):
                raise JobUnfinished
            return rest
    raise Contended(f"{reason}, {MOST_COMPUTATIONS} times in a row")


async def _observers(
    deps: Services, step: Step, computed: Sequence[Observer], ended: Mapping[int, frozenset[str]]
) -> list[Observer]:
    """All observers: those at the time of the messages, and the scopes that currently contain the session.

    `computed` is the result of an earlier call; parts that are not stale are reused. `ended`: see `StatementsEnded`.
    """
    compares = bool(step.facts) and deps.settings.deduplicate
    listeners = await deps.store.read_offloaded(_listeners, step.unit, MOST_KNOWN if compares else 0)
    before = {each.listener.pk: each for each in computed}
    known = [(listener, before.get(listener.pk), ended.get(listener.pk, frozenset())) for listener in listeners]
    return [await _observer(deps, step, *each) for each in known]


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
    deps: Services, step: Step, listener: Listener, before: Observer | None, ended: frozenset[str]
) -> Observer:
    if before and before.listener.known == listener.known:
        twins = before.twins
    else:
        facts, known = step.facts, listener.known
        near = await near_duplicates(deps.comparer, facts, known) if facts and known else {}
        twins = near | said_again(facts, known)
    if before and before.listener.card == listener.card and before.ended == ended:
        revised = before.revised
    else:
        revised = await _revised(deps, step, listener, ended)
    return Observer(listener, twins, revised, ended)


async def _revised(deps: Services, step: Step, listener: Listener, ended: frozenset[str]) -> Sequence[str] | None:
    """The card's lines updated with the facts, without the ended statements; None if it is not updated."""
    unit, facts = step.unit, step.facts
    if not (facts and deps.reasoner.keeps_cards and step.config.peer_card_create):
        return None
    new = [_as_conclusion(fact, listener.id, unit) for fact in facts]
    card, instructions = listener.card, step.config.peer_card_instructions
    task = CardTask(
        listener.id,
        unit.observed,
        card.lines,
        card.given,
        new,
        instructions=instructions,
        ended=sorted(ended),
        written_at=card.written_at,
    )
    revised = await deps.reasoner.card(task)
    if [*revised] == [*card.lines]:
        return revised
    # Later statements take precedence, even if older messages are imported after them.
    pair, since = (listener.pk, unit.observed_pk), min(fact.said_at for fact in facts)
    read_since = FIRST if ended else since
    known = await deps.store.read_offloaded(conclusions.said_after, step.workspace_id, pair, read_since, MOST_LATER)
    later = [each for each in known if each.said_at > since]
    if not known:
        return revised
    return await deps.reasoner.card(replace(task, conclusions=[*new, *later], known=known if ended else ()))


def _as_conclusion(fact: Fact, observer_id: str, unit: WorkUnit) -> Conclusion:
    """The fact as a conclusion without a row."""
    said_at, details = fact.said_at, conclusion_upsert.details_of(fact)
    return Conclusion(
        0, "", fact.content, observer_id, unit.observed, unit.session, "explicit", None, 1, said_at, said_at, details
    )


def _keep(db: Transaction, turn: TimeSlice, step: Step, observers: Sequence[Observer], terms: Terms) -> WorkUnit | None:
    now = clock.now()
    job, unit = step.job, step.unit
    # In the order of other writes, which may wait for each of these: session, job, peers.
    db.lock("sessions", unit.session_pk)
    queue.require(db, job)
    for pk in sorted(each.listener.pk for each in observers):
        db.lock("peers", pk)
    assert job.workspace is not None
    if observer_queries.scopes(db, unit.session_pk) != [
        each.listener.pk for each in observers[len(unit.observer_pks) :]
    ]:
        # The job that fills a scope copies what is known when the session joins; these facts must not be missed.
        raise ScopesChanged(f"the scopes of session {unit.session} changed meanwhile")
    ended: dict[int, frozenset[str]] = {}
    for observer in observers:
        if gone := _learn(db, job.workspace, step, observer, terms, now):
            ended[observer.listener.pk] = gone
    if ended:
        raise StatementsEnded(ended)
    rest = unit.rest(step.window.rest)
    if rest is not None:
        queue.advance(db, job, rest.to_json(), units=step.window.own)
        completed_work.count(db, job, step.window.own, now)
        if turn.is_over() or budgets.paused_until(db, job.workspace, now) is not None:
            queue.give_back(db, job, now)
        return rest
    if queue.is_drained(db, job):
        webhooks.emit(db, job.workspace, "queue.empty", _emptied(step.workspace_id, unit), now)
    queue.finish(db, job, now)
    catch_up(db, job.workspace, unit, step.config, now, cheap=terms.is_cheap)
    return None


def _learn(db: Transaction, workspace: int, step: Step, observer: Observer, terms: Terms, now: int) -> frozenset[str]:
    """Store the facts for an observer. Returns the texts of what they end if the card still tells any of that."""
    listener, unit = observer.listener, step.unit
    pair: Pair = (listener.pk, unit.observed_pk)
    fresh = conclusion_upsert.upsert(db, Target(workspace, pair, unit.session_pk), step.facts, observer.twins, now)
    endings = supersede(db, pair, step.facts, terms.judge, now, observer.twins)
    if endings:
        deletion_cascade.follow_endings(db, workspace, pair, endings, now)
    dreams.learned(db, workspace, pair, fresh, now, terms.schedule)
    if observer.revised is None:
        return frozenset()
    cards.revise(db, listener.pk, unit.observed, listener.card, observer.revised, now)
    gone = ended_texts.gone(db, pair, endings) if endings else frozenset()
    is_told = not gone <= observer.ended and card_lines.tells_any(observer.revised, gone, unit.observed)
    return gone if is_told else frozenset()


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
