"""Repair the damage that `damage` finds, in one transaction, and report each change with the previous row.

Invalid values are replaced as `column_validation` defines. A row with a damaged key or a missing parent is removed; a
damaged job is marked as failed. Derived data is rebuilt: counts, indexes, full text, segments, and vectors by a job.
Call it only while no other process has the file open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.core.errors import Unprocessable
from omoide.storage import (
    column_validation,
    embeddings,
    event_time_order,
    fair_share,
    membership_intervals,
    purge_jobs,
    rejected_texts,
    vector_segments,
)
from omoide.storage.column_validation import RULES, as_text
from omoide.storage.content_hash import content_hash
from omoide.storage.embedding_tables import SOURCES, VECTORS, Source
from omoide.storage.rejected_texts import Refusal
from omoide.storage.sqlite import fulltext
from omoide.storage.sqlite.connection import Connection
from omoide.storage.sqlite.integrity.damage import Damage, damages
from omoide.storage.sqlite.integrity.row_consistency import SAID_ORDER_DIFFERS, contradictions, count, overlapping_stays
from omoide.storage.sqlite.integrity.segment_check import segment_faults
from omoide.storage.sqlite.schema_objects import WORDS, differences, expected, missing

MADE_AGAIN = frozenset(
    {*VECTORS.values(), "segments", "embedder", "refused_texts", "done", "receipts", "shares", "model_usage"}
    | {"usage_totals", "budget_pauses"}
)
"""Tables that can be recreated empty: their data is derived, kept for some hours only, or about cost."""

ROUNDS = 20
"""Maximum number of passes: removing a row can leave rows that reference it, which the next pass removes."""


@dataclass(frozen=True, slots=True)
class RepairAction:
    """A description of the change, and the previous row if data is lost."""

    what: str
    table: str | None = None
    was: Mapping[str, Any] | None = None

    def line(self) -> bytes:
        """The change as one line of JSON; bytes as hexadecimal digits."""
        shown = {"change": self.what, "table": self.table, "was": self.was}
        return orjson.dumps(shown, default=_shown, option=orjson.OPT_APPEND_NEWLINE)


def _shown(value: object) -> object:
    return {"bytes": value.hex()} if isinstance(value, bytes) else str(value)


def repair(db: Connection, now: int) -> list[RepairAction]:
    """Repair everything that can be repaired. Call it in a transaction, and roll back if it raises.

    Raises Unprocessable if a table is missing whose rows cannot be derived.
    """
    db.execute("PRAGMA defer_foreign_keys=ON")
    changes = [*_tables(db)]
    unembedded: dict[Source, list[int]] = {source: [] for source in SOURCES}
    touched = {change.table for change in changes}
    for _ in range(ROUNDS):
        found = [*damages(db)]
        if not found:
            break
        for damage in found:
            if (change := _mend(db, damage, now, unembedded)) is not None:
                changes.append(change)
                touched.add(damage.table)
    changes += _numbers(db)
    changes += _said_orders(db, everywhere=bool(touched & {"messages", "sessions", "said_order"}))
    changes += _contradictions(db, now)
    if touched & {"messages", "conclusions", "peers", "sessions", "workspaces"} or _words_are_damaged(db):
        changes += _words_again(db)
    changes += _indexes(db)
    fair_share.renew(db)
    if touched & {"segments", "embedder", "messages", "conclusions", *VECTORS.values()} or any(segment_faults(db)):
        vector_segments.begin_anew(db)
        for source in SOURCES:
            while vector_segments.is_behind(db, source):
                vector_segments.extend(db, source)
        changes.append(RepairAction("the segments for semantic search are rebuilt from the stored vectors"))
    changes += _embed_again(db, unembedded, now)
    return changes


def _tables(db: Connection) -> Iterator[RepairAction]:
    """Recreate missing tables that can be empty."""
    gone = [each for each in missing(db) if each.type == "table" and each.name not in WORDS]
    gone = [each for each in gone if not any(each.name.startswith(f"{words}_") for words in WORDS)]
    if lost := [each.name for each in gone if each.name not in MADE_AGAIN]:
        raise Unprocessable(f"The table {lost[0]} is missing: restore a backup. Nothing was changed")
    for each in gone:
        assert each.sql
        db.execute(each.sql)
        yield RepairAction(f"table {each.name} was missing and is recreated empty", each.name)
    if any(each.name in VECTORS.values() for each in gone):
        for table in (*VECTORS.values(), "segments", "embedder"):
            db.execute(f"DELETE FROM {table}")


def _mend(db: Connection, damage: Damage, now: int, unembedded: dict[Source, list[int]]) -> RepairAction | None:
    """Repair one value; None if its row has been removed already."""
    where, params = _where(damage)
    was = _row(db, damage.table, where, params)
    if was is None:
        return None
    for source, table in VECTORS.items():
        if damage.table == table:
            db.execute(f"DELETE FROM {table} WHERE {where}", params)
            if damage.column == "vector":
                unembedded[source].append(damage.key["pk"])
            return RepairAction(f"{damage}: removed, the text will be embedded again")
    if damage.table == "embedder":
        for table in (*VECTORS.values(), "segments", "embedder"):
            db.execute(f"DELETE FROM {table}")
        return RepairAction(f"{damage}: every text will be embedded again at the next start", damage.table, was)
    mended = _mended(db, damage, was, now)
    if mended is None:
        db.execute(f"DELETE FROM {damage.table} WHERE {where}", params)
        return RepairAction(f"{damage}: the row is removed", damage.table, was)
    given = ", ".join(f"{column} = ?" for column in mended)
    try:
        db.execute(f"UPDATE {damage.table} SET {given} WHERE {where}", [*mended.values(), *params])
    except sqlite3.IntegrityError:  # another row has this value already
        db.execute(f"DELETE FROM {damage.table} WHERE {where}", params)
        return RepairAction(f"{damage}: the row is removed, because it duplicates another one", damage.table, was)
    return RepairAction(f"{damage}: now {_described(mended)}", damage.table, was)


def _described(mended: Mapping[str, Any]) -> str:
    return ", ".join(f"{column} is {_short(value)}" for column, value in mended.items())


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _where(damage: Damage) -> tuple[str, list[Any]]:
    """A condition that selects the damaged row. Text that is not UTF-8 was read as bytes, and is compared as such."""
    names = [
        f"CAST({name} AS BLOB) = ?" if type(value) is bytes else f"{name} IS ?" for name, value in damage.key.items()
    ]
    return " AND ".join(names), [*damage.key.values()]


def _row(db: Connection, table: str, where: str, params: list[Any]) -> Mapping[str, Any] | None:
    before = db.text_factory
    db.text_factory = column_validation.readable_or_bytes
    try:
        cursor = db.execute(f"SELECT * FROM {table} WHERE {where}", params)
        row = cursor.fetchone()
        return None if row is None else dict(zip((each[0] for each in cursor.description), row, strict=True))
    finally:
        db.text_factory = before


def _mended(db: Connection, damage: Damage, was: Mapping[str, Any], now: int) -> Mapping[str, Any] | None:
    """Column → new value for the row; None if the row cannot be kept."""
    table, column = damage.table, damage.column
    special = _SPECIAL.get(f"{table}.{column}")
    if special is not None:
        return special(db, damage, was, now)
    rule = RULES[table][column]
    if table == "jobs":
        return _job(column, damage.value, now)
    if column in damage.key:
        return None
    if rule.refers_to:
        return {column: None} if type(None) in rule.types else None
    value = rule.mend(damage.value)
    if type(None) in rule.types and isinstance(damage.value, str | bytes) and int in rule.types:
        value = None
    if table == "conclusions" and column == "content":
        return {column: value, "same": content_hash(value)}
    return {column: value}


def _job(column: str, value: Any, now: int) -> Mapping[str, Any]:
    """Mark a damaged job as failed, unless the damaged column can be reset."""
    fresh = {"leased_until": None, "attempts": 0, "units": 1, "grows": 0, "led": 0, "created_at": now}
    if column in fresh:
        return {column: fresh[column]}
    if column == "error":
        return {column: as_text(value)}
    if column == "failed_at":
        return {column: now}
    given_up = {"leased_until": None, "due_at": now, "failed_at": now, "error": f"damaged: its {column}"}
    kept = {"kind": as_text(value), "payload": "{}", "key": as_text(value), "workspace": None}
    return {**given_up, column: kept.get(column, now)}


def _message_seq(db: Connection, damage: Damage, was: Mapping[str, Any], now: int) -> Mapping[str, Any] | None:
    """The first gap in the session's numbering, or the position after the last message."""
    row = db.execute(
        """SELECT min(m.seq) + 1 FROM (SELECT 0 AS seq UNION ALL SELECT seq FROM messages
               WHERE session = :s AND typeof(seq) = 'integer' AND seq > 0) m
           WHERE NOT EXISTS (SELECT 1 FROM messages n WHERE n.session = :s AND n.seq = m.seq + 1)""",
        {"s": was["session"]},
    ).fetchone()
    return {"seq": row[0]}


