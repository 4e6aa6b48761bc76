"""Only the storage layer speaks SQL and knows the engine; import-linter forbids imports of `omoide.storage.sqlite`."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from omoide.storage import base
from tests.architecture.test_layout import ROOT, SOURCES, parsed
from tests.postgresql import open_store
from tests.read_now import read_now

STORAGE = ROOT / "omoide" / "storage"
OUTSIDE = [path for path in SOURCES if STORAGE not in path.parents]
NAMING_THE_ENGINE = {STORAGE / name for name in ("engine.py", "dialect.py", "snapshot.py", "filters/metadata.py")}
ENGINES = {STORAGE / "sqlite", STORAGE / "postgresql"}
OF_EVERY_ENGINE = [
    path
    for path in SOURCES
    if STORAGE in path.parents and ENGINES.isdisjoint(path.parents) and path not in NAMING_THE_ENGINE
]

RUNNERS = {"execute", "executemany", "executescript"}
STATEMENT = r"SELECT|INSERT INTO|UPDATE \w+ SET|DELETE FROM|CREATE TABLE|PRAGMA|SAVEPOINT|BEGIN IMMEDIATE"
FRAGMENT = r"WHERE|ORDER BY|GROUP BY|IS (NOT )?NULL|IS NOT|JOIN|LIMIT \?|COMMIT|ROLLBACK|VACUUM"
SQL = re.compile(rf"\b({STATEMENT}|{FRAGMENT})(?!\w)|(AND|OR) \w+\.\w+|= \?|\bIN \(")


def faults(tree: ast.Module) -> list[str]:
    """What a module outside of the storage layer may not contain."""
    found = []
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name) if name in RUNNERS:
                found.append(f"line {node.lineno}: runs a statement")
            case ast.Constant(value=str(text)) if SQL.search(text):
                found.append(f"line {node.lineno}: SQL: {text!r}")
            case ast.Import() | ast.ImportFrom() if "sqlite3" in ast.unparse(node):
                found.append(f"line {node.lineno}: imports SQLite")
            case ast.ImportFrom(module=str(module), names=names) if module.startswith("omoide.storage"):
                found += [f"line {node.lineno}: a connection" for each in names if each.name == "Connection"]
    return found


def test_only_the_storage_layer_speaks_sql() -> None:
    found = {path.relative_to(ROOT): wrong for path in OUTSIDE if (wrong := faults(parsed(path)))}
    assert found == {}, "write a function in omoide/storage/ and call it with the transaction"


@pytest.mark.parametrize(
    "source",
    [
        "import sqlite3",
        "from sqlite_utils.utils import sqlite3",
        "from omoide.storage.sqlite.connection import Connection",
        "run = db.execute",
        "run = db.executemany",
        "query = 'SELECT 1'",
        "query = f'AND m.peer = {peer}'",
        "query = 'peer IN (1, 2)'",
        "end = 'COMMIT'",
    ],
)
def test_the_rule_finds_what_it_forbids(source: str) -> None:
    assert faults(ast.parse(source))


def test_modules_for_every_engine_import_none() -> None:
    importing = re.compile(r"(from|import) omoide\.storage\.(sqlite|postgresql)")
    assert [path for path in OF_EVERY_ENGINE if importing.search(path.read_text())] == [], (
        "see omoide/storage/engine.py"
    )


def test_sqlite_keeps_the_promises_of_an_engine(tmp_path: Path) -> None:
    """The types say so to mypy; members that are set at run time are looked for."""

    def in_transaction(db: base.Transaction) -> set[str]:
        return missing(base.Transaction, db)

    def missing(protocol: type, value: object) -> set[str]:
        return {name for name in vars(protocol) if not name.startswith("_")} - {*dir(value)}

    store = open_store(tmp_path / "engine.db")
    promised: base.Store = store
    try:
        assert missing(base.Store, promised) == set()
        assert read_now(store, in_transaction) == set()
    finally:
        promised.close()
