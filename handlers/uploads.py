"""An upload form → messages to store. How a file becomes text stands in `omoide/uploads.py`."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import UploadFile

from generated import models
from handlers import requests
from handlers.context import Context
from omoide import clock, uploads
from omoide.errors import FieldFault, InvalidFields, TooLarge
from omoide.records import Json, NewMessage

MESSAGE_CHARACTERS = 25_000
"""The longest message: where the text of a file is cut."""

_READERS = ThreadPoolExecutor(2, "upload")
"""Files are read by these threads alone, so that slow ones keep nobody waiting but one another."""

_OBJECT: TypeAdapter[Json] = TypeAdapter(Json)
_CONFIGURATION = TypeAdapter(models.MessageConfiguration)


async def texts(context: Context, file: UploadFile) -> list[str]:
    """The text of the file in pieces that fit into messages.

    Raises TooLarge, and what `uploads.pieces` raises. Reading a file takes a thread and not the event loop.
    """
    limit = context.settings.max_upload_bytes
    data = await file.read(limit + 1)
    if len(data) > limit:
        raise TooLarge(f"File size ({file.size} bytes) exceeds maximum allowed size ({limit} bytes)")
    pieces = partial(uploads.pieces, data, file.content_type, file.filename, limit=MESSAGE_CHARACTERS)
    return await asyncio.get_running_loop().run_in_executor(_READERS, pieces)


def template(
    context: Context, peer_id: str, metadata: str | None, configuration: str | None, created_at: str | None
) -> NewMessage:
    """The message that the form describes, without its content.

    What is not JSON, or not an instant, counts as not given, because clients rely on that. Raises InvalidFields for
    JSON of the wrong kind and for metadata and instructions beyond their limits.
    """
    given = _checked("configuration", _parsed(configuration), _CONFIGURATION)
    return NewMessage(
        peer_id=peer_id,
        content="",
        metadata=requests.metadata(_checked("metadata", _parsed(metadata), _OBJECT)) or {},
        token_count=0,
        created_at=_micros(created_at),
        configuration=requests.configuration(context, given),
    )


def _parsed(text: str | None) -> Any:
    try:
        return None if text is None else orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _checked(field: str, value: Any, adapter: TypeAdapter[Any]) -> Any:
    if value is None:
        return None
    try:
        return adapter.validate_python(value, strict=True)
    except ValidationError as error:
        found = [FieldFault(("body", field, *fault["loc"]), fault["msg"], fault["type"]) for fault in error.errors()]
        raise InvalidFields(found) from None


def _micros(text: str | None) -> int | None:
    try:
        if text is None:
            return None
        microseconds = clock.micros(datetime.fromisoformat(text))
        clock.instant(microseconds)  # an offset may lead out of the years 1 to 9999
        return microseconds
    except (ValueError, OverflowError):
        return None
