"""Convert the evidence of an answer to generated models."""

from __future__ import annotations

from omoide.core.clock import from_micros
from omoide.core.records import Conclusion
from omoide.generated import models
from omoide.reasoner.evidence import Evidence, excerpt


def response(found: Evidence) -> models.Evidence:
    """Evidence sorted by when it was said, then by id; tool calls in call order."""
    conclusions = sorted(found.conclusions.values(), key=lambda record: (record.said_at, record.id))
    messages = sorted(found.messages.values(), key=lambda record: (record.created_at, record.id))
    return models.Evidence(
        conclusions=[_conclusion(record, quoted=record.id in found.quoted) for record in conclusions],
        messages=[
            models.EvidenceMessageRef(
                id=record.id,
                session_id=record.session_id,
                peer_id=record.peer_id,
                created_at=from_micros(record.created_at),
                content=excerpt(record.content, found.quoted.get(record.id, "")),
                quoted=record.id in found.quoted,
            )
            for record in messages
        ],
        tool_calls=[
            models.EvidenceToolCall(tool_name=call.tool_name, tool_input=call.tool_input) for call in found.tool_calls
        ],
    )


def _conclusion(record: Conclusion, *, quoted: bool) -> models.EvidenceObservation:
    """A conclusion as evidence: dated by when it was said; sources only if it is not explicit."""
    sources = () if record.level == "explicit" else record.source_ids or ()
    return models.EvidenceObservation(
        id=record.id,
        level=record.level,
        content=record.content,
        created_at=from_micros(record.said_at),
        session_id=record.session_id,
        observer_id=record.observer_id,
        observed_id=record.observed_id,
        source_ids=[*sources],
        message_ids=record.message_ids,
        quoted=quoted,
    )
