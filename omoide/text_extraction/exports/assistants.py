"""Exports of conversations with assistants and characters."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from omoide.text_extraction.chats import characters, json_chats
from omoide.text_extraction.chats.turn import ChatTurn
from omoide.text_extraction.exports.conversation import DAMAGED_LINE, Conversation, Report, conversation
from omoide.text_extraction.exports.files import DAMAGED, ExportFile, contents, visible


class _Chat(NamedTuple):
    turns: Sequence[ChatTurn]
    total: int
    main: str | None
    """The name of the chat that this one is a branch of."""
    character: str


def chatgpt(files: Iterable[ExportFile], report: Report) -> Iterator[Conversation]:
    return _assistant("mapping", files, report)


def claude(files: Iterable[ExportFile], report: Report) -> Iterator[Conversation]:
    return _assistant("chat_messages", files, report)


def _assistant(messages: str, files: Iterable[ExportFile], report: Report) -> Iterator[Conversation]:
    """Lists of conversations with an assistant, which have their messages under this key."""
    for _, document in contents(files, report):
        for item in document if isinstance(document, list) else [document]:
            if not isinstance(item, dict) or not isinstance(item.get(messages), dict | list):
                continue
            given = next((item[key] for key in ("conversation_id", "id", "uuid") if item.get(key)), None)
            id = str(given) if given else _hash(json.dumps(item, sort_keys=True))
            total = sum(each is not None for each in _messages(item[messages]))
            yield conversation(id, item.get("title") or item.get("name"), json_chats.turns(item), total)


def _messages(found: dict[str, Any] | list[Any]) -> Sequence[Any]:
    """The messages of a list, or of the nodes of a tree."""
    if isinstance(found, list):
        return found
    return [node.get("message") for node in found.values() if isinstance(node, dict)]


def sillytavern(files: Iterable[ExportFile], report: Report) -> Iterator[Conversation]:
    """Files of lines of JSON, one for each chat. A branch repeats what its main chat has."""
    chats = {}
    for file in visible(files):
        try:
            lines = file.read().decode("utf-8-sig").splitlines()
        except DAMAGED:
            report.unreadable.append(str(file.name))
            continue
        if (records := characters.records(lines)) is not None:
            if damaged := sum(bool(line.strip()) for line in lines) - len(records):
                report.left_out[DAMAGED_LINE] += damaged
            total = len(records) - characters.has_head(records)
            chats[file.name] = _Chat(
                characters.turns(records), total, characters.main_chat(records), characters.character(records)
            )
        elif any(line.strip() for line in lines):
            report.unreadable.append(str(file.name))
    for name, chat in chats.items():
        main = chats.get(name.with_name(f"{chat.main}.jsonl"))
        turns = [turn for turn in chat.turns if main is None or turn not in main.turns]
        yield conversation(f"{chat.character}-{name.stem}", name.stem, turns, chat.total)


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
