"""Handlers without a store: 100 messages in a request, and a page of 50 in a response.

The remaining cost per message is that of JSON parsing, validation, models, records and JSON serialization.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from benchmarks.one_operation import CREATED_AT
from benchmarks.workloads import batch
from omoide.core.clock import to_micros
from omoide.core.records import Message, Page, PageRequest
from omoide.generated import models, parameters
from omoide.handlers import serializers

SESSION = "/v3/workspaces/{workspace_id}/sessions/{session_id}/messages"
LIST = f"{SESSION}/list"
TAG = "many_messages"
SENT = 100
LISTED = 50
BODY = orjson.dumps(batch(SENT))


def records(said: Sequence[models.MessageCreate], workspace_id: str, session_id: str) -> list[Message]:
    """Message records as the store returns them."""
    return [
        Message(
            f"V1StGXR8_Z5jdHi6B-{number:03}",
            session_id,
            workspace_id,
            message.peer_id,
            message.content,
            message.metadata or {},
            17,
            to_micros(CREATED_AT),
        )
        for number, message in enumerate(said)
    ]


STORED = records(models.MessageBatchCreate.model_validate(batch(LISTED)).messages, "demo", "first")


async def create_messages_for_session(
    _: object,
    *,
    workspace_id: str,
    session_id: str,
    body: models.MessageBatchCreate,
    idempotency_key: str | None = None,
) -> list[models.Message]:
    """The handler, called by the contract."""
    return serializers.messages(records(body.messages, workspace_id, session_id))


async def get_messages(
    _: object,
    *,
    workspace_id: str,
    session_id: str,
    query: parameters.GetMessagesQuery,
    body: models.MessageGet | None = None,
) -> models.PageMessage:
    """The handler, called by the contract."""
    return serializers.messages_page(
        Page(STORED, LISTED * 20, PageRequest(query.page, query.size, bool(query.reverse)))
    )
