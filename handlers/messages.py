"""The operations of the tag `messages`."""

from __future__ import annotations

from omoide.core import auth, clock
from omoide.core.records import MessageBatch, PageRequest
from omoide.generated import models, parameters
from omoide.handlers import pagination, provenance, request_parsing, serializers, uploads
from omoide.handlers.context import Context
from omoide.services import derivation, ingest
from omoide.storage import message_deletion, messages


async def create_messages_for_session(
    context: Context,
    *,
    workspace_id: str,
    session_id: str,
    body: models.MessageBatchCreate,
    idempotency_key: str | None = None,
) -> list[models.Message]:
    """Store messages; return them in the order of the request."""
    new = await request_parsing.new_messages(context, body.messages)
    idempotency = await request_parsing.idempotency(context, idempotency_key, body)
    batch = MessageBatch(workspace_id, session_id, new, idempotency)
    return serializers.messages(await ingest.add_messages(context.services, batch, auth.name_of(context.principal)))


async def get_messages(
    context: Context,
    *,
    workspace_id: str,
    session_id: str,
    query: parameters.GetMessagesQuery,
    body: models.MessageGet | None = None,
) -> models.PageMessage:
    """Return a page of the session's messages."""
    request = PageRequest(query.page, query.size, bool(query.reverse))
    return serializers.messages_page(
        await pagination.read(context, body, messages.page, workspace_id, session_id, request)
    )


async def get_message(context: Context, *, workspace_id: str, session_id: str, message_id: str) -> models.Message:
    """Return one message."""
    return serializers.message(await context.store.read(messages.get, workspace_id, session_id, message_id))


async def get_message_conclusions(
    context: Context, *, workspace_id: str, session_id: str, message_id: str
) -> models.MessageConclusions:
    """Return what was derived from a message, or why nothing was."""
    asked = (workspace_id, session_id, message_id, provenance.reach(context))
    return provenance.message_conclusions(await derivation.of_message(context.services, *asked))


async def update_message(
    context: Context, *, workspace_id: str, session_id: str, message_id: str, body: models.MessageUpdate
) -> models.Message:
    """Replace the message's metadata."""
    metadata = request_parsing.metadata(context, body.metadata)
    return serializers.message(
        await context.store.write(messages.update, workspace_id, session_id, message_id, metadata)
    )


async def create_messages_with_file(
    context: Context,
    *,
    workspace_id: str,
    session_id: str,
    body: parameters.CreateMessagesWithFileForm,
) -> list[models.Message]:
    """Store the file's text as messages; return them in the order of the text."""
    async with uploads.turn():
        pieces = await uploads.pieces(context, body.file)
        described = uploads.template(context, body)
        batch = MessageBatch(workspace_id, session_id, uploads.messages(described, pieces))
        stored = await ingest.add_messages(context.services, batch, auth.name_of(context.principal))
    return await serializers.many_messages(stored)


async def delete_message(context: Context, *, workspace_id: str, session_id: str, message_id: str) -> None:
    """Delete one message and what came only from it."""
    defaults = context.services.policy.defaults
    await context.store.write(
        message_deletion.delete, workspace_id, session_id, message_id, clock.now(), defaults=defaults
    )
    context.services.wake_worker()
