"""A file of an earlier version is migrated without loss; one of a later version is refused.

The files in `files/` were made by the real programs of their time, with `files/make.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from omoide.asgi.app import create_app
from omoide.cli.bootstrap import make_worker
from omoide.core import clock
from omoide.core.settings import Settings
from omoide.services.container import open_services
from omoide.storage.sqlite import inspection
from omoide.storage.sqlite.engine import Connection, Store, connect
from tests.fork_server import fork_server
from tests.storage.files.make import SETTINGS

FILES = Path(__file__).parent / "files"
VERSIONS = sorted(int(path.name.removeprefix("schema_").removesuffix(".db.gz")) for path in FILES.glob("*.db.gz"))
MAKE = "make it with the program as it was before the step was added: python tests/storage/files/make.py"


@pytest.fixture
def left_behind(db_path: Path) -> Callable[[int], Path]:
    """`left_behind(n)` is a file written by the version whose schema had n steps."""

    def unpack(version: int) -> Path:
        with gzip.open(FILES / f"schema_{version}.db.gz") as packed, db_path.open("wb") as file:
            shutil.copyfileobj(packed, file)
        return db_path

    return unpack


@contextlib.contextmanager
def looked_into(path: Path) -> Iterator[Connection]:
    with inspection.opened(path, busy_timeout=5) as db:
        yield db


def known_steps() -> list[str]:
    with contextlib.closing(connect(Path(":memory:"), durability="full", busy_timeout=1)) as nothing:
        return list(inspection.schema(nothing).known)


def schema(db: Connection) -> list[tuple[str, str, str]]:
    """The definitions of all tables and indexes, independent of order and whitespace."""
    rows = db.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_schema ORDER BY type, name")
    return [(type, name, " ".join(sql.replace('"', "").split())) for type, name, sql in rows]


def test_every_earlier_schema_has_a_test_file(left_behind: Callable[[int], Path]) -> None:
    steps = known_steps()
    missing = sorted(set(range(1, len(steps))) - set(VERSIONS))
    assert not missing, f"no test file for schema {missing}: {MAKE}"
    for version in VERSIONS:
        with looked_into(left_behind(version)) as db:
            assert list(inspection.schema(db).applied) == steps[:version]


@pytest.mark.parametrize("version", VERSIONS)
def test_an_earlier_file_gives_the_same_answers(version: int, left_behind: Callable[[int], Path]) -> None:
    settings = Settings.model_validate({"db": left_behind(version), **SETTINGS})
    with TestClient(create_app(settings), "http://localhost") as http:
        for method, path, body, status, expected in json.loads((FILES / f"schema_{version}.json").read_text()):
            answer = http.request(method, path, json=body)
            if path.endswith("/search"):  # the results depend on when the query is embedded
                found = [message["content"] for message in answer.json()]
                assert len(found) == len(expected)
                assert all("lighthouse" in content for content in found)
            else:
                if "messages" in expected:  # a context, whose messages were in order of arrival in earlier versions
                    expected["messages"].sort(key=lambda message: message["created_at"])
                assert (path, answer.status_code, earlier_part(answer.json(), expected)) == (path, status, expected)


def earlier_part(found: Any, expected: Any) -> Any:
    """`found` with only those members of its objects that `expected` has: later versions add members."""
    if isinstance(found, dict) and isinstance(expected, dict):
        return {key: earlier_part(value, expected[key]) for key, value in found.items() if key in expected}
    if isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        return [*map(earlier_part, found, expected)]
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_an_earlier_file_gets_the_schema_of_a_new_one(
    version: int, left_behind: Callable[[int], Path], tmp_path: Path
) -> None:
    path = left_behind(version)
    Store.open(path).close()
    Store.open(tmp_path / "new.db").close()
    with looked_into(path) as old, looked_into(tmp_path / "new.db") as new:
        assert schema(old) == schema(new)
        assert inspection.damage(old) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_jobs_of_an_earlier_version_are_done(version: int, left_behind: Callable[[int], Path]) -> None:
    path = left_behind(version)
    with contextlib.closing(connect(path, durability="full", busy_timeout=5)) as db:
        began = {pk for (pk,) in db.execute("SELECT pk FROM jobs")}
        failed = [tuple(row) for row in db.execute(failures(version))]
        said = [pk for (pk,) in db.execute("SELECT pk FROM messages WHERE content GLOB 'I own anchor number*'")]
    asyncio.run(work(Settings.model_validate({"db": path, **SETTINGS})))
    with looked_into(path) as db:
        left = {
            pk for (pk,) in db.execute("SELECT pk FROM jobs WHERE failed_at IS NULL AND due_at <= ?", (clock.now(),))
        }
        assert left & began == set()
        assert failed == [tuple(row) for row in db.execute(f"{failures(3)} AND pk <= ?", (max(began),))][: len(failed)]
        assert inspection.damage(db) == []
        assert db.execute("SELECT id FROM workspaces").fetchall() == [("harbour",)]
        assert db.execute("SELECT id FROM sessions ORDER BY pk").fetchall() == [("pier",), ("loft",), ("dock",)]
        drawn = db.execute(
            "SELECT content, times_derived FROM conclusions WHERE content GLOB 'alice owns anchor number *'"
        ).fetchall()
        # The first two versions had no reasoning jobs.
        owed = range(len(said)) if version >= 3 else ()
        assert sorted(drawn) == sorted((f"alice owns anchor number {n}", 1) for n in owed)
        (unembedded,) = db.execute(
            "SELECT count(*) FROM messages WHERE pk NOT IN (SELECT pk FROM message_vectors)"
        ).fetchone()
        assert unembedded == 0


async def work(settings: Settings) -> None:
    """Run all due jobs."""
    parts = open_services(settings)
    try:
        await parts.adopt_embedder()
        hands = make_worker(parts, leading=False)
        while await hands.run_one():
            pass
    finally:
        await parts.aclose()


def failures(version: int) -> str:
    columns = "pk, kind, payload, error, failed_at" if version > 1 else "NULL"
    return f"SELECT {columns} FROM jobs WHERE {'failed_at IS NOT NULL' if version > 1 else '0'}"


def of_a_later_version(path: Path) -> None:
    Store.open(path).close()
    with contextlib.closing(connect(path, durability="full", busy_timeout=1)) as db:
        db.execute("INSERT INTO _sqlite_migrations (migration_set, name) VALUES ('omoide', 'm9999_tomorrow')")
        db.execute("CREATE TABLE tomorrow (it TEXT)")


def of_another_program(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE bookmarks (it TEXT)")


@pytest.mark.parametrize(
    ("prepare", "reason", "command"),
    [
        (of_a_later_version, "a newer version", ("serve", "--port", "0")),
        (of_another_program, "not one of Omoide's", ("worker", "--until-empty")),
    ],
)
def test_an_unsupported_file_is_refused_in_one_line_and_unchanged(
    prepare: Callable[[Path], None], reason: str, command: tuple[str, ...], db_path: Path
) -> None:
    prepare(db_path)
    before = db_path.read_bytes()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OMOIDE_")}
    done = fork_server().run(*command, "--db", str(db_path), cwd=db_path.parent, env=environment)
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if not line.startswith("Omoide:")]
    assert len(errors) == 1
    assert reason in errors[0]
    assert db_path.read_bytes() == before
    assert [path.name for path in db_path.parent.glob("*.db*") if path != db_path] == ["omoide.db.lock"]
