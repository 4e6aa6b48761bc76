"""Schema migrations. Steps are only ever appended; each runs once, in its own transaction.

`created_at` and similar columns are microseconds since 1970. `deleted_at` hides a row at once; a job removes it later,
and the partial indexes free its id immediately. `messages.seq` numbers a session's messages from 1, so that any page of
them is a range as long as none was deleted: `sessions.message_count` is the last number that was given, and
`sessions.removed` how many of these messages were deleted since. `messages.peer` has no foreign key: checking it would
need an index that has no other use.

Row numbers of messages, conclusions and jobs are never reused (AUTOINCREMENT), so that data stored under the same
number, in other tables and in memory, cannot be attributed to another row. `jobs.units` is the weight of a job in the
queue status, and while `grows` is set more units may be added; `led` marks a job claimed by the leading worker; `done`
counts recently finished work. `conclusions.same` is equal for texts that differ only in case. Muted messages
(`messages.muted`) are excluded from reasoning. `sessions.last_said_at` is the time of the newest message while messages
arrive in order of time; once one arrives out of order, it is NULL and `said_order` holds all messages of the session,
so that the newest can be found. `dreams` counts the new conclusions of each pair since its last dream. In
`message_words`, `place` holds the row numbers of the workspace (`w1`), the session (`s2`) and the peer (`p3`), so that
a search reads only matching rows; in `conclusion_words` those of the workspace, the observer (`r2`) and the observed
(`d3`). `segments` is described in `vector_segments.py`; rows up to `messages_signed` and `conclusions_signed` are in
segments. `shares` is keyed by workspace and described in `fair_share.py`, `reindexing` in `reindexing.py`,
`model_usage` and the tables next to it in `migration_scripts.py`.
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from omoide.storage import membership_intervals
from omoide.storage.content_hash import content_hash
from omoide.storage.sqlite import job_shares, migration_scripts, peer_scripts, reindexing
from omoide.storage.sqlite.connection import Connection
from omoide.storage.sqlite.database_files import LOCK, companion

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


MEMORY = """\
ALTER TABLE peers ADD COLUMN kind TEXT NOT NULL DEFAULT 'peer';

ALTER TABLE jobs RENAME TO jobs_before;
CREATE TABLE jobs (
    pk INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, payload TEXT NOT NULL,
    created_at INTEGER NOT NULL, due_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, leased_until INTEGER, error TEXT,
    workspace INTEGER, key TEXT, failed_at INTEGER);
INSERT INTO jobs SELECT *, NULL, NULL, NULL FROM jobs_before ORDER BY pk;
DROP TABLE jobs_before;
CREATE INDEX jobs_due ON jobs (due_at) WHERE failed_at IS NULL;
CREATE INDEX jobs_key ON jobs (kind, key);
CREATE INDEX jobs_workspace ON jobs (workspace);

ALTER TABLE messages RENAME TO messages_before;
CREATE TABLE messages (
    pk INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL,
    workspace INTEGER NOT NULL, session INTEGER NOT NULL REFERENCES sessions,
    seq INTEGER NOT NULL, peer INTEGER NOT NULL,
    content TEXT NOT NULL, metadata TEXT NOT NULL,
    token_count INTEGER NOT NULL, created_at INTEGER NOT NULL);
INSERT INTO messages SELECT * FROM messages_before ORDER BY pk;
DROP TABLE messages_before;
CREATE UNIQUE INDEX messages_id ON messages (id);
CREATE UNIQUE INDEX messages_seq ON messages (session, seq);
CREATE INDEX messages_age ON messages (workspace, created_at);

CREATE TABLE conclusions (
    pk INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL,
    workspace INTEGER NOT NULL REFERENCES workspaces,
    observer INTEGER NOT NULL REFERENCES peers, observed INTEGER NOT NULL REFERENCES peers,
    session INTEGER REFERENCES sessions,
    content TEXT NOT NULL, level TEXT NOT NULL,
    source_ids TEXT, details TEXT NOT NULL DEFAULT '{}',
    times_derived INTEGER NOT NULL DEFAULT 1,
    said_at INTEGER NOT NULL, created_at INTEGER NOT NULL, deleted_at INTEGER);
