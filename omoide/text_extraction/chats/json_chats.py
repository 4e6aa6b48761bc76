"""Find the turns of a conversation that was exported as JSON.

Recognized: exports of ChatGPT (a tree of messages), and lists of messages that have a text and a speaker, under the
names that programs give them: Claude, LibreChat, Slack, Telegram, Discord, Messenger and Instagram, training data with
roles.

A large document is read in a subprocess, as in `json_normalization`; it runs this file, so the package's modules that
are used here import only the standard library.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, cast

from omoide.text_extraction.chats import branches, characters, discord, references, statements, telegram, times
from omoide.text_extraction.chats.turn import ASSISTANT, OWNER, ChatTurn, role_of

TEXT_KEYS = ("text", "content", "contents", "message", "body", "msg", "mes", "parts")
SPEAKER_KEYS = (
    *("role", "sender_name", "sender", "from", "from_name", "author", "speaker", "user", "username", "user_name"),
    *("creator", "participant", "peer_id", "from_id"),
)
_NAMES = ("role", "nickname", "display_name", "real_name", "name", "username", "user", "first_name", "id")
TIME_KEYS = (
    *("created_at", "createdat", "create_time", "timestamp", "timestamp_ms", "ts", "date", "datetime", "time"),
    *("sent_at", "date_unixtime", "created", "created_date", "date_created", "send_date", "inserted_at"),
)
"""Keys, in lower case, in order of preference."""

_OWN = {"iscreatedbyuser": ASSISTANT, "is_user": ASSISTANT, "from_me": None, "fromme": None, "isfromme": None}
"""Keys of flags of what the human, or the owner of the export, said; and the role of the others."""

_LISTS = frozenset(
    """messages chat_messages conversation conversations chat chats dialog dialogue history thread threads turns
    transcript items data list children replies results responses channels""".split()  # noqa: SIM905
)
"""Keys of lists in which messages are looked for. Others, as `reviews` or `comments`, are not conversations."""

_WRAPPERS = ("message", "response")
"""Keys of a message within an item of a list."""

_ASKED, _REPLIED = "REQUEST", "RESPONSE"
"""Types of the fragments of a message of DeepSeek."""

_SILENT = frozenset(
    {"system", "tool", "function", "developer", "service"}
    | {"guildmemberjoin", "channelpinnedmessage", "recipientadd", "recipientremove", "call", "threadcreated"}
    | {"channelnamechange", "channeliconchange"}
)
"""Roles and types whose text is not part of the talk."""
_SLACK_TALK = frozenset(
    {"message", "bot_message", "me_message", "thread_broadcast", "reply_broadcast", "file_share", "file_comment"}
)
"""Subtypes in Slack of what somebody wrote; the others are of the program."""
_SLACK_BOT = "USLACKBOT"
_TALK = frozenset({"text", "multimodal_text", "input_text", "output_text", "message"})

_MENTION = re.compile(r"<@([A-Z0-9]+)(?:\|([^>]*))?>")
_SPECIAL = re.compile(r"<([#!])([^<>|]+)(?:\|([^<>]*))?>")
"""Channels, groups and dates, as <#C1|general>, <!here> and <!date^1700000000^{date}|14 November>."""
_LINK = re.compile(r"<((?:https?|mailto):[^>|]+)(?:\|([^>]+))?>")

MENTIONS = re.compile(
    r'"(?:role|sender|sender_name|from|from_name|author|speaker|user|username|user_name|creator|participant|peer_id|mapping'
    r'|is_user|from_me|fromMe|isFromMe|memory|payload|entityType|relationType)"\s*:',
    re.IGNORECASE,
)
"""What any document with a conversation contains."""


