"""Prepare exports of DiscordChatExporter. Only the standard library: see `json_chats`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from omoide.text_extraction.chats import namesakes

_TALK = frozenset(
    {"default", "reply", "applicationcommand", "chatinputcommand", "contextmenucommand", "0", "19", "20", "23"}
)
"""Types of messages that somebody, or a bot, wrote."""
_emoji = re.compile(r"<a?(:\w+:)\d+>")
_time = re.compile(r"<t:(\d{1,11})(?::[tTdDfFR])?>")


def is_channel(document: Any) -> bool:
    """Whether a document is an export of a channel, or a part of one."""
    is_list = isinstance(document, dict) and isinstance(document.get("messages"), list)
    return is_list and any(isinstance(document.get(key), dict) for key in ("guild", "channel"))


def message(given: dict[str, Any]) -> dict[str, Any]:
    """A message with the name and the id of its author; what the program wrote has no text."""
    text, shown_names = given.get("content"), names(given)
    is_talk = str(given.get("type", "Default")).lower() in _TALK and isinstance(text, str)
    shown = _time.sub(_day, _emoji.sub(r"\1", str(text))) if is_talk else ""
    author = shown_names[0] if shown_names else None
    return {**given, "type": "message", "content": shown, "from": author, "from_id": _author(given).get("id")}


def names(given: dict[str, Any]) -> list[str]:
    """The nickname and the name of the author of a message."""
    author = _author(given)
    return [each for key in ("nickname", "name") if isinstance(each := author.get(key), str) and each]


def in_order(messages: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The messages, oldest first."""
    return sorted(messages, key=lambda each: str(each.get("timestamp", "")))


def messages(document: dict[str, Any]) -> list[Any]:
    """The prepared messages of one document."""
    prepared = [message(each) for each in document["messages"] if isinstance(each, dict)]
    return namesakes.distinct(prepared, namesakes.shared(prepared))


def _author(given: dict[str, Any]) -> dict[str, Any]:
    author = given.get("author")
    return author if isinstance(author, dict) else {}


def _day(match: re.Match[str]) -> str:
    return datetime.fromtimestamp(int(match[1]), UTC).date().isoformat()
