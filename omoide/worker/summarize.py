"""Renew a session's summaries. Each continues after the last message it covers, so that there are no gaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from omoide.core import clock
from omoide.core.jobs import SUMMARY, Job, payload_error
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


async def summarize(deps: Services, job: Job) -> None:
    """Renew the job's kinds of summary, up to its message."""
    workspace_id, requested = await deps.store.read(_asked, job)
    made = [await _made(deps, job, each) for each in requested]
    await deps.store.write(_keep, job, workspace_id, [summary for summary in made if summary])


@dataclass(frozen=True, slots=True)
class _Asked:
    """A summary to create, and the previous one of its kind."""

    kind: SummaryKind
    previous: Summary | None
    through: int


def _asked(db: Transaction, job: Job) -> tuple[str, list[_Asked]]:
    """The workspace, and the summaries that the job requests."""
    workspace_id = workspaces.name_of(db, job.workspace)
    existing = summaries.of_session(db, workspace_id, job.payload["session"])
    pending = queue.payloads(db, job)
    return workspace_id, [
        _Asked(kind, existing.get(KINDS[kind]), _reaches(job, pending, kind)) for kind in job.payload["kinds"]
    ]


async def _made(deps: Services, job: Job, request: _Asked) -> Summary | None:
    """The new summary; None if the session has one that covers as much, or if there is nothing to summarize."""
    payload, kind, previous, through = job.payload, request.kind, request.previous, request.through
    since = max(previous.seq + 1 if previous else 1, through - MOST_MESSAGES + 1)
    if since > through:
        return None
    said = await deps.store.read_offloaded(messages.through, payload["session_pk"], since, through)
    if not said:
        return None
    # Sorted by time, because older messages may be imported later; `through` counts in order of arrival.
    in_order = sorted(said, key=lambda message: message.created_at)
    task = SummaryTask(
        payload["session"],
        kind,
        in_order,
        previous.content if previous else None,
        MOST_TOKENS[kind],
        payload["instructions"],
    )
    content = await deps.reasoner.summarize(task)
    if not content.strip():
        return None
    now = clock.from_micros(clock.now())
    return Summary(content, said[-1].id, through, KINDS[kind], now, deps.tokens.count(content))


def _reaches(job: Job, pending: Sequence[Json], kind: SummaryKind) -> int:
    """The last message to cover: if later summaries of the kind are enqueued, this one replaces some of them."""
    due = int(job.payload["through"])
    later = [
        payload["through"]
        for payload in pending
        if payload_error(SUMMARY, payload) is None and kind in payload["kinds"]
    ]
    return int(max([due, *(seq for seq in later if seq <= due + MOST_AT_ONCE)]))


def _keep(db: Transaction, job: Job, workspace_id: str, made: list[Summary]) -> None:
    now = clock.now()
    queue.require(db, job)
    assert job.workspace is not None
    for summary in made:
        summaries.put(db, job.payload["session_pk"], summary, now)
    reached = {summary.summary_type: summary.seq for summary in made}
    queue.finish_others(
        db,
        job,
        lambda payload: (
            payload_error(SUMMARY, payload) is None
            and all(payload["through"] <= reached.get(KINDS.get(kind, ""), 0) for kind in payload["kinds"])
        ),
        now,
    )
    if made and queue.is_drained(db, job):
        emptied = {
            "workspace_id": workspace_id,
            "queue_type": "summary",
            "session_id": job.payload["session"],
            "observer": None,
            "observed": None,
        }
        webhooks.emit(db, job.workspace, "queue.empty", emptied, now)
    queue.finish(db, job, now)