def turns(document: object, known: Mapping[str, str] = MappingProxyType({})) -> list[ChatTurn]:
    """The turns of the conversations in a parsed document, in their order; empty if it is none.

    `known` are ids and names of people in Slack.
    """
    if isinstance(document, list) and characters.is_chat(document):
        return characters.turns(document)
    if statements_found := statements.turns(document):
        return statements_found
    try:
        found = [*_found(_prepared(document), known)]
    except RecursionError:
        return []
    is_sure = len(found) > 1 or isinstance(document, dict) or any(turn.is_role for turn in found)
    return found if is_sure and any(turn.text.strip() for turn in found) else []


def _prepared(document: object) -> object:
    """The messages of an export of Discord or Telegram, or the document as it is."""
    if discord.is_channel(document):
        return {"messages": discord.messages(cast(dict[str, Any], document))}
    chats = [chat for chat in telegram.chats(document) if chat["messages"]]
    return {"messages": [each for chat in telegram.messages(chats) for each in chat]} if chats else document


def _found(value: object, known: Mapping[str, str]) -> Iterator[ChatTurn]:
    if isinstance(value, dict):
        if isinstance(value.get("mapping"), dict):
            yield from _branch(value)
            return
        for name, inner in value.items():
            if isinstance(inner, dict | list) and (isinstance(inner, dict) or name.lower() in _LISTS):
                yield from _found(inner, known)
    elif isinstance(value, list):
        told = {**known, **people(value)}
        for each in branches.of_list(value):
            turn = _wrapped(each, told) if isinstance(each, dict) else None
            if turn is not None:
                yield turn
                yield from _found(
                    {name: inner for name, inner in each.items() if name in ("children", "replies")}, known
                )
            else:
                yield from _found(each, known)


def _wrapped(item: Mapping[str, Any], people: Mapping[str, str]) -> ChatTurn | None:
    inner = (item[name] for name in _WRAPPERS if isinstance(item.get(name), dict))
    return next((turn for each in (item, *inner) if (turn := _turn(_lower(each), people)) is not None), None)


def _lower(message: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name).lower(): value for name, value in message.items()}


def _branch(conversation: Mapping[str, Any]) -> Iterator[ChatTurn]:
    """The messages of a tree; those before the first one with a time have that of the conversation."""
    start = next((found for key in TIME_KEYS if (found := times.from_value(conversation.get(key))) is not None), None)
    for each in branches.of_tree(conversation["mapping"], conversation.get("current_node")):
        message = each.get("message")
        if not isinstance(message, dict) or message.get("recipient") not in (None, "all"):
            continue
        metadata = message.get("metadata")
        if isinstance(metadata, dict) and metadata.get("is_visually_hidden_from_conversation"):
            continue
        turn = _turn(_with_fragments(_lower(message)), {})
        if turn is None:
            continue
        if turn.said_at is not None:
            start = None
        elif start is not None:
            turn = turn._replace(said_at=start[0], utc_offset=start[1])
        yield turn._replace(text=references.removed(turn.text))


def _with_fragments(message: dict[str, Any]) -> dict[str, Any]:
    """A message of DeepSeek, whose fragments say who wrote them, with a role and a text."""
    fragments = message.get("fragments")
    if not isinstance(fragments, list):
        return message
    told = [each for each in fragments if isinstance(each, dict) and each.get("type") in (_ASKED, _REPLIED)]
    is_asked = any(each["type"] == _ASKED for each in told)
    text = "\n".join(str(each.get("content", "")) for each in told)
    return {**message, "role": OWNER if is_asked else ASSISTANT, "text": text}


