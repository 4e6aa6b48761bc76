"""Exports of conversations among people.

The turns are found by `chats`, as for uploads; this module knows only where each program keeps its conversations, and
what identifies one, so that a later export of it continues the same session.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from omoide.text_extraction.chats import detection, json_chats
from omoide.text_extraction.exports.conversation import Conversation, Report, conversation
from omoide.text_extraction.exports.files import ExportFile, contents

SLACK_PEOPLE, SLACK_LISTS = "users", frozenset({"channels", "groups", "dms", "mpims"})
"""Files at the top of an export of Slack."""

_DISCORD_TALK = frozenset(
    {"default", "reply", "applicationcommand", "chatinputcommand", "contextmenucommand", "0", "19", "20", "23"}
)
"""Types of messages in Discord that somebody, or a bot, wrote."""
_emoji = re.compile(r"<a?(:\w+:)\d+>")
_discord_time = re.compile(r"<t:(\d{1,11})(?::[tTdDfFR])?>")

_copy_number = re.compile(r" ?\(\d+\)$")
"""What browsers add to the name of a file that exists."""


def telegram(files: Iterable[ExportFile], report: Report) -> Iterator[Conversation]:
    found = [
        (str(chat.get("id") or name.stem), chat) for name, document in contents(files, report) for chat in _chats(document)
    ]
    shared = _shared(each for _, chat in found for each in chat["messages"])
    for id, chat in found:
        yield _conversation(id, chat.get("name") or chat.get("type"), _distinct(chat["messages"], shared))


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


def _shared(messages: Iterable[Any]) -> set[str]:
    """The names that several persons have, by `from` and `from_id`."""
    persons: dict[str, set[str]] = {}
    for each in messages:
        if isinstance(each, dict) and isinstance(name := each.get("from"), str):
            persons.setdefault(name, set()).add(str(each.get("from_id")))
    return {name for name, ids in persons.items() if len(ids) > 1}


def _distinct(messages: Iterable[Any], shared: set[str]) -> list[Any]:
    """The messages, with the id of a person next to a shared name."""
    return [
        {**each, "from": f"{each['from']} ({each.get('from_id')})"}
        if isinstance(each, dict) and isinstance(each.get("from"), str) and each["from"] in shared
        else each
        for each in messages
    ]


def discord(files: Iterable[ExportFile], report: Report) -> Iterator[Conversation]:
    """Parts of a channel may overlap."""
    titles: dict[str, str] = {}
    channels: dict[str, dict[str, dict[str, Any]]] = {}
    for name, document in contents(files, report):
        if not isinstance(document, dict) or not isinstance(document.get("messages"), list):
            continue
        guild, channel = (each if isinstance(each := document.get(key), dict) else {} for key in ("guild", "channel"))
        id = str(channel.get("id") or name.stem)
        titles[id] = " / ".join(str(each["name"]) for each in (guild, channel) if each.get("name"))
        for number, each in enumerate(document["messages"]):
            if isinstance(each, dict):
                key = str(each.get("id") or f"{name} {number}")
                channels.setdefault(id, {})[key] = _discord_message(each, report)
    shared = _shared(each for messages in channels.values() for each in messages.values())
    for id, messages in channels.items():
        in_order = sorted(messages.values(), key=lambda each: str(each.get("timestamp", "")))
        yield _conversation(id, titles[id], _distinct(in_order, shared))


def _discord_message(message: dict[str, Any], report: Report) -> dict[str, Any]:
    """A message with the name and the id of its author; what the program wrote has no text."""
    author = message["author"] if isinstance(message.get("author"), dict) else {}
    names = [each for key in ("nickname", "name") if isinstance(each := author.get(key), str) and each]
    if names:
        id = str(author.get("id", ""))
        for shown in (names[0], f"{names[0]} ({id})"):
            report.aliases.setdefault(shown, set()).update(each.casefold() for each in (*names, id) if each)
    text = message.get("content")
    is_talk = str(message.get("type", "Default")).lower() in _DISCORD_TALK and isinstance(text, str)
    shown = _discord_time.sub(_day, _emoji.sub(r"\1", str(text))) if is_talk else ""
    return {
        **message,
        "type": "message",
        "content": shown,
        "from": names[0] if names else None,
        "from_id": author.get("id"),
    }


def _day(match: re.Match[str]) -> str:
    return datetime.fromtimestamp(int(match[1]), UTC).date().isoformat()


def slack(files: Iterable[ExportFile], report: Report) -> Iterator[Conversation]:
    """A folder for each channel, with a file for each day. Answers in threads come when they were written."""
    days: dict[str, list[Any]] = {}
    people: dict[str, str] = {}
    ids: dict[str, str] = {}
    for name, document in contents(files, report):
        listed = [each for each in document if isinstance(each, dict)] if isinstance(document, list) else []
        if name.stem == SLACK_PEOPLE:
            people = _slack_people(listed, report)
        elif name.stem in SLACK_LISTS:
            ids |= {str(each["name"]): str(each["id"]) for each in listed if each.get("name") and each.get("id")}
        elif any("ts" in each for each in listed):
            days.setdefault(name.parent.name or name.stem, []).extend(listed)
    for channel, messages in days.items():
        in_order = sorted(messages, key=lambda each: str(each.get("ts", "")))
        yield _conversation(ids.get(channel, channel), channel, in_order, people)


def _slack_people(users: Sequence[dict[str, Any]], report: Report) -> dict[str, str]:
    """Id → name of the users, with the user name next to a name that several have."""
    people = json_chats.people(users)
    shared = {name for name, count in Counter(people.values()).items() if count > 1}
    for user in users:
        id, profile = str(user.get("id")), user.get("profile")
        if id not in people or not isinstance(profile, dict):
            continue
        if people[id] in shared:
            people[id] = f"{people[id]} ({user.get('name') or id})"
        others = [id, user.get("name"), *(profile.get(key) for key in ("real_name", "display_name", "email"))]
        report.aliases[people[id]] = {each.casefold() for each in others if isinstance(each, str) and each}
    return people


def whatsapp(files: Iterable[ExportFile], report: Report) -> Iterator[Conversation]:
    for name, text in contents(files, report):
        if isinstance(text, str) and (turns := detection.of_text(text)):
            # Exports of iOS are all called _chat.txt: their archives have the names.
            title = _copy_number.sub("", name.parent.name if name.stem == "_chat" and name.parent.name else name.stem)
            yield conversation(title, title, turns, len(turns))


def _conversation(
    id: str, title: object, messages: Sequence[Any], people: Mapping[str, str] = MappingProxyType({})
) -> Conversation:
    turns = detection.oldest_first(json_chats.turns({"messages": messages}, people))
    return conversation(id, title, turns, len(messages))
