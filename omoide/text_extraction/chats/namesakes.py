"""Tell people with the same name apart, by their ids. Only the standard library: see `json_chats`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def shared(messages: Iterable[Any]) -> set[str]:
    """The names that several persons have, by `from` and `from_id`."""
    persons: dict[str, set[str]] = {}
    for each in messages:
        if isinstance(each, dict) and isinstance(name := each.get("from"), str):
            persons.setdefault(name, set()).add(str(each.get("from_id")))
    return {name for name, ids in persons.items() if len(ids) > 1}


def distinct(messages: Iterable[Any], names: set[str]) -> list[Any]:
    """The messages, with the id of a person next to one of these names."""
    return [_distinct(each) if isinstance(each, dict) and str(each.get("from")) in names else each for each in messages]


def _distinct(message: dict[str, Any]) -> dict[str, Any]:
    name = f"{message['from']} ({message.get('from_id')})"
    is_own = message.get("forwarded_from") == message["from"]
    return {**message, "from": name, **({"forwarded_from": name} if is_own else {})}
