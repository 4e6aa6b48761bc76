"""Rules for the ids that callers choose, as one place knows them. Pure.

Schemas check the ids in create bodies. The ids that arrive elsewhere (paths, authors, members) are checked here, and
only when something would be created under them, so that a read with an odd id just finds nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from omoide.errors import Unprocessable

PATTERN = "^[a-zA-Z0-9_-]+$"
MAX_LENGTH = 512
_matches = re.compile(r"[a-zA-Z0-9_-]+").fullmatch


def check_id(kind: str, name: str) -> None:
    """Raise Unprocessable unless a workspace or session (`kind`) may be created under this id."""
    if not _matches(name):
        raise Unprocessable(f"{kind} id {name[:100]!r} must match pattern {PATTERN}")
    if len(name) > MAX_LENGTH:
        raise Unprocessable(f"{kind} id must be at most {MAX_LENGTH} characters")


def check_peer_names(names: Iterable[str]) -> None:
    """Raise Unprocessable, naming the offenders in order, unless peers may be created under all these names."""
    names = sorted(names)
    if any("\x00" in name for name in names):
        raise Unprocessable("Peer name(s) must not contain NUL (0x00) bytes")
    if long := [name for name in names if len(name) > MAX_LENGTH]:
        raise Unprocessable(
            f"Peer name(s) {[name[:50] + '…' for name in long]} must be at most {MAX_LENGTH} characters"
        )
    if odd := [name for name in names if not _matches(name)]:
        raise Unprocessable(f"Peer name(s) {odd} must match pattern {PATTERN}")
