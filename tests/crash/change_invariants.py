"""What must hold of conclusions that have changed, beyond what `omoide check` looks at."""

from __future__ import annotations

from pathlib import Path

from omoide.storage.sqlite import inspection
from omoide.storage.sqlite.integrity import full_check
from tests import sql

_KEPT = "(x.deleted_at IS NULL OR x.ended_as IS NOT NULL)"
_RULES = {
    "superseded or merged without a successor": """
        FROM conclusions c WHERE c.ended_as IN ('superseded', 'merged') AND c.successor IS NULL""",
    "ended, and the successor is deleted or gone": f"""
        FROM conclusions c WHERE c.ended_as IS NOT NULL AND c.successor IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM conclusions x WHERE x.id = c.successor AND {_KEPT})""",
    "ended by a conclusion of another pair": """
        FROM conclusions c JOIN conclusions x ON x.id = c.successor
        WHERE c.ended_as IS NOT NULL AND (x.observer, x.observed) <> (c.observer, c.observed)""",
    "current with a successor": """
        FROM conclusions c WHERE c.deleted_at IS NULL AND c.successor IS NOT NULL""",
    "current and derived from a conclusion that is not current": """
        FROM conclusions c, json_each(c.source_ids) s WHERE c.deleted_at IS NULL AND c.level <> 'explicit'
        AND NOT EXISTS (SELECT 1 FROM conclusions x WHERE x.id = s.value AND x.deleted_at IS NULL)""",
    "linked with a message that is gone": """
        FROM conclusion_messages l WHERE NOT EXISTS (SELECT 1 FROM messages m WHERE m.pk = l.message)""",
    "kept, and naming a message that is gone": """
        FROM conclusions c, json_each(c.details, '$.message_ids') m
        WHERE (c.deleted_at IS NULL OR c.ended_as IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM messages x JOIN sessions s ON s.pk = x.session AND s.deleted_at IS NULL
            WHERE x.id = m.value)""",
    "kept, and from a session that is deleted or gone": """
        FROM conclusions c WHERE (c.deleted_at IS NULL OR c.ended_as IS NOT NULL) AND c.session IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.pk = c.session AND s.deleted_at IS NULL)""",
    "by or about a peer that is deleted or merged": """
        FROM conclusions c JOIN peers p ON p.pk IN (c.observer, c.observed)
        WHERE (c.deleted_at IS NULL OR c.ended_as IS NOT NULL) AND p.kind IN ('merged', 'deleted')""",
    "valid until before they were valid": """
        FROM conclusions c WHERE c.deleted_at IS NULL AND c.valid_until < c.valid_from""",
    "the same text twice from one session, and current": """
        FROM (SELECT count(*) AS times FROM conclusions WHERE deleted_at IS NULL AND level = 'explicit'
            AND session IS NOT NULL GROUP BY observer, observed, session, same HAVING times > 1)""",
    "in a circle of successors": """
        FROM conclusions c WHERE c.ended_as IS NOT NULL AND EXISTS (
            WITH RECURSIVE later (id) AS (SELECT c.successor UNION
                SELECT x.successor FROM later JOIN conclusions x ON x.id = later.id
                WHERE x.ended_as IS NOT NULL AND x.successor IS NOT NULL)
            SELECT 1 FROM later WHERE id = c.id)""",
}


def broken(connection: sql.Executes) -> list[str]:
    """One line per violated rule of these."""
    counts = {name: sql.value(connection, f"SELECT count(*) {rows}") for name, rows in _RULES.items()}
    return [f"{count} {name}" for name, count in counts.items() if count]


def faults(db: Path) -> list[str]:
    """One line per fault that `omoide check` finds, per violated rule and per failed job; nothing else writes, and no
    job is open."""
    with inspection.opened(db, busy_timeout=30) as connection:
        failed = sql.column(connection, "SELECT kind || ': ' || error FROM jobs WHERE failed_at > 0")
        return [*full_check.faults(connection), *broken(connection), *failed]
