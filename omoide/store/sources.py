"""The two tables whose texts have vectors, and where these are kept."""

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
"""The columns that a search by meaning can be narrowed by."""
