"""Exports of conversations among people.

The turns are found by `chats`, as for uploads; this module knows only where each program keeps its conversations, and
what identifies one, so that a later export of it continues the same session.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from omoide.text_extraction.chats import detection, json_chats, namesakes
from omoide.text_extraction.chats import discord as discord_chats
from omoide.text_extraction.chats import telegram as telegram_chats
from omoide.text_extraction.exports.conversation import Conversation, Report, conversation
from omoide.text_extraction.exports.files import ExportFile, contents

SLACK_PEOPLE, SLACK_LISTS = "users", frozenset({"channels", "groups", "dms", "mpims"})
"""Files at the top of an export of Slack."""

_copy_number = re.compile(r" ?\(\d+\)$")
"""What browsers add to the name of a file that exists."""


def telegram(files: Iterable[ExportFile], report: Report) -> Iterator[Conversation]:
    documents = (
        (name, document) for name, document in contents(files, report) if not discord_chats.is_channel(document)
    )
    found = [(name, chat) for name, document in documents for chat in telegram_chats.chats(document)]
    prepared = telegram_chats.messages([chat for _, chat in found])
    for (name, chat), messages in zip(found, prepared, strict=True):
        yield _conversation(str(chat.get("id") or name.stem), chat.get("name") or chat.get("type"), messages)


def discord(files: Iterable[ExportFile], report: Report) -> Iterator[Conversation]:
    """Parts of a channel may overlap."""
    titles: dict[str, str] = {}
    channels: dict[str, dict[str, dict[str, Any]]] = {}
    for name, document in contents(files, report):
        if not discord_chats.is_channel(document):
            continue
        guild, channel = (each if isinstance(each := document.get(key), dict) else {} for key in ("guild", "channel"))
        id = str(channel.get("id") or name.stem)
        titles[id] = " / ".join(str(each["name"]) for each in (guild, channel) if each.get("name"))
        for number, each in enumerate(document["messages"]):
            if isinstance(each, dict):
                message = discord_chats.message(each)
                _note_author(message, report)
                channels.setdefault(id, {})[str(each.get("id") or f"{name} {number}")] = message
    shared = namesakes.shared(each for messages in channels.values() for each in messages.values())
    for id, messages in channels.items():
        in_order = discord_chats.in_order(messages.values())
        yield _conversation(id, titles[id], namesakes.distinct(in_order, shared))


def _note_author(message: dict[str, Any], report: Report) -> None:
    names, id = discord_chats.names(message), str(message.get("from_id") or "")
    for shown in (names[0], f"{names[0]} ({id})") if names else ():
        report.aliases.setdefault(shown, set()).update(each.casefold() for each in (*names, id) if each)


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
