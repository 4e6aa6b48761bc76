"""One turn of an exported conversation. Only the standard library: see `json_chats`."""

from __future__ import annotations

from typing import NamedTuple

OWNER = "user"
"""The role of the human in a conversation with an assistant."""
ASSISTANT = "assistant"


_OWNERS = frozenset({"user", "human", "prompter", "you", "me", "you said"})
_ASSISTANTS = frozenset(
    {"assistant", "ai", "bot", "gpt", "model", "chatgpt", "claude", "gemini", "copilot", "agent", "chatbot"}
    | {"chatgpt said", "ai assistant", "language model"}
)


def role_of(name: str) -> str | None:
    """The role that a speaker's name stands for, in conversations of a human and an assistant."""
    name = name.strip().lower()
    return OWNER if name in _OWNERS else ASSISTANT if name in _ASSISTANTS else None


class ChatTurn(NamedTuple):
    speaker: str
    """The name in the export; a role if `is_role`."""
    is_role: bool
    """Whether the speaker is `OWNER` or `ASSISTANT`."""
    text: str
    said_at: int | None = None
    """Microseconds since 1970. A local time is taken as one in UTC, so that the day is right."""
    utc_offset: int | None = None
    """In minutes, if the time is known."""
    is_program: bool = False
    """Whether a program said it under a name, as a character; the `ASSISTANT` is one anyway."""
