"""Every violation of a consistency rule is reported."""

from __future__ import annotations

import contextlib
import gzip
from pathlib import Path

import pytest

from omoide.storage.sqlite import inspection
from omoide.storage.sqlite.engine import Store, connect
from omoide.storage.sqlite.integrity.row_consistency import contradictions
from tests.storage.test_upgrades import FILES, VERSIONS

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
    "messages are by a peer that does not exist": [f"UPDATE messages SET peer = 999 WHERE pk = {ANY_MESSAGE}"],
    "sessions have other messages": [f"UPDATE sessions SET message_count = message_count + 1 WHERE pk = {A_SESSION}"],
    "receipts refer to messages": ["UPDATE receipts SET count = 9999"],
    "summaries cover messages": ["UPDATE summaries SET seq = 9999"],
    "members are in a different workspace": [
        ELSEWHERE, STRANGER, f"INSERT INTO members (session, peer, joined_at) VALUES ({A_SESSION}, 88, 1)"],
    "conclusions are in a different workspace": [
        ELSEWHERE, STRANGER, f"UPDATE conclusions SET observed = 88 WHERE pk = {ANY_CONCLUSION}"],
    "messages are missing from the full-text index": [
        """INSERT INTO messages SELECT pk + 1000, id || 'x', workspace, session, seq + 1000, peer, content, metadata,
               token_count, created_at, muted, utc_offset FROM messages LIMIT 1"""],
    "full-text entries belong to no message": [f"DELETE FROM messages WHERE pk = {ANY_MESSAGE}"],
    "conclusions are missing from the full-text index": [
        """INSERT INTO conclusions (id, workspace, observer, observed, content, level, said_at, created_at)
           SELECT 'new', workspace, observer, observed, 'new', level, 1, 1 FROM conclusions LIMIT 1"""],
    "full-text entries belong to no conclusion": [f"DELETE FROM conclusions WHERE pk = {ANY_CONCLUSION}"],
    "vectors belong to no message": ["INSERT INTO message_vectors VALUES (9999, zeroblob(512))"],
    "vectors belong to no conclusion": ["INSERT INTO conclusion_vectors VALUES (9999, zeroblob(512))"],
    "vectors have a different length": ["UPDATE message_vectors SET vector = x'0000'"],
    "texts are marked as embedded": ["UPDATE embedder SET messages_through = 9999"],
    "vectors are marked as in segments": ["UPDATE embedder SET messages_signed = messages_through + 1"],
    "segments belong to a missing workspace": ["INSERT INTO segments VALUES (NULL, 99, 'messages', 1, 1, 1, x'')"],
    "1 segments belong to a missing workspace or to an unknown source": [
        "INSERT INTO segments SELECT NULL, pk, 'peers', 1, 1, 1, x'' FROM workspaces LIMIT 1"],
    "jobs belong to a missing workspace": ["UPDATE jobs SET workspace = 99 WHERE kind = 'purge_session'"],
    "deleted workspaces have no purge job": ["DELETE FROM jobs WHERE kind = 'purge_workspace'"],
    "deleted sessions have no purge job": ["DELETE FROM jobs WHERE kind = 'purge_session'"],
    "deleted conclusions have no purge job": ["DELETE FROM jobs WHERE kind = 'purge_conclusions'"],
    "rows of members refer to missing rows": [f"DELETE FROM sessions WHERE pk = {A_SESSION}"],
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
    with inspection.opened(db_path, busy_timeout=1) as db:
        assert any(fault in line for line in inspection.damage(db))
