"""Consistency rules between rows, which hold at any time, also after a crash.

SQLite checks the structure of the file; this module checks the invariants of the program. Each rule is a query that
counts the rows that violate it.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.storage.sqlite import fulltext
from omoide.storage.sqlite.connection import Connection
from omoide.storage.sqlite.dialect import json_or_null

_PAYLOAD = json_or_null("j.payload")
SAID_ORDER_DIFFERS = "sessions have a different number of messages in said_order"
STAYS_OVERLAP = "stays exceed their session, overlap, or are open although the member has left"
_RULES: dict[str, str] = {
    "messages belong to a session of another workspace": """
        FROM messages m JOIN sessions s ON s.pk = m.session WHERE s.workspace <> m.workspace""",
    "messages are by a peer that does not exist": """
        FROM messages m LEFT JOIN peers p ON p.pk = m.peer WHERE p.pk IS NULL OR p.workspace <> m.workspace""",
    "sessions have other messages than they have numbered and not deleted": """
        FROM sessions s LEFT JOIN (SELECT session, count(*) AS many, max(seq) AS last, min(seq) AS first FROM messages
            GROUP BY session) m
        ON m.session = s.pk WHERE s.deleted_at IS NULL
        AND (coalesce(m.many, 0) + s.removed <> s.message_count OR m.last > s.message_count OR m.first < 1)""",
    "receipts refer to messages that do not exist": """
        FROM receipts r JOIN sessions s ON s.pk = r.session
        WHERE s.deleted_at IS NULL AND r.first_seq + r.count - 1 > s.message_count""",
    "summaries cover messages that do not exist": """
        FROM summaries k JOIN sessions s ON s.pk = k.session WHERE s.deleted_at IS NULL AND k.seq > s.message_count""",
    SAID_ORDER_DIFFERS: """
        FROM sessions s WHERE s.deleted_at IS NULL AND (SELECT count(*) FROM said_order o WHERE o.session = s.pk)
        <> iif(s.last_said_at IS NULL, s.message_count - s.removed, 0)""",
    "members are in a different workspace than their session": """
        FROM members m JOIN sessions s ON s.pk = m.session JOIN peers p ON p.pk = m.peer
        WHERE p.workspace <> s.workspace""",
    "members have no matching stay": """
        FROM members m JOIN sessions s ON s.pk = m.session WHERE s.deleted_at IS NULL AND NOT EXISTS (
            SELECT 1 FROM stays x WHERE x.session = m.session AND x.peer = m.peer
            AND (x.last IS NULL) = (m.left_at IS NULL))""",
    STAYS_OVERLAP: """
        FROM stays x JOIN members m ON m.session = x.session AND m.peer = x.peer JOIN sessions s ON s.pk = x.session
        WHERE s.deleted_at IS NULL AND (
            coalesce(x.last, x.first - 1) > s.message_count OR x.last < x.first - 1
            OR (x.last IS NULL AND m.left_at IS NOT NULL)
            OR EXISTS (SELECT 1 FROM stays y WHERE y.session = x.session AND y.peer = x.peer AND y.first < x.first
                       AND ifnull(y.last, x.first) >= x.first))""",
    "conclusions are in a different workspace than their observer or observed": """
        FROM conclusions c JOIN peers p ON p.pk IN (c.observer, c.observed) WHERE p.workspace <> c.workspace""",
    "conclusions have ended without a time": """
        FROM conclusions WHERE ended_as IS NOT NULL AND deleted_at IS NULL""",
    "topics are of another pair than their conclusion": """
        FROM conclusion_topics t JOIN conclusions c ON c.pk = t.conclusion
        WHERE t.observer <> c.observer OR t.observed <> c.observed""",
    "messages behind conclusions are in a different workspace": """
        FROM conclusion_messages l JOIN conclusions c ON c.pk = l.conclusion JOIN messages m ON m.pk = l.message
        WHERE m.workspace <> c.workspace""",
    "aliases stand for peers of another workspace, or are peers themselves": """
        FROM peer_aliases a JOIN peers p ON p.workspace <> a.workspace AND p.pk = a.peer
        OR a.peer IS NOT NULL AND p.workspace = a.workspace AND p.id = a.id AND p.kind <> 'merged'""",
    "merged peers have no merge job": f"""
        FROM peers p JOIN workspaces w ON w.pk = p.workspace
        WHERE p.kind = 'merged' AND w.deleted_at IS NULL AND NOT EXISTS (
            SELECT 1 FROM jobs j WHERE j.kind = 'merge_peers' AND {_PAYLOAD} ->> 'old' = p.pk)""",
    "messages are missing from the full-text index": """
        FROM messages m WHERE NOT EXISTS (SELECT 1 FROM message_words w WHERE w.rowid = m.pk)""",
    "full-text entries belong to no message": """
        FROM message_words w WHERE NOT EXISTS (SELECT 1 FROM messages m WHERE m.pk = w.rowid)""",
    "conclusions are missing from the full-text index": """
        FROM conclusions c WHERE deleted_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM conclusion_words w WHERE w.rowid = c.pk)""",
    "full-text entries belong to no conclusion": """
        FROM conclusion_words w WHERE NOT EXISTS (SELECT 1 FROM conclusions c WHERE c.pk = w.rowid)""",
    "vectors belong to no message": """
        FROM message_vectors v WHERE NOT EXISTS (SELECT 1 FROM messages m WHERE m.pk = v.pk)""",
    "vectors belong to no conclusion": """
        FROM conclusion_vectors v WHERE NOT EXISTS (SELECT 1 FROM conclusions c WHERE c.pk = v.pk)""",
    "refused texts belong to no row": """
        FROM refused_texts r WHERE NOT EXISTS (SELECT 1 FROM messages m WHERE r.source = 'messages' AND m.pk = r.pk)
        AND NOT EXISTS (SELECT 1 FROM conclusions c WHERE r.source = 'conclusions' AND c.pk = r.pk)""",
    "vectors have a different length than the embedder's": """
        FROM (SELECT vector FROM message_vectors UNION ALL SELECT vector FROM conclusion_vectors) v, embedder e
        WHERE length(v.vector) <> 2 * e.dimensions""",
    "texts are marked as embedded that were never stored": """
        FROM embedder e WHERE messages_through > coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'messages'), 0)
        OR conclusions_through > coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'conclusions'), 0)""",
    "vectors are marked as in segments that were never stored": """
        FROM embedder WHERE messages_signed > messages_through OR conclusions_signed > conclusions_through""",
    "segments belong to a missing workspace or to an unknown source": """
        FROM segments g LEFT JOIN workspaces w ON w.pk = g.workspace
        WHERE w.pk IS NULL OR g.source NOT IN ('messages', 'conclusions')""",
    "jobs belong to a missing workspace": """
        FROM jobs j LEFT JOIN workspaces w ON w.pk = j.workspace WHERE j.workspace IS NOT NULL AND w.pk IS NULL""",
    "deleted workspaces have no purge job": f"""
        FROM workspaces w WHERE deleted_at IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM jobs j WHERE j.kind = 'purge_workspace' AND {_PAYLOAD} ->> 'workspace' = w.pk)""",
    "deleted sessions have no purge job": f"""
        FROM sessions s JOIN workspaces w ON w.pk = s.workspace
        WHERE s.deleted_at IS NOT NULL AND w.deleted_at IS NULL AND NOT EXISTS (
            SELECT 1 FROM jobs j WHERE j.kind = 'purge_session' AND {_PAYLOAD} ->> 'session' = s.pk)""",
    "deleted peers have no purge job": f"""
        FROM peers p JOIN workspaces w ON w.pk = p.workspace
        WHERE p.kind = 'deleted' AND w.deleted_at IS NULL AND NOT EXISTS (
            SELECT 1 FROM jobs j WHERE j.kind = 'purge_peer' AND {_PAYLOAD} ->> 'peer' = p.pk)""",
    "deleted conclusions have no purge job": """
        FROM conclusions c JOIN workspaces w ON w.pk = c.workspace
        WHERE c.deleted_at IS NOT NULL AND c.ended_as IS NULL AND w.deleted_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.kind = 'purge_conclusions')""",
}


def count(db: Connection, fault: str) -> int:
    """The number of rows that violate the rule `fault`."""
    return int(db.execute(f"SELECT count(*) {_RULES[fault]}").fetchone()[0])


def overlapping_stays() -> str:
    """SQL that selects the session and the peer of stays that contradict their member or each other."""
    return f"SELECT x.session, x.peer {_RULES[STAYS_OVERLAP]}"


def contradictions(db: Connection) -> Iterator[str]:
    """One line per violated rule, with the number of rows. The file must have the current schema."""
    for table, count in db.execute('SELECT "table", count(*) FROM pragma_foreign_key_check GROUP BY 1'):
        yield f"{count:,} rows of {table} refer to missing rows"
    for fault, rows in _RULES.items():
        (count,) = db.execute(f"SELECT count(*) {rows}").fetchone()
        if count:
            yield f"{count:,} {fault}"
    for index in fulltext.INDEXES:
        yield from _left_words(db, index)


def _left_words(db: Connection, index: fulltext.Index) -> Iterator[str]:
    try:
        left = fulltext.held(db, index) - fulltext.totals(db, index)[1]
    except sqlite3.DatabaseError as error:
        yield f"the words in {index} cannot be read: {error}"
    else:
        if left:
            yield f"{left:,} words in the full-text index {index} belong to no row"
