"""Convert records to generated models. Only this module maps our names to those of the API."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import TypedDict, TypeVar

from pydantic import TypeAdapter

from omoide.core.clock import DAY, from_micros, to_second
from omoide.core.formatting import first_line
from omoide.core.records import (
    Backfill,
    Conclusion,
    MergeProgress,
    Message,
    Observation,
    Page,
    Peer,
    Scope,
    Session,
    Summary,
    Visit,
    WorkCount,
    Workspace,
)
from omoide.generated import models
from omoide.services.context_builder import SessionContext
from omoide.storage.budgets import BudgetState
from omoide.storage.model_usage import DailyUsage
from omoide.storage.search_trace import SearchTrace
from omoide.storage.summaries import LONG, SHORT
from omoide.storage.webhooks import WebhookEndpoint

T = TypeVar("T")
_messages = TypeAdapter(list[models.Message]).validator.validate_python
_found_messages = TypeAdapter(list[models.FoundMessage]).validator.validate_python


def workspace(record: Workspace) -> models.Workspace:
    return models.Workspace(
        id=record.id,
        uid=record.uid,
        metadata=record.metadata,
        configuration=record.configuration,
        created_at=from_micros(record.created_at),
    )


def peer(record: Peer) -> models.Peer:
    return models.Peer(
        id=record.id,
        uid=record.uid,
        workspace_id=record.workspace_id,
        created_at=from_micros(record.created_at),
        metadata=record.metadata,
        configuration=record.configuration,
    )


def session(record: Session) -> models.Session:
    return models.Session(
        id=record.id,
        uid=record.uid,
        is_active=record.is_active,
        workspace_id=record.workspace_id,
        metadata=record.metadata,
        configuration=record.configuration,
        created_at=from_micros(record.created_at),
    )


def message(record: Message) -> models.Message:
    return models.Message(
        id=record.id,
        content=record.content,
        peer_id=record.peer_id,
        session_id=record.session_id,
        workspace_id=record.workspace_id,
        metadata=record.metadata,
        created_at=from_micros(record.created_at),
        token_count=record.token_count,
    )


def messages(records: Iterable[Message]) -> list[models.Message]:
    """Like `message` for many: a single validation call takes two thirds of the time."""
    found: list[models.Message] = _messages(_fields(records))
    return found


def found_messages(records: Iterable[Message], trace: SearchTrace | None) -> list[models.FoundMessage]:
    """Messages that a search found, best first, with how if it was traced."""
    items = _fields(records)
    if trace is not None:
        for rank, item in enumerate(items, start=1):
            item["match"] = _match(trace, str(item["id"]), rank)
    found: list[models.FoundMessage] = _found_messages(items)
    return found


def _match(trace: SearchTrace, id: str, rank: int) -> models.SearchMatch:
    return models.SearchMatch.model_validate(trace.match(id, rank), from_attributes=True)


def _fields(records: Iterable[Message]) -> list[dict[str, object]]:
    instants: dict[int, datetime] = {}  # messages of a batch usually have the same
    found: list[dict[str, object]] = []
    for id, session_id, workspace_id, peer_id, content, metadata, token_count, created_at, _ in records:
        if (instant := instants.get(created_at)) is None:
            instant = instants[created_at] = from_micros(created_at)
        found.append(
            {
                "id": id,
                "content": content,
                "peer_id": peer_id,
                "session_id": session_id,
                "workspace_id": workspace_id,
                "metadata": metadata,
                "created_at": instant,
                "token_count": token_count,
            }
        )
    return found


SLICE = 200
"""Messages converted before control returns to the event loop."""


async def many_messages(records: Sequence[Message]) -> list[models.Message]:
    """Like `messages`, without blocking the event loop."""
    found: list[models.Message] = []
    for start in range(0, len(records), SLICE):
        if start:
            await asyncio.sleep(0)
        found += messages(records[start : start + SLICE])
    return found


def scope(record: Scope) -> models.ScopeModel:
    return models.ScopeModel(id=record.id, metadata=record.metadata, created_at=from_micros(record.created_at))


def scope_status(found: Mapping[str, Backfill]) -> models.ScopeStatus:
    jobs = {
        session_id: models.ScopeBackfillJob(
            state=record.state, updated_at=from_micros(record.updated_at), docs_copied=record.docs_copied
        )
        for session_id, record in found.items()
    }
    return models.ScopeStatus(backfill_status=jobs)


def session_peer_history(visits: Sequence[Visit]) -> models.SessionPeerHistory:
    return models.SessionPeerHistory(
        stays=[
            models.SessionStay(
                joined_at=None if visit.joined_at is None else from_micros(visit.joined_at),
                left_at=None if visit.left_at is None else from_micros(visit.left_at),
                added_by=visit.added_by,
                removed_by=visit.removed_by,
            )
            for visit in visits
        ]
    )


def session_peer_config(record: Observation) -> models.SessionPeerConfig:
    return models.SessionPeerConfig(observe_me=record.observe_me, observe_others=record.observe_others)


class _Counts(TypedDict):
    total: int
    page: int
    size: int
    pages: int


def page_counts(page: Page[T]) -> _Counts:
    """The fields of a page other than its items."""
    request = page.request
    return {"total": page.total, "page": request.page, "size": request.size, "pages": -(-page.total // request.size)}


def workspaces_page(page: Page[Workspace]) -> models.PageWorkspace:
    return models.PageWorkspace(items=[*map(workspace, page.items)], **page_counts(page))


def merge_progress(peer_id: str, into: str, progress: MergeProgress) -> models.PeerMergeProgress:
    return models.PeerMergeProgress(
        peer_id=peer_id,
        into=into,
        state=progress.state,
        messages=progress.messages,
        sessions=progress.sessions,
        conclusions=progress.conclusions,
        cards=progress.cards,
    )


def peers_page(page: Page[Peer]) -> models.PagePeer:
    return models.PagePeer(items=[*map(peer, page.items)], **page_counts(page))


def scopes_page(page: Page[Scope]) -> models.PageScope:
    return models.PageScope(items=[*map(scope, page.items)], **page_counts(page))


def sessions_page(page: Page[Session]) -> models.PageSession:
    return models.PageSession(items=[*map(session, page.items)], **page_counts(page))


def messages_page(page: Page[Message]) -> models.PageMessage:
    return models.PageMessage(items=messages(page.items), **page_counts(page))


def found_conclusions(records: Iterable[Conclusion], trace: SearchTrace | None) -> list[models.FoundConclusion]:
    """Conclusions that a search found, best first, with how if it was traced."""
    found = []
    for rank, record in enumerate(records, start=1):
        traced = {} if trace is None else {"match": _match(trace, record.id, rank)}
        found.append(models.FoundConclusion.model_validate(vars(conclusion(record)) | traced))
    return found


def conclusion(record: Conclusion) -> models.Conclusion:
    return models.Conclusion(
        id=record.id,
        content=record.content,
        observer_id=record.observer_id,
        observed_id=record.observed_id,
        session_id=record.session_id,
        level=record.level,
        source_ids=None if record.source_ids is None else [*record.source_ids],
        times_derived=record.times_derived,
        created_at=from_micros(record.created_at),
        status=record.ended_as or "current",
        said_at=from_micros(record.said_at),
        valid_from=instant(record.valid_from),
        valid_until=instant(record.valid_until),
        ended_at=instant(record.ended_at),
        superseded_by=record.successor,
        message_ids=record.message_ids,
    )


def instant(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else from_micros(microseconds)


def conclusions_page(page: Page[Conclusion]) -> models.PageConclusion:
    return models.PageConclusion(items=[*map(conclusion, page.items)], **page_counts(page))


def summary(record: Summary | None) -> models.Summary | None:
    if record is None:
        return None
    return models.Summary(
        content=record.content,
        message_id=record.message_id,
        summary_type=record.summary_type,
        created_at=to_second(record.created_at),
        token_count=record.token_count,
    )


def summaries(session_id: str, found: Mapping[str, Summary]) -> models.SessionSummaries:
    return models.SessionSummaries(
        id=session_id, short_summary=summary(found.get(SHORT)), long_summary=summary(found.get(LONG))
    )


async def session_context(session_id: str, found: SessionContext) -> models.SessionContext:
    context = models.SessionContext(
        id=session_id,
        messages=await many_messages(found.messages),
        summary=summary(found.summary),
        peer_representation=found.known.representation if found.known else None,
        peer_card=found.known.card if found.known else None,
    )
    if (costs := found.costs) is not None:
        context.costs = models.ContextCosts(
            messages=costs.messages,
            summary=costs.summary,
            peer_representation=costs.representation,
            peer_card=costs.card,
            total=costs.total,
            budget=costs.budget,
        )
    return context


def webhook(record: WebhookEndpoint) -> models.WebhookEndpoint:
    last = record.last_delivery
    return models.WebhookEndpoint(
        id=record.id,
        workspace_id=record.workspace_id,
        url=record.url,
        created_at=from_micros(record.created_at),
        last_delivery=None
        if last is None
        else models.WebhookDelivery(
            at=from_micros(last.at), status_code=last.status, error=last.error, failures=last.failures
        ),
    )


def webhooks_page(page: Page[WebhookEndpoint]) -> models.PageWebhookEndpoint:
    return models.PageWebhookEndpoint(items=[*map(webhook, page.items)], **page_counts(page))


def usage(budget: BudgetState, used: Sequence[DailyUsage]) -> models.Usage:
    return models.Usage(
        budget=models.UsageBudget(
            tokens_per_day=budget.limit or None,
            used_today=budget.used,
            paused_until=instant(budget.paused_until),
        ),
        items=[
            models.UsageItem(day=from_micros(day * DAY).date(), task=task, model=model, **asdict(counts))
            for day, task, model, counts in used
        ],
    )


def queue_status(
    counts: Mapping[str | None, WorkCount], *, by_session: bool, paused_until: int | None
) -> models.QueueStatus:
    """The totals and, if `by_session`, the counts per session. Nothing is due while the workspace is paused."""
    if paused_until is not None:
        counts = {name: _not_before(paused_until, count) for name, count in counts.items()}
    every = counts.values()
    sessions = {name: session_queue_status(name, count) for name, count in counts.items() if name is not None}
    return models.QueueStatus(
        total_work_units=sum(count.total for count in every),
        completed_work_units=sum(count.completed for count in every),
        in_progress_work_units=sum(count.in_progress for count in every),
        pending_work_units=sum(count.pending for count in every),
        errored_work_units=sum(count.errored for count in every),
        next_due_at=min((from_micros(count.due_at) for count in every if count.due_at), default=None),
        last_error=next((first_line(count.error) for count in every if count.error), None),
        paused_until=instant(paused_until),
        sessions=(sessions or None) if by_session else None,
    )


def _not_before(time: int, count: WorkCount) -> WorkCount:
    return count if count.due_at is None else replace(count, due_at=max(count.due_at, time))


def session_queue_status(name: str, count: WorkCount) -> models.SessionQueueStatus:
    return models.SessionQueueStatus(
        session_id=name,
        total_work_units=count.total,
        completed_work_units=count.completed,
        in_progress_work_units=count.in_progress,
        pending_work_units=count.pending,
        errored_work_units=count.errored,
        next_due_at=None if count.due_at is None else from_micros(count.due_at),
        last_error=count.error and first_line(count.error),
    )
