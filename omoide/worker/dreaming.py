"""Dreams: what is known about a peer is looked over, put in order, and more is drawn from it; the card is renewed.

Whether dreams are wanted is asked when one runs, of the workspace and of the session that it belongs to. All that a
dream changes is stored in one transaction with its end, so that a dream that was interrupted has not happened.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from omoide import clock
from omoide.jobs import DREAM, GiveUp, Job
from omoide.reasoning import configuration
from omoide.reasoning.configuration import Resolved, defaults_of
from omoide.reasoning.memory import Memory, Reach
from omoide.reasoning.reasoner import CardTask, Dreamed, DreamTask
from omoide.records import Conclusion, Json
from omoide.store import Connection, cards, conclusions, dream_queue, dreams, observing, queue, workspaces
from omoide.store.cards import CardChanged, Kept
from omoide.store.dream_queue import CARD_REFRESH, OMNI, Pair
from omoide.store.dreams import Schedule
from omoide.worker.contention import MOST_COMPUTATIONS, Contended
from omoide.worker.representation import schedule_of
from omoide.worker.tools import Tools

logger = logging.getLogger("omoide.worker")

CARD_PAUSE = 60_000_000
"""After how many microseconds a card that kept changing during a dream is revised."""

MOST_CONCLUSIONS = 2_000
"""How many of the newest conclusions of a pair a dream looks over."""


async def dream(tools: Tools, job: Job) -> None:
    """Dream the job's dream. Raises GiveUp where its peers are gone."""
    told = job.payload
    workspace_id = tools.store.read(workspaces.name_of, job.workspace)
    pair = tools.store.read(conclusions.pair, workspace_id, told["observer"], told["observed"])
    if pair is None:
        raise GiveUp("the peers of this dream are not there")
    seen = tools.store.read(dreams.since, pair)
    newest = await tools.store.read_aside(conclusions.recent, workspace_id, pair, None, MOST_CONCLUSIONS)
    known = newest[::-1]
    session_id = told["session"] or (_session_of(known) if told.get("automatic") else None)
    resolved = _resolved(tools, workspace_id, session_id)
    if not resolved.dream_enabled and not _is_due_anyway(tools, job):
        return
    dreamed = None
    if told["type"] == OMNI and resolved.dream_enabled:
        dreamed = await _dreamed(tools, workspace_id, session_id, told, known, resolved)
    await _store(tools, job, pair, workspace_id, session_id, known, dreamed, resolved, seen)


def _is_due_anyway(tools: Tools, job: Job) -> bool:
    """Whether the card follows a deletion, and is kept by what keeps cards without dreams as well."""
    return bool(job.payload.get("automatic") and job.payload.get("rebuild")) and tools.reasoner.keeps_cards


async def _dreamed(
    tools: Tools,
    workspace_id: str,
    session_id: str | None,
    told: Json,
    known: Sequence[Conclusion],
    resolved: Resolved,
) -> Dreamed:
    """What the reasoner dreams; nothing, without asking it, where nothing is known."""
    if not known:
        return Dreamed()
    task = DreamTask(str(told["observer"]), str(told["observed"]), session_id, known, resolved.dream_instructions)
    reach = Reach(workspace_id, task.observer_id, task.observed_id)
    memory = Memory(tools.store, tools.finder, tools.tokens, reach)
    return await tools.reasoner.dream(task, memory)


def _session_of(known: Sequence[Conclusion]) -> str | None:
    """The session of the newest explicit conclusion."""
    explicit = [each for each in known if each.level == "explicit" and each.session_id]
    return explicit[-1].session_id if explicit else None


def _resolved(tools: Tools, workspace_id: str, session_id: str | None) -> Resolved:
    workspace, session = tools.store.read(observing.configurations_of, workspace_id, session_id)
    return configuration.resolve(workspace, session, None, defaults_of(tools.settings))


