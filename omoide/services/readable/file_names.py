"""File names for ids, which differ on every file system, also where case does not count. Pure.

An id that is a safe name in lower case is its own. Any other gets a part of its hash, after a dot that no valid id has.
So a name depends on its id alone, and links can be written before the file.
"""

from __future__ import annotations

import hashlib
import re

MOST_CHARACTERS = 100
"""Characters of a name that are taken from its id."""

_plain = re.compile(r"[a-z0-9][a-z0-9_-]*").fullmatch
_other = re.compile(r"[^A-Za-z0-9_-]+")
_RESERVED = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))]
)
"""Names that are devices on Windows, with any ending."""


def file_name(id: str) -> str:
    """The name of the Markdown file of a peer or session."""
    if len(id) <= MOST_CHARACTERS and _plain(id) and id not in _RESERVED:
        return f"{id}.md"
    digest = hashlib.sha256(id.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    kept = _other.sub("-", id)[:MOST_CHARACTERS].strip("-_") or "id"
    # A device's name must not be all that comes before the first dot.
    return f"{kept}_.{digest}.md" if kept.lower() in _RESERVED else f"{kept}.{digest}.md"
