"""A file that contradicts itself is found out, whatever the contradiction is."""

from __future__ import annotations

import contextlib
import gzip
from pathlib import Path

import pytest

from omoide.store import Store, examination
from omoide.store.consistency import contradictions
from omoide.store.database import connect
from tests.store.test_upgrades import FILES, VERSIONS

A_SESSION = "(SELECT pk FROM sessions WHERE id = 'pier')"
ELSEWHERE = (
    "INSERT INTO workspaces (pk, id, uid, metadata, configuration, created_at) VALUES (77, 'x', 'x', '{}', '{}', 1)"
)
STRANGER = (
    "INSERT INTO peers (pk, workspace, id, uid, metadata, configuration, created_at) "
    "VALUES (88, 77, 'x', 'x', '{}', '{}', 1)"
)
ANY_MESSAGE = "(SELECT max(pk) FROM messages)"
ANY_CONCLUSION = "(SELECT min(pk) FROM conclusions WHERE deleted_at IS NULL)"

DAMAGES = {
    "messages belong to a session of another workspace": [
        ELSEWHERE, f"UPDATE messages SET workspace = 77 WHERE pk = {ANY_MESSAGE}"],
    "messages are by a peer that is not there": [f"UPDATE messages SET peer = 999 WHERE pk = {ANY_MESSAGE}"],
    "sessions do not number": [f"UPDATE sessions SET message_count = message_count + 1 WHERE pk = {A_SESSION}"],
    "receipts are of messages": ["UPDATE receipts SET count = 9999"],
    "summaries reach beyond": ["UPDATE summaries SET seq = 9999"],
    "members are of another workspace": [
        ELSEWHERE, STRANGER, f"INSERT INTO members (session, peer, joined_at) VALUES ({A_SESSION}, 88, 1)"],
    "conclusions are of another workspace": [
        ELSEWHERE, STRANGER, f"UPDATE conclusions SET observed = 88 WHERE pk = {ANY_CONCLUSION}"],
    "messages are not among the words": [
        """INSERT INTO messages SELECT pk + 1000, id || 'x', workspace, session, seq + 1000, peer, content, metadata,
               token_count, created_at, muted FROM messages LIMIT 1"""],
    "entries among the words are of no message": [f"DELETE FROM messages WHERE pk = {ANY_MESSAGE}"],
    "conclusions are not among the words": [
        """INSERT INTO conclusions (id, workspace, observer, observed, content, level, said_at, created_at)
           SELECT 'new', workspace, observer, observed, 'new', level, 1, 1 FROM conclusions LIMIT 1"""],
    "entries among the words are of no conclusion": [f"DELETE FROM conclusions WHERE pk = {ANY_CONCLUSION}"],
    "vectors are of no message": ["INSERT INTO message_vectors VALUES (9999, zeroblob(512))"],
    "vectors are of no conclusion": ["INSERT INTO conclusion_vectors VALUES (9999, zeroblob(512))"],
    "vectors are of another length": ["UPDATE message_vectors SET vector = x'0000'"],
    "texts are held to be embedded": ["UPDATE embedder SET messages_through = 9999"],
    "vectors are held to be in segments": ["UPDATE embedder SET messages_signed = messages_through + 1"],
    "segments are of a workspace that is gone": ["INSERT INTO segments VALUES (NULL, 99, 'messages', 1, 1, 1, x'')"],
    "1 segments are of a workspace that is gone, or of another kind": [
        "INSERT INTO segments SELECT NULL, pk, 'peers', 1, 1, 1, x'' FROM workspaces LIMIT 1"],
    "jobs are of a workspace that is gone": ["UPDATE jobs SET workspace = 99 WHERE kind = 'purge_session'"],
    "deleted workspaces have nobody": ["DELETE FROM jobs WHERE kind = 'purge_workspace'"],
    "deleted sessions have nobody": ["DELETE FROM jobs WHERE kind = 'purge_session'"],
    "deleted conclusions have nobody": ["DELETE FROM jobs WHERE kind = 'purge_conclusions'"],
    "rows of members refer to rows that are gone": [f"DELETE FROM sessions WHERE pk = {A_SESSION}"],
}  # fmt: skip


@pytest.mark.parametrize("fault", DAMAGES)
def test_a_contradiction_between_rows_is_found(fault: str, db_path: Path) -> None:
    db_path.write_bytes(gzip.decompress((FILES / f"schema_{VERSIONS[-1]}.db.gz").read_bytes()))
    Store.open(db_path).close()
    with contextlib.closing(connect(db_path, durability="normal", busy_timeout=1)) as db:
        assert list(contradictions(db)) == []
        db.execute("PRAGMA foreign_keys=OFF")
        for statement in DAMAGES[fault]:
            db.execute(statement)
        assert any(fault in line for line in contradictions(db))
    with examination.opened(db_path, busy_timeout=1) as db:
        assert any(fault in line for line in examination.damage(db))
