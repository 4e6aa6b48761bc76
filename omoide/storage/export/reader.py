"""Export a workspace line by line, from one snapshot.

Deleted data is left out, even if its rows still exist. Vectors are left out because they can be recomputed from the
texts. Jobs that are pending or failed for good are included; a running job is exported as not begun.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from omoide.core.errors import NotFound, Unprocessable
from omoide.core.job_payloads import JobKind, payload_error
from omoide.core.records import Json
from omoide.storage import rows
from omoide.storage.base import Transaction
from omoide.storage.engine import read_only
from omoide.storage.export.schema import FORMAT, KINDS, PAYLOADS, Column, HeaderLine, Kind

_UNDELETED = {"sessions": "{}.deleted_at IS NULL", "peers": "{}.kind <> 'deleted'"}
"""Table → condition of a row that is not deleted."""


def _source(kind: Kind) -> str:
    """SQL that selects the rows of a kind, without the columns and the order."""
    joins = []
    for field, column in kind.columns.items():
        if column.table:
            outer = "LEFT " if column.is_optional else ""
            undeleted = (
                f" AND {_UNDELETED[column.table].format(field)}" if column.table in _UNDELETED and not outer else ""
            )
            joins.append(f"{outer}JOIN {column.table} {field} ON {field}.pk = t.{field}{undeleted}")
    return f"FROM {kind.table} t {' '.join(joins)} WHERE {kind.where}"


def _expression(field: str, column: Column) -> str:
    return f"{field}.id" if column.table else column.sql or f"t.{column.name or field}"


def _lines(db: Transaction, name: str, workspace: int) -> Iterator[Json]:
    """The lines of a kind, with damaged values repaired; damaged jobs are left out."""
    kind = KINDS[name]
    query = f"{_selection(kind)} ORDER BY {kind.order}"
    for row in db.execute(query, {"workspace": workspace}):
        payload = _payload(db, workspace, *row[:2]) if name == "job" else {}
        if payload is None:
            continue
        line = {"kind": name, **_line(kind, row)}
        yield {**line, "payload": payload} if name == "job" else line


def some(db: Transaction, name: str, workspace: int, condition: str, order: str, **params: Any) -> Iterator[Json]:
    """The lines of a kind that fulfil a condition on its table `t`, in this order. Not for jobs."""
    kind = KINDS[name]
    query = f"{_selection(kind)} AND {condition} ORDER BY {order}"
    return (_line(kind, row) for row in db.execute(query, {"workspace": workspace, **params}))


def _selection(kind: Kind) -> str:
    selected = ", ".join(_expression(*item) for item in kind.columns.items())
    return f"SELECT {selected} {_source(kind)}"


def _line(kind: Kind, row: rows.Row) -> Json:
    """The fields of a row, with damaged values repaired."""
    line: Json = dict(zip(kind.columns, rows.mended(kind.stored_as, row), strict=True))
    for field, convert in kind.converted:
        if (value := line[field]) is not None:
            line[field] = convert(value)
    return line


def _payload(db: Transaction, workspace: int, task: str, stored: str) -> Json | None:
    """The payload of a job without row numbers; None if it is damaged, or about a peer, scope or session that is
    gone."""
    try:
        payload = orjson.loads(stored)
    except (ValueError, TypeError):
        return None
    if task not in PAYLOADS or payload_error(task, payload) is not None:
        return None
    if task in (JobKind.SCOPE_BACKFILL, JobKind.SCOPE_REMOVAL):
        # These refer to peer and session by row number only.
        ids = db.execute(
            "SELECT p.id, s.id FROM peers p, sessions s WHERE p.pk = ? AND s.pk = ? AND s.deleted_at IS NULL",
            (payload["scope"], payload["session"]),
        ).fetchone()
        if ids is None:
            return None
        payload = dict(zip(("scope", "session"), rows.mended(["peers.id?", "sessions.id?"], ids), strict=True))
    if not _exist(db, workspace, {payload[name] for name in ("observer", "observed") if name in PAYLOADS[task]}):
        return None
    if task == JobKind.DREAM:
        payload |= {flag: bool(payload.get(flag)) for flag in ("rebuild", "automatic")}
    return {member: payload[member] for member in PAYLOADS[task]}


def _exist(db: Transaction, workspace: int, peer_ids: set[str]) -> bool:
    query = "SELECT 1 FROM peers WHERE workspace = ? AND id = ? AND kind <> 'deleted'"
    return all(db.execute(query, (workspace, peer_id)).fetchone() for peer_id in peer_ids)


def find(db: Transaction, workspace_id: str) -> int:
    """The row of a workspace. Raises NotFound, and Unprocessable for a file of another version of Omoide."""
    schema = read_only.schema(db)
    if schema.is_newer:
        raise Unprocessable("this database was written by a newer version of Omoide: export with that version")
    if not schema.is_current:
        raise Unprocessable(
            "this database was written by an older version of Omoide: start a server on it once, then export"
        )
    row = db.execute("SELECT pk FROM workspaces WHERE id = ? AND deleted_at IS NULL", (workspace_id,)).fetchone()
    if row is None:
        raise NotFound(f"There is no workspace {workspace_id}")
    return int(row[0])


def header(db: Transaction, workspace: int, *, program: str, now: int) -> HeaderLine:
    """The first line. `db` must be one snapshot for all lines: see `copying.snapshot`."""
    (workspace_id,) = rows.mended(
        ["workspaces.id"], db.execute("SELECT id FROM workspaces WHERE pk = ?", (workspace,)).fetchone()
    )
    counts = {}
    for name, kind in KINDS.items():
        if name == "job":
            counts[name] = sum(1 for _ in _lines(db, name, workspace))
        else:
            (counts[name],) = db.execute(f"SELECT count(*) {_source(kind)}", {"workspace": workspace}).fetchone()
    return HeaderLine(
        kind="header", format=FORMAT, program=program, exported_at=now, workspace=workspace_id, counts=counts
    )


def lines(db: Transaction, workspace: int) -> Iterator[bytes]:
    """All lines after the first, serialised, read lazily."""
    for kind in KINDS:
        for line in _lines(db, kind, workspace):
            yield orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
