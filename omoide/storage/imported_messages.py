"""Find what an import stored before, by the keys that it left in the metadata of messages."""

from __future__ import annotations

from typing import NamedTuple

import orjson

from omoide.storage import rows, sessions
from omoide.storage.base import Transaction

KEY = "source_key"
"""The entry of a message's metadata that identifies it in the export."""


def keys(db: Transaction, workspace_id: str, session_id: str) -> frozenset[str]:
    """The keys of the messages that imports stored in the session; none if it does not exist."""
    session = sessions.find(db, workspace_id, session_id)
    if session is None:
        return frozenset()
    stored = db.execute("SELECT metadata FROM messages WHERE session = ? AND metadata <> '{}'", (session.pk,))
    return frozenset(key for (metadata,) in stored if (key := _key(metadata)) is not None)


class ImportedMessage(NamedTuple):
    id: str
    seq: int


def by_key(db: Transaction, workspace_id: str, session_id: str) -> dict[str, ImportedMessage]:
    """Key → the message that an import stored in the session."""
    session = sessions.find(db, workspace_id, session_id)
    if session is None:
        return {}
    stored = db.execute("SELECT metadata, id, seq FROM messages WHERE session = ? ORDER BY seq", (session.pk,))
    found = {}
    for metadata, id, seq in stored:
        if (key := _key(metadata)) is not None:
            found[key] = ImportedMessage(*rows.mended(["messages.id", "messages.seq"], (id, seq)))
    return found


def _key(metadata: object) -> str | None:
    try:
        found = orjson.loads(metadata) if isinstance(metadata, str | bytes) else None
    except ValueError:  # damaged: `omoide check` tells
        return None
    key = found.get(KEY) if isinstance(found, dict) else None
    return key if isinstance(key, str) else None
