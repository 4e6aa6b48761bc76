"""The operations of the tag `workspaces`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from importlib.metadata import version
from typing import Literal

from omoide.core import auth, clock, usage
from omoide.core.config_merge import merge_config
from omoide.core.errors import BadRequest, FieldError, InvalidFields, Unauthorized
from omoide.core.job_payloads import DreamPayload
from omoide.core.lazy_import import lazy_import
from omoide.core.records import Change, MessageBatch, PageRequest
from omoide.generated import models, parameters
from omoide.handlers import (
    chat,
    conclusion_search,
    inspection,
    memory_access,
    message_search,
    pagination,
    provenance,
    request_parsing,
    serializers,
)
from omoide.handlers.context import Context
from omoide.handlers.downloads import Download
from omoide.services import get_or_create, observer_graph, spending
from omoide.services import recall as recollection
from omoide.services import remember as memorization
from omoide.services.memory_context import ContextRequest, memory_context
from omoide.services.remember import RememberRequest
from omoide.storage import (
    Transaction,
    budgets,
    dreams,
    job_stats,
    model_usage,
    overview,
    waiting_units,
    workspace_jobs,
    workspaces,
)
from omoide.storage.budgets import BudgetState
from omoide.storage.conclusion_search import ConclusionSearch
from omoide.storage.message_scope import MessageSearch
from omoide.storage.model_usage import DailyUsage

with lazy_import("omoide.storage.export.stream"):
    from omoide.storage.export import stream

BUDGET = "budget"
"""The section of a workspace's configuration that only an admin may change."""
USUAL_DAYS, MOST_DAYS = 30, 366
EPOCH = date(1970, 1, 1).toordinal()


async def get_or_create_workspace(
    context: Context, *, body: models.WorkspaceCreate
) -> tuple[Literal[200, 201], models.Workspace]:
    """Return the workspace, created if missing; an existing one is not changed."""
    initial = await _change(context, body.id, body)
    record, created = await get_or_create.workspace(context.services, context.principal, body.id, initial)
    return (201 if created else 200), serializers.workspace(record)


async def get_all_workspaces(
    context: Context,
    *,
    query: parameters.GetAllWorkspacesQuery,
    body: models.WorkspaceGet | None = None,
) -> models.PageWorkspace:
    """Return a page of all workspaces."""
    request = PageRequest(query.page, query.size, query.reverse)
    return serializers.workspaces_page(await pagination.read(context, body, workspaces.page, request))


async def update_workspace(context: Context, *, workspace_id: str, body: models.WorkspaceUpdate) -> models.Workspace:
    """Update the workspace, created if missing."""
    change = await _change(context, workspace_id, body)
    record = await context.store.write(workspaces.update, workspace_id, change, clock.now())
    if BUDGET in (change.configuration or {}):
        await spending.review(context.services, record.pk)
        context.services.wake_worker()
    return serializers.workspace(record)


async def delete_workspace(context: Context, *, workspace_id: str) -> models.Accepted:
    """Hide the workspace; a job removes it."""
    await context.store.write(workspaces.delete, workspace_id, clock.now())
    context.services.wake_worker()
    return models.Accepted(message="Workspace deletion accepted")


async def search_workspace(
    context: Context,
    *,
    workspace_id: str,
    body: models.WorkspaceMessageSearchOptions,
) -> list[models.FoundMessage]:
    """Return the workspace's messages that match the query best."""
    scope = None if body.scope is None else request_parsing.scope_name(body.scope, ("body", "scope"))
    request = MessageSearch(workspace_id, body.query, body.limit, scope=scope, filters=body.filters)
    return await message_search.search_messages(context, request, rerank=body.rerank, explain=body.explain)


async def recall(context: Context, *, workspace_id: str, body: models.RecallOptions) -> models.Recall:
    """Return the conclusions and messages that match the query, within a budget of tokens."""
    await request_parsing.check_query(context, body.query)
    await memory_access.check_named(context, workspace_id, body.peer_id, body.session_id)
    request = recollection.RecallRequest(
        workspace_id,
        body.query,
        body.max_tokens,
        body.peer_id,
        body.session_id,
        provenance.reach(context),
        auth.reader(context.principal),
    )
    found = await recollection.recall(context.services, request)
    return models.Recall(
        text=found.text,
        token_count=found.token_count,
        conclusions=serializers.found_conclusions(found.conclusions, None),
        messages=serializers.found_messages(found.messages, None),
        changes=[
            models.MessageChange(
                message_id=each.message_id, kind=each.kind, at=clock.from_micros(each.at), content=each.content
            )
            for each in found.changes
        ],
    )


