"""Read what another program exported, a file, a folder or a ZIP archive, as conversations with their turns.

The turns are found by `chats`, as for uploads; this module knows only where each program keeps its conversations, and
what identifies one, so that a later export of it continues the same session.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from omoide.core.errors import Unprocessable
from omoide.text_extraction import charsets
from omoide.text_extraction.chats import detection, json_chats
from omoide.text_extraction.chats.turn import ChatTurn

SLACK_PEOPLE, SLACK_LISTS = "users", frozenset({"channels", "groups", "dms", "mpims"})
"""Files at the top of an export of Slack."""

_copy_number = re.compile(r" ?\(\d+\)$")
"""What browsers add to the name of a file that exists."""


class Conversation(NamedTuple):
    id: str
    """What identifies it in the program, or the name of its file."""
    title: str
    turns: list[ChatTurn]
    left_out: int
    """Messages that are no talk: of the system or a tool, photos, replaced versions."""


class Export(NamedTuple):
    conversations: list[Conversation]
    unreadable: list[str]
    """Names of files that are damaged."""


class ExportFile(NamedTuple):
    name: PurePosixPath
    read: Callable[[], bytes]


def read(kind: str, path: Path) -> Export:
    """The conversations of an export. Raises Unprocessable if it has none or is damaged, and OSError."""
    ending, reader = KINDS[kind]
    unreadable: list[str] = []
    parts: dict[str, Conversation] = {}
    for part in reader(_contents(_files(path, ending), unreadable)):
        first = parts.get(part.id)
        parts[part.id] = _joined(first, part) if first else part
    if not parts:
        reason = f"{unreadable[0]} is damaged" if unreadable else "it holds no such conversation"
        raise Unprocessable(f"{path} is no export of {kind}: {reason}")
    return Export([*parts.values()], unreadable)


def _joined(first: Conversation, part: Conversation) -> Conversation:
    return first._replace(turns=first.turns + part.turns, left_out=first.left_out + part.left_out)


def _files(path: Path, ending: str) -> list[ExportFile]:
    """The files with this ending, by name; a file that is given itself may have any name."""
    if path.is_dir():
        inner = sorted(each for each in path.rglob(f"*{ending}") if each.is_file())
        found = [ExportFile(PurePosixPath(path.name, *each.relative_to(path).parts), each.read_bytes) for each in inner]
    elif zipfile.is_zipfile(path):
        archive = zipfile.ZipFile(path)
        names = sorted(name for name in archive.namelist() if name.endswith(ending))
        found = [ExportFile(PurePosixPath(path.stem, name), lambda name=name: archive.read(name)) for name in names]  # type: ignore[misc]
    else:
        return [ExportFile(PurePosixPath(path.name), path.read_bytes)]
    return [each for each in found if not any(part.startswith((".", "__MACOSX")) for part in each.name.parts[1:])]


def _contents(files: Iterable[ExportFile], unreadable: list[str]) -> Iterator[tuple[PurePosixPath, Any]]:
    """The parsed JSON, or the text, of each file."""
    for name, content in files:
        try:
            data = content()
            yield name, charsets.decode(data, None) if name.suffix == ".txt" else json.loads(data.decode("utf-8-sig"))
        except (ValueError, RecursionError, RuntimeError, zipfile.BadZipFile):
            unreadable.append(str(name))


def _assistant(messages: str, contents: Iterable[tuple[PurePosixPath, Any]]) -> Iterator[Conversation]:
    """Lists of conversations with an assistant, which have their messages under this key."""
    for _, document in contents:
        for item in document if isinstance(document, list) else [document]:
            if not isinstance(item, dict) or not isinstance(item.get(messages), dict | list):
                continue
            found = item[messages]
            nodes = (
                [node.get("message") for node in found.values() if isinstance(node, dict)]
                if isinstance(found, dict)
                else found
            )
            given = next((item[key] for key in ("conversation_id", "id", "uuid") if item.get(key)), None)
            id = str(given) if given else _hash(json.dumps(item, sort_keys=True))
            title = item.get("title") or item.get("name")
            yield _conversation(id, title, json_chats.turns(item), sum(each is not None for each in nodes))


def _chatgpt(contents: Iterable[tuple[PurePosixPath, Any]]) -> Iterator[Conversation]:
    return _assistant("mapping", contents)


def _claude(contents: Iterable[tuple[PurePosixPath, Any]]) -> Iterator[Conversation]:
    return _assistant("chat_messages", contents)


def _telegram(contents: Iterable[tuple[PurePosixPath, Any]]) -> Iterator[Conversation]:
    for name, document in contents:
        for chat in _chats(document):
            title = chat.get("name") or chat.get("type")
            yield _messages(chat, str(chat.get("id") or name.stem), title)


def _chats(document: Any) -> Iterator[dict[str, Any]]:
    """The chats of a whole account, or the one chat."""
    if not isinstance(document, dict):
        return
    if isinstance(document.get("messages"), list):
        yield document
    for key in ("chats", "left_chats"):
        inner = document.get(key)
        for chat in inner.get("list") or [] if isinstance(inner, dict) else []:
            yield from _chats(chat)


def _discord(contents: Iterable[tuple[PurePosixPath, Any]]) -> Iterator[Conversation]:
    for name, document in contents:
        if isinstance(document, dict) and isinstance(document.get("messages"), list):
            guild, channel = (document.get(key) or {} for key in ("guild", "channel"))
            title = " / ".join(str(each["name"]) for each in (guild, channel) if each.get("name"))
            yield _messages(document, str(channel.get("id") or name.stem), title)


def _slack(contents: Iterable[tuple[PurePosixPath, Any]]) -> Iterator[Conversation]:
    """A folder for each channel, with a file for each day."""
    days: dict[str, list[Any]] = {}
    people: dict[str, str] = {}
    ids: dict[str, str] = {}
    for name, document in contents:
        listed = [each for each in document if isinstance(each, dict)] if isinstance(document, list) else []
        if name.stem == SLACK_PEOPLE:
            people = json_chats.people(listed)
        elif name.stem in SLACK_LISTS:
            ids |= {str(each["name"]): str(each["id"]) for each in listed if each.get("name") and each.get("id")}
        elif any("ts" in each for each in listed):
            days.setdefault(name.parent.name or name.stem, []).extend(listed)
    for channel, messages in days.items():
        turns = detection.oldest_first(json_chats.turns(messages, people))
        yield _conversation(ids.get(channel, channel), channel, turns, len(messages))


def _whatsapp(contents: Iterable[tuple[PurePosixPath, Any]]) -> Iterator[Conversation]:
    for name, text in contents:
        if isinstance(text, str) and (turns := detection.of_text(text)):
            # Exports of iOS are all called _chat.txt: their archives have the names.
            title = _copy_number.sub("", name.parent.name if name.stem == "_chat" and name.parent.name else name.stem)
            yield _conversation(title, title, turns, len(turns))


def _messages(chat: dict[str, Any], id: str, title: object) -> Conversation:
    messages = chat["messages"]
    return _conversation(id, title, detection.oldest_first(json_chats.turns({"messages": messages})), len(messages))


def _conversation(id: str, title: object, turns: list[ChatTurn], total: int) -> Conversation:
    spoken = [turn for turn in turns if turn.text.strip()]
    return Conversation(id, str(title or ""), spoken, max(0, total - len(spoken)))


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


KINDS: dict[str, tuple[str, Callable[[Iterable[tuple[PurePosixPath, Any]]], Iterator[Conversation]]]] = {
    "chatgpt": (".json", _chatgpt),
    "claude": (".json", _claude),
    "whatsapp": (".txt", _whatsapp),
    "telegram": (".json", _telegram),
    "slack": (".json", _slack),
    "discord": (".json", _discord),
}
"""Kinds of exports: the ending of their files in a folder, and their reader."""
