"""Read what was said in a transcript of Claude Code: lines of JSON, of which most are no talk."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MOST_CHARACTERS = 25_000
"""The longest content of a message; longer texts become several."""

# Blocks that the program adds to what the user typed.
_ADDED = re.compile(
    r"<(system-reminder|ide_\w+|local-command-\w+|command-\w+|bash-(?:input|stdout|stderr)|task-notification)>.*?</\1>",
    re.DOTALL,
)
_INTERRUPTED = re.compile(r"\[Request interrupted by user[^\]]*\]")
_NOT_TALK = ("isMeta", "isSidechain", "isCompactSummary", "isApiErrorMessage", "isVisibleInTranscriptOnly")
"""Notes of the program, the work of subagents, summaries of what was said already, and errors."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """What one side said. `id` is that of the line, with a number for further parts of a long text."""

    id: str
    is_user: bool
    content: str
    created_at: str | None


def read_transcript(path: Path) -> list[Utterance]:
    """All that was said, in order; damaged lines are skipped. Raises OSError."""
    with path.open(encoding="utf-8", errors="replace") as lines:
        return [utterance for line in lines for utterance in _utterances(line)]


def _utterances(line: str) -> Iterator[Utterance]:
    if '"message"' not in line:  # most of the lines that are no talk, without parsing them
        return
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return
    if not isinstance(record, dict) or record.get("type") not in ("user", "assistant"):
        return
    message, uuid = record.get("message"), record.get("uuid")
    if not isinstance(message, dict) or not isinstance(uuid, str) or any(record.get(flag) for flag in _NOT_TALK):
        return
    text = _INTERRUPTED.sub("", _ADDED.sub("", _text(message.get("content")))).strip()
    if message.get("model") == "<synthetic>":  # such as "No response requested."
        return
    forked = record.get("forkedFrom")  # a copy of what another session has
    if isinstance(forked, dict) and isinstance(forked.get("messageUuid"), str):
        uuid = forked["messageUuid"]
    created_at = record.get("timestamp")
    for part, start in enumerate(range(0, len(text), MOST_CHARACTERS)):
        yield Utterance(
            f"{uuid}.{part}" if part else uuid,
            record["type"] == "user",
            text[start : start + MOST_CHARACTERS],
            created_at if isinstance(created_at, str) else None,
        )


def _text(content: object) -> str:
    """The text of a message: no thinking, no tool calls and no results of tools."""
    if isinstance(content, str):
        return content.encode("utf-8", "replace").decode()
    blocks = content if isinstance(content, list) else []
    texts = [each.get("text") for each in blocks if isinstance(each, dict) and each.get("type") == "text"]
    return "\n\n".join(text for text in texts if isinstance(text, str)).encode("utf-8", "replace").decode()
