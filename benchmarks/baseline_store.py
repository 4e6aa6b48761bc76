"""The floor's store: a copy of Omoide's schema and statements, with the same durability and group commit.

Reads run on the event loop. Writes go to one thread, which runs all pending ones in one transaction with a savepoint
each, and resolves them after the commit.
"""

from __future__ import annotations

import asyncio
import queue
import secrets
import threading
import time
from binascii import b2a_base64
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # pysqlite3 where it is installed, as in Omoide

Connection = sqlite3.Connection
Row = tuple[Any, ...]
MAX_BATCH = 128
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TO_ALPHABET = bytes.maketrans(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    b"-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz",
)

SCHEMA = """
CREATE TABLE workspaces (
    pk INTEGER PRIMARY KEY, id TEXT NOT NULL, uid TEXT NOT NULL, metadata TEXT NOT NULL,
    configuration TEXT NOT NULL, created_at INTEGER NOT NULL, deleted_at INTEGER);
CREATE UNIQUE INDEX workspaces_id ON workspaces (id) WHERE deleted_at IS NULL;
CREATE INDEX workspaces_age ON workspaces (created_at) WHERE deleted_at IS NULL;
CREATE TABLE peers (
    pk INTEGER PRIMARY KEY, workspace INTEGER NOT NULL REFERENCES workspaces, id TEXT NOT NULL, uid TEXT NOT NULL,
    metadata TEXT NOT NULL, configuration TEXT NOT NULL, created_at INTEGER NOT NULL);
CREATE UNIQUE INDEX peers_id ON peers (workspace, id);
CREATE INDEX peers_age ON peers (workspace, created_at);
CREATE TABLE sessions (
    pk INTEGER PRIMARY KEY, workspace INTEGER NOT NULL REFERENCES workspaces, id TEXT NOT NULL, uid TEXT NOT NULL,
    metadata TEXT NOT NULL, configuration TEXT NOT NULL, created_at INTEGER NOT NULL, deleted_at INTEGER,
    message_count INTEGER NOT NULL DEFAULT 0);
CREATE UNIQUE INDEX sessions_id ON sessions (workspace, id) WHERE deleted_at IS NULL;
CREATE INDEX sessions_age ON sessions (workspace, created_at);
CREATE TABLE members (
    session INTEGER NOT NULL REFERENCES sessions, peer INTEGER NOT NULL REFERENCES peers,
    joined_at INTEGER NOT NULL, left_at INTEGER, observe_me INTEGER, observe_others INTEGER,
    PRIMARY KEY (session, peer)) WITHOUT ROWID;
CREATE INDEX members_peer ON members (peer, session);
CREATE TABLE messages (
    pk INTEGER PRIMARY KEY, id TEXT NOT NULL, workspace INTEGER NOT NULL,
    session INTEGER NOT NULL REFERENCES sessions, seq INTEGER NOT NULL, peer INTEGER NOT NULL,
    content TEXT NOT NULL, metadata TEXT NOT NULL, token_count INTEGER NOT NULL, created_at INTEGER NOT NULL);
CREATE UNIQUE INDEX messages_id ON messages (id);
CREATE UNIQUE INDEX messages_seq ON messages (session, seq);
CREATE TABLE jobs (
    pk INTEGER PRIMARY KEY, kind TEXT NOT NULL, payload TEXT NOT NULL,
    created_at INTEGER NOT NULL, due_at INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    leased_until INTEGER, error TEXT, workspace INTEGER, key TEXT, failed_at INTEGER);
CREATE INDEX jobs_due ON jobs (due_at) WHERE failed_at IS NULL;
CREATE INDEX jobs_key ON jobs (kind, key);
CREATE VIRTUAL TABLE message_words USING fts5 (place, text, content='', tokenize='porter unicode61');
"""

SESSION = """SELECT s.pk, s.id, s.uid, w.id, s.metadata, s.configuration, s.created_at, s.deleted_at IS NULL
    FROM sessions s JOIN workspaces w ON w.pk = s.workspace WHERE w.id = ? AND w.deleted_at IS NULL
    AND s.id = ? AND s.deleted_at IS NULL"""
MEMBER = """SELECT m.observe_me, m.observe_others FROM members m JOIN peers p ON p.pk = m.peer
    WHERE m.session = ? AND p.id = ? AND m.left_at IS NULL"""
