"""A database whose files are searched for what was stored in it."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from typing import Any

from omoide.storage import Transaction
from omoide.storage.sqlite import backup as backup_module
from omoide.storage.sqlite.integrity.full_check import faults
from omoide.storage.sqlite.read_only import opened
from tests import sql
from tests.security.in_process import Application
from tests.worker.worker_fixture import Home

W = "/v3/workspaces/w"


class Yard:
    """An application and a worker on one database, whose files can be searched for a word."""

    def __init__(self, app: Application, home: Home) -> None:
        self._app = app
        self.home = home

    def ok(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        answer = self._app.ask(method, path, json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def refused(self, method: str, path: str) -> int:
        """The status of a request that must fail."""
        answer = self._app.ask(method, path)
        assert answer.is_client_error, answer.text
        return answer.status_code

    def say(self, session: str, *contents: str, peer: str = "alice", **fields: Any) -> Any:
        batch = [{"peer_id": peer, "content": content, **fields} for content in contents]
        return self.ok("POST", f"{W}/sessions/{session}/messages", {"messages": batch}, **{"Idempotency-Key": "k"})

    def sql(self, statement: str, *params: Any) -> Any:
        def run(db: Transaction) -> Any:
            return sql.rows(db, statement, params)

        return asyncio.run(self.home.store.write(run))

    def work(self) -> None:
        """Run every job, due or not."""
        while self.sql("SELECT 1 FROM jobs WHERE failed_at IS NULL"):
            self.sql("UPDATE conclusions SET deleted_at = 0 WHERE deleted_at IS NOT NULL")
            self.sql("UPDATE jobs SET due_at = 0")
            asyncio.run(self.home.work())

    def files(self) -> dict[str, bytes]:
        """Name → content of every file next to the database, and of a new backup."""
        backup = self.home.store.path.with_name("backup.db")
        backup_module.back_up(self.home.store.path, backup, replace=True, busy_timeout=5, shown=lambda *_: None)
        return {path.name: path.read_bytes() for path in backup.parent.iterdir() if path.is_file()}

    def holding(self, *texts: str) -> set[tuple[str, str]]:
        """The files that contain any of the texts, or one of their words as stored in the full-text index."""
        found = self.files()
        forms = {form for text in texts for form in (text, *stems(text))}
        return {(name, form) for name, content in found.items() for form in forms if form.encode() in content}

    def check(self) -> None:
        """Raise AssertionError unless the database is consistent and its free space is erased."""
        for index in ("message_words", "conclusion_words"):
            self.sql(f"INSERT INTO {index} ({index}) VALUES ('integrity-check')")
        with opened(self.home.store.path, busy_timeout=5) as db:
            assert faults(db) == []


def stems(text: str) -> set[str]:
    """The words of a text as stored in the full-text index."""
    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        sql.change(db, "CREATE VIRTUAL TABLE t USING fts5 (text, tokenize='porter unicode61')")
        sql.change(db, "CREATE VIRTUAL TABLE v USING fts5vocab (t, 'row')")
        sql.change(db, "INSERT INTO t VALUES (?)", (text,))
        # A short word may occur by chance.
        return {*sql.column(db, "SELECT term FROM v WHERE length(term) > 7")}
