"""Find the turns of a chat with characters that SillyTavern saved as lines of JSON. Only the standard library."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from omoide.text_extraction.chats import times
from omoide.text_extraction.chats.turn import OWNER, ChatTurn

_HEAD = frozenset({"user_name", "character_name", "chat_metadata"})
_NARRATORS = frozenset({"narrator", "comment"})
_TIME_KEYS = ("send_date", "gen_started", "gen_finished")
_thoughts = re.compile(r"\A\s*<think(?:ing)?>.*?</think(?:ing)?>\s*", re.DOTALL)

Record = Mapping[str, Any]


def records(lines: Iterable[str]) -> list[Record] | None:
    """The records of the lines; None if they are no such chat. A damaged line is left out."""
    found: list[Record] = []
    for line in lines:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            found.append(record)
    return found if is_chat(found) else None


def is_chat(found: Sequence[object]) -> bool:
    """Whether these are the records of such a chat: with a head, or all with a speaker and a text."""
    records = [each for each in found if isinstance(each, dict)]
    is_headed = has_head(records)
    are_said = ["mes" in each and "is_user" in each for each in records[is_headed:]]
    return any(are_said) if is_headed else bool(are_said) and all(are_said)


def has_head(found: Sequence[object]) -> bool:
    """Whether the first record describes the chat."""
    first = found[0] if found else None
    return isinstance(first, dict) and "mes" not in first and not _HEAD.isdisjoint(first)


def character(found: Sequence[Record]) -> str:
    """The name of the character, or "group"."""
    name = found[0].get("character_name") if has_head(found) else None
    return name if isinstance(name, str) and name not in ("", "unused") else "group"


def main_chat(found: Sequence[Record]) -> str | None:
    """The name of the chat that this one is a branch of."""
    about = found[0].get("chat_metadata") if has_head(found) else None
    main = about.get("main_chat") if isinstance(about, dict) else None
    return main if isinstance(main, str) and main and "/" not in main else None


def turns(document: Sequence[object]) -> list[ChatTurn]:
    """The turns of the records; what is hidden or of the system is empty."""
    found: list[Record] = [each for each in document if isinstance(each, dict)]
    user = found[0].get("user_name") if has_head(found) else None
    return [_turn(each, user if isinstance(user, str) else "") for each in found[has_head(found) :]]


def _turn(record: Record, user: str) -> ChatTurn:
    name = record.get("name")
    speaker = name.strip() if isinstance(name, str) and name.strip() else "character"
    extra = record.get("extra")
    is_hidden = record.get("is_system") is True or (isinstance(extra, dict) and str(extra.get("type")) in _NARRATORS)
    text = "" if is_hidden else _thoughts.sub("", _chosen(record))
    is_user = record.get("is_user") is True
    for macro, meant in (("{{user}}", speaker if is_user else user), ("{{char}}", "" if is_user else speaker)):
        text = text.replace(macro, meant) if meant else text
    instant = next((at for key in _TIME_KEYS if (at := times.from_value(record.get(key))) is not None), ())
    return ChatTurn(OWNER, True, text, *instant) if is_user else ChatTurn(speaker, False, text, *_filled(instant), True)


def _filled(instant: tuple[int, ...]) -> tuple[int | None, int | None]:
    return (instant[0], instant[1]) if instant else (None, None)


def _chosen(record: Record) -> str:
    """The text, or the chosen version of it."""
    text = record.get("mes")
    if isinstance(text, str) and text.strip():
        return text
    swipes, chosen = record.get("swipes"), record.get("swipe_id", 0)
    if isinstance(swipes, list) and isinstance(chosen, int) and 0 <= chosen < len(swipes):
        return str(swipes[chosen])
    return ""
