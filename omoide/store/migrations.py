"""The schema, step by step. Steps are only ever appended; each runs once, in a transaction of its own.

`created_at` and the like are microseconds since 1970. `deleted_at` hides a row at once; a job removes it later, and
the partial indexes free its id immediately. `messages.seq` counts a session's messages from 1 without gaps, so that any
page of them is a range. `messages.peer` is no declared reference: checking it would need an index of no other use.
"""

from __future__ import annotations

import fcntl
from pathlib import Path

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

migrations = Migrations("omoide")


CONVERSATIONS = """\
CREATE TABLE workspaces (
    pk INTEGER PRIMARY KEY, id TEXT NOT NULL, uid TEXT NOT NULL,
    metadata TEXT NOT NULL, configuration TEXT NOT NULL,
    created_at INTEGER NOT NULL, deleted_at INTEGER);
CREATE UNIQUE INDEX workspaces_id ON workspaces (id) WHERE deleted_at IS NULL;
CREATE INDEX workspaces_age ON workspaces (created_at) WHERE deleted_at IS NULL;

CREATE TABLE peers (
    pk INTEGER PRIMARY KEY, workspace INTEGER NOT NULL REFERENCES workspaces,
    id TEXT NOT NULL, uid TEXT NOT NULL,
    metadata TEXT NOT NULL, configuration TEXT NOT NULL, created_at INTEGER NOT NULL);
CREATE UNIQUE INDEX peers_id ON peers (workspace, id);
CREATE INDEX peers_age ON peers (workspace, created_at);

CREATE TABLE sessions (
    pk INTEGER PRIMARY KEY, workspace INTEGER NOT NULL REFERENCES workspaces,
    id TEXT NOT NULL, uid TEXT NOT NULL,
    metadata TEXT NOT NULL, configuration TEXT NOT NULL,
    created_at INTEGER NOT NULL, deleted_at INTEGER,
    message_count INTEGER NOT NULL DEFAULT 0);
CREATE UNIQUE INDEX sessions_id ON sessions (workspace, id) WHERE deleted_at IS NULL;
CREATE INDEX sessions_age ON sessions (workspace, created_at);

CREATE TABLE members (
    session INTEGER NOT NULL REFERENCES sessions, peer INTEGER NOT NULL REFERENCES peers,
    joined_at INTEGER NOT NULL, left_at INTEGER,
    observe_me INTEGER, observe_others INTEGER,
    PRIMARY KEY (session, peer)) WITHOUT ROWID;
CREATE INDEX members_peer ON members (peer, session);

CREATE TABLE messages (
    pk INTEGER PRIMARY KEY, id TEXT NOT NULL,
    workspace INTEGER NOT NULL, session INTEGER NOT NULL REFERENCES sessions,
    seq INTEGER NOT NULL, peer INTEGER NOT NULL,
    content TEXT NOT NULL, metadata TEXT NOT NULL,
    token_count INTEGER NOT NULL, created_at INTEGER NOT NULL);
CREATE UNIQUE INDEX messages_id ON messages (id);
CREATE UNIQUE INDEX messages_seq ON messages (session, seq);

CREATE TABLE receipts (
    session INTEGER NOT NULL REFERENCES sessions, key TEXT NOT NULL,
    digest BLOB NOT NULL, first_seq INTEGER NOT NULL, count INTEGER NOT NULL,
    created_at INTEGER NOT NULL, PRIMARY KEY (session, key)) WITHOUT ROWID;
CREATE INDEX receipts_age ON receipts (created_at);

CREATE TABLE jobs (
    pk INTEGER PRIMARY KEY, kind TEXT NOT NULL, payload TEXT NOT NULL,
    created_at INTEGER NOT NULL, due_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, leased_until INTEGER, error TEXT);
CREATE INDEX jobs_due ON jobs (due_at);
"""


@migrations()
def m0001_conversations(db: Database) -> None:
    _run(db, CONVERSATIONS)


def _run(db: Database, script: str) -> None:
    """Statement by statement: `executescript` would end the transaction that the step runs in."""
    for statement in script.split(";"):
        if statement.strip():
            db.execute(statement)


def migrate(db: Database, path: Path) -> None:
    """Apply the steps that the file has not seen. Processes that start together take turns."""
    with Path(f"{path}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        migrations.apply(db)