CREATE UNIQUE INDEX conclusions_id ON conclusions (id);
CREATE INDEX conclusions_pair ON conclusions (observer, observed, created_at) WHERE deleted_at IS NULL;
CREATE INDEX conclusions_often ON conclusions (observer, observed, times_derived, created_at)
    WHERE deleted_at IS NULL;
CREATE INDEX conclusions_age ON conclusions (workspace, created_at) WHERE deleted_at IS NULL;
CREATE INDEX conclusions_session ON conclusions (session);
CREATE INDEX conclusions_observed ON conclusions (observed);
CREATE INDEX conclusions_observer ON conclusions (observer);

CREATE VIRTUAL TABLE message_words USING fts5 (place, text, content='', tokenize='porter unicode61');
CREATE VIRTUAL TABLE conclusion_words USING fts5 (text, content='', tokenize='porter unicode61');
CREATE TABLE message_vectors (pk INTEGER PRIMARY KEY, vector BLOB NOT NULL);
CREATE TABLE conclusion_vectors (pk INTEGER PRIMARY KEY, vector BLOB NOT NULL);
CREATE TABLE embedder (
    one INTEGER PRIMARY KEY CHECK (one = 1), name TEXT NOT NULL, dimensions INTEGER NOT NULL,
    messages_through INTEGER NOT NULL DEFAULT 0, conclusions_through INTEGER NOT NULL DEFAULT 0);

CREATE TABLE cards (
    observer INTEGER NOT NULL REFERENCES peers, observed TEXT NOT NULL,
    lines TEXT NOT NULL, updated_at INTEGER NOT NULL, PRIMARY KEY (observer, observed)) WITHOUT ROWID;
CREATE TABLE summaries (
    session INTEGER NOT NULL REFERENCES sessions, kind TEXT NOT NULL,
    content TEXT NOT NULL, message TEXT NOT NULL, seq INTEGER NOT NULL,
    token_count INTEGER NOT NULL, created_at INTEGER NOT NULL, PRIMARY KEY (session, kind)) WITHOUT ROWID;
CREATE TABLE backfills (
    scope INTEGER NOT NULL REFERENCES peers, session INTEGER NOT NULL REFERENCES sessions,
    state TEXT NOT NULL, docs_copied INTEGER, updated_at INTEGER NOT NULL,
    PRIMARY KEY (scope, session)) WITHOUT ROWID;
CREATE INDEX backfills_session ON backfills (session);
CREATE TABLE webhooks (
    pk INTEGER PRIMARY KEY, id TEXT NOT NULL, workspace INTEGER NOT NULL REFERENCES workspaces,
    url TEXT NOT NULL, created_at INTEGER NOT NULL);
CREATE UNIQUE INDEX webhooks_url ON webhooks (workspace, url);
CREATE UNIQUE INDEX webhooks_id ON webhooks (id);
"""


@migrations()
def m0002_memory(db: Database) -> None:
    _run(db, MEMORY)
    # Index the messages that are older than the full-text index.
    db.execute(
        """INSERT INTO message_words (rowid, place, text)
           SELECT m.pk, 'w' || m.workspace || ' s' || m.session || ' p' || m.peer, p.id || ': ' || m.content
           FROM messages m JOIN peers p ON p.pk = m.peer"""
    )


REASONING = """\
ALTER TABLE jobs ADD COLUMN units INTEGER NOT NULL DEFAULT 1;
ALTER TABLE jobs ADD COLUMN grows INTEGER NOT NULL DEFAULT 0;
DROP INDEX jobs_due;
CREATE INDEX jobs_due ON jobs (due_at, pk) WHERE failed_at IS NULL;
CREATE INDEX jobs_failed ON jobs (failed_at) WHERE failed_at IS NOT NULL;
CREATE TABLE done (
    workspace INTEGER NOT NULL, kind TEXT NOT NULL, session TEXT NOT NULL, observed TEXT NOT NULL,
    observers TEXT NOT NULL, units INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, kind, session, observed, observers)) WITHOUT ROWID;
