"""Dreams: what is known about a peer is looked over, put in order, and more is drawn from it; the card is renewed.

Whether dreams are wanted is asked when one runs, of the workspace and of the session that it belongs to. All that a
dream changes is stored in one transaction with its end, so that a dream that was interrupted has not happened.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from omoide import clock
from omoide.jobs import GiveUp, Job
from omoide.reasoning import configuration
from omoide.reasoning.configuration import Resolved, defaults_of
from omoide.reasoning.memory import Memory, Reach
from omoide.reasoning.reasoner import CardTask, Dreamed, DreamTask
from omoide.records import Conclusion
from omoide.store import Connection, cards, conclusions, dreams, observing, queue, workspaces
from omoide.store.cards import CardChanged, Kept
from omoide.store.dreams import Schedule
from omoide.worker.representation import schedule_of
from omoide.worker.tools import Tools

logger = logging.getLogger("omoide.worker")

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
    if not resolved.dream_enabled:
        return
    dreamed = None
    if told["type"] == dreams.OMNI:
        task = DreamTask(told["observer"], told["observed"], session_id, known, resolved.dream_instructions)
        reach = Reach(workspace_id, task.observer_id, task.observed_id)
        memory = Memory(tools.store, tools.finder, tools.tokens, reach)
        dreamed = await tools.reasoner.dream(task, memory)
    await _store(tools, job, pair, workspace_id, session_id, known, dreamed, resolved, seen)


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
    pair: tuple[int, int],
    workspace_id: str,
    session_id: str | None,
    known: Sequence[Conclusion],
    dreamed: Dreamed | None,
    resolved: Resolved,
    seen: int,
) -> None:
    """Keep what was dreamed, and the card. Begins again with the card if somebody changed it meanwhile."""
    told = job.payload
    while True:
        card = tools.store.read(cards.kept, pair[0], told["observed"])
        revised: Sequence[str] | None = None
        if resolved.peer_card_create and told.get("rebuild") and not known:
            revised = card.given  # a card of which nothing is known any more tells nothing of its own
        elif resolved.peer_card_create:
            task = CardTask(
                told["observer"],
                told["observed"],
                card.lines,
                card.given,
                known,
                rebuild=bool(told.get("rebuild")),
                instructions=_instructions(resolved),
            )
            revised = await tools.reasoner.card(task)
        try:
            schedule = schedule_of(tools.settings)
            await tools.store.write(_keep, job, pair, workspace_id, session_id, dreamed, card, revised, seen, schedule)
        except CardChanged:
            continue
        return


def _instructions(resolved: Resolved) -> str | None:
    """The card's own come in addition to the dream's."""
    both = [text for text in (resolved.dream_instructions, resolved.peer_card_instructions) if text]
    return "\n".join(both) or None


def _keep(
    db: Connection,
    job: Job,
    pair: tuple[int, int],
    workspace_id: str,
    session_id: str | None,
    dreamed: Dreamed | None,
    card: Kept,
    revised: Sequence[str] | None,
    seen: int,
    schedule: Schedule,
) -> None:
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
    if revised is not None:
        cards.revise(db, pair[0], job.payload["observed"], card, revised, now)
    queue.finish(db, job, now)
    if dreamed is not None:
        # What was learned while it dreamed did not owe the next one, as this one was still owed.
        told = {"observer": job.payload["observer"], "observed": job.payload["observed"], "session": None}
        dreams.learned(db, job.workspace, pair, {**told, "automatic": True}, 0, now, schedule)
