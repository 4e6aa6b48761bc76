"""Renew a session's summaries. Each continues after the last message it covers, so that there are no gaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from omoide.core import clock
from omoide.core.job_payloads import InvalidPayload, SummaryPayload
from omoide.core.jobs import Job
from omoide.core.records import Json, Summary
from omoide.reasoner.protocol import SummaryKind, SummaryTask
from omoide.services.container import Services
from omoide.storage import Transaction, messages, queue, summaries, webhooks, workspaces
from omoide.storage.summaries import LONG, SHORT

# Source: the public API.
KINDS: Mapping[SummaryKind, str] = {"short": SHORT, "long": LONG}
MOST_TOKENS: Mapping[SummaryKind, int] = {"short": 1_000, "long": 4_000}

MOST_AT_ONCE = 200
"""Messages beyond its own that a summary may cover, if more summaries are already enqueued."""

MOST_MESSAGES = 1_000
"""Maximum number of messages covered by a first summary, or after a long gap."""


async def summarize(deps: Services, job: Job, order: SummaryPayload) -> None:
    """Renew the job's kinds of summary, up to its message."""
    workspace_id, requested = await deps.store.read(_requested, job, order)
    made = [await _made(deps, order, each) for each in requested]
    await deps.store.write(_keep, job, order, workspace_id, [summary for summary in made if summary])


@dataclass(frozen=True, slots=True)
class _Request:
    """A summary to create, and the previous one of its kind."""

    kind: SummaryKind
    previous: Summary | None
    through: int


def _requested(db: Transaction, job: Job, order: SummaryPayload) -> tuple[str, list[_Request]]:
    """The workspace, and the summaries that the job requests."""
    workspace_id = workspaces.name_of(db, job.workspace)
    existing = summaries.of_session(db, workspace_id, order.session)
    pending = [payload for stored in queue.pending(db, job.kind, job.key) if (payload := _parsed(stored))]
    kinds = cast(Sequence[SummaryKind], order.kinds)
    return workspace_id, [_Request(kind, existing.get(KINDS[kind]), _reaches(order, pending, kind)) for kind in kinds]


async def _made(deps: Services, order: SummaryPayload, request: _Request) -> Summary | None:
    """The new summary; None if the session has one that covers as much, or if there is nothing to summarize."""
    kind, previous, through = request.kind, request.previous, request.through
    since = max(previous.seq + 1 if previous else 1, through - MOST_MESSAGES + 1)
    if since > through:
        return None
    said = await deps.store.read_offloaded(messages.through, order.session_pk, since, through)
    if not said:
        return None
    # Sorted by time, because older messages may be imported later; `through` counts in order of arrival.
    in_order = sorted(said, key=lambda message: message.created_at)
    task = SummaryTask(
        order.session,
        kind,
        in_order,
        previous.content if previous else None,
        MOST_TOKENS[kind],
        order.instructions,
    )
    content = await deps.reasoner.summarize(task)
    if not content.strip():
        return None
    return Summary(content, said[-1].id, through, KINDS[kind], clock.now(), deps.tokens.count(content))


def _parsed(stored: Json) -> SummaryPayload | None:
    """The payload; None if it is invalid: that job fails when it is claimed."""
    try:
        return SummaryPayload.from_json(stored)
    except InvalidPayload:
        return None


def _reaches(order: SummaryPayload, pending: Sequence[SummaryPayload], kind: SummaryKind) -> int:
    """The last message to cover: if later summaries of the kind are enqueued, this one replaces some of them."""
    later = [payload.through for payload in pending if kind in payload.kinds]
    return max([order.through, *(seq for seq in later if seq <= order.through + MOST_AT_ONCE)])


def _keep(db: Transaction, job: Job, order: SummaryPayload, workspace_id: str, made: list[Summary]) -> None:
    now = clock.now()
    queue.require(db, job)
    assert job.workspace is not None
    for summary in made:
        summaries.put(db, order.session_pk, summary, now)
    reached = {summary.summary_type: summary.seq for summary in made}

    def is_done(stored: Json) -> bool:
        payload = _parsed(stored)
        if payload is None:
            return False
        return all(payload.through <= reached.get(KINDS.get(cast(SummaryKind, kind), ""), 0) for kind in payload.kinds)

    queue.finish_others(db, job, is_done, now)
    if made and queue.is_drained(db, job):
        emptied = {
            "workspace_id": workspace_id,
            "queue_type": "summary",
            "session_id": order.session,
            "observer": None,
            "observed": None,
        }
        webhooks.emit(db, job.workspace, "queue.empty", emptied, now)
    queue.finish(db, job, now)