async def remember(
    context: Context,
    *,
    workspace_id: str,
    body: models.RememberOptions,
    idempotency_key: str | None = None,
) -> models.Remembered:
    """Store messages of a session, and facts as conclusions of their peers about themselves."""
    session_id = body.session_id or context.principal.session
    if context.principal.peer is not None or context.principal.session not in (None, session_id):
        raise Unauthorized(auth.NOT_PERMITTED)
    if body.facts and context.principal.session is not None:
        raise Unauthorized(auth.NOT_PERMITTED)
    if not body.messages and not body.facts:
        raise InvalidFields([FieldError(("body", "messages"), "Value error, give messages, facts, or both")])
    if body.messages and session_id is None:
        raise InvalidFields([FieldError(("body", "session_id"), "Value error, messages need a session_id")])
    facts = await request_parsing.facts(context, body.facts)
    new = await request_parsing.new_messages(context, body.messages)
    idempotency = await request_parsing.idempotency(context, idempotency_key, body)
    batch = None if session_id is None or not new else MessageBatch(workspace_id, session_id, new, idempotency)
    request = RememberRequest(workspace_id, batch, facts, auth.name_of(context.principal))
    stored = await memorization.remember(context.services, request)
    counts = await context.store.read(job_stats.status, workspace_id, clock.now())
    return models.Remembered(
        message_ids=[each.id for each in stored.messages],
        conclusion_ids=stored.conclusion_ids,
        pending_work_units=sum(each.pending + each.in_progress for each in counts.values()),
    )


async def get_context(context: Context, *, workspace_id: str, body: models.ContextOptions) -> models.ContextText:
    """Return as one text what is known about a peer, and of a session its summary and newest messages."""
    await request_parsing.check_query(context, body.query or "")
    session_id = body.session_id or context.principal.session
    if body.peer_id is None and session_id is None:
        raise InvalidFields([FieldError(("body", "peer_id"), "Value error, give a peer_id, a session_id, or both")])
    await memory_access.check_named(context, workspace_id, body.peer_id, session_id)
    selection = None if body.peer_id is None else memory_access.of_caller(context, workspace_id, body.peer_id)
    if selection is not None and body.query:
        selection = replace(selection, search_query=body.query)
    request = ContextRequest(workspace_id, body.max_tokens, session_id, selection)
    found = await memory_context(context.services, request)
    return models.ContextText(text=found.text, token_count=found.token_count)


async def chat_workspace(
    context: Context,
    *,
    workspace_id: str,
    body: models.WorkspaceDialecticOptions,
) -> models.DialecticResponse | AsyncIterator[bytes]:
    """Answer a question from what is known in the whole workspace."""
    return await chat.answered(context, await chat.about_workspace(context, workspace_id, body), body)


async def get_queue_status(
    context: Context,
    *,
    workspace_id: str,
    query: parameters.GetQueueStatusQuery,
) -> models.QueueStatus:
    """Return the counts of background work: in total and, unless one session is given, by session."""
    auth.may_ask_for(context.principal, query.session_id)
    session_id = query.session_id or None
    counts = await context.store.read(
        job_stats.status,
        workspace_id,
        clock.now(),
        observer=query.observer_id or None,
        observed=query.sender_id or None,
        session=session_id,
    )
    if any(each.pending for each in counts.values()):
        await _hasten(context, workspace_id, session_id)
    paused_until = await context.store.read(_paused_until, workspace_id)
    return serializers.queue_status(counts, by_session=not query.session_id, paused_until=paused_until)


def _paused_until(db: Transaction, workspace_id: str) -> int | None:
    workspace = workspaces.pk_of(db, workspace_id)
    return None if workspace is None else budgets.paused_until(db, workspace, clock.now())


async def _hasten(context: Context, workspace_id: str, session_id: str | None) -> None:
    """Let messages be gathered no longer, for a model, if the caller waits for them."""
    if not (context.settings.model and context.services.pollers.is_waiting((workspace_id, session_id))):
        return
    within = {"workspace_id": workspace_id, "session_id": session_id}
    if await context.store.write(waiting_units.hasten, clock.now(), **within):
        context.services.wake_worker()


async def schedule_dream(context: Context, *, workspace_id: str, body: models.ScheduleDreamRequest) -> None:
    """Enqueue a dream that is due now."""
    if not context.settings.dream_enabled:
        raise BadRequest("Dreams are not enabled in the system configuration")
    observed, session_id = body.observed or body.observer, body.session_id or None
    dream = DreamPayload(body.observer, observed, session_id, body.dream_type, body.rebuild)
    await context.store.write(dreams.request, workspace_id, dream, clock.now())
    context.services.wake_worker()


