"""A database for filter tests: load rows in API form, and query the ids that a clause keeps."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from omoide.storage.filters.clauses import SqlClause
from omoide.storage.sqlite.sql_functions import register
from tests.storage.filter_model import Row

DRIVERS: list[ModuleType] = [sqlite3]
if find_spec("pysqlite3"):  # not available for some platforms
    DRIVERS.append(import_module("pysqlite3"))

SCHEMA = """
    CREATE TABLE workspaces (pk INTEGER PRIMARY KEY, id TEXT, metadata TEXT, created_at INTEGER);
    CREATE TABLE peers (pk INTEGER PRIMARY KEY, workspace INTEGER, id TEXT, metadata TEXT, created_at INTEGER);
    CREATE TABLE sessions (pk INTEGER PRIMARY KEY, workspace INTEGER, id TEXT, metadata TEXT, created_at INTEGER,
        deleted_at INTEGER);
    CREATE TABLE messages (pk INTEGER PRIMARY KEY, id TEXT, workspace INTEGER, session INTEGER, peer INTEGER,
        content TEXT, metadata TEXT, token_count INTEGER, created_at INTEGER);
    CREATE TABLE conclusions (pk INTEGER PRIMARY KEY, id TEXT, workspace INTEGER, observer INTEGER, observed INTEGER,
        session INTEGER, content TEXT, level TEXT, source_ids TEXT, times_derived INTEGER, created_at INTEGER,
        said_at INTEGER, valid_from INTEGER, valid_until INTEGER, deleted_at INTEGER, ended_as TEXT, successor TEXT);
    CREATE TABLE conclusion_messages (message INTEGER, conclusion INTEGER);
"""
TABLES = ("workspaces", "peers", "sessions", "messages", "conclusions", "conclusion_messages")

QUERIES = {
    "Workspace": "SELECT w.id FROM workspaces w WHERE ",
    "Peer": "SELECT p.id FROM peers p JOIN workspaces w ON w.pk = p.workspace WHERE ",
    "Session": "SELECT s.id FROM sessions s JOIN workspaces w ON w.pk = s.workspace WHERE ",
    "Message": """SELECT m.id FROM messages m JOIN workspaces w ON w.pk = m.workspace
        JOIN sessions s ON s.pk = m.session JOIN peers p ON p.pk = m.peer WHERE """,
    "Conclusion": """SELECT c.id FROM conclusions c JOIN workspaces w ON w.pk = c.workspace
        JOIN peers obr ON obr.pk = c.observer JOIN peers obd ON obd.pk = c.observed
        LEFT JOIN sessions s ON s.pk = c.session WHERE """,
}


class FilterDatabase:
    """An in-memory database of one driver, with the rows of one resource and their parents."""

    def __init__(self, driver: ModuleType) -> None:
        self.connection = driver.connect(":memory:", isolation_level=None)
        self.connection.executescript(SCHEMA)
        register(self.connection)

    def load(self, resource: str, rows: Iterable[Row]) -> None:
        """Replace all rows by these."""
        for table in TABLES:
            self.connection.execute(f"DELETE FROM {table}")
        for row in rows:
            getattr(self, f"_add_{resource.lower()}")(row)

    def ids(self, resource: str, clause: SqlClause | None) -> set[str]:
        """The ids of the loaded rows that the clause keeps."""
        clause = clause or SqlClause("1")
        return {row[0] for row in self.connection.execute(QUERIES[resource] + clause.sql, clause.params)}

    def _add_workspace(self, row: Row) -> None:
        self._insert("workspaces", id=row["id"], metadata=_json(row), created_at=row["created_at"])

    def _add_peer(self, row: Row) -> None:
        workspace = self._parent("workspaces", row["workspace_id"])
        self._insert("peers", workspace=workspace, id=row["id"], metadata=_json(row), created_at=row["created_at"])

    def _add_session(self, row: Row) -> None:
        self._insert(
            "sessions",
            workspace=self._parent("workspaces", row["workspace_id"]),
            id=row["id"],
            metadata=_json(row),
            created_at=row["created_at"],
            deleted_at=None if row["is_active"] else 1,
        )

    def _add_message(self, row: Row) -> None:
        self._insert(
            "messages",
            id=row["id"],
            workspace=self._parent("workspaces", row["workspace_id"]),
            session=self._parent("sessions", row["session_id"]),
            peer=self._parent("peers", row["peer_id"]),
            content=row["content"],
            metadata=_json(row),
            token_count=row["token_count"],
            created_at=row["created_at"],
        )

    def _add_conclusion(self, row: Row) -> None:
        sources = row["source_ids"]
        pk = self._insert(
            "conclusions",
            id=row["id"],
            workspace=self._parent("workspaces", row["workspace_id"]),
            observer=self._parent("peers", row["observer_id"]),
            observed=self._parent("peers", row["observed_id"]),
            session=None if row["session_id"] is None else self._parent("sessions", row["session_id"]),
            content=row["content"],
            level=row["level"],
            source_ids=None if sources is None else json.dumps(sources),
            times_derived=row["times_derived"],
            created_at=row["created_at"],
            said_at=row["said_at"],
            valid_from=row["valid_from"],
            valid_until=row["valid_until"],
            deleted_at=row["ended_at"],
            ended_as=None if row["status"] == "current" else row["status"],
            successor=row["superseded_by"],
        )
        for message_id in row["message_ids"]:
            self._insert("conclusion_messages", message=self._parent("messages", message_id), conclusion=pk)

    def _parent(self, table: str, name: str) -> int:
        found = self.connection.execute(f"SELECT pk FROM {table} WHERE id = ?", (name,)).fetchone()
        return int(found[0]) if found else self._insert(table, id=name)

    def _insert(self, table: str, **values: Any) -> int:
        marks = ", ".join("?" * len(values))
        sql = f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})"
        return int(self.connection.execute(sql, tuple(values.values())).lastrowid)


def _json(row: Row) -> str:
    return json.dumps(row["metadata"], ensure_ascii=False)
