"""Write conclusions for callers: they supersede others, and are superseded, like those that messages state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from omoide.core import clock
from omoide.core.errors import Conflict
from omoide.core.lazy_import import lazy_import
from omoide.core.offload import offload
from omoide.core.records import Conclusion, Effect, Fact, NewConclusion
from omoide.reasoner.protocol import CardTask, Reasoner
from omoide.services.container import Services
from omoide.services.supersede import Judge, supersede
from omoide.storage import (
    Transaction,
    cards,
    conclusion_correction,
    conclusions,
    deletion_cascade,
    ended_texts,
    workspaces,
)
from omoide.storage.conclusion_correction import Replaced
from omoide.storage.conclusion_endings import Ended, Pair

with lazy_import("omoide.reasoner.extractive.card"):
    from omoide.reasoner.extractive import card as card_lines


async def create(services: Services, workspace_id: str, batch: Sequence[NewConclusion]) -> list[Conclusion]:
    """Store conclusions as `conclusions.add` does, and end what they supersede."""
    read = await offload(with_topics, services.reasoner, batch, clock.now())
    stored = await services.store.write(store, workspace_id, read, services.reasoner)
    services.wake_worker()
    return stored


def with_topics(reasoner: Reasoner, batch: Sequence[NewConclusion], now: int) -> list[NewConclusion]:
    """The conclusions with their topics, and when they hold if the caller has not said that."""
    read = []
    for new in batch:
        fact = reasoner.as_fact(new.content, new.observed_id, new.said_at or now)
        is_open = new.valid_from is None and new.valid_until is None
        start, end = (fact.valid_from, fact.valid_until) if is_open else (new.valid_from, new.valid_until)
        read.append(replace(new, valid_from=start, valid_until=end, topics=fact.topics))
    return read


def of_peer(new: NewConclusion, peer_id: str) -> NewConclusion:
    """The conclusion about this peer, who holds it."""
    return replace(new, observer_id=peer_id, observed_id=peer_id)


def store(db: Transaction, workspace_id: str, batch: Sequence[NewConclusion], reasoner: Reasoner) -> list[Conclusion]:
    """Store conclusions whose topics are known, and end what they supersede."""
    now = clock.now()
    stored = conclusions.add(db, workspace_id, batch, now)
    by_pair: dict[tuple[str, str], list[Fact]] = {}
    for new in batch:
        # What held only in the past replaces nothing that holds now.
        if new.topics and (new.valid_until is None or new.valid_until > now):
            fact = Fact(new.content, (), new.said_at or now, new.valid_from, new.valid_until, new.topics)
            by_pair.setdefault((new.observer_id, new.observed_id), []).append(fact)
    for (observer_id, observed_id), facts in by_pair.items():
        pair = conclusions.pair(db, workspace_id, observer_id, observed_id)
        workspace = workspaces.pk_of(db, workspace_id)
        assert pair is not None
        assert workspace is not None
        endings = supersede(db, pair, facts, _judge_of(reasoner, observed_id, facts), now)
        new_ones = [each for each in stored if (each.observer_id, each.observed_id) == (observer_id, observed_id)]
        _revise_card(db, pair, new_ones, endings, now)
        deletion_cascade.follow_endings(db, workspace, pair, endings, now, with_card=True)
    return [conclusions.get(db, workspace_id, each.id) for each in stored] if by_pair else stored


def _judge_of(reasoner: Reasoner, observed_id: str, facts: Sequence[Fact]) -> Judge:
    """A judge that leaves statements alone that were made at the same time, because none of them is newer."""
    times = {fact.content: fact.said_at for fact in facts}

    def judge(newer: str, older: str) -> Effect | None:
        is_together = newer in times and times[newer] == times.get(older)
        return None if is_together else reasoner.judge(newer, older, observed_id)

    return judge


async def correct(
    services: Services, workspace_id: str, conclusion_id: str, content: str, reason: str | None
) -> Conclusion:
    """Replace a conclusion by what is true instead, and return that; the conclusion itself if its text is the same.

    Raises NotFound, and Conflict if it is not current.
    """
    old = await services.store.read(conclusions.get, workspace_id, conclusion_id)
    fact = await offload(services.reasoner.as_fact, content, old.observed_id, clock.now())
    judge = partial(services.reasoner.judge, peer_id=old.observed_id)
    new = await services.store.write(_correct, workspace_id, conclusion_id, fact, reason, judge)
    services.wake_worker()
    return new


def _correct(
    db: Transaction, workspace_id: str, conclusion_id: str, fact: Fact, reason: str | None, judge: Judge
) -> Conclusion:
    now = clock.now()
    old = conclusions.get(db, workspace_id, conclusion_id, to_change=True)
    if old.ended_as is not None:
        instead = "" if old.successor is None else f" {old.successor} took its place."
        raise Conflict(f"Conclusion {conclusion_id} is {old.ended_as}.{instead} Only a current one can be corrected.")
    if old.content == fact.content:
        return old
    workspace = workspaces.pk_of(db, workspace_id)
    assert workspace is not None
    replaced = conclusion_correction.correct(db, old.pk, fact, reason, now)
    for each in replaced:
        _restore(db, each, old.content, fact.content, judge)
    for pair in dict.fromkeys(each.pair for each in replaced):
        endings = supersede(db, pair, [fact], judge, now)
        endings += [Ended(each.pk, "invalid", each.successor) for each in replaced if each.pair == pair]
        new = [conclusions.get(db, workspace_id, each.successor) for each in replaced if each.pair == pair]
        _revise_card(db, pair, new, endings, now)
        deletion_cascade.follow_endings(db, workspace, pair, endings, now, with_card=True)
    return conclusions.get(db, workspace_id, replaced[0].successor)


def _revise_card(db: Transaction, pair: Pair, new: Sequence[Conclusion], endings: Sequence[Ended], now: int) -> None:
    """Update the card at once as far as its lines can be parsed; the dream that follows does the rest."""
    observed_id = new[0].observed_id
    held = cards.kept(db, pair[0], observed_id)
    if not (endings and held.own):
        return
    gone = sorted(ended_texts.gone(db, pair, endings))
    task = CardTask(
        new[0].observer_id, observed_id, held.lines, held.given, new, ended=gone, written_at=held.written_at
    )
    cards.revise(db, pair[0], observed_id, held, card_lines.card(task), now)


def _restore(db: Transaction, replaced: Replaced, wrong: str, right: str, judge: Judge) -> None:
    """Make current again what only the wrong text superseded; what is unsure stays superseded."""
    earlier = conclusion_correction.superseded(db, replaced)
    freed = [pk for pk, text in earlier if text != right and judge(wrong, text) and not judge(right, text)]
    conclusion_correction.restore(db, replaced, freed)
