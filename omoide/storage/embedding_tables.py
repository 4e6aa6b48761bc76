"""The two tables whose texts have vectors, and the tables of the vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Source = Literal["messages", "conclusions"]
SOURCES: tuple[Source, ...] = ("messages", "conclusions")

VECTORS: Mapping[Source, str] = {"messages": "message_vectors", "conclusions": "conclusion_vectors"}

TAKEN_FROM: Mapping[Source, tuple[str, str]] = {
    "messages": ("session", "peer"),
    "conclusions": ("observer", "observed"),
}
"""The columns by which semantic search can be filtered."""