PAGE = """SELECT m.id, s.id, w.id, p.id, m.content, m.metadata, m.token_count, m.created_at
    FROM messages m JOIN sessions s ON s.pk = m.session JOIN workspaces w ON w.pk = s.workspace
    JOIN peers p ON p.pk = m.peer
    WHERE m.session = ? AND m.seq BETWEEN ? AND ? ORDER BY m.seq ASC"""


def now() -> int:
    return time.time_ns() // 1_000


def instant(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds)


def new_id(at: int) -> str:
    number = ((at // 1_000) << 84 | secrets.randbits(84)) << 2  # 128 bits; the upper 126 give 21 characters
    return b2a_base64(number.to_bytes(16, "big"))[:21].translate(TO_ALPHABET).decode()


class FloorStore:
    """Two connections and the writer thread."""

    def __init__(self, path: str) -> None:
        self.writer = self._connect(path)
        self.writer.executescript(SCHEMA)
        self.reader = self._connect(path)
        self.reader.execute("PRAGMA query_only=ON")
        self.queue: queue.SimpleQueue[_Write] = queue.SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    @staticmethod
    def _connect(path: str) -> Connection:
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=512)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY"):
            db.execute(f"PRAGMA {pragma}")
        return db

    async def write(self, work: Callable[..., Any], *args: Any) -> Any:
        future = asyncio.get_running_loop().create_future()
        self.queue.put((work, args, future))
        return await future

    def _run(self) -> None:
        while True:
            batch = [self.queue.get()]
            while len(batch) < MAX_BATCH and not self.queue.empty():
                batch.append(self.queue.get())
            settled = []
            self.writer.execute("BEGIN IMMEDIATE")
            for work, args, future in batch:
                self.writer.execute("SAVEPOINT work")
                try:
                    settled.append((future.set_result, work(self.writer, *args)))
                except Exception as error:
                    settled.append((future.set_exception, error))
                    self.writer.execute("ROLLBACK TO work")
                self.writer.execute("RELEASE work")
            self.writer.execute("COMMIT")
            batch[0][2].get_loop().call_soon_threadsafe(_settle, settled)


_Write = tuple[Callable[..., Any], tuple[Any, ...], asyncio.Future[Any]]


def _settle(settled: Iterable[tuple[Callable[[Any], None], Any]]) -> None:
    for settle, outcome in settled:
        settle(outcome)


def settled_session(db: Connection, workspace_id: str, session_id: str, peers: Iterable[str]) -> Row | None:
    """The session if it exists and has these peers as members."""
    row: Row | None = db.execute(SESSION, (workspace_id, session_id)).fetchone()
    if row is None or any(db.execute(MEMBER, (row[0], peer_id)).fetchone() is None for peer_id in peers):
        return None
    return row


def get_or_create_session(
    db: Connection, workspace_id: str, session_id: str, peers: Iterable[str], at: int
) -> Row | None:
    found: Row | None = db.execute(SESSION, (workspace_id, session_id)).fetchone()
    workspace = _workspace(db, workspace_id, at)
    if found is None:
        uid = new_id(at)
        pk = _new_session(db, workspace, session_id, uid, at)
        found = (pk, session_id, uid, workspace_id, "{}", "{}", at, True)
    for peer in _peers(db, workspace, peers, at).values():
        known = db.execute(
            "SELECT observe_me, observe_others, left_at FROM members WHERE session = ? AND peer = ?", (found[0], peer)
        ).fetchone()
        if known is None:
            db.execute(
                """INSERT INTO members (session, peer, joined_at, observe_me, observe_others) VALUES (?, ?, ?, ?, ?)
                   ON CONFLICT DO UPDATE SET joined_at = excluded.joined_at, left_at = NULL,
                   observe_me = excluded.observe_me, observe_others = excluded.observe_others""",
                (found[0], peer, at, None, None),
            )
    return found


def add_messages(
    db: Connection, workspace_id: str, session_id: str, batch: Sequence[tuple[str, str, str, int]], at: int
) -> list[Row]:
    """Append messages (peer id, content, metadata as JSON, tokens), and return rows as `list_messages` does."""
    row = db.execute(
        """SELECT s.workspace, s.pk FROM sessions s JOIN workspaces w ON w.pk = s.workspace
           WHERE w.id = ? AND w.deleted_at IS NULL AND s.id = ? AND s.deleted_at IS NULL""",
        (workspace_id, session_id),
    ).fetchone()
    if row is None:
        workspace = _workspace(db, workspace_id, at)
        row = workspace, _new_session(db, workspace, session_id, new_id(at), at)
    workspace, session = row
    peers = _peers(db, workspace, dict.fromkeys(message[0] for message in batch), at)
    for peer in peers.values():
        db.execute(
            """INSERT INTO members (session, peer, joined_at) VALUES (?, ?, ?)
               ON CONFLICT DO UPDATE SET left_at = NULL, joined_at = excluded.joined_at WHERE left_at IS NOT NULL""",
            (session, peer, at),
        )
    (count,) = db.execute(
        "UPDATE sessions SET message_count = message_count + ? WHERE pk = ? RETURNING message_count",
        (len(batch), session),
    ).fetchone()
    ids = [new_id(at) for _ in batch]
    first = count - len(batch) + 1
    db.executemany(
        """INSERT INTO messages (id, workspace, session, seq, peer, content, metadata, token_count, created_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        [
            (id, workspace, session, seq, peers[peer_id], content, metadata, tokens, at)
            for seq, (id, (peer_id, content, metadata, tokens)) in enumerate(zip(ids, batch, strict=True), first)
        ],
    )
    db.execute(
        """INSERT INTO message_words (rowid, place, text)
           SELECT m.pk, 'w' || m.workspace || ' s' || m.session || ' p' || m.peer, p.id || ': ' || m.content
           FROM messages m JOIN peers p ON p.pk = m.peer WHERE m.session = ? AND m.seq BETWEEN ? AND ?""",
        (session, first, count),
    )
    # Enqueue an embedding job as Omoide does; the floor never runs it.
    waits = "SELECT 1 FROM jobs WHERE kind = 'embed' AND key = 'embed' AND leased_until IS NULL AND failed_at IS NULL"
    if not db.execute(waits).fetchone():
        insert = "INSERT INTO jobs (kind, payload, created_at, due_at, key) VALUES ('embed', '{}', ?, ?, 'embed')"
        db.execute(insert, (at, at))
    return [(id, session_id, workspace_id, *message, at) for id, message in zip(ids, batch, strict=True)]


def list_messages(db: Connection, workspace_id: str, session_id: str, page: int, size: int) -> tuple[int, list[Row]]:
    """The number of messages in the session, and the page's messages."""
    db.execute("BEGIN")
    session, total = db.execute(
        """SELECT s.pk, s.message_count FROM sessions s JOIN workspaces w ON w.pk = s.workspace
           WHERE w.id = ? AND w.deleted_at IS NULL AND s.id = ? AND s.deleted_at IS NULL""",
        (workspace_id, session_id),
    ).fetchone()
    found = db.execute(PAGE, (session, (page - 1) * size + 1, page * size)).fetchall()
    db.execute("COMMIT")
    return total, found


def _workspace(db: Connection, workspace_id: str, at: int) -> int:
    row = db.execute("SELECT pk FROM workspaces WHERE id = ? AND deleted_at IS NULL", (workspace_id,)).fetchone()
    if row:
        return int(row[0])
    insert = "INSERT INTO workspaces (id, uid, metadata, configuration, created_at) VALUES (?, ?, '{}', '{}', ?)"
    return _inserted(db, insert, (workspace_id, new_id(at), at))


def _new_session(db: Connection, workspace: int, session_id: str, uid: str, at: int) -> int:
    insert = "INSERT INTO sessions (workspace, id, uid, metadata, configuration, created_at) VALUES (?, ?, ?, ?, ?, ?)"
    return _inserted(db, insert, (workspace, session_id, uid, "{}", "{}", at))


def _peers(db: Connection, workspace: int, peer_ids: Iterable[str], at: int) -> dict[str, int]:
    insert = """INSERT INTO peers (workspace, id, uid, metadata, configuration, created_at)
                VALUES (?, ?, ?, '{}', '{}', ?)"""
    found: dict[str, int] = {}
    for peer_id in peer_ids:
        row = db.execute("SELECT pk FROM peers WHERE workspace = ? AND id = ?", (workspace, peer_id)).fetchone()
        found[peer_id] = row[0] if row else _inserted(db, insert, (workspace, peer_id, new_id(at), at))
    return found


def _inserted(db: Connection, statement: str, params: Row) -> int:
    return db.execute(statement, params).lastrowid or 0
