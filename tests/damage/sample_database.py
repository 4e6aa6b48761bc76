"""A small database with rows in all tables: the workspace `harbour`, which is damaged, and its copy `quay`."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import orjson
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from omoide.asgi.app import create_app
from omoide.cli.bootstrap import make_worker
from omoide.core import clock
from omoide.core.settings import Settings
from omoide.services.container import open_services
from omoide.storage.column_validation import RULES, readable_or_bytes
from omoide.storage.export import importer, reader
from omoide.storage.sqlite import backup
from omoide.storage.sqlite.engine import Store
from omoide.storage.sqlite.integrity import full_check
from omoide.storage.sqlite.integrity.repair import repair
from tests.storage.files.make import SETTINGS
from tests.storage.test_upgrades import FILES, VERSIONS

MOST_JOBS = 200

DAMAGES: Mapping[str, str] = {
    "text": "'damage'",
    "bytes": "x'ff00fe'",
    "text that is not UTF-8": "CAST(x'61ff62' AS TEXT)",
    "no JSON": """'{"a": '""",
    "a list": "'[1, {}]'",
    "an object": """'{"session": 7, "x": [null]}'""",
    "huge": "9223372036854775807",
    "the year 2200": "7258118400000000",
    "negative": "-9223372036854775808",
    "minus one": "-1",
    "zero": "0",
    "a fraction": "1e300",
    "infinite": "9e999",
    "NULL": "NULL",
    "empty": "''",
}

_OF_SESSION = "session = (SELECT pk FROM sessions WHERE id = 'pier' AND workspace = :w)"
_CHOSEN: Mapping[str, str] = {
    "workspaces": "pk = :w",
    "shares": "pk = :w",
    "sessions": "workspace = :w AND id = 'pier'",
    "members": _OF_SESSION,
    "stays": _OF_SESSION,
    "visits": _OF_SESSION,
    "said_order": _OF_SESSION,
    "messages": f"{_OF_SESSION} AND seq = 3",
    "receipts": _OF_SESSION,
    "summaries": _OF_SESSION,
    "backfills": "scope IN (SELECT pk FROM peers WHERE workspace = :w)",
    "cards": "observer IN (SELECT pk FROM peers WHERE workspace = :w)",
    "dreams": "observer IN (SELECT pk FROM peers WHERE workspace = :w)",
    "message_vectors": "pk IN (SELECT pk FROM messages WHERE workspace = :w)",
    "conclusion_vectors": "pk IN (SELECT pk FROM conclusions WHERE workspace = :w AND deleted_at IS NULL)",
    "conclusions": "workspace = :w AND deleted_at IS NULL AND session IS NOT NULL",
    "conclusion_messages": "conclusion IN (SELECT pk FROM conclusions WHERE workspace = :w)",
    "conclusion_topics": "conclusion IN (SELECT pk FROM conclusions WHERE workspace = :w)",
    "embedder": "1",
}


@dataclass(frozen=True, slots=True)
class DamageCase:
    """One value to damage. `where` is SQL that selects the row."""

    table: str
    column: str
    damage: str
    where: str

    def __str__(self) -> str:
        return f"{self.table}.{self.column} = {self.damage} [{self.where}]"


def cases() -> list[DamageCase]:
    """Every column of every table with every damage; for jobs, of every kind."""
    found = []
    for table, columns in RULES.items():
        if table in ("refused_texts", "reindexing", "usage_totals"):  # have no workspace
            continue
        rows = [_CHOSEN.get(table, "workspace = :w")]
        if table == "jobs":
            rows = [f"kind = '{kind}'" for kind in KINDS]
        for column in columns:
            for damage in DAMAGES:
                some = rows if column in ("payload", "kind") else rows[:1]
                found += [DamageCase(table, column, damage, where) for where in some]
    return found


KINDS = ("representation", "summary", "dream", "deliver_webhook", "purge_session", "scope_backfill", "embed")


def build(path: Path) -> None:
    """Create the test file of the latest schema, migrated, with a copy of its workspace and jobs for both."""
    path.write_bytes(gzip.decompress((FILES / f"schema_{VERSIONS[-1]}.db.gz").read_bytes()))
    asyncio.run(_double(path))
    with _served(path) as http:
        for workspace in ("harbour", "quay"):
            url = f"/v3/workspaces/{workspace}"
            said = [
                {"peer_id": "alice", "content": f"I own a boat of {n} feet.", "metadata": {"n": n}} for n in range(3)
            ]
            _fine(http.post(f"{url}/sessions/pier/messages", json={"messages": said}))
            dream = {"observer": "alice", "observed": "alice", "dream_type": "omni"}
            _fine(http.post(f"{url}/schedule_dream", json=dream))
            _fine(http.get(f"{url}/webhooks/test"))
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE jobs SET leased_until = NULL, due_at = 0 WHERE failed_at IS NULL")
        db.execute(
            """INSERT INTO conclusion_topics (observer, observed, topic, conclusion)
               SELECT observer, observed, same, pk FROM conclusions WHERE level = 'explicit'"""
        )
        db.execute("UPDATE messages SET utc_offset = -480 WHERE seq = 3")
        db.execute("INSERT INTO model_usage SELECT 1, pk, 'derive', 'openai:toy', 1, 0, 20, 10, 0, 0 FROM workspaces")
        db.execute("INSERT INTO budget_pauses SELECT pk, 1 FROM workspaces")
        db.commit()


async def _double(path: Path) -> None:
    store = Store.open(path)
    try:
        with backup.snapshot(path, busy_timeout=5) as db:
            pk = reader.find(db, "harbour")
            header = reader.header(db, pk, program="test", now=clock.now())
            lines = [orjson.dumps(header) + b"\n", *reader.lines(db, pk)]
        await importer.import_workspace(store, iter(lines), name="quay", restart=False, shown=lambda done, of: None)
    finally:
        store.close()


def _fine(answer: Any) -> None:
    assert answer.status_code < 300, answer.text


@contextlib.contextmanager
def _served(path: Path) -> Iterator[TestClient]:
    with TestClient(_app(path), "http://localhost", raise_server_exceptions=False) as http:
        yield http


@cache
def _app(path: Path) -> ASGIApp:
    """The application, which is created once and opens the file at each lifespan."""
    return create_app(Settings.model_validate({"db": path, **SETTINGS}))


def damage(path: Path, case: DamageCase) -> object:
    """Damage the value and return the stored one. Raises sqlite3.IntegrityError if SQLite rejects it."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.text_factory = readable_or_bytes
        db.execute("PRAGMA foreign_keys=OFF")
        db.execute("PRAGMA ignore_check_constraints=ON")
        (workspace,) = db.execute("SELECT pk FROM workspaces WHERE id = 'harbour'").fetchone()
        keys = [row[1] for row in db.execute(f"PRAGMA table_info({case.table})") if row[5]]
        key = db.execute(f"SELECT {', '.join(keys)} FROM {case.table} WHERE {case.where} LIMIT 1", {"w": workspace})
        chosen = key.fetchone()
        assert chosen is not None, f"nothing to damage for {case}"
        if case.damage == "NULL":
            _forget_not_null(db, case.table)
        marks = " AND ".join(f"{name} = ?" for name in keys)
        new = f"UPDATE {case.table} SET {case.column} = {DAMAGES[case.damage]} WHERE {marks} RETURNING {case.column}"
        (value,) = db.execute(new, chosen).fetchone()
        db.commit()
        return value