def _message_workspace(db: Connection, damage: Damage, was: Mapping[str, Any], now: int) -> Mapping[str, Any] | None:
    """The workspace of the message's session."""
    row = db.execute("SELECT workspace FROM sessions WHERE pk = ?", (was["session"],)).fetchone()
    return {"workspace": row[0]} if row else None


def _conclusion_workspace(db: Connection, damage: Damage, was: Mapping[str, Any], now: int) -> Mapping[str, Any] | None:
    """The workspace of the conclusion's observer."""
    row = db.execute("SELECT workspace FROM peers WHERE pk = ?", (was["observer"],)).fetchone()
    return {"workspace": row[0]} if row else None


def _peer_kind(db: Connection, damage: Damage, was: Mapping[str, Any], now: int) -> Mapping[str, Any] | None:
    kinds = {"scope.": "scope", "~": "deleted"}
    return {"kind": next((kinds[each] for each in kinds if as_text(was["id"]).startswith(each)), "peer")}


def _content_digest(db: Connection, damage: Damage, was: Mapping[str, Any], now: int) -> Mapping[str, Any] | None:
    return {"same": content_hash(as_text(was["content"]))}


def _ending(db: Connection, damage: Damage, was: Mapping[str, Any], now: int) -> Mapping[str, Any] | None:
    return {"ended_as": None if was["deleted_at"] is None else "superseded"}