async def get_usage(context: Context, *, workspace_id: str, query: parameters.GetUsageQuery) -> models.Usage:
    """Return what models used for the workspace, and its budget."""
    now = clock.now()
    last = _day("until", query.until, usage.day_of(now))
    first = _day("since", query.since, last - USUAL_DAYS + 1)
    if not 0 <= last - first < MOST_DAYS:
        fault = f"Value error, since must be at most {MOST_DAYS - 1} days before until, and not after it"
        raise InvalidFields([FieldError(("query", "since"), fault)])
    usual = context.settings.workspace_tokens_per_day
    return serializers.usage(*await context.store.read_offloaded(_usage, workspace_id, (first, last), usual, now))


def _usage(
    db: Transaction, workspace_id: str, days: tuple[int, int], usual: int, now: int
) -> tuple[BudgetState, list[DailyUsage]]:
    workspace = workspaces.existing(db, workspace_id)
    return budgets.state(db, workspace, usual, now), model_usage.of_workspace(db, workspace, *days)


def _day(name: str, given: str | None, usual: int) -> int:
    """A date of the query as a number of days since 1970. Raises InvalidFields."""
    if given is None:
        return usual
    try:
        return date.fromisoformat(given).toordinal() - EPOCH
    except ValueError:
        raise InvalidFields([FieldError(("query", name), "Value error, not a date", input=given)]) from None


async def _change(context: Context, workspace_id: str, body: models.WorkspaceCreate | models.WorkspaceUpdate) -> Change:
    """The requested change. Raises Unauthorized if it would change the budget without an admin key."""
    change = request_parsing.change(context, body)
    if change.configuration and BUDGET in change.configuration and not context.principal.admin:
        auth.may_name_workspace(context.principal, workspace_id)
        before = await context.store.read(budgets.configured, workspace_id)
        if merge_config({BUDGET: before}, {BUDGET: change.configuration[BUDGET]}).get(BUDGET, {}) != before:
            raise Unauthorized("The budget of a workspace requires an admin key")
    return change


async def get_overview(context: Context, *, workspace_id: str) -> models.WorkspaceOverview:
    """Count what the workspace holds."""
    return inspection.overview(await context.store.read_offloaded(overview.read, workspace_id, clock.now()))


async def list_jobs(
    context: Context,
    *,
    workspace_id: str,
    query: parameters.ListJobsQuery,
    body: models.JobGet | None = None,
) -> models.PageJob:
    """Return a page of the workspace's jobs."""
    request = PageRequest(query.page, query.size, query.reverse)
    state = None if body is None else body.state
    found = await context.store.read_offloaded(workspace_jobs.page, workspace_id, state, clock.now(), request)
    return inspection.jobs_page(found)


async def retry_jobs(context: Context, *, workspace_id: str, body: models.JobRetry | None = None) -> models.JobCount:
    """Make jobs that were given up due again."""
    ids = None if body is None or body.ids is None else [each.root for each in body.ids]
    count = await context.store.write(workspace_jobs.retry, workspace_id, ids, clock.now())
    context.services.wake_worker()
    return models.JobCount(count=count)


async def flush_queue(context: Context, *, workspace_id: str) -> models.JobCount:
    """Let messages be gathered no longer."""
    count = await context.store.write(workspace_jobs.flush, workspace_id, clock.now())
    context.services.wake_worker()
    return models.JobCount(count=count)


async def get_observers(
    context: Context,
    *,
    workspace_id: str,
    query: parameters.GetObserversQuery,
) -> models.ObserverGraph:
    """Return who holds conclusions about whom."""
    found = await context.store.read_offloaded(
        observer_graph.read, workspace_id, query.limit, query.query or None, query.peer_id or None
    )
    return inspection.observers(found)


async def export_workspace(context: Context, *, workspace_id: str) -> AsyncIterator[bytes]:
    """Export the workspace."""
    seconds = context.settings.export_seconds
    pieces = stream.export(context.store, workspace_id, program=version("omoide"), seconds=seconds)
    return Download(pieces, workspace_id, ".jsonl")


async def get_workspace(context: Context, *, workspace_id: str) -> models.Workspace:
    """Return the workspace."""
    return serializers.workspace(await context.store.read(workspaces.get, workspace_id))


async def search_memory(
    context: Context,
    *,
    workspace_id: str,
    body: models.MemorySearchOptions,
) -> models.MemorySearchResult:
    """Return the messages and the conclusions that match the query best."""
    said = MessageSearch(
        workspace_id,
        body.query,
        body.message_limit,
        body.session_id,
        body.peer_id,
        filters=request_parsing.move_under_and(body.message_filters, "peer_id", "session_id"),
    )
    known = ConclusionSearch(
        workspace_id,
        body.query,
        body.conclusion_top_k,
        observed_id=body.peer_id,
        sessions=None if body.session_id is None else (body.session_id,),
        filters=body.conclusion_filters,
    )
    return models.MemorySearchResult(
        messages=await message_search.search_messages(context, said, rerank=None, explain=None),
        conclusions=await conclusion_search.search_conclusions(context, known, rerank=None, explain=None),
    )
