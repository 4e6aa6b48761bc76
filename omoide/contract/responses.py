"""Serialize a handler's return value as the response in the document, without blocking the event loop for long.

Long lists are serialized in slices, and control returns to the event loop between them. A handler may put a value that
is not JSON-serializable, as the only member of an object, into free-form JSON: the object is a placeholder for JSON
text that is not in memory. `Expand` yields that text in chunks, which are sent as they arrive.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from typing import Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel, TypeAdapter
from pydantic_core import PydanticSerializationError
from starlette.types import Receive, Send

from omoide.contract import streams
from omoide.contract.document import Document, OperationSpec

Expand = Callable[[Any, Sequence[Any]], AsyncIterator[tuple[bytes, bool]]]
"""Takes the handler's context and the placeholder values. Yields their JSON texts in order, as chunks, each with
whether it is the last of its value."""

SLICE = 50
"""List items serialized at a time."""

HOLD_SECONDS = 0.005
"""How long serialization may run before it yields to the event loop."""

SENT_BYTES = 65_536
"""Bytes buffered before they are sent, in a chunked response."""

_STANDING_IN = secrets.token_hex(16)
"""The placeholder for a value that is not JSON-serializable. It never leaves the process."""
_stand_in = re.compile(rb'\{"[^"]*":"' + _STANDING_IN.encode() + rb'"\}')


class ResponseWriter:
    """Sends a handler's return value as the response in the document."""

    def __init__(self, spec: OperationSpec, document: Document, hint: Any, expand: Expand | None = None) -> None:
        returned = {status: document.resolve(response) for status, response in spec.returned().items()}
        self.statuses = [*returned]
        contents = [response.get("content", {}) for response in returned.values()]
        self.several = len(self.statuses) > 1
        self.may_stream = _any_streams(hint)
        self.streamed = next(
            (media for content in contents for media in content if media in streams.MEDIA_TYPES), streams.EVENTS
        )
        self.content_type = b"application/json"
        self.expand = expand
        self.omits_unset = bool(spec.raw.get("x-omit-unset"))
        self.to_json: Callable[..., bytes] | None = None
        self.list_name: str | None = None
        """The field that may hold a long list; None if there is none, or if the whole body is the list."""
        self.list_to_json: Callable[..., bytes] | None = None
        if text := next((media for content in contents for media in content if media.startswith("text/plain")), None):
            self.content_type, self.to_json = text.encode(), str.encode
        elif any(contents):
            self._write_json(hint, contents)

    def _write_json(self, hint: Any, contents: Sequence[Mapping[str, Any]]) -> None:
        shape = get_args(hint)[1] if self.several and get_origin(hint) is tuple else hint
        kinds = [kind for kind in get_args(shape) if not _streams(kind)] if _any_streams(shape) else [shape]
        if not kinds:
            return
        self.to_json = self._serializer(kinds[0])
        if get_origin(kinds[0]) is list:
            self.list_to_json = self.to_json
        elif isinstance(kinds[0], type) and issubclass(kinds[0], BaseModel):
            fields = get_type_hints(kinds[0])
            lists = [name for name, kind in fields.items() if get_origin(kind) is list]
            if len(lists) == 1:
                self.list_name = lists[0]
                self.list_to_json = self._serializer(fields[lists[0]])

    def _serializer(self, kind: Any) -> Callable[..., bytes]:
        to_json = TypeAdapter(kind).serializer.to_json
        return partial(to_json, exclude_unset=True) if self.omits_unset else to_json

    async def send(self, result: Any, context: Any, receive: Receive, send: Send) -> None:
        status, value = result if self.several else (self.statuses[0], result)
        if self.may_stream and hasattr(value, "__aiter__"):
            await streams.send_stream(value, status, send, self.streamed)
            return
        if self.to_json is None:
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        try:
            payload = self.to_json(value) if self.list_to_json is None else await self._payload(value)
        except PydanticSerializationError:
            if self.expand is None:
                raise
            work = self._send_expanded(status, value, self.expand, context, send)
            await (work if self.may_stream else streams.while_connected(receive, work))
            return
        headers = [(b"content-type", self.content_type), (b"content-length", str(len(payload)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": payload})

    async def _send_expanded(self, status: int, value: Any, expand: Expand, context: Any, send: Send) -> None:
        """Send a value that contains placeholders."""
        values: list[Any] = []

        def stand_in(each: Any) -> str:
            values.append(each)
            return _STANDING_IN

        payload = await self._payload(value, fallback=stand_in)
        await self._send_pieces(status, _stand_in.split(payload), expand(context, values), send)

    def _items(self, value: Any) -> list[Any]:
        items: list[Any] = value if self.list_name is None else getattr(value, self.list_name)
        return items

    async def _payload(self, value: Any, **options: Any) -> bytes:
        """Serialize the value; a long list in it in slices."""
        assert self.to_json is not None
        if self.list_to_json is None or len(self._items(value)) <= SLICE:
            return self.to_json(value, **options)
        slices = await self._slices(self._items(value), **options)
        if self.list_name is None:
            return b"[" + slices + b"]"
        # Quotation marks inside JSON strings are escaped, so this matches only the field itself.
        empty = f'"{self.list_name}":[]'.encode()
        before, _, after = self.to_json(value.model_copy(update={self.list_name: []}), **options).partition(empty)
        return b"".join((before, empty[:-1], slices, b"]", after))

    async def _slices(self, items: list[Any], **options: Any) -> bytes:
        assert self.list_to_json is not None
        loop = asyncio.get_running_loop()
        began, parts = loop.time(), []
        for start in range(0, len(items), SLICE):
            parts.append(self.list_to_json(items[start : start + SLICE], **options)[1:-1])
            if loop.time() - began > HOLD_SECONDS:
                await asyncio.sleep(0)
                began = loop.time()
        return b",".join(parts)

    async def _send_pieces(
        self, status: int, parts: list[bytes], texts: AsyncIterator[tuple[bytes, bool]], send: Send
    ) -> None:
        """Send the parts of a payload, joined by the texts. Raises what `texts` raises."""
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", self.content_type)]})
        following = iter(parts)
        gathered = [next(following)]
        size = len(gathered[0])
        async for piece, is_last in texts:
            gathered.append(piece + next(following) if is_last else piece)
            size += len(gathered[-1])
            if size > SENT_BYTES:
                await send({"type": "http.response.body", "body": b"".join(gathered), "more_body": True})
                gathered, size = [], 0
        await send({"type": "http.response.body", "body": b"".join(gathered)})


def _streams(kind: Any) -> bool:
    return "AsyncIterator" in str(get_origin(kind) or kind)


def _any_streams(shape: Any) -> bool:
    return _streams(shape) or any(map(_streams, get_args(shape)))