_SPECIAL: Mapping[str, Callable[[Connection, Damage, Mapping[str, Any], int], Mapping[str, Any] | None]] = {
    "messages.seq": _message_seq,
    "messages.workspace": _message_workspace,
    "conclusions.workspace": _conclusion_workspace,
    "conclusions.same": _content_digest,
    "conclusions.ended_as": _ending,
    "peers.kind": _peer_kind,
}


def _numbers(db: Connection) -> Iterator[RepairAction]:
    """Renumber the messages of sessions whose counts are wrong, from 1 without gaps, and correct the counts."""
    sessions = db.execute(
        """SELECT s.pk, s.id, s.message_count, count(m.pk), max(m.seq), min(m.seq) FROM sessions s
           LEFT JOIN messages m ON m.session = s.pk GROUP BY s.pk
           HAVING count(m.pk) + s.removed <> s.message_count OR coalesce(max(m.seq), 0) > s.message_count
               OR coalesce(min(m.seq), 1) < 1"""
    ).fetchall()
    for pk, id, stored, messages, last, _ in sessions:
        if messages != (last or 0):
            numbered = "SELECT pk, row_number() OVER (ORDER BY seq, pk) FROM messages WHERE session = ?"
            rows = db.execute(numbered, (pk,)).fetchall()
            db.executemany("UPDATE messages SET seq = ? WHERE pk = ?", [(-seq, row) for row, seq in rows])
            db.executemany("UPDATE messages SET seq = ? WHERE pk = ?", [(seq, row) for row, seq in rows])
            yield RepairAction(f"the {messages:,} messages of session {as_text(id)} are renumbered")
        db.execute("UPDATE sessions SET message_count = ?, removed = 0 WHERE pk = ?", (messages, pk))
        if stored != messages:
            yield RepairAction(f"message_count of session {as_text(id)} is now {messages:,}, was {stored}")


def _said_orders(db: Connection, *, everywhere: bool) -> Iterator[RepairAction]:
    """Rebuild said_order of all sessions, if `everywhere` or if it is inconsistent."""
    if everywhere or count(db, SAID_ORDER_DIFFERS):
        for (pk,) in db.execute("SELECT pk FROM sessions").fetchall():
            event_time_order.derive(db, pk)
        yield RepairAction("said_order is rebuilt")


_COUNT = "(SELECT s.message_count FROM sessions s WHERE s.pk = {table}.session)"
_OWNER = "(SELECT s.workspace FROM sessions s WHERE s.pk = {table}.session)"
_LAST = "coalesce((SELECT seq FROM sqlite_sequence WHERE name = '{table}'), 0)"
_LAST_MESSAGE, _LAST_CONCLUSION = _LAST.format(table="messages"), _LAST.format(table="conclusions")

