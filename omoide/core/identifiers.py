"""Validation of ids that callers choose. Pure.

Schemas validate ids in create bodies. Ids from paths, authors and members are validated here, and only before something
is created with them, so that a read with an invalid id finds nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from omoide.core.errors import Unprocessable

PATTERN = "^[a-zA-Z0-9_-]+$"
MAX_LENGTH = 512
SCOPE_PREFIX = "scope."
"""The reserved prefix for ids of the hidden peers of scopes."""
MAX_SCOPE_LENGTH = MAX_LENGTH - len(SCOPE_PREFIX)

_matches = re.compile(r"[a-zA-Z0-9_-]+").fullmatch


def check_id(kind: str, name: str) -> None:
    """Raise Unprocessable unless a workspace or session (`kind`) may be created with this id."""
    if not _matches(name):
        raise Unprocessable(f"{kind} id {name[:100]!r} must match pattern {PATTERN}")
    if len(name) > MAX_LENGTH:
        raise Unprocessable(f"{kind} id must be at most {MAX_LENGTH} characters")


def check_peer_names(names: Iterable[str]) -> None:
    """Raise Unprocessable, listing the invalid names, unless peers may be created with all these names."""
    names = sorted(names)
    if any("\x00" in name for name in names):
        raise Unprocessable("Peer name(s) must not contain NUL (0x00) bytes")
    if long := [name for name in names if len(name) > MAX_LENGTH]:
        raise Unprocessable(f"Peer name(s) {[*map(truncate, long)]} must be at most {MAX_LENGTH} characters")
    if reserved := [name for name in names if is_scope_peer(name)]:
        raise Unprocessable(
            f"Peer name(s) {reserved} use the reserved scope prefix '{SCOPE_PREFIX}'. "
            "Use the scopes routes to create scopes."
        )
    if odd := [name for name in names if not _matches(name)]:
        raise Unprocessable(f"Peer name(s) {odd} must match pattern {PATTERN}")


def truncate(name: str) -> str:
    """The name for an error message, truncated if it is too long to be valid."""
    return name if len(name) <= MAX_LENGTH else f"{name[:50]}…"


def is_scope_peer(name: str) -> bool:
    """Whether a peer id belongs to the hidden peer of a scope."""
    return name.startswith(SCOPE_PREFIX)


def peer_of_scope(name: str) -> str:
    """The id of a scope's hidden peer."""
    return SCOPE_PREFIX + name


def scope_of_peer(name: str) -> str:
    """The inverse of `peer_of_scope`."""
    return name.removeprefix(SCOPE_PREFIX)


def scope_name_error(name: str) -> str | None:
    """Why a scope name is invalid; None if it is valid."""
    if is_scope_peer(name):
        return f"Scope name must not start with the reserved prefix '{SCOPE_PREFIX}' (scope names are unprefixed)"
    if not 1 <= len(name) <= MAX_SCOPE_LENGTH:
        return f"Scope name must be between 1 and {MAX_SCOPE_LENGTH} characters"
    if not _matches(name):
        return f"Scope name must match pattern {PATTERN}"
    return None