def _forget_not_null(db: sqlite3.Connection, table: str) -> None:
    """Remove the NOT NULL constraints of a table, until `restore_not_null`."""
    db.execute("PRAGMA writable_schema=ON")
    db.execute("UPDATE sqlite_schema SET sql = replace(sql, ' NOT NULL', '') WHERE name = ?", (table,))
    db.commit()
    db.execute("PRAGMA writable_schema=RESET")


def restore_not_null(path: Path, original: Path) -> None:
    """Restore the definition of every table from another file."""
    with contextlib.closing(sqlite3.connect(original)) as db:
        wanted = db.execute("SELECT sql, name FROM sqlite_schema WHERE type = 'table' AND sql LIKE '% NOT NULL%'")
        definitions = wanted.fetchall()
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA writable_schema=ON")
        db.executemany("UPDATE sqlite_schema SET sql = ? WHERE name = ?", definitions)
        db.commit()
        db.execute("PRAGMA writable_schema=RESET")


@dataclass
class Seen:
    """Results of using a database: responses for `quay` before and after the jobs ran, and all problems."""

    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def use(path: Path) -> Seen:
    """Check, read everything, run the jobs, read again, export and back up."""
    seen = Seen(faults=checked(path))
    with _served(path) as http:
        seen.before = _asked(http, "quay", seen.problems)
        _asked(http, "harbour", seen.problems)
        _written(http, seen.problems)
        asyncio.run(_worked(path, seen.problems))
        _asked(http, "harbour", seen.problems)
        after = _asked(http, "quay", seen.problems)
        listed = after["POST conclusions/list?size=100"]["items"]
        seen.after["conclusions"] = sorted((each["observer_id"], each["content"]) for each in listed)
        for each in ("GET sessions/pier/summaries", "GET peers/alice/card"):
            seen.after[each] = _without(after[each], {"created_at", "message_id", "id"})
        status = after["GET queue/status"]
        seen.after["pending"] = status["pending_work_units"] + status["in_progress_work_units"]
    for workspace in ("quay", "harbour"):
        _try(seen.problems, f"export {workspace}", partial(_exported, path, workspace))
    target = path.with_suffix(".copy")
    backed_up = {"replace": True, "busy_timeout": 5.0, "shown": lambda done, of: None}
    _try(seen.problems, "backup", lambda: backup.back_up(path, target, **backed_up))  # type: ignore[arg-type]
    return seen


