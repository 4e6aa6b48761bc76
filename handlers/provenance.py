"""Where conclusions come from, and what came from messages: requests and responses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from omoide.core.clock import from_micros
from omoide.core.records import Message, PendingJob
from omoide.generated import models
from omoide.handlers import serializers
from omoide.handlers.context import Context
from omoide.services.conclusion_events import ConclusionEvent, events
from omoide.services.derivation import Derivation
from omoide.storage.conclusion_consequences import Consequence
from omoide.storage.conclusion_history import Version, VersionHistory
from omoide.storage.conclusion_reach import Reach
from omoide.storage.conclusion_sources import SourceNode


def reach(context: Context) -> Reach:
    """What the caller's key may read."""
    return Reach(context.principal.peer, context.principal.session)


def sources(node: SourceNode) -> models.ConclusionSources:
    return models.ConclusionSources(
        conclusion=serializers.conclusion(node.conclusion),
        messages=[*map(_message, node.messages)],
        sources=[*map(sources, node.sources)],
        merged=[*map(sources, node.merged)],
        repeated=node.is_repeated,
        truncated=node.is_cut,
    )


def consequences(node: Consequence, lines: Mapping[str, Sequence[str]]) -> models.ConclusionConsequences:
    record = node.conclusion
    below = [consequences(each, lines) for each in node.derived]
    return models.ConclusionConsequences(
        conclusion=serializers.conclusion(record),
        consequences=[each for each in below if each.conclusion.level != "contradiction"],
        contradictions=[each for each in below if each.conclusion.level == "contradiction"],
        merged_into=None if node.merged_into is None else consequences(node.merged_into, lines),
        card_lines=[
            models.DependentCardLine(observer_id=record.observer_id, observed_id=record.observed_id, line=line)
            for line in lines.get(record.id, ())
        ],
        repeated=node.is_repeated,
        truncated=node.is_cut,
    )


def _message(record: Message) -> models.SourceMessage:
    return models.SourceMessage(
        id=record.id,
        content=record.content,
        peer_id=record.peer_id,
        session_id=record.session_id,
        created_at=from_micros(record.created_at),
    )


def history(found: VersionHistory) -> models.ConclusionHistory:
    return models.ConclusionHistory(versions=[*map(_version, found.versions)], truncated=found.is_cut)


def _version(version: Version) -> models.ConclusionVersion:
    return models.ConclusionVersion(
        conclusion=serializers.conclusion(version.conclusion), events=[*map(_event, events(version))]
    )


def _event(event: ConclusionEvent) -> models.ConclusionEvent:
    return models.ConclusionEvent(
        kind=event.kind,
        at=from_micros(event.at),
        message_ids=[*event.message_ids],
        conclusion_ids=[*event.conclusion_ids],
        reason=event.reason,
    )


def message_conclusions(found: Derivation) -> models.MessageConclusions:
    return models.MessageConclusions(
        status=found.status,
        reason=found.reason,
        conclusions=[*map(serializers.conclusion, found.conclusions)],
        job=None if found.job is None else _job(found.job),
        observers=[*found.observers],
    )


def _job(job: PendingJob) -> models.MessageJob:
    return models.MessageJob(
        id=job.pk, state=job.state, attempts=job.attempts, due_at=from_micros(job.due_at), error=job.error
    )
