"""Add the topics of conclusions that were stored without, so that later statements can supersede them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from omoide.core.job_payloads import TopicFill
from omoide.core.jobs import Job
from omoide.core.offload import offload
from omoide.reasoner.protocol import Reasoner
from omoide.services.container import Services
from omoide.storage import topic_fill
from omoide.storage.topic_fill import Untold
from omoide.worker.time_slice import TimeSlice


async def fill_topics(deps: Services, job: Job, fill: TopicFill) -> None:
    """Add the topics, some conclusions at a time, in order of their rows. Raises JobUnfinished."""
    turn = TimeSlice()
    await deps.reasoner.prepare()
    while found := await deps.store.read_offloaded(topic_fill.untold, fill.after, fill.through):
        await deps.store.write(topic_fill.tell, await offload(_topics, deps.reasoner, found))
        fill = replace(fill, after=found[-1].pk)
        turn.end_if_over(fill)


def _topics(reasoner: Reasoner, found: Sequence[Untold]) -> list[tuple[Untold, frozenset[str]]]:
    return [(each, reasoner.as_fact(each.content, each.observed_id, each.said_at).topics) for each in found]
