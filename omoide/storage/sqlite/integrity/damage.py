"""Find invalid column values, jobs that cannot be executed, and references to missing rows.

Uses the rules of `column_rules`. Tables are read in batches, so that no snapshot is held for long.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.core.job_payloads import PAYLOADS, job_error
from omoide.core.lazy_import import lazy_import
from omoide.storage.column_validation import BLOB, RULES, Rule, as_text, readable_or_bytes
from omoide.storage.embedding_tables import VECTORS
from omoide.storage.sqlite.connection import Connection

with lazy_import("numpy"):
    import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

ROWS_AT_A_TIME = 1_000

Row = tuple[Any, ...]

_OF_VECTORS: Mapping[str, str] = {table: source for source, table in VECTORS.items()}


@dataclass(frozen=True, slots=True)
class Damage:
    """One damaged value: table, key columns of the row with their values, column, value, and the fault."""

    table: str
    key: Mapping[str, Any]
    column: str
    value: Any
    fault: str
    workspace: str | None = None
    """The id of the row's workspace, if known."""
    is_reference: bool = False

    def __str__(self) -> str:
        row = ", ".join(f"{name} {value}" for name, value in self.key.items())
        named = f"row {self.key['pk']}" if [*self.key] == ["pk"] else f"the row with {row}"
        where = f" (workspace {self.workspace})" if self.workspace else ""
        if self.is_reference:
            return f"{named} of {self.table}{where} {self.fault}"
        return f"{self.column} of {named} of {self.table}{where} {self.fault}"


def damages(db: Connection) -> Iterator[Damage]:
    """All damage. The file must have the current schema; missing tables are skipped."""
    for each in _damages(db):
        yield replace(each, workspace=_workspace_of(db, each.table, each.key))


def _damages(db: Connection) -> Iterator[Damage]:
    there = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    tables = [table for table in RULES if table in there]
    for table in tables:
        with _noticing(db):
            yield from _of_values(db, table)
    if "jobs" in there:
        yield from _of_jobs(db)
    for table in tables:
        yield from _of_references(db, table, there)


def summary(db: Connection) -> Iterator[str]:
    """One line per damaged column: the first row, and the number of further ones."""
    first: dict[tuple[str, str], Damage] = {}
    counts: Counter[tuple[str, str]] = Counter()
    for each in damages(db):
        place = each.table, each.column
        first.setdefault(place, each)
        counts[place] += 1
    for place, each in first.items():
        more = counts[place] - 1
        yield f"{each} ({more:,} more rows like it)" if more else str(each)


@contextlib.contextmanager
def _noticing(db: Connection) -> Iterator[None]:
    """Within the block, text that is not UTF-8 is read as bytes."""
    before = db.text_factory
    db.text_factory = readable_or_bytes
    try:
        yield
    finally:
        db.text_factory = before


def key_of(db: Connection, table: str) -> list[str]:
    """The columns of a table's primary key."""
    rows = db.execute("SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", (table,))
    return [as_text(name) for (name,) in rows]


def _of_values(db: Connection, table: str) -> Iterator[Damage]:
    rules = RULES[table]
    key = key_of(db, table)
    if not key:
        return
    checks = [(column, rule) for column, rule in rules.items() if not (table in _OF_VECTORS and column == "vector")]
    for rows in _pieces(db, table, key, [_selected(column, rule) for column, rule in checks]):
        for row in rows:
            for (column, rule), value in zip(checks, row[len(key) :], strict=True):
                if not rule.admits(value):
                    yield Damage(table, dict(zip(key, row, strict=False)), column, value, f"is not {rule.what}")
    if table in _OF_VECTORS:
        yield from _of_vectors(db, table)


def _selected(column: str, rule: Rule) -> str:
    """The column as it is selected: BLOBs are checked by type only and not loaded."""
    return f"iif(typeof({column}) = 'blob', x'', {column})" if rule is BLOB else column


def _pieces(db: Connection, table: str, key: Sequence[str], columns: Sequence[str]) -> Iterator[list[Row]]:
    """The key and the columns of all rows, some at a time."""
    selected = ", ".join([*key, *columns])
    if [*key] == ["pk"]:
        last = -(2**63)
        query = f"SELECT {selected} FROM {table} WHERE pk > ? ORDER BY pk LIMIT ?"
        while rows := db.execute(query, (last, ROWS_AT_A_TIME)).fetchall():
            yield rows
            last = rows[-1][0]
        return
    cursor = db.execute(f"SELECT {selected} FROM {table}")
    while rows := cursor.fetchmany(ROWS_AT_A_TIME):
        yield rows


