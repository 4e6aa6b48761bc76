"""Convert request bodies to records, and check the rules that a schema cannot express."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from omoide.core import clock, identifiers, json_codec
from omoide.core.errors import FieldError, InvalidFields, Unprocessable
from omoide.core.json_limits import Location, cleaned, validate_metadata
from omoide.core.records import (
    NOW,
    Change,
    Idempotency,
    Json,
    Moment,
    NewConclusion,
    NewMessage,
    Observation,
    new_tuple,
)
from omoide.generated import models
from omoide.handlers.context import Context

LONGEST_ESCAPE = 6
"""Bytes of JSON for one byte of text, as in `\\u0061`."""

Configuration = models.WorkspaceConfiguration | models.SessionConfiguration | models.MessageConfiguration
METADATA: Location = ("body", "metadata")
CONFIGURATION: Location = ("body", "configuration")
INSTRUCTIONS = "custom_instructions"
MOST_PEERS = 1_000
"""Peers that one call may add to or set in a session."""


def metadata(context: Context, value: Json | None, loc: Location = METADATA) -> Json | None:
    """Validate metadata; `loc` is its location in the request. Raises InvalidFields."""
    if value is None:
        return None
    return validate_metadata(value, loc, most=context.settings.max_metadata_bytes)


def move_under_and(filters: Json | None, *names: str) -> Json | None:
    """The same filters with the conditions on these fields under AND, so that arguments that set the fields at the top
    level do not replace them."""
    if filters is None or not (own := {name: filters[name] for name in names if name in filters}):
        return filters
    others = {name: value for name, value in filters.items() if name not in own}
    both = [own, *([{"AND": others["AND"]}] if "AND" in others else [])]
    return {**others, "AND": both}


def configuration(context: Context, value: Configuration | None, loc: Location = CONFIGURATION) -> Json | None:
    """The configuration as a patch: only the given fields, without unknown fields of known sections.

    Raises InvalidFields if it is too large, if instructions are too long or if the summary intervals contradict each
    other.
    """
    if value is None:
        return None
    most = context.settings.max_metadata_bytes
    patch = cleaned(value.model_dump(exclude_unset=True), loc, most=most, what="Configuration")
    sections = {key: section for key, section in patch.items() if isinstance(section, dict)}
    texts: dict[tuple[str, ...], object] = {
        (): patch.get(INSTRUCTIONS),
        **{(k,): section.get(INSTRUCTIONS) for k, section in sections.items()},
    }
    limit = context.settings.max_custom_instruction_tokens
    for path, text in texts.items():
        # A token has at least one byte, so a text with few bytes need not be counted.
        if isinstance(text, str) and len(text.encode()) > limit and context.services.tokens.count(text) > limit:
            what = ".".join((*path, INSTRUCTIONS))
            fault = f"Value error, {what} exceeds the maximum of {limit} tokens"
            raise InvalidFields([FieldError((*loc, *path, INSTRUCTIONS), fault)])
    return patch


def peer_configuration(context: Context, value: models.PeerConfig | None) -> Json | None:
    """A peer's configuration as given, without NUL characters.

    Raises InvalidFields if it is nested too deeply or too large.
    """
    if value is None:
        return None
    most = context.settings.max_metadata_bytes
    return cleaned(value.model_dump(exclude_unset=True), CONFIGURATION, most=most, what="Configuration")


def card(context: Context, lines: list[str]) -> list[str]:
    """Validate the lines of a peer card. Raises InvalidFields if they are too large."""
    return cleaned(lines, ("body", "peer_card"), most=context.settings.max_metadata_bytes, what="Peer card")


def observations(given: Mapping[str, models.SessionPeerConfig] | None) -> dict[str, Observation]:
    """Peer id → flags in a session. Raises InvalidFields if there are more than `MOST_PEERS`."""
    if given is not None and len(given) > MOST_PEERS:
        raise InvalidFields([FieldError(("body", "peers"), f"Value error, peers exceeds the maximum of {MOST_PEERS}")])
    return {peer_id: observation(config) for peer_id, config in (given or {}).items()}


def observation(config: models.SessionPeerConfig) -> Observation:
    return Observation(config.observe_me, config.observe_others)


def change(context: Context, body: models.WorkspaceUpdate | models.SessionUpdate | models.WorkspaceCreate) -> Change:
    """The change that the body of a workspace or session requests."""
    most = context.settings.max_metadata_bytes
    return Change(metadata(context, body.metadata), configuration(context, body.configuration), most)


def peer_change(context: Context, body: models.PeerCreate | models.PeerUpdate) -> Change:
    return Change(metadata(context, body.metadata), peer_configuration(context, body.configuration))


def scope_names(given: Sequence[str] | None, loc: Location) -> list[str]:
    """Validate scope names and remove duplicates; `loc` is their location in the request. Raises InvalidFields."""
    if not given:
        return []
    unique = [*dict.fromkeys(given)]
    faults = [(name, identifiers.scope_name_error(name)) for name in unique]
    if bad := [FieldError(loc, f"Value error, {why}", input=name[:100]) for name, why in faults if why]:
        raise InvalidFields(bad)
    return unique


def scope_name(given: str, loc: Location) -> str:
    """Validate a scope name; `loc` is its location in the request. Raises InvalidFields."""
    (name,) = scope_names([given], loc)
    return name


async def new_messages(context: Context, batch: Sequence[models.MessageCreate]) -> list[NewMessage]:
    """The messages to store, without token counts. Raises InvalidFields naming the message."""
    if all(message.configuration is None for message in batch):
        return _new_messages(context, batch)
    return await asyncio.to_thread(_new_messages, context, batch)  # counts the tokens of long instructions


def _new_messages(context: Context, batch: Sequence[models.MessageCreate]) -> list[NewMessage]:
    return [
        # Most messages have none of these, and batches hold up to a hundred messages.
        new_tuple(NewMessage, (message.peer_id, message.content.replace("\x00", ""), {}, 0, None, None, None))
        if message.metadata is None and message.configuration is None and message.created_at is None
        else _new_message(context, message, index)
        for index, message in enumerate(batch)
    ]


def _new_message(context: Context, message: models.MessageCreate, index: int) -> NewMessage:
    given, config, said_at = message.metadata, message.configuration, message.created_at
    loc = ("body", "messages", index)
    return NewMessage(
        message.peer_id,
        message.content.replace("\x00", ""),
        {} if given is None else metadata(context, given, (*loc, "metadata")) or {},
        0,
        None if said_at is None else said_at_micros(said_at, (*loc, "created_at")),
        None if config is None else configuration(context, config, (*loc, "configuration")),
        None if said_at is None else clock.utc_offset(said_at),
    )


def said_at_micros(instant: datetime, loc: Location) -> int:
    """Microseconds since 1970. Raises InvalidFields at `loc` for an instant that UTC cannot represent."""
    try:
        return clock.valid(clock.to_micros(instant))  # an offset may move it out of the years 1 to 9999
    except OverflowError:
        fault = "Value error, the instant must lie in the years 1 to 9999 in UTC"
        raise InvalidFields([FieldError(loc, fault)]) from None


class Timed(Protocol):
    """The body or the query of a read of memory."""

    @property
    def as_of(self) -> datetime | None: ...

    @property
    def valid_at(self) -> datetime | None: ...


def moment(given: Timed | None, where: str = "body") -> Moment:
    """The time that a read is about. `where` is the place of its fields. Raises InvalidFields as `said_at_micros`."""
    if given is None or (given.as_of is None and given.valid_at is None):
        return NOW
    as_of, valid_at = given.as_of, given.valid_at
    return Moment(
        None if as_of is None else said_at_micros(as_of, (where, "as_of")),
        None if valid_at is None else said_at_micros(valid_at, (where, "valid_at")),
    )


LARGE_BATCH = 100_000
"""Characters of a batch above which its digest is computed in a thread."""


MessageBody = models.MessageBatchCreate | models.RememberOptions


async def idempotency(context: Context, key: str | None, body: MessageBody) -> Idempotency | None:
    """The key and the digest of the body that identify a repeated call; None without a key."""
    if key is None:
        return None
    is_large = sum(len(message.content) for message in body.messages) > LARGE_BATCH
    digest = await asyncio.to_thread(_digest, body) if is_large else _digest(body)
    return Idempotency(key, digest, keep=int(context.settings.idempotency_hours * clock.HOUR))


def _digest(body: MessageBody) -> bytes:
    # Sorted, because a client may order keys differently when it repeats the call.
    given = json_codec.dumps(body.model_dump(mode="json", exclude_unset=True), sort_keys=True)
    return hashlib.blake2b(given, digest_size=16).digest()


MAX_CONCLUSION_TOKENS = 8_192
"""Maximum length of a conclusion or query in o200k_base tokens: the limit of common embedding models."""


COUNT_ON_LOOP_CHARACTERS = 20_000
"""Shorter texts are counted on the event loop, in a few milliseconds."""

LONGEST_TOKEN_BYTES = 128
"""The longest token of o200k_base."""


async def new_conclusions(context: Context, batch: Sequence[models.ConclusionCreate]) -> list[NewConclusion]:
    """The conclusions to store. Raises InvalidFields naming one that is too long, or holds at no time."""
    for index, new in enumerate(batch):
        await _check_conclusion(context, new.content, ("body", "conclusions", index, "content"))
    return [_new_conclusion(new, index) for index, new in enumerate(batch)]


async def facts(context: Context, given: Sequence[models.PeerFact]) -> list[NewConclusion]:
    """The conclusions of peers about themselves to store. Raises InvalidFields for a text too long, or blank."""
    for index, fact in enumerate(given):
        loc = ("body", "facts", index, "content")
        await _check_conclusion(context, fact.content, loc)
        if not fact.content.replace("\x00", "").strip():
            raise InvalidFields([FieldError(loc, "Value error, Content is blank")])
    return [NewConclusion(each.content.replace("\x00", ""), each.peer_id, each.peer_id, None) for each in given]


def _new_conclusion(new: models.ConclusionCreate, index: int) -> NewConclusion:
    loc = ("body", "conclusions", index)
    start, end = (
        None if instant is None else said_at_micros(instant, (*loc, name))
        for name, instant in (("valid_from", new.valid_from), ("valid_until", new.valid_until))
    )
    if start is not None and end is not None and end <= start:
        fault = "Value error, valid_until must be later than valid_from"
        raise InvalidFields([FieldError((*loc, "valid_until"), fault)])
    content = new.content.replace("\x00", "")
    return NewConclusion(content, new.observer_id, new.observed_id, new.session_id, start, end)


async def correction(context: Context, body: models.ConclusionUpdate) -> tuple[str, str | None]:
    """The text and the reason of a correction. Raises InvalidFields if the text is too long, or blank."""
    loc: Location = ("body", "content")
    await _check_conclusion(context, body.content, loc)
    content, reason = ("" if text is None else text.replace("\x00", "") for text in (body.content, body.reason))
    if not content.strip():
        raise InvalidFields([FieldError(loc, "Value error, Content is blank")])
    return content, reason or None


async def _check_conclusion(context: Context, content: str, loc: Location) -> None:
    if (count := await _tokens_beyond(context, content)) is not None:
        limit = f"maximum embedding token limit of {MAX_CONCLUSION_TOKENS}"
        raise InvalidFields([FieldError(loc, f"Value error, Content exceeds {limit} (got {count} tokens)")])


async def check_query(context: Context, query: str) -> None:
    """Raise Unprocessable for a query that is too long to embed."""
    is_beyond = len(query) > LONGEST_TOKEN_BYTES * MAX_CONCLUSION_TOKENS
    if is_beyond or await _tokens_beyond(context, query) is not None:
        raise Unprocessable(f"Query exceeds maximum token limit of {MAX_CONCLUSION_TOKENS}.")


async def _tokens_beyond(context: Context, text: str) -> int | None:
    """The number of tokens if there are too many, else None. A token has at least one byte: few texts are counted."""
    if len(text.encode()) <= MAX_CONCLUSION_TOKENS:
        return None
    is_long = len(text) > COUNT_ON_LOOP_CHARACTERS
    count_tokens = context.services.tokens.count
    count = await asyncio.to_thread(count_tokens, text) if is_long else count_tokens(text)
    return count if count > MAX_CONCLUSION_TOKENS else None
