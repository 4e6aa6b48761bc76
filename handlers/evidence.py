"""Convert the evidence of an answer to generated models."""

from __future__ import annotations

from omoide.core.clock import from_micros
from omoide.core.records import Conclusion, Message
from omoide.generated import models
from omoide.reasoner.evidence import Evidence, excerpt


def response(found: Evidence, most: int | None = None, *, quotes_known: bool = False) -> models.Evidence:
    """Evidence sorted by when it was said, then by id; tool calls in call order.

    With `most`, at most as many conclusions and messages: if it is known what the answer quotes, only that.
    """
    known, said = [*found.conclusions.values()], [*found.messages.values()]
    if most is not None and (quotes_known or found.quoted):
        known, said = _quoted(found)
    conclusions = sorted(known[:most], key=lambda record: (record.said_at, record.id))
    messages = sorted(said[:most], key=lambda record: (record.created_at, record.id))
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


def _quoted(found: Evidence) -> tuple[list[Conclusion], list[Message]]:
    """What the answer quotes, and then conclusions from quoted messages."""
    quoted = found.quoted.keys()
    known = [each for each in found.conclusions.values() if each.id in quoted]
    known += [
        each for each in found.conclusions.values() if each.id not in quoted and not quoted.isdisjoint(each.message_ids)
    ]
    return known, [each for each in found.messages.values() if each.id in quoted]


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
