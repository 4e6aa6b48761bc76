"""Schema migrations. Steps are only ever appended; each runs once, in its own transaction, under an advisory lock.

The tables are SQLite's (`storage/sqlite/migrations.py` describes them), but for what that engine needs for itself:
`reindexing`, and the rows that its virtual tables keep. Text is compared by bytes (`COLLATE "C"`), as SQLite does.
"""

from __future__ import annotations

from importlib import resources

from psycopg import Connection

from omoide.core.errors import Unavailable

STEPS = ("0001_tables", "0002_settled_rows")

LOCK = 0x6F6D6F69
"""The advisory lock of migrations: "omoi"."""


def migrate(connection: Connection) -> None:
    """Bring the schema up to date. Raises Unavailable for a database of a newer version, and psycopg.Error."""
    with connection.transaction():
        _lock(connection)
        connection.execute(
            """CREATE TABLE IF NOT EXISTS omoide_migrations (
                name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"""
        )
    for step in STEPS:
        with connection.transaction():
            _lock(connection)
            applied = {name for (name,) in connection.execute("SELECT name FROM omoide_migrations")}
            if unknown := sorted(applied - set(STEPS)):
                raise Unavailable(
                    f"The database was written by a newer version of Omoide ({unknown[-1]}). It was not changed."
                )
            if step not in applied:
                _apply(connection, step)


def _lock(connection: Connection) -> None:
    """Wait for other processes that migrate, until the end of the transaction."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))


def _apply(connection: Connection, step: str) -> None:
    script = resources.files(__package__).joinpath("steps", f"{step}.sql").read_text()
    connection.execute(script.encode())
    connection.execute("INSERT INTO omoide_migrations (name) VALUES (%s)", (step,))
