"""Request bodies → our values, with the rules that no schema can state."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime

from generated import models
from handlers.context import Context
from omoide import clock, json_text, names
from omoide.errors import FieldFault, InvalidFields, Unprocessable
from omoide.metadata import checked_metadata, cleaned
from omoide.records import Change, Idempotency, Json, NewConclusion, NewMessage, Observation

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
    patch = cleaned(value.model_dump(exclude_unset=True), *loc)
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
    """A peer's configuration, kept as given but for NUL characters. Raises InvalidFields if it is nested too deeply."""
    loc = ("body", "configuration")
    return None if value is None else cleaned(value.model_dump(exclude_unset=True), *loc)


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


def scope_names(given: Sequence[str] | None, *loc: str | int) -> list[str]:
    """Names that scopes can have, each once; `loc` is their location in the request. Raises InvalidFields."""
    unique = [*dict.fromkeys(given or ())]
    faults = [(name, names.scope_fault(name)) for name in unique]
    if bad := [FieldFault(loc, f"Value error, {why}", input=name[:100]) for name, why in faults if why]:
        raise InvalidFields(bad)
    return unique


def scope_name(given: str, *loc: str | int) -> str:
    """A name that a scope can have; `loc` is its location in the request. Raises InvalidFields for any other."""
    (name,) = scope_names([given], *loc)
    return name


def new_messages(context: Context, batch: Sequence[models.MessageCreate]) -> list[NewMessage]:
    """The messages to store, not yet counted. Raises InvalidFields naming the message."""
    return [_new_message(context, message, index) for index, message in enumerate(batch)]


def _new_message(context: Context, message: models.MessageCreate, index: int) -> NewMessage:
    given, wanted, said_at = message.metadata, message.configuration, message.created_at
    loc = ("body", "messages", index)
    return NewMessage(
        message.peer_id,
        message.content.replace("\x00", ""),
        # Most messages have none of these, and messages come by the hundred.
        {} if given is None else metadata(given, *loc, "metadata") or {},
        0,
        None if said_at is None else said_at_micros(said_at, *loc, "created_at"),
        None if wanted is None else configuration(context, wanted, *loc, "configuration"),
    )


def said_at_micros(instant: datetime, *loc: str | int) -> int:
    """Microseconds since 1970. Raises InvalidFields at `loc` for an instant that has no date in UTC."""
    microseconds = clock.micros(instant)
    try:
        clock.instant(microseconds)  # an offset may lead out of the years 1 to 9999
    except OverflowError:
        fault = "Value error, the instant must lie in the years 1 to 9999 in UTC"
        raise InvalidFields([FieldFault(loc, fault)]) from None
    return microseconds


def idempotency(context: Context, key: str | None, body: models.MessageBatchCreate) -> Idempotency | None:
    """What tells a repetition of this call, if the caller named it: all that the body gives."""
    if key is None:
        return None
    # Sorted, because a client that builds the call anew may order keys differently.
    given = json_text.dumps(body.model_dump(mode="json", exclude_unset=True), sort_keys=True)
    digest = hashlib.blake2b(given, digest_size=16).digest()
    return Idempotency(key, digest, keep=int(context.settings.idempotency_hours * HOUR))


MAX_CONCLUSION_TOKENS = 8_192
"""The longest conclusion and query, in o200k_base tokens: what common embedding models take."""


def new_conclusions(context: Context, batch: Sequence[models.ConclusionCreate]) -> list[NewConclusion]:
    """The conclusions to store. Raises InvalidFields naming the one that is too long."""
    for index, new in enumerate(batch):
        if (count := _tokens_beyond(context, new.content)) is not None:
            fault = (
                f"Value error, Content exceeds maximum embedding token limit of {MAX_CONCLUSION_TOKENS} "
                f"(got {count} tokens)"
            )
            raise InvalidFields([FieldFault(("body", "conclusions", index, "content"), fault)])
    return [
        NewConclusion(new.content.replace("\x00", ""), new.observer_id, new.observed_id, new.session_id)
        for new in batch
    ]


def check_query(context: Context, query: str) -> None:
    """Raise Unprocessable for a query that is too long to be compared with anything."""
    if _tokens_beyond(context, query) is not None:
        raise Unprocessable(f"Query exceeds maximum token limit of {MAX_CONCLUSION_TOKENS}.")


def _tokens_beyond(context: Context, text: str) -> int | None:
    """How many tokens the text has, if that is too many. A token has at least one byte, so few texts are counted."""
    if len(text.encode()) <= MAX_CONCLUSION_TOKENS:
        return None
    count = context.tokens.count(text)
    return count if count > MAX_CONCLUSION_TOKENS else None
