"""A store of LangGraph that keeps its items in Omoide: `graph.compile(store=OmoideStore(honcho))`.

    pip install honcho-ai langgraph

A namespace is a session and an item is a message in it, so the server's page shows them, and its exports and backups
have them. `search(namespace, query=…)` is the search of Omoide, by words and meaning, with its own embeddings: there is
no index to configure. langgraph_chat.py uses it.
"""

import asyncio
import hashlib
import json
import operator
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from honcho import Honcho
from honcho.message import Message
from honcho.session import Session
from langgraph.store.base import (
    BaseStore,
    GetOp,
    Item,
    ListNamespacesOp,
    MatchCondition,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
    get_text_at_path,
    validate_op_namespace,
)

Namespace = tuple[str, ...]
MOST_FOUND = 100  # messages that a search returns
MOST_CHARACTERS = 25_000  # of a message
MOST_COMPARED = 200  # characters of a text that the server compares; longer ones are compared here


class OmoideStore(BaseStore):
    """Items in the workspace of `honcho`, which should be used for nothing else.

    Searches with a query look at the best 100 items that match the equalities of the filter; what they return is in
    order, but has no scores. A namespace stays listed after its last item is deleted, as with InMemoryStore.
    """

    def __init__(self, honcho: Honcho) -> None:
        self._honcho = honcho
        self._http = honcho._get_http_client()  # for what the SDK has no method for
        self._writer = honcho.peer("langgraph", configuration={"observe_me": False})

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Do all reads, then all writes, of two writes to one key only the last. Raises ValueError for other things."""
        results: list[Result] = []
        writes: dict[tuple[Namespace, str], PutOp] = {}
        for op in ops:
            validate_op_namespace(op)
            result: Result = None
            if isinstance(op, GetOp):
                result = self._get(op)
            elif isinstance(op, SearchOp):
                result = list(self._search(op))
            elif isinstance(op, ListNamespacesOp):
                result = self._list_namespaces(op)
            elif isinstance(op, PutOp):
                writes[op.namespace, op.key] = op
            else:
                raise ValueError(f"Unknown operation type: {type(op)}")
            results.append(result)
        for write in writes.values():
            self._put(write)
        return results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        return await asyncio.to_thread(self.batch, list(ops))

    def _get(self, op: GetOp) -> Item | None:
        versions = self._versions(self._session(op.namespace), op.key)
        return Item(**_fields(versions[-1])) if versions else None

    def _put(self, op: PutOp) -> None:
        """Store the new version before the old one is deleted: whatever happens in between, none is lost."""
        session = self._session(op.namespace)
        versions = self._versions(session, op.key)
        if op.value is not None:
            session.set_metadata({"namespace": list(op.namespace), "under": _prefixes(op.namespace)})
            created = versions[0].metadata["created_at"] if versions else datetime.now(UTC).isoformat()
            metadata = {
                "namespace": list(op.namespace),
                "under": _prefixes(op.namespace),
                "key": op.key,
                "value": json.dumps(dict(op.value)),
                "equal": _equalities(dict(op.value)),
                "created_at": created,
            }
            # Items are kept as they are: nothing is to be concluded from them.
            plain = {"reasoning": {"enabled": False}}
            session.add_messages([self._writer.message(_text(op), metadata=metadata, configuration=plain)])
        for version in versions:
            self._http.delete(f"/v3/workspaces/{self._honcho.workspace_id}/sessions/{session.id}/messages/{version.id}")

    def _search(self, op: SearchOp) -> Iterator[SearchItem]:
        filters = {"metadata": {"under": [".".join(op.namespace_prefix)], "equal": _equalities(op.filter or {})}}
        if op.query:
            candidates = iter(self._honcho.search(op.query, filters=filters, limit=MOST_FOUND))
        else:
            sessions = self._honcho.sessions(filters={"metadata": {"under": filters["metadata"]["under"]}})
            candidates = (message for session in sessions for message in session.messages(filters=filters))
        items = (SearchItem(**_fields(message)) for message in candidates)
        matching = (item for item in items if _matches(item.value, op.filter or {}))
        return islice(matching, op.offset, op.offset + op.limit)

    def _list_namespaces(self, op: ListNamespacesOp) -> list[Namespace]:
        everything = (tuple(session.metadata["namespace"]) for session in self._honcho.sessions() if session.metadata)
        found = {
            namespace[: op.max_depth]
            for namespace in everything
            if all(_is_within(namespace, condition) for condition in op.match_conditions or ())
        }
        return sorted(found)[op.offset : op.offset + op.limit]

    def _session(self, namespace: Namespace) -> Session:
        return self._honcho.session(hashlib.sha256(".".join(namespace).encode()).hexdigest())

    @staticmethod
    def _versions(session: Session, key: str) -> list[Message]:
        """The message of an item; two, the older first, if a write was interrupted."""
        return list(session.messages(filters={"metadata": {"key": key}}))


def _prefixes(namespace: Namespace) -> list[str]:
    """A namespace and all above it; labels have no periods."""
    return [".".join(namespace[:length]) for length in range(len(namespace) + 1)]


def _equalities(value: dict[str, Any]) -> list[str]:
    """The plain values of an object, as texts that the server compares."""
    numbers = {key: int(each) for key, each in value.items() if isinstance(each, float) and each.is_integer()}
    return [json.dumps([key, each]) for key, each in (value | numbers).items() if _is_plain(each)]


def _is_plain(value: object) -> bool:
    return isinstance(value, int) or (isinstance(value, str) and len(value) <= MOST_COMPARED)


def _text(op: PutOp) -> str:
    """What is searched: the values at the paths of `index`, by default all of them."""
    paths = ["*"] if op.index is None else op.index or []
    return "\n".join(text for path in paths for text in get_text_at_path(op.value, path))[:MOST_CHARACTERS]


def _fields(message: Message) -> dict[str, Any]:
    """The fields of an item."""
    return {
        "namespace": tuple(message.metadata["namespace"]),
        "key": message.metadata["key"],
        "value": json.loads(message.metadata["value"]),
        "created_at": message.metadata["created_at"],
        "updated_at": message.created_at,
    }


def _is_within(namespace: Namespace, condition: MatchCondition) -> bool:
    path = condition.path
    part = namespace[: len(path)] if condition.match_type == "prefix" else namespace[-len(path) :]
    return len(part) == len(path) and all(wanted in ("*", label) for wanted, label in zip(path, part, strict=True))


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "$eq": operator.eq,
    "$ne": operator.ne,
    "$gt": lambda value, limit: value is not None and float(value) > float(limit),
    "$gte": lambda value, limit: value is not None and float(value) >= float(limit),
    "$lt": lambda value, limit: value is not None and float(value) < float(limit),
    "$lte": lambda value, limit: value is not None and float(value) <= float(limit),
}


def _matches(value: Any, wanted: Any) -> bool:
    """Whether a value satisfies a filter, as the stores of LangGraph compare them. Raises ValueError."""
    if isinstance(wanted, dict) and any(key.startswith("$") for key in wanted):
        if unknown := wanted.keys() - _OPERATORS.keys():
            raise ValueError(f"Unsupported operator: {min(unknown)}")
        return all(_OPERATORS[key](value, limit) for key, limit in wanted.items())
    if isinstance(wanted, dict):
        return isinstance(value, dict) and all(_matches(value.get(key), each) for key, each in wanted.items())
    return bool(value == wanted)
