"""Export a workspace line by line, from one snapshot.

Deleted data is left out, even if its rows still exist. Vectors are left out because they can be recomputed from the
texts. Jobs that are pending or failed for good are included; a running job is exported as not begun.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from omoide.core.errors import NotFound, Unprocessable
from omoide.core.jobs import payload_error
from omoide.core.records import Json
from omoide.storage import rows
from omoide.storage.base import Transaction
from omoide.storage.dialect import json_or_null
from omoide.storage.export.schema import FORMAT, KINDS, HeaderLine
from omoide.storage.sqlite import inspection

Row = tuple[Any, ...]

_PAYLOAD = json_or_null("t.payload")
_SESSION = "JOIN sessions s ON s.pk = t.session AND s.deleted_at IS NULL"

# Kind → the query without its columns; :workspace is the row of the workspace.
_SOURCES: Mapping[str, str] = {
    "workspace": "FROM workspaces t WHERE t.pk = :workspace",
    "peer": "FROM peers t WHERE t.workspace = :workspace ORDER BY t.pk",
    "session": "FROM sessions t WHERE t.workspace = :workspace AND t.deleted_at IS NULL ORDER BY t.pk",
    "member": f"FROM members t {_SESSION} JOIN peers p ON p.pk = t.peer WHERE s.workspace = :workspace "
    "ORDER BY t.session, t.peer",
    # The unary plus makes SQLite read the rows in row order, without sorting.
    "message": f"""FROM messages t {_SESSION} JOIN peers p ON p.pk = t.peer
        WHERE +t.workspace = :workspace ORDER BY t.pk""",
    "stay": f"FROM stays t {_SESSION} JOIN peers p ON p.pk = t.peer WHERE s.workspace = :workspace "
    "ORDER BY t.session, t.peer, t.first",
    "receipt": f"FROM receipts t {_SESSION} WHERE s.workspace = :workspace ORDER BY t.session, t.key",
    "conclusion": """FROM conclusions t JOIN peers o ON o.pk = t.observer JOIN peers p ON p.pk = t.observed
        LEFT JOIN sessions s ON s.pk = t.session
        WHERE +t.workspace = :workspace AND t.deleted_at IS NULL AND s.deleted_at IS NULL ORDER BY t.pk""",
    "card": "FROM cards t JOIN peers o ON o.pk = t.observer WHERE o.workspace = :workspace "
    "ORDER BY t.observer, t.observed",
    "summary": f"FROM summaries t {_SESSION} WHERE s.workspace = :workspace ORDER BY t.session, t.kind",
    "dream": """FROM dreams t JOIN peers o ON o.pk = t.observer JOIN peers p ON p.pk = t.observed
        WHERE o.workspace = :workspace ORDER BY t.observer, t.observed""",
    "backfill": f"FROM backfills t {_SESSION} JOIN peers o ON o.pk = t.scope WHERE o.workspace = :workspace "
    "ORDER BY t.scope, t.session",
    "webhook": "FROM webhooks t WHERE t.workspace = :workspace ORDER BY t.pk",
    # Jobs of a scope refer to peer and session by row number only.
    "job": f"""FROM jobs t
        LEFT JOIN peers o ON t.kind IN ('scope_backfill', 'scope_removal') AND o.pk = {_PAYLOAD} ->> 'scope'
        LEFT JOIN sessions s ON t.kind IN ('scope_backfill', 'scope_removal') AND s.pk = {_PAYLOAD} ->> 'session'
            AND s.deleted_at IS NULL
        WHERE t.workspace = :workspace AND (t.kind IN ('representation', 'summary', 'dream', 'deliver_webhook')
            OR (t.kind IN ('scope_backfill', 'scope_removal') AND o.pk IS NOT NULL AND s.pk IS NOT NULL))
        ORDER BY t.pk""",
}

_OWNED = "t.uid, t.metadata, t.configuration, t.created_at"
_COLUMNS: Mapping[str, str] = {
    "workspace": _OWNED,
    "peer": f"t.id, t.kind = 'scope', {_OWNED}",
    "session": f"t.id, {_OWNED}",
    "member": "s.id, p.id, t.joined_at, t.left_at, t.observe_me, t.observe_others",
    "message": "t.id, s.id, t.seq, p.id, t.content, t.metadata, t.token_count, t.muted, t.created_at",
    "stay": "s.id, p.id, t.first, t.last",
    "receipt": "s.id, t.key, t.digest, t.first_seq, t.count, t.created_at",
    "conclusion": """t.id, o.id, p.id, s.id, t.content, t.level, t.source_ids, t.details, t.times_derived, t.said_at,
        t.created_at""",
    "card": "o.id, t.observed, t.lines, t.given, t.updated_at",
    "summary": "s.id, t.kind, t.content, t.message, t.seq, t.token_count, t.created_at",
    "dream": "o.id, p.id, t.explicit_since, t.last_at",
    "backfill": "o.id, s.id, t.state, t.docs_copied, t.updated_at",
    "webhook": "t.id, t.url, t.created_at",
    "job": """t.kind, t.payload, o.id, s.id, t.created_at, t.due_at,
        max(0, t.attempts - (t.leased_until IS NOT NULL)), t.units, t.grows, t.error, t.failed_at""",
}


_TABLES = {"s": "sessions", "p": "peers", "o": "peers"}


def _admitted(kind: str) -> list[str]:
    """The columns of a kind in the form that `rows.mended` expects."""
    own = {"backfill": "backfills", "summary": "summaries"}.get(kind, f"{kind}s")
    found = []
    for expression in _split(_COLUMNS[kind]):
        alias, _, name = expression.partition(".")
        if not name.isidentifier():
            found.append("")
        else:
            found.append(f"{own}.{name}" if alias == "t" else f"{_TABLES[alias]}.{name}?")
    return found


def _split(columns: str) -> list[str]:
    """Split at commas outside of brackets."""
    parts, depth = [""], 0
    for character in columns:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


_ADMITTED = {kind: _admitted(kind) for kind in _COLUMNS}


def _rows(db: Transaction, kind: str, workspace: int) -> Iterator[Row]:
    """The rows of a kind, with damaged values repaired; damaged jobs are left out."""
    for row in db.execute(f"SELECT {_COLUMNS[kind]} {_SOURCES[kind]}", {"workspace": workspace}):
        if kind == "job" and _is_damaged(row):
            continue
        yield rows.mended(_ADMITTED[kind], row)


def _is_damaged(row: Row) -> bool:
    try:
        return payload_error(row[0], orjson.loads(row[1])) is not None
    except (ValueError, TypeError):
        return True


def _json(text: str) -> orjson.Fragment:
    """Embed stored JSON unchanged."""
    return orjson.Fragment(text)


def _flag(value: int | None) -> bool | None:
    return None if value is None else bool(value)


def _owned(uid: str, metadata: str, configuration: str, created_at: int) -> Json:
    return {
        "uid": uid,
        "metadata": _json(metadata),
        "configuration": _json(configuration),
        "created_at": created_at,
    }


def _peer(id: str, scope: int, *rest: Any) -> Json:
    uid, metadata, configuration, created_at = rest
    owned = _owned(uid, metadata, configuration, created_at)
    return {"id": id, "uid": owned.pop("uid"), "scope": bool(scope), **owned}


def _session(id: str, *rest: Any) -> Json:
    return {"id": id, **_owned(*rest)}


def _member(session: str, peer: str, joined_at: int, left_at: int | None, me: int | None, others: int | None) -> Json:
    return {
        "session": session,
        "peer": peer,
        "joined_at": joined_at,
        "left_at": left_at,
        "observe_me": _flag(me),
        "observe_others": _flag(others),
    }


def _message(
    id: str, session: str, seq: int, peer: str, content: str, metadata: str, tokens: int, muted: int, created_at: int
) -> Json:
    return {
        "id": id,
        "session": session,
        "seq": seq,
        "peer": peer,
        "content": content,
        "metadata": _json(metadata),
        "token_count": tokens,
        "muted": bool(muted),
        "created_at": created_at,
    }


def _stay(session: str, peer: str, first: int, last: int | None) -> Json:
    return {"session": session, "peer": peer, "first": first, "last": last}


def _receipt(session: str, key: str, digest: bytes, first_seq: int, count: int, created_at: int) -> Json:
    return {
        "session": session,
        "key": key,
        "digest": digest.hex(),
        "first_seq": first_seq,
        "count": count,
        "created_at": created_at,
    }


def _conclusion(
    id: str,
    observer: str,
    observed: str,
    session: str | None,
    content: str,
    level: str,
    source_ids: str | None,
    details: str,
    times_derived: int,
    said_at: int,
    created_at: int,
) -> Json:
    return {
        "id": id,
        "observer": observer,
        "observed": observed,
        "session": session,
        "content": content,
        "level": level,
        "source_ids": None if source_ids is None else _json(source_ids),
        "details": _json(details),
        "times_derived": times_derived,
        "said_at": said_at,
        "created_at": created_at,
    }


def _card(observer: str, observed: str, lines: str, given: str, updated_at: int) -> Json:
    return {
        "observer": observer,
        "observed": observed,
        "lines": _json(lines),
        "given": _json(given),
        "updated_at": updated_at,
    }


def _summary(session: str, type: str, content: str, message: str, seq: int, tokens: int, created_at: int) -> Json:
    return {
        "session": session,
        "type": type,
        "content": content,
        "message": message,
        "seq": seq,
        "token_count": tokens,
        "created_at": created_at,
    }


def _dream(observer: str, observed: str, explicit_since: int, last_at: int | None) -> Json:
    return {"observer": observer, "observed": observed, "explicit_since": explicit_since, "last_at": last_at}


def _backfill(scope: str, session: str, state: str, docs_copied: int | None, updated_at: int) -> Json:
    return {
        "scope": scope,
        "session": session,
        "state": state,
        "docs_copied": docs_copied,
        "updated_at": updated_at,
    }


def _webhook(id: str, url: str, created_at: int) -> Json:
    return {"id": id, "url": url, "created_at": created_at}


_TOLD: Mapping[str, tuple[str, ...]] = {
    "representation": ("session", "observed", "observers", "configuration", "first", "through", "tokens"),
    "summary": ("session", "through", "kinds", "instructions"),
    "deliver_webhook": ("endpoint", "delivery", "type", "data"),
}
"""Task → the payload members that are exported: all but row numbers."""


def _payload(task: str, payload: Json, scope: str | None, session: str | None) -> Json:
    if task in _TOLD:
        return {name: payload[name] for name in _TOLD[task]}
    if task == "dream":
        exported = {name: payload[name] for name in ("type", "observer", "observed", "session")}
        return {**exported, **{name: bool(payload.get(name)) for name in ("rebuild", "automatic")}}
    return {"scope": scope, "session": session}


def _job(task: str, payload: str, scope: str | None, session: str | None, *rest: Any) -> Json:
    created_at, due_at, attempts, units, grows, error, failed_at = rest
    return {
        "task": task,
        "payload": _payload(task, orjson.loads(payload), scope, session),
        "created_at": created_at,
        "due_at": due_at,
        "attempts": attempts,
        "units": units,
        "grows": bool(grows),
        "error": error,
        "failed_at": failed_at,
    }


_MAKERS: Mapping[str, Callable[..., Json]] = {
    "workspace": _owned,
    "peer": _peer,
    "session": _session,
    "member": _member,
    "message": _message,
    "stay": _stay,
    "receipt": _receipt,
    "conclusion": _conclusion,
    "card": _card,
    "summary": _summary,
    "dream": _dream,
    "backfill": _backfill,
    "webhook": _webhook,
    "job": _job,
}


def find(db: Transaction, workspace_id: str) -> int:
    """The row of a workspace. Raises NotFound, and Unprocessable for a file of another version of Omoide."""
    schema = inspection.schema(db)
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
    for kind in KINDS:
        if kind == "job":
            counts[kind] = sum(1 for _ in _rows(db, kind, workspace))
            continue
        source = _SOURCES[kind].split("ORDER BY")[0]
        (counts[kind],) = db.execute(f"SELECT count(*) {source}", {"workspace": workspace}).fetchone()
    return HeaderLine(
        kind="header", format=FORMAT, program=program, exported_at=now, workspace=workspace_id, counts=counts
    )


def lines(db: Transaction, workspace: int) -> Iterator[bytes]:
    """All lines after the first, serialised, read lazily."""
    for kind in KINDS:
        make = _MAKERS[kind]
        for row in _rows(db, kind, workspace):
            yield orjson.dumps({"kind": kind, **make(*row)}, option=orjson.OPT_APPEND_NEWLINE)
