"""Convert an upload form to messages. `omoide/text_extraction/extractor.py` extracts the text."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from functools import partial
from typing import Any

from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import UploadFile

from omoide.core import clock, json_codec
from omoide.core.errors import FieldError, InvalidFields, TooLarge
from omoide.core.json_limits import too_large
from omoide.core.offload import offload
from omoide.core.records import Json, NewMessage
from omoide.fairness.fair_queue import FairSemaphore
from omoide.generated import models, parameters
from omoide.handlers import request_parsing
from omoide.handlers.context import Context
from omoide.services.spoken_messages import MESSAGE_CHARACTERS, spoken_messages
from omoide.text_extraction import extractor
from omoide.text_extraction.chats.speakers import peer_ids

AT_A_TIME = 2
"""Uploads that a process handles concurrently, in memory, until their messages are stored. Others wait on disk."""

_turns = FairSemaphore(AT_A_TIME)

_OBJECT: TypeAdapter[Json] = TypeAdapter(Json)
_CONFIGURATION = TypeAdapter(models.MessageConfiguration)
_INSTANT = TypeAdapter(datetime)


def turn() -> AbstractAsyncContextManager[None]:
    """Wait for one of the `AT_A_TIME` slots; callers take turns."""
    return _turns.turn()


async def pieces(context: Context, file: UploadFile) -> list[extractor.Piece]:
    """The text of the file in pieces that fit into messages, extracted off the event loop.

    Call it within `turn`. Raises TooLarge, and what `extractor.pieces` raises.
    """
    limit = context.settings.max_upload_bytes
    data = await file.read(limit + 1)
    if len(data) > limit:
        raise TooLarge(f"File size ({file.size} bytes) exceeds maximum allowed size ({limit} bytes)")
    extract = partial(extractor.pieces, data, file.content_type, file.filename, limit=MESSAGE_CHARACTERS)
    return await offload(extract)


def messages(described: NewMessage, pieces: Sequence[extractor.Piece]) -> list[NewMessage]:
    """The messages of a file, as `described`; of a conversation, each by its speaker and at its time."""
    speakers = peer_ids(described.peer_id, {piece.turn.speaker for piece in pieces if piece.turn is not None})
    return spoken_messages(described, pieces, speakers)


def template(context: Context, form: parameters.CreateMessagesWithFileForm) -> NewMessage:
    """The message that the form describes, without its content.

    Fields that are not JSON are ignored, because clients rely on that. Raises InvalidFields for JSON of the wrong type,
    for metadata and instructions beyond their limits, and for an invalid timestamp.
    """
    limit = context.settings.max_metadata_bytes
    metadata = _checked("metadata", _parsed("metadata", form.metadata, limit), _OBJECT)
    said_at = _instant(form.created_at)
    given = _checked("configuration", _parsed("configuration", form.configuration, limit), _CONFIGURATION)
    return NewMessage(
        peer_id=form.peer_id,
        content="",
        metadata=request_parsing.metadata(context, metadata) or {},
        token_count=0,
        created_at=None if said_at is None else request_parsing.said_at_micros(said_at, ("body", "created_at")),
        configuration=request_parsing.configuration(context, given),
        utc_offset=None if said_at is None else clock.utc_offset(said_at),
    )


def _parsed(field: str, text: str | None, most: int) -> Any:
    if text is None:
        return None
    if len(text) > request_parsing.LONGEST_ESCAPE * most:  # too large however it is escaped
        raise too_large(len(text), most, ("body", field), field.capitalize())
    try:
        return json_codec.loads(json_codec.repair_surrogates(text.encode()))
    except json_codec.DuplicateKeys as fault:
        raise InvalidFields([FieldError(("body", field), f"Value error, {fault}")]) from None
    except ValueError:
        return None


def _checked(field: str, value: Any, adapter: TypeAdapter[Any]) -> Any:
    if value is None:
        return None
    try:
        return adapter.validate_python(value, strict=True)
    except ValidationError as error:
        raise _invalid(field, error) from None


def _invalid(field: str, error: ValidationError) -> InvalidFields:
    return InvalidFields(
        [FieldError(("body", field, *fault["loc"]), fault["msg"], fault["type"]) for fault in error.errors()]
    )


def _instant(text: str | None) -> datetime | None:
    """Parse a timestamp: the formats of MessageCreate, and other forms of ISO 8601.

    Raises InvalidFields.
    """
    if text is None:
        return None
    try:
        return _INSTANT.validate_python(text)
    except ValidationError as refusal:
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            raise _invalid("created_at", refusal) from None