def checked(path: Path) -> list[str]:
    with backup.snapshot(path, busy_timeout=5) as db:
        return full_check.faults(db)


def mend(path: Path) -> list[str]:
    """Repair the database, and return the remaining faults."""
    with backup.alone(path) as db:
        changes = repair(db, clock.now())
        assert all(orjson.loads(change.line()) for change in changes)
        db.execute("COMMIT")
    left = checked(path)
    return left if changes else [*left, "nothing was changed"]


def _without(value: Any, names: set[str]) -> Any:
    if isinstance(value, dict):
        return {key: _without(each, names) for key, each in value.items() if key not in names}
    return value


def _exported(path: Path, workspace: str) -> None:
    with backup.snapshot(path, busy_timeout=5) as db:
        pk = reader.find(db, workspace)
        header = reader.header(db, pk, program="test", now=0)
        assert sum(header["counts"].values()) == sum(1 for _ in reader.lines(db, pk))


def _try(problems: list[str], what: str, do: Callable[[], object]) -> None:
    try:
        do()
    except Exception as error:
        if type(error).__name__ != "NotFound":  # the id of the workspace itself is damaged
            problems.append(f"{what}: {error!r}")


ASKED: list[tuple[str, str, Any]] = [
    ("GET", "sessions/pier/peers", None),
    ("GET", "sessions/pier/peers/alice/config", None),
    ("POST", "peers/list", {}),
    ("POST", "sessions/list", {}),
    ("POST", "sessions/list", {"filters": {"metadata": {"n": 1}}}),
    ("POST", "peers/list", {"filters": {"metadata": {"boat": {"contains": "hÉr"}}}}),
    ("POST", "sessions/pier/messages/list?size=100", {}),
    ("POST", "sessions/pier/messages/list?size=100&reverse=true", {"filters": {"metadata": {"n": {"gte": 2}}}}),
    ("POST", "sessions/pier/messages/list", {"filters": {"content": {"icontains": "LIGHTHOUSE"}}}),
    (
        "POST",
        "sessions/pier/messages/list",
        {"filters": {"created_at": {"gte": "2020-01-01"}, "token_count": {"gt": 1}}},
    ),
    ("POST", "peers/alice/sessions", {}),
    ("POST", "conclusions/list?size=100", {}),
    ("POST", "conclusions/list", {"filters": {"source_ids": {"contains": "x"}}}),
    ("POST", "conclusions/query", {"query": "lighthouse", "filters": {"observer": "alice", "observed": "alice"}}),
    ("POST", "conclusions/query", {"query": "boats and kites"}),
    ("GET", "peers/alice/card", None),
    ("GET", "peers/alice/context?search_query=lighthouse", None),
    ("POST", "peers/alice/representation", {}),
    ("POST", "peers/alice/representation", {"session_id": "pier", "search_query": "lighthouse"}),
    ("GET", "sessions/pier/summaries", None),
    ("GET", "sessions/pier/context?tokens=2000&peer_target=alice&search_query=lighthouse", None),
    ("POST", "search", {"query": "lighthouse", "limit": 20}),
    ("POST", "search", {"query": "lighthouse", "filters": {"peer_perspective": "alice"}}),
    ("POST", "search", {"query": "ïghthouse"}),
    ("POST", "sessions/pier/search", {"query": "", "limit": 5}),
    ("POST", "sessions/pier/search", {"query": "what is owned near the sea", "limit": 5}),
    ("POST", "peers/alice/search", {"query": "kite number", "limit": 5}),
    ("POST", "peers/alice/chat", {"query": "What do I own?"}),
    (
        "POST",
        "peers/alice/chat",
        {"query": "What lighthouse do I own?", "session_id": "pier", "include_evidence": True},
    ),
    ("POST", "scopes/list", {}),
    ("POST", "scopes/crew/sessions/list", {}),
    ("GET", "scopes/crew/status", None),
    ("GET", "webhooks", None),
    ("GET", "queue/status", None),
    ("GET", "queue/status?session_id=pier", None),
    ("GET", "overview", None),
    ("GET", "observers", None),
    ("GET", "observers?query=ALI", None),
    ("GET", "peers/alice/timeline?limit=200", None),
    ("POST", "queue/list?size=100", {}),
]


