"""Write answers of operations as Markdown for models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

NOTHING = "Nothing is known yet."
SUMMARIES = ("summary", "long_summary", "short_summary")


def markdown(answer: Mapping[str, Any]) -> str:
    """A section for each thing that the answer tells: card, representation, summary and messages."""
    return "\n\n".join(section.strip() for section in _sections(answer)) or NOTHING


def _sections(answer: Mapping[str, Any]) -> Iterator[str]:
    if lines := answer.get("peer_card"):
        yield "\n".join(["## Card\n", *(f"- {line}" for line in lines)])
    if known := answer.get("representation") or answer.get("peer_representation"):
        yield known
    if summaries := [each for name in SUMMARIES if (each := answer.get(name))]:
        newest = max(summaries, key=lambda each: str(each["created_at"]))
        yield f"## Summary\n\n{newest['content']}"
    if messages := answer.get("messages"):
        yield "\n".join(["## Messages\n", *(_said(message) for message in messages)])


def _said(message: Mapping[str, Any]) -> str:
    at = datetime.fromisoformat(message["created_at"])
    content = message["content"].strip().replace("\n", "\n  ")
    return f"- [{at:%Y-%m-%d %H:%M}] {message['peer_id']}: {content}"