CREATE INDEX done_age ON done (updated_at);

ALTER TABLE messages ADD COLUMN muted INTEGER NOT NULL DEFAULT 0;
CREATE INDEX members_observers ON members (session) WHERE observe_others = 1;

ALTER TABLE conclusions ADD COLUMN same INTEGER;
CREATE INDEX conclusions_same ON conclusions (observer, observed, same) WHERE deleted_at IS NULL;
CREATE INDEX conclusions_deleted ON conclusions (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE TABLE dreams (
    observer INTEGER NOT NULL REFERENCES peers, observed INTEGER NOT NULL REFERENCES peers,
    explicit_since INTEGER NOT NULL DEFAULT 0, last_at INTEGER, PRIMARY KEY (observer, observed)) WITHOUT ROWID;

ALTER TABLE cards ADD COLUMN given TEXT NOT NULL DEFAULT '[]';
UPDATE cards SET given = lines;
"""


@migrations()
def m0003_reasoning(db: Database) -> None:
    _run(db, REASONING)
    found = db.execute("SELECT pk, content FROM conclusions").fetchall()
    db.conn.executemany(
        "UPDATE conclusions SET same = ? WHERE pk = ?", [(content_hash(text), pk) for pk, text in found]
    )


@migrations()
def m0004_leading(db: Database) -> None:
    _run(db, "ALTER TABLE jobs ADD COLUMN led INTEGER NOT NULL DEFAULT 0")


FORGETTING = """\
INSERT INTO jobs (kind, payload, created_at, due_at, key)
    SELECT 'purge_conclusions', '{}', min(deleted_at), min(deleted_at), 'purge_conclusions' FROM conclusions
    WHERE deleted_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM jobs WHERE kind = 'purge_conclusions')
    HAVING count(*) > 0;
"""


@migrations()
def m0005_forgetting(db: Database) -> None:
    _run(db, FORGETTING)  # version 2 hid deleted conclusions and never removed them


NEARNESS = """\
CREATE TABLE segments (
    pk INTEGER PRIMARY KEY, workspace INTEGER NOT NULL, source TEXT NOT NULL,
    first INTEGER NOT NULL, last INTEGER NOT NULL, size INTEGER NOT NULL, rows BLOB NOT NULL);
CREATE INDEX segments_place ON segments (workspace, source, last, first);
ALTER TABLE embedder ADD COLUMN messages_signed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE embedder ADD COLUMN conclusions_signed INTEGER NOT NULL DEFAULT 0;

DROP TABLE conclusion_words;
CREATE VIRTUAL TABLE conclusion_words USING fts5 (place, text, content='', tokenize='porter unicode61');
INSERT INTO conclusion_words (rowid, place, text)
    SELECT pk, 'w' || workspace || ' r' || observer || ' d' || observed, content FROM conclusions;
"""


@migrations()
def m0006_nearness(db: Database) -> None:
    _run(db, NEARNESS)


# Few of many jobs of one kind and key are leased, and few of a pair's conclusions are derived.
LOOKING_UP = """\
CREATE INDEX jobs_held ON jobs (kind, key) WHERE leased_until IS NOT NULL;
CREATE INDEX conclusions_derived ON conclusions (observer, observed, created_at)
    WHERE level <> 'explicit' AND deleted_at IS NULL;