def _of_vectors(db: Connection, table: str) -> Iterator[Damage]:
    """Vectors with a wrong type or length, or with values that are not finite."""
    row = db.execute("SELECT dimensions FROM embedder").fetchone()
    if row is None or not RULES["embedder"]["dimensions"].admits(row[0]):
        return
    length = 2 * row[0]
    for rows in _pieces(db, table, ["pk"], ["vector"]):
        sound = [vector for _, vector in rows if type(vector) is bytes and len(vector) == length]
        numbers: npt.NDArray[np.float16] = np.frombuffer(b"".join(sound), "<f2")
        if len(sound) == len(rows) and np.isfinite(numbers).all():
            continue
        for pk, vector in rows:
            if fault := _vector_fault(vector, length):
                yield Damage(table, {"pk": pk}, "vector", vector, fault)


def _vector_fault(vector: object, length: int) -> str | None:
    if type(vector) is not bytes:
        return "is not bytes"
    if len(vector) != length:
        return f"has {len(vector):,} bytes, not {length:,} as the embedder's vectors"
    return None if np.isfinite(np.frombuffer(vector, "<f2")).all() else "has a value that is not finite"


def _of_jobs(db: Connection) -> Iterator[Damage]:
    """Pending jobs that no worker can execute."""
    query = """SELECT pk, kind, payload, (SELECT w.pk FROM workspaces w WHERE w.pk = jobs.workspace) FROM jobs
        WHERE failed_at IS NULL AND pk > ? ORDER BY pk LIMIT ?"""
    last = 0
    while rows := db.execute(query, (last, ROWS_AT_A_TIME)).fetchall():
        for pk, stored, payload, workspace in rows:
            kind = as_text(stored)
            if kind not in PAYLOADS:
                yield Damage("jobs", {"pk": pk}, "kind", kind, "is not a known kind of job")
            elif (fault := job_error(kind, _parsed(payload), workspace)) is not None:
                yield Damage("jobs", {"pk": pk}, "payload", payload, f"is not valid for the kind {kind}: {fault}")
        last = rows[-1][0]


def _parsed(text: object) -> object:
    try:
        return orjson.loads(as_text(text))  # type: ignore[arg-type]
    except ValueError:
        return None


def _of_references(db: Connection, table: str, there: set[str]) -> Iterator[Damage]:
    """References to missing rows."""
    key = key_of(db, table)
    references = {column: rule.refers_to for column, rule in RULES[table].items() if rule.refers_to}
    if table in _OF_VECTORS:
        references["pk"] = _OF_VECTORS[table]
    for column, parent in references.items():
        if parent not in there or not key:
            continue
        found = db.execute(
            f"""SELECT {", ".join(key)}, {column} FROM {table} t WHERE typeof(t.{column}) = 'integer'
                AND NOT EXISTS (SELECT 1 FROM {parent} p WHERE p.pk = t.{column})"""
        )
        for row in found:
            fault = f"refers to row {row[-1]} of {parent} ({column}), which does not exist"
            yield Damage(table, dict(zip(key, row, strict=False)), column, row[-1], fault, is_reference=True)


_OWNER: Mapping[str, str] = {
    "session": "SELECT w.id FROM sessions s JOIN workspaces w ON w.pk = s.workspace WHERE s.pk = ?",
    "observer": "SELECT w.id FROM peers p JOIN workspaces w ON w.pk = p.workspace WHERE p.pk = ?",
    "scope": "SELECT w.id FROM peers p JOIN workspaces w ON w.pk = p.workspace WHERE p.pk = ?",
    "workspace": "SELECT id FROM workspaces WHERE pk = ?",
}


def _workspace_of(db: Connection, table: str, key: Mapping[str, Any]) -> str | None:
    """The id of the row's workspace; None if unknown."""
    if table == "workspaces":
        owned_by, owner = "workspace", key["pk"]
    else:
        columns = [column for column in ("workspace", "session", "observer", "scope") if column in RULES[table]]
        source, row_key = table, dict(key)
        if table in _OF_VECTORS:
            source, columns = _OF_VECTORS[table], ["workspace"]
        if not columns:
            return None
        owned_by = columns[0]
        where = " AND ".join(f"{name} = ?" for name in row_key)
        found = db.execute(f"SELECT {owned_by} FROM {source} WHERE {where}", [*row_key.values()]).fetchone()
        owner = found[0] if found else None
    try:
        row = db.execute(_OWNER[owned_by], (owner,)).fetchone()
    except sqlite3.Error:
        return None
    return as_text(row[0]) if row else None
