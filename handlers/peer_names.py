"""Replace aliases of peers in the arguments of a handler by the ids that they stand for, whatever the operation.

The messages of a batch are left to `ingest`, which reads aliases in its own transaction.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from pydantic import BaseModel, RootModel

from omoide.generated import models
from omoide.handlers.context import Context
from omoide.storage import peer_aliases

NAMES = frozenset(
    (
        *("peer_id", "observer_id", "observed_id", "observer", "observed", "sender_id"),
        *("target", "peer_target", "peer_perspective", "peers"),
    )
)
"""Parameters, members of bodies and fields of filters that name peers."""

FILTERS = frozenset(("filters", "message_filters", "conclusion_filters"))

_LITERAL = (models.PeerMerge, models.MessageBatchCreate)
"""Bodies of operations that take ids as they are, or that resolve them later."""

_WHOLE = frozenset((dict, list, models.PeerCreate, models.ConclusionBatchCreate))
"""Bodies that name peers, but not in members of these names."""

Rename = Callable[[str], str]

_NAMING: dict[type[Any], tuple[str, ...]] = {}


def resolved(context: Context, values: Mapping[str, Any]) -> Awaitable[Mapping[str, Any]] | None:
    """The arguments with the ids of merged peers replaced; None if they name no peers."""
    return _resolved(context, values) if _may_name_peers(values) else None


async def _resolved(context: Context, values: Mapping[str, Any]) -> Mapping[str, Any]:
    workspace_id = _workspace(values)
    if workspace_id is None or not await context.store.read_single(peer_aliases.exist):
        return values
    named: set[str] = set()

    def collect(peer_id: str) -> str:
        named.add(peer_id)
        return peer_id

    _renamed(values, collect)
    if not (aliases := await context.store.read(peer_aliases.resolved, workspace_id, named)):
        return values
    return _renamed(values, lambda peer_id: aliases.get(peer_id, peer_id))


def _may_name_peers(values: Mapping[str, Any]) -> bool:
    """Whether a peer can be named in the arguments. Most requests name none, so nothing is read or copied for them."""
    body = values.get("body")
    if "peer_id" in values:
        return not isinstance(body, _LITERAL)
    for record in (body, values.get("query")):
        if record is None:
            continue
        if (kind := type(record)) in _WHOLE:
            return True
        if (names := _NAMING.get(kind)) is None:
            names = _naming(kind)
        for name in names:
            if getattr(record, name) is not None:
                return True
    return False


def _naming(kind: type[Any]) -> tuple[str, ...]:
    """The members of a kind of query or body that name peers, in filters as well; remembered in `_NAMING`."""
    names = kind.model_fields if issubclass(kind, BaseModel) else [each.name for each in fields(kind)]
    found = _NAMING[kind] = tuple(name for name in names if name in NAMES or name in FILTERS)
    return found


def _workspace(values: Mapping[str, Any]) -> str | None:
    given = values.get("workspace_id", getattr(values.get("query"), "workspace_id", None))
    return given if isinstance(given, str) else None


def _renamed(values: Mapping[str, Any], rename: Rename) -> dict[str, Any]:
    changed = dict(values)
    if "peer_id" in changed:
        changed["peer_id"] = rename(changed["peer_id"])
    if (query := changed.get("query")) is not None:
        changed["query"] = replace(query, **_members(query, rename))
    if (body := changed.get("body")) is not None:
        changed["body"] = _body(body, rename)
    return changed


def _body(body: Any, rename: Rename) -> Any:
    if isinstance(body, dict):  # peers of a session, by id
        return {rename(id): value for id, value in body.items()}
    if isinstance(body, list):
        return [rename(each) if isinstance(each, str) else each for each in body]
    if isinstance(body, models.PeerCreate):
        return body.model_copy(update={"id": rename(body.id)})
    if isinstance(body, models.ConclusionBatchCreate):
        return body.model_copy(update={"conclusions": [_body(each, rename) for each in body.conclusions]})
    if is_dataclass(body) and not isinstance(body, type):
        return replace(body, **_members(body, rename))
    return body.model_copy(update=_members(body, rename)) if isinstance(body, BaseModel) else body


def _members(record: Any, rename: Rename) -> dict[str, Any]:
    """The members of a query or body that name peers, renamed."""
    changed: dict[str, Any] = {}
    for name in _naming(type(record)):
        value = getattr(record, name)
        if name in FILTERS and isinstance(value, dict):
            changed[name] = _filter(value, rename)
        elif name in NAMES and value is not None:
            changed[name] = _value(value, rename)
    return changed


def _filter(filters: Mapping[str, Any], rename: Rename) -> dict[str, Any]:
    """A filter with its conditions on peers renamed, at any depth. An invalid filter is left for its compiler."""
    changed = dict(filters)
    for name, value in filters.items():
        if name in ("AND", "OR", "NOT") and isinstance(value, list):
            changed[name] = [_filter(each, rename) if isinstance(each, dict) else each for each in value]
        elif name in NAMES:
            changed[name] = _value(value, rename)
    return changed


def _value(value: Any, rename: Rename) -> Any:
    if isinstance(value, str):
        return rename(value)
    if isinstance(value, list):
        return [rename(each) if isinstance(each, str) else each for each in value]
    if isinstance(value, RootModel):
        return value
    if isinstance(value, dict):
        is_operators = all(isinstance(each, str | list | int | float | None) for each in value.values())
        if is_operators:
            return {operator: _value(each, rename) for operator, each in value.items()}
        return {rename(id): each for id, each in value.items()}
    return value
