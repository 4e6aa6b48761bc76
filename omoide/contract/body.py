"""Read request bodies: size limits, strict JSON, and forms with files.

The limit applies to the declared size and while bytes arrive, so an oversized body is refused before it is buffered.
JSON is parsed by `json_codec`; the error message and position come from Python's parser, because clients know those.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from starlette.datastructures import FormData, Headers
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.types import Receive, Scope

from omoide.contract import large_bodies
from omoide.contract.errors import BodyTooLarge, Invalid, Malformed, WrongEncoding
from omoide.core import json_codec

UNREADABLE = "There was an error parsing the body"


SPOOLED_BYTES = 262_144
"""A larger file is spooled to disk instead of memory."""


class Disconnected(Exception):
    """The client disconnected before its request was complete. The response is discarded."""


class _Cut(MultiPartException):
    """Aborts the form parser, which then closes its open files."""

    def __init__(self, reason: BodyTooLarge | Disconnected) -> None:
        super().__init__("cut")
        self.reason = reason


async def read(headers: Mapping[bytes, bytes], receive: Receive, limit: int) -> bytes:
    """Read the body. Raises WrongEncoding, BodyTooLarge beyond `limit` bytes, and Disconnected."""
    refuse_declared(headers, limit)
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        body: bytes = message.get("body", b"")
        if len(body) > limit:
            raise BodyTooLarge(limit)
        return body
    parts, size = [], 0
    while message["type"] == "http.request":
        parts.append(part := message.get("body", b""))
        size += len(part)
        if size > limit:
            raise BodyTooLarge(limit)
        if not message.get("more_body", False):
            return b"".join(parts)
        message = await receive()
    raise Disconnected


def refuse_declared(headers: Mapping[bytes, bytes], limit: int) -> None:
    """Raise WrongEncoding or BodyTooLarge if the headers show it. Compressed bodies are refused: no zip bombs."""
    if (encoding := headers.get(b"content-encoding")) and encoding.strip().lower() != b"identity":
        raise WrongEncoding(encoding.decode("latin-1"))
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and int(declared) > limit:
        raise BodyTooLarge(limit)


def is_json(content_type: str) -> bool:
    media = content_type.partition(";")[0].strip().lower()
    return media == "application/json" or (media.startswith("application/") and media.endswith("+json"))


async def read_json(body: bytes) -> Any:
    """Like `parse_json`, without blocking the event loop. Raises TooManyValues as well."""
    if len(body) <= large_bodies.LARGE_BYTES:
        return parse_json(body)
    await large_bodies.admit(body)
    async with large_bodies.turn():
        try:
            return json_codec.loads(body)
        except ValueError:  # repairing and explaining are slow and rare
            return await asyncio.to_thread(parse_json, body)


def parse_json(body: bytes) -> Any:
    """Parse JSON. Raises Malformed if it is not UTF-8 and Invalid (`json_invalid`) if it is not JSON.

    Non-finite numbers are refused. An escaped lone surrogate is read as U+FFFD, in keys too. The last of duplicate keys
    wins.
    """
    body = body.removeprefix(b"\xef\xbb\xbf")
    try:
        return json_codec.loads(body)
    except ValueError as refusal:
        try:
            repaired = json_codec.repair_surrogates(body)
        except json_codec.DuplicateKeys as fault:
            raise _not_json(0, str(fault)) from None
        if repaired != body:
            return parse_json(repaired)
        raise _explain(body, refusal) from None


def _explain(body: bytes, refusal: ValueError) -> Invalid | Malformed:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return Malformed(UNREADABLE)
    too_much = "The value is nested too deeply or a number is too long"
    position, reason = getattr(refusal, "pos", 0), getattr(refusal, "msg", too_much)
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        position, reason = error.pos, error.msg
    except (RecursionError, ValueError):
        reason = too_much
    return _not_json(position, reason)


def _not_json(position: int, reason: str) -> Invalid:
    fault = {"type": "json_invalid", "loc": ["body", position], "msg": "JSON decode error", "input": {}}
    return Invalid([{**fault, "ctx": {"error": reason}}])


async def read_form(
    scope: Scope, headers: Mapping[bytes, bytes], receive: Receive, limit: int, *, fields: int
) -> FormData:
    """Read a multipart form of at most `fields` fields; the caller closes it. Large files are spooled to disk.

    Raises WrongEncoding, BodyTooLarge beyond `limit` bytes, Malformed if the form cannot be parsed, Disconnected if the
    client disconnects.
    """
    refuse_declared(headers, limit)

    async def chunks() -> AsyncGenerator[bytes, None]:
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                raise _Cut(Disconnected())
            part: bytes = message.get("body", b"")
            size += len(part)
            if size > limit:
                raise _Cut(BodyTooLarge(limit))
            more = message.get("more_body", False)
            yield part

    # One more than the form has: a single extra field is reported by name later, a flood of them is refused here.
    parser = MultiPartParser(
        Headers(scope=scope), chunks(), max_files=fields + 1, max_fields=fields + 1, max_part_size=limit
    )
    parser.spool_max_size = SPOOLED_BYTES
    try:
        return await parser.parse()
    except _Cut as cut:
        raise cut.reason from None
    except (MultiPartException, UnicodeDecodeError, KeyError, ValueError):
        raise Malformed(UNREADABLE) from None
