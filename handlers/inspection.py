"""Responses of the operations that look at a workspace: overview."""

from __future__ import annotations

from omoide.core.clock import from_micros
from omoide.generated import models
from omoide.storage.overview import Overview


def overview(workspace_id: str, found: Overview) -> models.WorkspaceOverview:
    last_message, last_conclusion = found.last_message_at, found.last_conclusion_at
    return models.WorkspaceOverview(
        workspace_id=workspace_id,
        created_at=from_micros(found.created_at),
        peers=found.peers,
        sessions=found.sessions,
        messages=found.messages,
        conclusions=found.conclusions,
        ended_conclusions=found.ended_conclusions,
        approximate=found.approximate,
        last_message_at=None if last_message is None else from_micros(last_message),
        last_conclusion_at=None if last_conclusion is None else from_micros(last_conclusion),
        queue=models.JobCounts(**found.queue._asdict()),
    )
