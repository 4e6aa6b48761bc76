"""Move what belongs to a merged peer to the other one, in steps that each leave a consistent state.

Conclusions move first. What the old peer said before the merge is reasoned about under its own id, so the messages move
once that has ended, and conclusions that it adds move as well.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from omoide.core import clock
from omoide.core.job_payloads import PeerMerge
from omoide.core.jobs import Job, JobUnfinished
from omoide.services.container import Services
from omoide.services.supersede import Judge, reconcile
from omoide.storage import Transaction, dream_jobs, embeddings, peer_merge, peer_merge_steps, queue, vector_segments
from omoide.storage.dream_jobs import CARD_REFRESH, Pair
from omoide.storage.engine import secure_delete
from omoide.storage.peer_merge import MergePlan
from omoide.storage.peer_merge_steps import MovedConclusion
from omoide.worker.time_slice import TimeSlice

PAUSE = clock.SECOND // 2
"""Microseconds until the job looks again whether the reasoning that it waits for has ended."""

CARD_PAUSE = 2 * clock.SECOND
"""Microseconds from a step to the renewal of the cards, so that one renewal follows many steps."""


async def merge(deps: Services, job: Job, payload: PeerMerge) -> None:
    """Run the merge, to its end or until the time slice is over. Raises JobUnfinished."""
    turn = TimeSlice()
    of = await deps.store.read(peer_merge.running, payload.old, payload.into)
    if of is None:
        return
    judge = partial(deps.reasoner.judge, peer_id=of.into_id)
    is_labelled = True
    while await deps.store.write(_move_conclusions, of, judge):
        is_labelled = False
        await turn.next_step(payload)
    if not is_labelled:
        await _relabel(deps, of, "conclusions")
    if await deps.store.write(peer_merge_steps.is_awaited, of, clock.now()):
        await _pause(deps, job, payload)
    payload = await _move_messages(deps, turn, of, payload)
    for source in embeddings.SOURCES:
        await _relabel(deps, of, source)
    if not await deps.store.write(peer_merge_steps.finish, of, clock.now()):
        await _pause(deps, job, payload)
    await deps.store.write(secure_delete.enqueue, clock.now())


async def _relabel(deps: Services, of: MergePlan, source: embeddings.Source) -> None:
    """Let searches by meaning find what has moved."""
    after: int | None = 0
    while after is not None:
        after = await deps.store.write(vector_segments.relabel, source, of.workspace, of.old, of.into, after)


async def _pause(deps: Services, job: Job, payload: PeerMerge) -> None:
    """Give the job back for later. Raises JobUnfinished."""
    await deps.store.write(queue.give_back, job, clock.now() + PAUSE, payload.to_json())
    raise JobUnfinished(payload)


async def _move_messages(deps: Services, turn: TimeSlice, of: MergePlan, payload: PeerMerge) -> PeerMerge:
    """Move all messages. Returns the payload with the place that was reached; raises JobUnfinished with it."""
    while found := await deps.store.read_offloaded(
        peer_merge_steps.next_messages, of, payload.session, payload.position
    ):
        count = await deps.store.write(peer_merge_steps.messages, of, found)
        payload = replace(payload, session=found[count - 1][1], position=found[count - 1][2])
        await turn.next_step(payload)
    while found := await deps.store.read_offloaded(peer_merge_steps.lost_messages, of):
        await deps.store.write(peer_merge_steps.messages, of, found)
        await turn.next_step(payload)
    return payload


def _move_conclusions(db: Transaction, of: MergePlan, judge: Judge) -> bool:
    """Move some conclusions, and end those that others supersede; False if there are none left."""
    now = clock.now()
    moved = peer_merge_steps.conclusions(db, of, now)
    by_pair: dict[Pair, list[MovedConclusion]] = {}
    for each in moved:
        by_pair.setdefault(each.pair, []).append(each)
    for pair, some in by_pair.items():
        current = [each for each in some if each.is_current]
        reconcile(db, pair, [each.pk for each in current], {each.digest for each in current}, judge, now)
        dream_jobs.renew(db, of.workspace, pair, CARD_REFRESH, now + CARD_PAUSE)
    return bool(moved)
