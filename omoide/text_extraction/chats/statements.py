"""Find statements that another memory holds: of Mem0, and of the memory server of MCP. Only the standard library.

They are no talk: nobody said them in these words. `omoide import --from` stores them as conclusions; of an upload, each
is a message.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from omoide.text_extraction.chats import times
from omoide.text_extraction.chats.turn import OWNER, ChatTurn

_words = re.compile(r"[^\W\d_]+").findall
_OWNERS = frozenset({"default_user", "default-user", "user", "me", "myself"})
"""Names of the entity that stands for the human whose memory it is."""

_PERSONS = frozenset(
    {"person", "people", "human", "user", "individual", "contact", "friend", "family", "colleague", "coworker"}
    | {"partner", "spouse", "child", "parent", "sibling", "employee", "customer", "agent", "assistant", "character"}
)
"""Words in the types of entities that are participants."""

_HIDDEN = frozenset({"deleted", "archived", "paused"})
"""States of memories in OpenMemory that it does not use."""


class HeldStatement(NamedTuple):
    about: str | None
    """The name or the id of the peer that it is about; None for the human whose memory it is."""
    text: str
    source_key: str
    """What identifies it in the source."""
    said_at: int | None = None
    utc_offset: int | None = None
    run: str | None = None
    """The conversation that it comes from."""
    metadata: Mapping[str, Any] = {}


def of_mem0(document: object) -> list[HeldStatement]:
    """The memories of an export of Mem0, and its relations; empty if it is none."""
    if isinstance(document, list):
        return [memory for each in document if (memory := _memory(each)) is not None]
    if not isinstance(document, dict):
        return []
    found = [memory for each in _mem0_lists(document) for memory in of_mem0(_named(each, document))]
    relations = document.get("relations")
    return [*found, *(filter(None, map(_mem0_relation, relations)))] if isinstance(relations, list) else found


def mem0_total(document: object) -> int:
    """The number of items of an export of Mem0, whether they are statements or not."""
    if not isinstance(document, dict):
        return len(document) if isinstance(document, list) else 0
    relations = document.get("relations")
    return sum(map(len, _mem0_lists(document))) + (len(relations) if isinstance(relations, list) else 0)


def _mem0_lists(document: Mapping[str, Any]) -> list[list[Any]]:
    return [document[key] for key in ("results", "memories") if isinstance(document.get(key), list)]


def _named(memories: list[Any], document: Mapping[str, Any]) -> list[Any]:
    """The memories of OpenMemory, with the names of its user and apps instead of their ids."""
    user, apps = document.get("user"), document.get("apps")
    listed = [each for each in (apps if isinstance(apps, list) else []) if isinstance(each, dict)]
    names = {
        "user_id": {user["id"]: user.get("user_id")}
        if isinstance(user, dict) and isinstance(user.get("id"), str)
        else {},
        "app_id": {each["id"]: each.get("name") for each in listed if isinstance(each.get("id"), str)},
    }
    return [
        {**each, **{key: name for key, known in names.items() if (name := known.get(_name(each.get(key)))) is not None}}
        if isinstance(each, dict)
        else each
        for each in memories
    ]


def _memory(item: object) -> HeldStatement | None:
    if not isinstance(item, dict):
        return None
    payload = item.get("payload")
    fields = {**item, **payload} if isinstance(payload, dict) else item
    key = "memory" if "memory" in fields else "data" if isinstance(payload, dict) else "content"
    text = fields.get(key) if key != "content" or "state" in fields else None
    if not isinstance(text, str) or not text.strip() or not _is_identified(fields):
        return None
    if str(fields.get("state")) in _HIDDEN or fields.get("deleted_at"):
        return None
    user, agent, run = (_name(fields.get(key)) for key in ("user_id", "agent_id", "run_id"))
    said_at, offset = times.from_value(fields.get("created_at")) or (None, None)
    key = str(fields.get("id") or _hash(user, agent, run))
    metadata = {name: value for name, value in fields.items() if name in _MEM0_METADATA and value not in (None, {}, [])}
    return HeldStatement(user or agent, text.strip(), _hash(key, text), said_at, offset, run, metadata)


_MEM0_METADATA = ("id", "agent_id", "app_id", "run_id", "metadata", "categories", "updated_at", "expiration_date")


def _is_identified(fields: Mapping[str, Any]) -> bool:
    return any(isinstance(fields.get(key), str) for key in ("user_id", "agent_id", "run_id", "app_id", "hash"))


def _mem0_relation(item: object) -> HeldStatement | None:
    if not isinstance(item, dict):
        return None
    names = (
        item.get("source"),
        item.get("relationship", item.get("relation")),
        item.get("target", item.get("destination")),
    )
    source, relation, target = map(_name, names)
    if source is None or relation is None or target is None:
        return None
    text = f"{_plain(source)} {_plain(relation)} {_plain(target)}"
    return HeldStatement(None, text, _hash("relation", text), metadata={"relation": relation})


def of_graph(records: Sequence[object]) -> list[HeldStatement]:
    """The observations and relations of the memory server of MCP; empty if these are none of its lines."""
    lines = [each for each in records if isinstance(each, dict)]
    entities = {name: each for each in lines if "observations" in each and (name := _name(each.get("name")))}
    relations = [each for each in lines if "relationType" in each]
    if not entities and not relations:
        return []
    participants = {name for name, each in entities.items() if _is_participant(name, each)}
    found = [said for name, each in entities.items() for said in _observations(name, each, name in participants)]
    return [*found, *(said for each in relations if (said := _relation(each, participants)) is not None)]


def graph_total(records: Sequence[object]) -> int:
    """The number of observations, of entities without any, and of other records."""
    given = [each.get("observations") if isinstance(each, dict) else None for each in records]
    return sum(max(1, len(each)) if isinstance(each, list) else 1 for each in given)


def graph_records(document: object) -> list[object]:
    """The lines of a graph, which may also be one document of entities and relations."""
    if isinstance(document, dict) and isinstance(document.get("entities"), list):
        relations = document.get("relations")
        return [*document["entities"], *(relations if isinstance(relations, list) else [])]
    return document if isinstance(document, list) else [document]


def _is_participant(name: str, entity: Mapping[str, Any]) -> bool:
    return name.lower() in _OWNERS or not _PERSONS.isdisjoint(_words(str(entity.get("entityType", "")).lower()))


def _observations(name: str, entity: Mapping[str, Any], is_participant: bool) -> Iterator[HeldStatement]:
    given = entity["observations"]
    for each in given if isinstance(given, list) else []:
        text = each.get("content") if isinstance(each, dict) else each
        if not isinstance(text, str) or not text.strip():
            continue
        kind = _name(entity.get("entityType"))
        metadata = {"entity": name, **({"entity_type": kind} if kind else {})}
        about, shown = _about(name, is_participant), text.strip()
        if not is_participant:
            shown = f"{_plain(name)} ({_plain(kind)}): {shown}" if kind else f"{_plain(name)}: {shown}"
        yield HeldStatement(about, shown, _hash(name, text), metadata=metadata)


def _relation(item: Mapping[str, Any], participants: set[str]) -> HeldStatement | None:
    source, relation, target = (_name(item.get(key)) for key in ("from", "relationType", "to"))
    if source is None or relation is None or target is None:
        return None
    about = _about(source, source in participants or source.lower() in _OWNERS)
    names = ("the user" if each.lower() in _OWNERS else _plain(each) for each in (source, target))
    text = f" {_plain(relation)} ".join(names)
    return HeldStatement(about, text, _hash("relation", text), metadata={"entity": source, "relation": relation})


def _about(name: str, is_participant: bool) -> str | None:
    return _plain(name) if is_participant and name.lower() not in _OWNERS else None


def turns(document: object) -> list[ChatTurn]:
    """The statements of a document as turns: about others, with their name before them."""
    found = of_mem0(document) or of_graph(graph_records(document))
    return [
        ChatTurn(each.about or OWNER, each.about is None, each.text, each.said_at, each.utc_offset) for each in found
    ]


def _name(value: object) -> str | None:
    return value.strip() if isinstance(value, str) and value.strip() else None


def _plain(name: str) -> str:
    """An identifier as words."""
    return name.replace("_", " ").strip()


def _hash(*values: object) -> str:
    return hashlib.blake2b(repr(values).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
