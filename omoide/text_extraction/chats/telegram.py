"""Prepare exports of Telegram, of one chat or of an account. Only the standard library: see `json_chats`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from omoide.text_extraction.chats import namesakes

_MARKS = ("from_id", "actor_id")
"""Keys of which each message has one."""


def chats(document: Any) -> Iterator[Mapping[str, Any]]:
    """The chats of a whole account, or the one chat."""
    if not isinstance(document, dict):
        return
    if _is_chat(document.get("messages")):
        yield document
    for key in ("chats", "left_chats"):
        inner = document.get(key)
        listed = inner.get("list") if isinstance(inner, dict) else None
        for chat in listed if isinstance(listed, list) else []:
            yield from chats(chat)


def _is_chat(messages: object) -> bool:
    if not isinstance(messages, list):
        return False
    return not messages or any(isinstance(each, dict) and not each.keys().isdisjoint(_MARKS) for each in messages)


def messages(given: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    """The messages of each chat: of people with the same name, with their ids."""
    shared = namesakes.shared(each for chat in given for each in chat["messages"])
    return [[_message(each, chat) for each in namesakes.distinct(chat["messages"], shared)] for chat in given]


def _message(message: Any, chat: Mapping[str, Any]) -> Any:
    """A message with the question of a poll, and whether a bot wrote it to its user."""
    if not isinstance(message, dict):
        return message
    poll, added = message.get("poll"), {}
    if not message.get("text") and isinstance(poll, dict) and isinstance(poll.get("question"), str):
        answers = poll.get("answers")
        listed = [each.get("text") for each in answers if isinstance(each, dict)] if isinstance(answers, list) else []
        added["text"] = "\n".join([poll["question"], *(f"- {each}" for each in listed if isinstance(each, str))])
    if chat.get("type") == "bot_chat" and message.get("from_id") == f"user{chat.get('id')}":
        added["bot_id"] = message["from_id"]
    return {**message, **added}