_CORRECTIONS: Mapping[str, str] = {
    "receipts for missing messages are removed": f"""
        DELETE FROM receipts WHERE first_seq + count - 1 > {_COUNT.format(table="receipts")}""",
    "summaries are limited to the messages of their session": f"""
        UPDATE summaries SET seq = max(1, {_COUNT.format(table="summaries")})
        WHERE seq > {_COUNT.format(table="summaries")}""",
    "messages are assigned to the workspace of their session": f"""
        UPDATE messages SET workspace = {_OWNER.format(table="messages")}
        WHERE workspace <> {_OWNER.format(table="messages")}""",
    "members in a different workspace than their session are removed": f"""
        DELETE FROM members
        WHERE (SELECT p.workspace FROM peers p WHERE p.pk = members.peer) <> {_OWNER.format(table="members")}""",
    "conclusions that ended without a time get that of their creation": """
        UPDATE conclusions SET deleted_at = created_at WHERE ended_as IS NOT NULL AND deleted_at IS NULL""",
    "topics of another pair than their conclusion are removed": """
        DELETE FROM conclusion_topics WHERE EXISTS (
            SELECT 1 FROM conclusions c WHERE c.pk = conclusion_topics.conclusion
            AND (c.observer <> conclusion_topics.observer OR c.observed <> conclusion_topics.observed))""",
    "messages of another workspace are removed from conclusions": """
        DELETE FROM conclusion_messages WHERE
            (SELECT m.workspace FROM messages m WHERE m.pk = conclusion_messages.message)
            <> (SELECT c.workspace FROM conclusions c WHERE c.pk = conclusion_messages.conclusion)""",
    "embedding progress is limited to the stored rows": f"""
        UPDATE embedder SET messages_through = min(messages_through, {_LAST_MESSAGE}),
            conclusions_through = min(conclusions_through, {_LAST_CONCLUSION})
        WHERE messages_through > {_LAST_MESSAGE} OR conclusions_through > {_LAST_CONCLUSION}""",
    "segment progress is limited to the embedded rows": """
        UPDATE embedder SET messages_signed = min(messages_signed, messages_through),
            conclusions_signed = min(conclusions_signed, conclusions_through)
        WHERE messages_signed > messages_through OR conclusions_signed > conclusions_through""",
}


def _contradictions(db: Connection, now: int) -> Iterator[RepairAction]:
    for what, statement in _CORRECTIONS.items():
        if changed := db.execute(statement).rowcount:
            yield RepairAction(f"{what}: {changed:,}")
    yield from _stays(db)
    for what in purge_jobs.enqueue_missing(db, now):
        yield RepairAction(what)


def _stays(db: Connection) -> Iterator[RepairAction]:
    """Remove stays that contradict their member, and derive missing ones."""
    orphans = "NOT EXISTS (SELECT 1 FROM members m WHERE m.session = stays.session AND m.peer = stays.peer)"
    for condition in (orphans, f"(session, peer) IN ({overlapping_stays()})"):
        if removed := db.execute(f"DELETE FROM stays WHERE {condition}").rowcount:
            yield RepairAction(f"stays that contradict the session's members are removed: {removed:,}")
    before = db.total_changes
    done = membership_intervals.derive(db)
    while done is not None:
        done = membership_intervals.derive(db, done)
    if db.total_changes > before:
        yield RepairAction("missing stays are derived from the times of membership")


def _words_are_damaged(db: Connection) -> bool:
    there = {each.name for each in missing(db)}
    if any(name.startswith(words) for name in there for words in WORDS):
        return True
    if any("full-text" in line for line in contradictions(db)):
        return True
    return any(line for (line,) in db.execute("PRAGMA integrity_check") if "FTS5" in line or "fts5" in line)


def _words_again(db: Connection) -> Iterator[RepairAction]:
    """Rebuild the full-text indexes from the rows."""
    db.execute("PRAGMA writable_schema=ON")
    for table in WORDS:
        db.execute("DELETE FROM sqlite_schema WHERE name = ? AND sql LIKE 'CREATE VIRTUAL%'", (table,))
    db.execute("PRAGMA writable_schema=RESET")
    for name in expected():
        if any(name.startswith(f"{table}_") for table in WORDS):
            db.execute(f"DROP TABLE IF EXISTS {name}")
    for table in WORDS:
        sql = expected()[table].sql
        assert sql
        db.execute(sql)
    fulltext.add_all(db)
    yield RepairAction("the full-text indexes are rebuilt")


def _indexes(db: Connection) -> Iterator[RepairAction]:
    """Recreate missing or different indexes and triggers, and remove unknown triggers."""
    wrong = {line.split()[1] for line in differences(db) if line.startswith(("index ", "trigger "))}
    for name in sorted(wrong & {*expected()}):
        each = expected()[name]
        assert each.sql
        db.execute(f"DROP {each.type} IF EXISTS {name}")
        db.execute(each.sql)
        yield RepairAction(f"{each.type} {name} is recreated")
    strays = db.execute("SELECT name, tbl_name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
    for name, table, sql in strays:
        if name not in expected() and table in expected():
            db.execute('DROP TRIGGER "' + name.replace('"', '""') + '"')
            yield RepairAction(f"trigger {name} on {table} is removed", table, {"sql": sql})


def _embed_again(db: Connection, unembedded: Mapping[Source, list[int]], now: int) -> Iterator[RepairAction]:
    """Have the worker embed texts whose vectors were removed, by marking them as refused and due for a retry."""
    for source, pks in unembedded.items():
        rejected_texts.mark(db, source, [Refusal(pk, "its vector was damaged", now) for pk in pks])
        db.executemany("UPDATE refused_texts SET due = 1 WHERE source = ? AND pk = ?", [(source, pk) for pk in pks])
        if pks:
            yield RepairAction(f"{len(pks):,} {source} will be embedded again by the worker")
    embeddings.enqueue(db, now)
