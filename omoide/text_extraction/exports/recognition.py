"""Say which other kind an export is of, if it is read as a wrong one."""

from __future__ import annotations

from pathlib import Path

from omoide.core.errors import OmoideError
from omoide.text_extraction.exports import kinds, memories


def other_kinds(kind: str, path: Path) -> list[str]:
    """The other kinds of which it is an export that holds anything; of kinds that read the same, the first one."""
    readers = {each.read: name for name, each in reversed(kinds.KINDS.items()) if name != kind}
    found = [name for name in kinds.KINDS if name in readers.values() and _has_talk(name, path)]
    return found + [name for name in memories.KINDS if name != kind and _has_statements(name, path)]


def _has_talk(kind: str, path: Path) -> bool:
    try:
        return any(each.turns for each in kinds.read(kind, path).conversations)
    except (OmoideError, OSError):
        return False


def _has_statements(kind: str, path: Path) -> bool:
    try:
        return bool(memories.read(kind, path).statements)
    except (OmoideError, OSError):
        return False
