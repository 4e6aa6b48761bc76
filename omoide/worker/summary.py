"""Renews the summaries of a session: from the last message that each covers, so that there is never a gap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from omoide import clock
from omoide.jobs import SUMMARY, Job, payload_fault
from omoide.reasoning.reasoner import SummaryKind, SummaryTask
from omoide.records import Json, Summary
from omoide.store import Connection, messages, queue, summaries, webhooks, workspaces
from omoide.store.summaries import LONG, SHORT
from omoide.worker.tools import Tools

# Source: the public API.
KINDS: Mapping[SummaryKind, str] = {"short": SHORT, "long": LONG}
MOST_TOKENS: Mapping[SummaryKind, int] = {"short": 1_000, "long": 4_000}

MOST_AT_ONCE = 200
"""How many messages a summary may take in beyond those that call for it, where more summaries are owed already."""

MOST_MESSAGES = 1_000
"""How far back a first summary reaches in a session that has long gone without."""


async def summarize(tools: Tools, job: Job) -> None:
    """Renew the kinds of summaries that the job names, up to its message."""
    workspace_id, asked = tools.store.read(_asked, job)
    made = [await _made(tools, job, each) for each in asked]
    await tools.store.write(_keep, job, workspace_id, [summary for summary in made if summary])


@dataclass(frozen=True, slots=True)
class _Asked:
    """A summary to be made, and the one of its kind that the session has."""

    kind: SummaryKind
    previous: Summary | None
    through: int


def _asked(db: Connection, job: Job) -> tuple[str, list[_Asked]]:
    """The workspace, and what the job asks for."""
    workspace_id = workspaces.name_of(db, job.workspace)
    there = summaries.of_session(db, workspace_id, job.payload["session"])
    owed = queue.payloads(db, job)
    return workspace_id, [
        _Asked(kind, there.get(KINDS[kind]), _reaches(job, owed, kind)) for kind in job.payload["kinds"]
    ]


async def _made(tools: Tools, job: Job, asked: _Asked) -> Summary | None:
    """The new summary; None if the session has one that reaches as far, or if there is nothing to say."""
    told, kind, previous, through = job.payload, asked.kind, asked.previous, asked.through
    since = max(previous.seq + 1 if previous else 1, through - MOST_MESSAGES + 1)
    if since > through:
        return None
    said = await tools.store.read_aside(messages.through, told["session_pk"], since, through)
    if not said:
        return None
    # As it was said: old talk may be imported later than newer, and `through` counts in the order of arrival.
    in_order = sorted(said, key=lambda message: message.created_at)
    task = SummaryTask(
        told["session"], kind, in_order, previous.content if previous else None, MOST_TOKENS[kind], told["instructions"]
    )
    content = await tools.reasoner.summarize(task)
    if not content.strip():
        return None
    now = clock.instant(clock.now())
    return Summary(content, said[-1].id, through, KINDS[kind], now, tools.tokens.count(content))


def _reaches(job: Job, owed: Sequence[Json], kind: SummaryKind) -> int:
    """How far to go: where later summaries of the kind are owed as well, this one does the work of some of them."""
    due = int(job.payload["through"])
    later = [told["through"] for told in owed if payload_fault(SUMMARY, told) is None and kind in told["kinds"]]
    return int(max([due, *(seq for seq in later if seq <= due + MOST_AT_ONCE)]))


def _keep(db: Connection, job: Job, workspace_id: str, made: list[Summary]) -> None:
    now = clock.now()
    queue.require(db, job)
    assert job.workspace is not None
    for summary in made:
        summaries.put(db, job.payload["session_pk"], summary, now)
    reached = {summary.summary_type: summary.seq for summary in made}
    queue.finish_others(
        db,
        job,
        lambda told: (
            payload_fault(SUMMARY, told) is None
            and all(told["through"] <= reached.get(KINDS.get(kind, ""), 0) for kind in told["kinds"])
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
