"""Exports of conversations among people.

The turns are found by `chats`, as for uploads; this module knows only where each program keeps its conversations, and
what identifies one, so that a later export of it continues the same session.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from omoide.text_extraction.chats import detection, json_chats
from omoide.text_extraction.exports.conversation import Conversation, Report, conversation
from omoide.text_extraction.exports.files import ExportFile, contents

SLACK_PEOPLE, SLACK_LISTS = "users", frozenset({"channels", "groups", "dms", "mpims"})
"""Files at the top of an export of Slack."""

_copy_number = re.compile(r" ?\(\d+\)$")
"""What browsers add to the name of a file that exists."""


def telegram(files: Iterable[ExportFile], report: Report) -> Iterator[Conversation]:
    for name, document in contents(files, report):
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


def discord(files: Iterable[ExportFile], report: Report) -> Iterator[Conversation]:
    for name, document in contents(files, report):
        if isinstance(document, dict) and isinstance(document.get("messages"), list):
            guild, channel = (document.get(key) or {} for key in ("guild", "channel"))
            title = " / ".join(str(each["name"]) for each in (guild, channel) if each.get("name"))
            yield _messages(document, str(channel.get("id") or name.stem), title)


def slack(files: Iterable[ExportFile], report: Report) -> Iterator[Conversation]:
    """A folder for each channel, with a file for each day."""
    days: dict[str, list[Any]] = {}
    people: dict[str, str] = {}
    ids: dict[str, str] = {}
    for name, document in contents(files, report):
        listed = [each for each in document if isinstance(each, dict)] if isinstance(document, list) else []
        if name.stem == SLACK_PEOPLE:
            people = json_chats.people(listed)
        elif name.stem in SLACK_LISTS:
            ids |= {str(each["name"]): str(each["id"]) for each in listed if each.get("name") and each.get("id")}
        elif any("ts" in each for each in listed):
            days.setdefault(name.parent.name or name.stem, []).extend(listed)
    for channel, messages in days.items():
        turns = detection.oldest_first(json_chats.turns(messages, people))
        yield conversation(ids.get(channel, channel), channel, turns, len(messages))


def whatsapp(files: Iterable[ExportFile], report: Report) -> Iterator[Conversation]:
    for name, text in contents(files, report):
        if isinstance(text, str) and (turns := detection.of_text(text)):
            # Exports of iOS are all called _chat.txt: their archives have the names.
            title = _copy_number.sub("", name.parent.name if name.stem == "_chat" and name.parent.name else name.stem)
            yield conversation(title, title, turns, len(turns))


def _messages(chat: dict[str, Any], id: str, title: object) -> Conversation:
    messages = chat["messages"]
    turns = detection.oldest_first(json_chats.turns({"messages": messages}))
    return conversation(id, title, turns, len(messages))
