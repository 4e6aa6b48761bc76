"""Nothing is kept in a session of the PostgreSQL server, so that a pooler may give each transaction another one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from omoide.core.database_location import DatabaseUrl
from tests import postgresql, sql

pytestmark = pytest.mark.skipif(not postgresql.IS_USED, reason="about PostgreSQL")

SETTINGS = ("lock_timeout", "synchronous_commit", "jit", "statement_timeout")


def test_settings_end_with_their_transaction(tmp_path: Path) -> None:
    from omoide.storage.base import Transaction

    def used(db: Transaction) -> list[str]:
        return [sql.value(db, f"SHOW {name}") for name in SETTINGS]

    store = postgresql.open_store(tmp_path / "a.db", durability="normal", busy_timeout=3.0)
    usual = asyncio.run(store.read_single(used))
    written, read = asyncio.run(store.write(used)), asyncio.run(store.read(used))
    assert written[:2] == ["3s", "off"]
    assert read[2] == "off"
    assert usual == asyncio.run(store.read_single(used))
    assert usual[0] == "0"
    store.close()


def test_one_worker_leads_until_its_connection_ends(tmp_path: Path) -> None:
    from omoide.storage.postgresql.leader_lock import LeaderLock, has_leader

    store = postgresql.open_store(tmp_path / "b.db")
    url = DatabaseUrl(postgresql.location(tmp_path / "b.db"))
    first, second = LeaderLock(url), LeaderLock(url)
    assert not has_leader(url)
    assert [first.take(), first.take(), second.take()] == [True, True, False]
    assert has_leader(url)
    first.close()
    while has_leader(url):
        pass
    assert second.take()
    second.close()
    store.close()


def test_locks_are_held_by_open_transactions_only(tmp_path: Path) -> None:
    """A lock of a session would stay with a pooler's connection."""
    from omoide.storage.base import Transaction
    from omoide.storage.postgresql.leader_lock import LeaderLock

    def locks(db: Transaction) -> list[str]:
        query = """SELECT a.state FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory'
            AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
        return sql.column(db, query)

    store = postgresql.open_store(tmp_path / "c.db")
    url = DatabaseUrl(postgresql.location(tmp_path / "c.db"))
    assert asyncio.run(store.read(locks)) == []
    leader = LeaderLock(url)
    assert leader.take()
    assert asyncio.run(store.read(locks)) == ["idle in transaction"]
    leader.close()
    store.close()
