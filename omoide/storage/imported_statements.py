"""Find the conclusions that an import stored before, by the keys that it left in their details."""

from __future__ import annotations

import orjson

from omoide.storage.base import Transaction
from omoide.storage.dialect import holds_text
from omoide.storage.imported_messages import KEY


def keys(db: Transaction, workspace_id: str) -> frozenset[str]:
    """The keys of the workspace's conclusions that imports stored. Those that ended count, deleted ones do not."""
    rows = db.execute(
        f"""SELECT c.details FROM conclusions c JOIN workspaces w ON w.pk = c.workspace
            WHERE w.id = ? AND w.deleted_at IS NULL AND (c.deleted_at IS NULL OR c.ended_as IS NOT NULL)
            AND {holds_text("c.details")}""",
        (workspace_id, f'"{KEY}"'),
    )
    return frozenset(key for (details,) in rows if (key := _key(details)) is not None)


def _key(details: object) -> str | None:
    try:
        found = orjson.loads(details) if isinstance(details, str | bytes) else None
    except ValueError:  # damaged: `omoide check` tells
        return None
    key = found.get(KEY) if isinstance(found, dict) else None
    return key if isinstance(key, str) else None