async def _store(
    tools: Tools,
    job: Job,
    pair: Pair,
    workspace_id: str,
    session_id: str | None,
    known: Sequence[Conclusion],
    dreamed: Dreamed | None,
    resolved: Resolved,
    seen: int,
) -> None:
    """Keep what was dreamed, and the card. The card is revised again if somebody changed it meanwhile.

    If that does not come to an end, a dream is kept without the card, of which a job of its own takes care later; a job
    for the card alone raises Contended.
    """
    told = job.payload
    schedule = schedule_of(tools.settings)
    for _ in range(MOST_COMPUTATIONS):
        card = tools.store.read(cards.kept, pair[0], told["observed"])
        revised = await _revised(tools, job, pair, workspace_id, card, known, resolved)
        try:
            await tools.store.write(_keep, job, pair, workspace_id, session_id, dreamed, card, revised, seen, schedule)
        except CardChanged as change:
            reason = str(change)
        else:
            return
    if dreamed is None:
        raise Contended(f"{reason}, {MOST_COMPUTATIONS} times in a row")
    await tools.store.write(_keep, job, pair, workspace_id, session_id, dreamed, None, None, seen, schedule)


async def _revised(
    tools: Tools,
    job: Job,
    pair: Pair,
    workspace_id: str,
    card: Kept,
    known: Sequence[Conclusion],
    resolved: Resolved,
) -> Sequence[str] | None:
    """The card's lines after the dream; None where no card is wanted."""
    told = job.payload
    if not resolved.peer_card_create:
        return None
    instructions = _instructions(resolved)
    rebuilds = bool(told.get("rebuild"))
    if rebuilds and (tools.reasoner.keeps_cards or not known):
        return await _rebuilt(tools, told, pair, workspace_id, card, instructions)
    task = CardTask(
        told["observer"], told["observed"], card.lines, card.given, known, rebuild=rebuilds, instructions=instructions
    )
    return await tools.reasoner.card(task)


async def _rebuilt(
    tools: Tools, told: Json, pair: Pair, workspace_id: str, card: Kept, instructions: str | None
) -> Sequence[str]:
    """The card made of all conclusions, the oldest first, so many at a time; the given lines where there are none."""
    lines: Sequence[str] = card.given
    last: Conclusion | None = None
    while some := await tools.store.read_aside(conclusions.oldest, workspace_id, pair, last, MOST_CONCLUSIONS):
        task = CardTask(
            told["observer"],
            told["observed"],
            lines,
            card.given,
            some,
            rebuild=last is None,
            instructions=instructions,
        )
        lines, last = await tools.reasoner.card(task), some[-1]
    return lines


def _instructions(resolved: Resolved) -> str | None:
    """The card's own come in addition to the dream's."""
    both = [text for text in (resolved.dream_instructions, resolved.peer_card_instructions) if text]
    return "\n".join(both) or None


def _keep(
    db: Connection,
    job: Job,
    pair: Pair,
    workspace_id: str,
    session_id: str | None,
    dreamed: Dreamed | None,
    card: Kept | None,
    revised: Sequence[str] | None,
    seen: int,
    schedule: Schedule,
) -> None:
    """Store it all and finish the job. Without a `card`, a job for the card is enqueued for later."""
    now = clock.now()
    queue.require(db, job)
    assert job.workspace is not None
    if dreamed is not None:
        session = observing.session_pk(db, workspace_id, session_id)
        dreams.merge(db, pair, dreamed.merged, now)
        dreams.outdate(db, pair, dreamed.outdated, now)
        refused = dreams.add_derived(db, job.workspace, pair, session, dreamed.derived, now)
        if refused:
            logger.info("%d conclusions of a dream were refused: their sources are not there", len(refused))
        dreams.dreamed(db, pair, seen, now)
    if card is None and not queue.is_owed(db, DREAM, dream_queue.key(CARD_REFRESH, pair)):
        dream_queue.add(db, job.workspace, pair, CARD_REFRESH, job.payload, now, now + CARD_PAUSE)
    if card is not None and revised is not None:
        cards.revise(db, pair[0], job.payload["observed"], card, revised, now)
    queue.finish(db, job, now)
    if dreamed is not None:
        # What was learned while it dreamed did not owe the next one, as this one was still owed.
        told = {"observer": job.payload["observer"], "observed": job.payload["observed"], "session": None}
        dreams.learned(db, job.workspace, pair, {**told, "automatic": True}, 0, now, schedule)
