"""Parse the `filters` that restrict a read of memory to some sessions. Pure.

`filters` on representation and chat accept only the key `session_id`: an id, a list of ids, or `{"in": [ids]}`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from omoide.core.errors import Unprocessable

MAX_SESSIONS = 1_000
_is_id = re.compile(r"[a-zA-Z0-9_-]+").fullmatch


def parse(filters: object, session_id: str | None) -> tuple[str, ...] | None:
    """Return the distinct session ids that a read is restricted to, None if unrestricted. Raises Unprocessable.

    If both are given, `session_id` must be in the list, and the read is restricted to it.
    """
    listed = _listed(filters)
    if session_id is None:
        return listed
    if listed is not None and session_id not in listed:
        raise Unprocessable("session_id must be included in filters.session_id")
    return (session_id,)


def checked(ids: Sequence[object]) -> tuple[str, ...]:
    """Return the distinct ids in order. Raises Unprocessable for too many ids or an invalid one."""
    for value in ids:
        if not isinstance(value, str) or not _is_id(value):
            raise Unprocessable(f"Invalid session id in allowlist: {str(value)[:100]!r}")
    unique = tuple(dict.fromkeys(str(value) for value in ids))
    if len(unique) > MAX_SESSIONS:
        raise Unprocessable(f"A session allowlist has at most {MAX_SESSIONS} sessions")
    return unique


def _listed(filters: object) -> tuple[str, ...] | None:
    if not filters:
        return None
    if not isinstance(filters, dict) or filters.keys() != {"session_id"}:
        raise Unprocessable("Only a session_id filter is supported here")
    value = filters["session_id"]
    if value is None:
        return None
    if isinstance(value, str):
        return checked([value])
    if isinstance(value, dict) and value.keys() == {"in"}:
        value = value["in"]
    if isinstance(value, list):
        return checked(value)
    raise Unprocessable("The session_id filter must be an id, a list of ids, or an object with 'in' and a list of ids")