def _asked(http: TestClient, workspace: str, problems: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    calls = [(method, f"/v3/workspaces/{workspace}/{path}", body, f"{method} {path}") for method, path, body in ASKED]
    calls.append(("POST", "/v3/workspaces/list", {}, "workspaces"))
    for number, (method, url, body, name) in enumerate(calls):
        answer = http.request(method, url, json=body)
        if answer.status_code >= 500:
            problems.append(f"{workspace}: {method} {url} {body}: {answer.status_code} {answer.text[:200]}")
        found[name if name not in found else f"{name} {number}"] = (
            answer.json() if answer.headers.get("content-type") == "application/json" else answer.text
        )
    found.pop("workspaces")
    for name in ("/ready", "/metrics"):
        answer = http.get(name)
        if answer.status_code == 500:
            problems.append(f"{name}: {answer.text[:200]}")
    return found


def _written(http: TestClient, problems: list[str]) -> None:
    url = "/v3/workspaces/harbour"
    said: Any = [{"peer_id": peer, "content": "I own a rowing boat.", "metadata": {}} for peer in ("alice", "bob")]
    by_hand = [{"content": "alice rows", "observer_id": "bob", "observed_id": "alice"}]
    calls: list[tuple[str, str, Any, Any]] = [
        ("POST", "/v3/workspaces", {"id": "harbour"}, None),
        ("PUT", url, {"metadata": {"kind": "port"}}, None),
        ("POST", f"{url}/peers", {"id": "alice"}, None),
        ("POST", f"{url}/peers", {"id": "alice", "metadata": {"boat": "Gull"}}, None),
        ("PUT", f"{url}/peers/bob", {"metadata": {}}, None),
        ("POST", f"{url}/sessions", {"id": "pier", "peers": {"alice": {"observe_me": True}}}, None),
        ("PUT", f"{url}/sessions/pier", {"metadata": {"n": 2}}, None),
        ("POST", f"{url}/sessions/pier/messages", {"messages": said}, None),
        ("POST", f"{url}/sessions/dock/messages", {"messages": said}, {"Idempotency-Key": "second"}),
        ("POST", f"{url}/sessions/pier/messages", {"messages": said}, {"Idempotency-Key": "first"}),
        ("POST", f"{url}/conclusions", {"conclusions": by_hand}, None),
        ("POST", f"{url}/sessions/pier/clone", None, None),
        ("POST", f"{url}/sessions/pier/peers", {"carol": {}}, None),
        ("PUT", f"{url}/sessions/pier/peers/alice/config", {"observe_me": True}, None),
        ("POST", f"{url}/scopes", {"id": "crew"}, None),
        ("POST", f"{url}/webhooks", {"url": "http://127.0.0.1:9/other"}, None),
        ("GET", f"{url}/webhooks/test", None, None),
        ("POST", f"{url}/schedule_dream", {"observer": "alice", "observed": "alice", "dream_type": "omni"}, None),
    ]
    for method, path, body, headers in calls:
        answer = http.request(method, path, json=body, headers=headers)
        if answer.status_code >= 500:
            problems.append(f"{method} {path} {body}: {answer.status_code} {answer.text[:200]}")


async def _worked(path: Path, problems: list[str]) -> None:
    """Run all due jobs; failed ones keep waiting for their retry."""
    settings = Settings.model_validate({"db": path, **SETTINGS})
    parts = open_services(settings)
    try:
        await parts.adopt_embedder()
        hands = make_worker(parts, leading=False)
        for _ in range(MOST_JOBS):
            if not await hands.run_one():
                break
        else:
            problems.append("the worker does not finish")
    except Exception as error:
        problems.append(f"the worker: {error!r}")
    finally:
        await parts.aclose()
