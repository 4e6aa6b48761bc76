"""A valid request for every operation, for tests that are about something else than its body."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from omoide.contract.document import OperationSpec
from tests.contract.conformance import DOCUMENT

# Bodies where neither `{}` nor the document's example serves.
BODIES: dict[str, object] = {
    "search_workspace": {"query": "Hello"},
    "search_peer": {"query": "Hello"},
    "search_session": {"query": "Hello"},
    "recall": {"query": "Hello", "session_id": "s"},
    "remember": {"session_id": "s", "messages": [{"peer_id": "p", "content": "Hello"}]},
    "get_context": {"session_id": "s", "peer_id": "p"},
    "chat_workspace": {"query": "Who?"},
    "chat": {"query": "Who?"},
    "schedule_dream": {"observer": "p", "dream_type": "omni"},
    "set_peer_card": {"peer_card": []},
    "create_conclusions": {"conclusions": [{"content": "c", "observer_id": "p", "observed_id": "p"}]},
    "query_conclusions": {"query": "c"},
    "get_or_create_workspace": {"id": "w"},
    "get_or_create_peer": {"id": "p"},
    "get_or_create_session": {"id": "s"},
    "get_or_create_scope": {"id": "x"},
    "add_sessions_to_scope": {"session_ids": ["s"]},
    "set_session_peers": {"p": {}, "q": {}, "back": {}},
    "remove_peers_from_session": [],
    "create_messages_for_session": {"messages": [{"peer_id": "p", "content": "Hello"}]},
    "get_or_create_webhook_endpoint": {"url": "https://example.org/hook"},
}
FORMS: dict[str, dict[str, Any]] = {
    "create_messages_with_file": {"data": {"peer_id": "p"}, "files": {"file": ("a.txt", b"Hello", "text/plain")}},
}
QUERIES = {"get_queue_status": {"session_id": "s"}, "create_key": {"workspace_id": "w"}}

Json = dict[str, Any]


def path_of(operation: OperationSpec, names: Mapping[str, str]) -> str:
    """The path with these ids; a parameter without one gets the id `none`."""
    return re.sub(r"{(\w+)}", lambda match: names.get(match[1], "none"), operation.path)


def body_of(operation: OperationSpec) -> Json:
    """httpx options with a body that the operation accepts."""
    if operation.handler in FORMS:
        return FORMS[operation.handler]
    if operation.handler in BODIES or not operation.body:
        return {"json": BODIES.get(operation.handler)}
    schema = DOCUMENT.resolve(operation.body["content"]["application/json"]["schema"])
    return {"json": example_body(operation) if "required" in schema else {}}


def query_of(operation: OperationSpec) -> Json:
    """Values of the query parameters that the operation requires."""
    required = {p["name"]: p["example"] for p in operation.parameters if p["in"] == "query" and p.get("required")}
    return QUERIES.get(operation.handler, required)


def example_body(operation: OperationSpec) -> Any:
    """The document's example of the JSON body, None if there is none."""
    content = operation.body["content"] if operation.body else {}
    return content.get("application/json", {}).get("example")


def example_query(operation: OperationSpec) -> Json:
    """The document's examples of query parameters, those that have one."""
    return {p["name"]: p["example"] for p in operation.parameters if p["in"] == "query" and "example" in p}


def example_with_ids(operation: OperationSpec, id_of: Callable[[str], Any]) -> Json:
    """httpx options with the document's examples, other ids in them.

    id_of: from the name of a field to its id, or to None to leave the field as it is.
    """
    body, query = (_with_ids(part, id_of) for part in (example_body(operation), example_query(operation)))
    return {"json": body, "params": query}


def _with_ids(value: Any, id_of: Callable[[str], Any]) -> Any:
    if isinstance(value, dict):
        ids = {name: id_of(name) for name in value}
        return {
            name: _with_ids(old, id_of) if ids[name] is None else _like(old, ids[name]) for name, old in value.items()
        }
    return [_with_ids(each, id_of) for each in value] if isinstance(value, list) else value


def _like(old: Any, id: Any) -> Any:
    """The id in the form of an old value: one id, a list of ids, or a mapping from ids."""
    if isinstance(old, list):
        return [id]
    return {id: {}} if isinstance(old, dict) and isinstance(id, str) else id


def example_fields(operation: OperationSpec) -> set[str]:
    """The names of the fields, at any depth, that the document's examples show."""
    return {*_names([example_body(operation), example_query(operation)])}


def _names(value: Any) -> Iterator[str]:
    for name, inner in value.items() if isinstance(value, dict) else ():
        yield name
        yield from _names(inner)
    for inner in value if isinstance(value, list) else ():
        yield from _names(inner)


def fields(operation: OperationSpec) -> Iterator[str]:
    """The names in the operation's query and, at any depth, in its body."""
    yield from (p["name"] for p in map(DOCUMENT.resolve, operation.parameters) if p["in"] == "query")
    for content in (operation.body or {}).get("content", {}).values():
        yield from _properties(content["schema"], ())


def _properties(schema: Any, seen: tuple[str, ...]) -> Iterator[str]:
    if "$ref" in schema:
        if schema["$ref"] not in seen:
            yield from _properties(DOCUMENT.resolve(schema), (*seen, schema["$ref"]))
        return
    for name, inner in schema.get("properties", {}).items():
        yield name
        yield from _properties(inner, seen)
    inners = [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]
    inners += [schema[key] for key in ("items", "additionalProperties") if isinstance(schema.get(key), dict)]
    for inner in inners:
        yield from _properties(inner, seen)