CREATE INDEX dreams_observed ON dreams (observed);
"""


@migrations()
def m0007_looking_up(db: Database) -> None:
    _run(db, LOOKING_UP)


# Stays are intervals of positions and not of time, because the clocks of processes differ.
STAYS = """\
CREATE TABLE stays (
    session INTEGER NOT NULL, peer INTEGER NOT NULL,
    first INTEGER NOT NULL, last INTEGER,
    PRIMARY KEY (session, peer, first),
    FOREIGN KEY (session, peer) REFERENCES members) WITHOUT ROWID;
CREATE INDEX stays_ended ON stays (peer) WHERE last IS NOT NULL;
"""


@migrations()
def m0008_stays(db: Database) -> None:
    _run(db, STAYS)
    connection = cast(Connection, db.conn)
    done = membership_intervals.derive(connection)
    while done is not None:
        done = membership_intervals.derive(connection, done)


# `due` requests another attempt for a text that the embedder refused. `late` counts vectors that were stored out of
# order; when it changes, processes reload the segments that they hold in memory.
REFUSALS = """\
CREATE TABLE refused_texts (
    source TEXT NOT NULL, pk INTEGER NOT NULL, error TEXT NOT NULL, refused_at INTEGER NOT NULL,
    due INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (source, pk)) WITHOUT ROWID;
ALTER TABLE embedder ADD COLUMN late INTEGER NOT NULL DEFAULT 0;
"""


@migrations()
def m0009_refusals(db: Database) -> None:
    _run(db, REFUSALS)


# Most sessions, whose messages all arrived in order, need no rows. The index begins with an expression, so that the
# planner uses it only for queries that contain the same expression.
SAID_ORDER = """\
ALTER TABLE sessions ADD COLUMN last_said_at INTEGER DEFAULT -62135596800000000;
CREATE TABLE said_order (
    session INTEGER NOT NULL REFERENCES sessions, created_at INTEGER NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (session, created_at, seq)) WITHOUT ROWID;
UPDATE sessions SET last_said_at = (SELECT max(created_at) FROM messages WHERE session = sessions.pk)
    WHERE message_count > 0;
INSERT INTO said_order SELECT session, created_at, seq FROM messages WHERE session IN (
    SELECT DISTINCT session FROM (
        SELECT session, created_at < lag(created_at) OVER (PARTITION BY session ORDER BY seq) AS is_earlier
        FROM messages)
    WHERE is_earlier);
UPDATE sessions SET last_said_at = NULL WHERE pk IN (SELECT DISTINCT session FROM said_order);
CREATE INDEX conclusions_said ON conclusions (observer + 0, observed, said_at, created_at) WHERE deleted_at IS NULL;
"""


@migrations()
def m0010_said_order(db: Database) -> None:
    _run(db, SAID_ORDER)


@migrations()
def m0011_shares(db: Database) -> None:
    for statement in job_shares.SCHEMA:  # triggers contain semicolons
        db.execute(statement)


@migrations()
def m0012_changes(db: Database) -> None:
    _run(db, migration_scripts.CHANGES)
    _run(db, peer_scripts.MERGING)
    _run(db, peer_scripts.VISITS)


@migrations()
def m0013_reindexing(db: Database) -> None:
    _run(db, reindexing.SCRIPT)


@migrations()
def m0014_usage(db: Database) -> None:
    _run(db, migration_scripts.USAGE)


@migrations()
def m0015_deliveries(db: Database) -> None:
    _run(db, migration_scripts.DELIVERIES)


def _run(db: Database, script: str) -> None:
    """Run a script statement by statement: `executescript` would commit the step's transaction."""
    for statement in script.split(";"):
        if statement.strip():
            db.execute(statement)


def migrate(db: Database) -> None:
    """Apply pending steps. Call it while holding the lock of `migration_lock`."""
    migrations.apply(db)


@contextlib.contextmanager
def migration_lock(path: Path) -> Iterator[None]:
    """Hold the migration lock: one process at a time opens a database, so that two cannot create it concurrently."""
    with companion(path, LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
