"""Responses of the operations that look at a workspace or the server: overview, jobs, observers, timeline, settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr
from pydantic_core import to_jsonable_python

from omoide.core.clock import from_micros
from omoide.core.records import Message, Page
from omoide.core.redaction import redact_secrets
from omoide.core.settings import PREFIX, Settings
from omoide.generated import models
from omoide.handlers import serializers
from omoide.handlers.serializers import instant
from omoide.services.observer_graph import Graph
from omoide.services.timeline import Timeline, TimelineEvent
from omoide.storage.overview import Overview
from omoide.storage.session_overview import SessionOverview
from omoide.storage.summaries import LONG, SHORT
from omoide.storage.workspace_jobs import Wait, WaitReason, WorkspaceJob

_DETAILS: Mapping[WaitReason, str] = {
    "worker": "It is due, and runs when a worker is free and the turn of the workspace has come.",
    "more_messages": "Messages are gathered until nothing was said for a while.",
    "schedule": "It is to run later.",
    "retry": "The last attempt failed; the next one follows.",
    "budget": "The workspace has spent its budget of tokens for today.",
    "order": "It follows another job about the same.",
}

EVENT_CHARACTERS = 300
"""Of a message or conclusion in a timeline."""


def overview(found: Overview) -> models.WorkspaceOverview:
    return models.WorkspaceOverview(
        workspace_id=found.workspace.id,
        created_at=from_micros(found.workspace.created_at),
        metadata=found.workspace.metadata,
        configuration=found.workspace.configuration,
        peers=found.peers,
        sessions=found.sessions,
        messages=found.messages,
        conclusions=found.conclusions,
        ended_conclusions=found.ended_conclusions,
        approximate=found.approximate,
        last_message_at=instant(found.last_message_at),
        last_conclusion_at=instant(found.last_conclusion_at),
        queue=models.JobCounts(**found.queue._asdict()),
    )


def session_overview(found: SessionOverview) -> models.SessionOverview:
    return models.SessionOverview(
        id=found.session.id,
        created_at=from_micros(found.session.created_at),
        metadata=found.session.metadata,
        configuration=found.session.configuration,
        peers=[
            models.SessionOverviewPeer(id=id, observe_me=flags.observe_me, observe_others=flags.observe_others)
            for id, flags in found.peers.items()
        ],
        total_peers=found.total_peers,
        messages=found.messages,
        last_message_at=instant(found.last_message_at),
        short_summary=serializers.summary(found.summaries.get(SHORT)),
        long_summary=serializers.summary(found.summaries.get(LONG)),
    )


def jobs_page(page: Page[WorkspaceJob]) -> models.PageJob:
    return models.PageJob(items=[*map(_job, page.items)], **serializers.page_counts(page))


def _job(record: WorkspaceJob) -> models.Job:
    return models.Job(
        id=record.pk,
        kind=record.kind,
        state=record.state,
        observer_ids=[*record.observer_ids],
        observed_id=record.observed_id,
        session_id=record.session_id,
        messages=record.messages,
        attempts=record.attempts,
        error=record.error and redact_secrets(record.error),
        created_at=from_micros(record.created_at),
        due_at=from_micros(record.due_at),
        waits_for=record.wait and _wait(record.wait),
    )


def _wait(wait: Wait) -> models.JobWait:
    return models.JobWait(reason=wait.reason, detail=_DETAILS[wait.reason], until=instant(wait.until))


def observers(graph: Graph) -> models.ObserverGraph:
    names = graph.names
    return models.ObserverGraph(
        peers=[
            models.ObserverGraphPeer(peer_id=names[peer], conclusions_held=held, conclusions_about=about)
            for peer, held, about in graph.peers
        ],
        pairs=[
            models.ObserverGraphPair(observer_id=names[observer], observed_id=names[observed], conclusions=count)
            for observer, observed, count in graph.pairs
        ],
        total_peers=graph.total_peers,
        total_pairs=graph.total_pairs,
        total_conclusions=graph.total_conclusions,
        truncated=graph.is_cut,
    )


def timeline(observer_id: str, found: Timeline) -> models.Timeline:
    since, until = found.interval or (None, None)
    return models.Timeline(
        observer_id=observer_id,
        since=instant(since),
        until=instant(until),
        buckets=[models.TimelineBucket(at=from_micros(each.at), **each.counts) for each in found.buckets],
        events=[*map(_timeline_event, found.events)],
        next=found.following,
        approximate=found.is_cut,
    )


def _timeline_event(event: TimelineEvent) -> models.TimelineEvent:
    subject = event.subject
    message_id = conclusion_id = replaced_by = None
    if isinstance(subject, Message):
        message_id = subject.id
    else:
        conclusion_id = subject.id
        if event.kind == "learned":
            message_id = next(iter(subject.message_ids), None)
        else:
            replaced_by = subject.successor
    return models.TimelineEvent(
        kind=event.kind,
        at=from_micros(event.at),
        text=subject.content[:EVENT_CHARACTERS],
        message_id=message_id,
        conclusion_id=conclusion_id,
        session_id=subject.session_id,
        replaced_by=replaced_by,
    )


def settings(in_force: Settings) -> models.SettingList:
    return models.SettingList(
        items=[
            models.Setting(
                name=name,
                variable=f"{PREFIX}{name.upper()}",
                group=in_force.group(name),
                value=_shown(getattr(in_force, name)),
                default=_shown(field.default),
                description=field.description or "",
                source=in_force.source(name),
                secret=isinstance(field.default, SecretStr),
            )
            for name, field in Settings.model_fields.items()
        ]
    )


def _shown(value: object) -> Any:
    """The value as JSON, without secrets."""
    return None if isinstance(value, SecretStr) else _redacted(to_jsonable_python(value))


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return redact_secrets(value)
    if isinstance(value, list):
        return [*map(_redacted, value)]
    return {name: _redacted(each) for name, each in value.items()} if isinstance(value, dict) else value
