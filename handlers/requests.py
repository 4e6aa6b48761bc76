"""Request bodies → our values, with the rules that no schema can state."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

import orjson

from generated import models
from handlers.context import Context
from omoide import clock
from omoide.errors import FieldFault, InvalidFields, Unprocessable
from omoide.metadata import checked_metadata, without_nul
from omoide.records import Change, Idempotency, Json, NewMessage, Observation

Configuration = models.WorkspaceConfiguration | models.SessionConfiguration | models.MessageConfiguration
HOUR = 3_600_000_000
"""In microseconds."""
INSTRUCTIONS = "custom_instructions"


def metadata(value: Json | None, *loc: str | int) -> Json | None:
    """The metadata, checked; `loc` is where it stands. Raises InvalidFields."""
    return None if value is None else checked_metadata(value, *(loc or ("body", "metadata")))


def configuration(context: Context, value: Configuration | None, *loc: str | int) -> Json | None:
    """The configuration as a patch: only what was given, unknown fields of known sections dropped.

    Raises InvalidFields if instructions are too long or the summary intervals contradict each other.
    """
    if value is None:
        return None
    loc = loc or ("body", "configuration")
    patch: Json = without_nul(value.model_dump(exclude_unset=True))
    sections = {key: section for key, section in patch.items() if isinstance(section, dict)}
    texts: dict[tuple[str, ...], object] = {
        (): patch.get(INSTRUCTIONS),
        **{(k,): section.get(INSTRUCTIONS) for k, section in sections.items()},
    }
    limit = context.settings.max_custom_instruction_tokens
    for place, text in texts.items():
        # A token has at least one byte, so a text with few bytes need not be counted.
        if isinstance(text, str) and len(text.encode()) > limit and context.tokens.count(text) > limit:
            what = ".".join((*place, INSTRUCTIONS))
            fault = f"Value error, {what} exceeds the maximum of {limit} tokens"
            raise InvalidFields([FieldFault((*loc, *place, INSTRUCTIONS), fault)])
    return patch


def peer_configuration(value: models.PeerConfig | None) -> Json | None:
    """A peer's configuration, kept as given but for NUL characters."""
    return None if value is None else without_nul(value.model_dump(exclude_unset=True))


def observations(given: Mapping[str, models.SessionPeerConfig] | None) -> dict[str, Observation]:
    """What the body says about peers in a session."""
    return {peer_id: observation(config) for peer_id, config in (given or {}).items()}


def observation(config: models.SessionPeerConfig) -> Observation:
    return Observation(config.observe_me, config.observe_others)


def change(context: Context, body: models.WorkspaceUpdate | models.SessionUpdate | models.WorkspaceCreate) -> Change:
    """The change that a workspace's or session's body asks for."""
    return Change(metadata(body.metadata), configuration(context, body.configuration))


def peer_change(body: models.PeerCreate | models.PeerUpdate) -> Change:
    return Change(metadata(body.metadata), peer_configuration(body.configuration))


def new_messages(context: Context, batch: Sequence[models.MessageCreate]) -> list[NewMessage]:
    """The messages to store, not yet counted. Raises InvalidFields naming the message."""
    for index, message in enumerate(batch):
        configuration(context, message.configuration, "body", "messages", index, "configuration")
    return [
        NewMessage(
            peer_id=message.peer_id,
            content=message.content.replace("\x00", ""),
            metadata=metadata(message.metadata, "body", "messages", index, "metadata") or {},
            token_count=0,
            created_at=_said_at(message.created_at, index),
        )
        for index, message in enumerate(batch)
    ]


def _said_at(instant: datetime | None, index: int) -> int | None:
    """Microseconds since 1970. Raises InvalidFields for an instant that has no date in UTC."""
    if instant is None:
        return None
    try:
        instant.astimezone(UTC)
    except OverflowError:
        fault = "Value error, the instant must lie in the years 1 to 9999 in UTC"
        raise InvalidFields([FieldFault(("body", "messages", index, "created_at"), fault)]) from None
    return clock.micros(instant)


def idempotency(context: Context, key: str | None, body: models.MessageBatchCreate) -> Idempotency | None:
    """What tells a repetition of this call, if the caller named it: all that the body gives."""
    if key is None:
        return None
    # Sorted, because a client that builds the call anew may order keys differently.
    given = orjson.dumps(body.model_dump(mode="json", exclude_unset=True), option=orjson.OPT_SORT_KEYS)
    digest = hashlib.blake2b(given, digest_size=16).digest()
    return Idempotency(key, digest, keep=int(context.settings.idempotency_hours * HOUR))


class Filtered(Protocol):
    filters: Json | None


def no_filters(body: Filtered | None) -> None:
    """Raise Unprocessable for any filter: none is understood."""
    if body is not None and body.filters:
        raise Unprocessable("Filters are not supported by this server")