def _turn(message: Mapping[str, Any], people: Mapping[str, str]) -> ChatTurn | None:
    """The turn of a message, whose keys are in lower case. None if it is none; empty if it is not part of the talk."""
    keys = (*TEXT_KEYS, "value") if "from" in message else TEXT_KEYS
    if isinstance(message.get("content"), list):  # Claude's `text` has placeholders for what is no text
        keys = ("content", *keys)
    texts = [told for key in keys if (told := _text(message.get(key))) is not None]
    text = next(filter(None, texts), "" if texts else None)
    instant = times.from_both(message.get("date"), message.get("date_unixtime")) or next(
        (found for key in TIME_KEYS if (found := times.from_value(message.get(key))) is not None), None
    )
    speaker = _speaker(message)
    speaker = people.get(speaker, speaker) if speaker else None
    # Many things that are no messages have a name.
    if speaker is None and (instant is not None or any(isinstance(message.get(key), bool) for key in _OWN)):
        speaker = _name({"name": message.get("name")})
    if text is None or speaker is None:
        return None
    name = speaker.lower()
    kind = str(message.get("subtype") or message.get("type") or "message").lower()
    if name in _SILENT or kind in _SILENT or kind.startswith(("channel_", "group_")) or _is_of_others(message, speaker):
        text = ""
    if "sender_name" in message:
        text, speaker = _mended(text), _mended(speaker)
    if "ts" in message:
        is_talk = kind in _SLACK_TALK and message.get("user") != _SLACK_BOT
        text = _plain(text, people) if is_talk else ""
    role = _role(message, speaker)
    return ChatTurn(role or speaker, role is not None, text, *(instant or ()))


def _is_of_others(message: Mapping[str, Any], speaker: str) -> bool:
    """Whether a message of Telegram was forwarded: whoever sent it did not say it."""
    return "forwarded_from" in message and message["forwarded_from"] != speaker


def _role(message: Mapping[str, Any], speaker: str) -> str | None:
    for key, others in _OWN.items():
        if isinstance(is_own := message.get(key), bool) and (is_own or others):
            return OWNER if is_own else others
    return ASSISTANT if _is_bot(message) else role_of(speaker)


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        if str(value.get("content_type", "text")) not in _TALK:
            return ""
        return next((told for key in ("parts", "text", "value") if (told := _text(value.get(key))) is not None), None)
    if isinstance(value, list):
        between = "" if any(isinstance(each, str) for each in value) else "\n"
        parts = [_part(each) for each in value]
        return between.join(part for part in parts if part)
    return None


def _part(value: object) -> str:
    if isinstance(value, str):
        return value
    told = value.get("text") if isinstance(value, dict) else None
    return told if isinstance(told, str) else ""


def _speaker(message: Mapping[str, Any]) -> str | None:
    profile = message.get("user_profile")
    if isinstance(profile, dict) and (name := _name(profile)):
        return name
    for key in SPEAKER_KEYS:
        value = message.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()
        if isinstance(value, dict) and (name := _name(_lower(value))):
            return name
    return None


def _name(person: Mapping[str, Any]) -> str | None:
    found = (person.get(key) for key in _NAMES)
    return next((name.strip() for name in found if isinstance(name, str) and name.strip()), None)


def _is_bot(message: Mapping[str, Any]) -> bool:
    author = message.get("author")
    flags = [message.get("bot_id"), *(author.get(key) for key in ("isBot", "bot") if isinstance(author, dict))]
    return any(flags) or message.get("subtype") == "bot_message"


def people(records: Sequence[Any]) -> dict[str, str]:
    """Id → name of the people in messages of Slack, or in its list of users."""
    found = {}
    for each in records:
        if not isinstance(each, dict):
            continue
        profile, id = each.get("user_profile", each.get("profile")), each.get("user", each.get("id"))
        if isinstance(profile, dict) and isinstance(id, str) and (name := _name(profile) or _name(each)):
            found[id] = name
    return found


def _plain(text: str, people: Mapping[str, str]) -> str:
    """A text of Slack without its markup."""
    text = _MENTION.sub(lambda match: f"@{people.get(match[1]) or match[2] or match[1]}", text)
    text = _SPECIAL.sub(lambda match: match[3] or {"#": "#", "!": "@"}[match[1]] + match[2].split("^")[0], text)
    text = _LINK.sub(_linked, text)
    return html.unescape(text)


def _linked(match: re.Match[str]) -> str:
    address, label = match[1].removeprefix("mailto:"), match[2]
    return f"{label} ({address})" if label and label != address else address


def _mended(text: str) -> str:
    """A text of Meta's exports, which are UTF-8 read as Latin-1."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return text
