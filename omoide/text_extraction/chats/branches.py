"""Follow the last version of a conversation in which messages were written again. Only the standard library: see
`json_chats`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from omoide.text_extraction.chats import times

_TIME_KEYS = ("create_time", "created_at", "createdAt", "inserted_at")
_LINKS = (("uuid", "parent_message_uuid", "sender"), ("messageId", "parentMessageId", "isCreatedByUser"))
"""In Claude and LibreChat: keys of the id of a message and of the one before it, and another one that all have."""


def of_tree(nodes: Mapping[str, Any], last: object) -> list[Mapping[str, Any]]:
    """The nodes of a tree from its root to the current one; without a current one, to the newest of its ends."""
    found = {id: node for id, node in nodes.items() if isinstance(node, dict)}
    parents = {id: node.get("parent") for id, node in found.items()}
    if not (isinstance(last, str) and last in found):
        if not any(parent in found for parent in parents.values() if isinstance(parent, str)):
            return [*found.values()]
        last = _newest_end(parents, {id: node.get("message") for id, node in found.items()})
    return [found[id] for id in _path(parents, last)]


def of_list(messages: Sequence[Any]) -> Sequence[Any]:
    """The messages of a list without those that another version replaces; all, if they have no such links."""
    keys = next((keys for keys in _LINKS if any(_has(each, keys) for each in messages)), None)
    if keys is None:
        return messages
    by_id = {each[keys[0]]: each for each in messages if _has(each, keys)}
    parents = {id: each[keys[1]] for id, each in by_id.items()}
    path = _path(parents, _newest_end(parents, by_id))
    kept, replaced = {*path}, set[str]()
    for id, parent in parents.items():
        if id not in kept and (parent in kept or parent in replaced or parent == parents[path[0]]):
            replaced.add(id)
    return [each for each in messages if not (_has(each, keys) and each[keys[0]] in replaced)]


def _has(message: object, keys: Sequence[str]) -> bool:
    return (
        isinstance(message, dict) and keys[2] in message and all(isinstance(message.get(key), str) for key in keys[:2])
    )


def _newest_end(parents: Mapping[str, object], messages: Mapping[str, Any]) -> str:
    """The message without a later one that was written last; of equal ones the last in the file."""
    inner = {parent for parent in parents.values() if isinstance(parent, str)}
    ends = [id for id in parents if id not in inner] or [*parents]
    return max(reversed(ends), key=lambda end: _time(messages[end]))


def _time(message: object) -> int:
    if not isinstance(message, dict):
        return 0
    return next((at[0] for key in _TIME_KEYS if (at := times.from_value(message.get(key))) is not None), 0)


def _path(parents: Mapping[str, object], last: str) -> list[str]:
    path: list[str] = []
    seen: set[str] = set()
    id: object = last
    while isinstance(id, str) and id in parents and id not in seen:
        seen.add(id)
        path.append(id)
        id = parents[id]
    return path[::-1]
