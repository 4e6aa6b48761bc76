"""Messages added in one commit are numbered, muted and indexed; a failed write leaves none."""

from __future__ import annotations

import asyncio

import pytest

from omoide.core.config_resolution import Defaults
from omoide.core.errors import Unprocessable
from omoide.core.records import Idempotency, MessageBatch, NewMessage, PageRequest
from omoide.scheduling.enqueue import EnqueuePolicy
from omoide.scheduling.flush_policy import FlushPolicy
from omoide.services import ingest
from omoide.storage import members, message_scope, message_search, messages, receipts
from omoide.storage.message_scope import WITNESS, MessageSearch
from omoide.storage.rows import MOST_ROWS
from omoide.storage.sqlite import fulltext
from omoide.storage.sqlite.engine import Connection, Store
from tests import sql
from tests.read_now import read_now
from tests.storage.row_factories import cloned
from tests.storage.test_group_commit import gathered

NOW = 1_760_000_000_000_000
RULES = EnqueuePolicy(Defaults(), FlushPolicy(tokens=100, quiet=0, patience=0))
REQUEST = PageRequest(size=1_000)


def said(*texts: str, peer: str = "alice") -> list[NewMessage]:
    return [NewMessage(peer, text, {}, 1, None) for text in texts]


def add(db: Connection, session: str, batch: list[NewMessage]) -> list[str]:
    stored = messages.add(db, "w", session, batch, NOW, max_observers=10)
    return [message.content for message in stored]


def add_and_fail(db: Connection, session: str, batch: list[NewMessage]) -> None:
    add(db, session, batch)
    raise Unprocessable("on purpose")


def contents(db: Connection, session: str = "s") -> list[str]:
    return [message.content for message in messages.page(db, "w", session, REQUEST).items]


def holding(db: Connection, word: str) -> list[str]:
    found = messages.by_pks(db, fulltext.holding(db, fulltext.IndexScope(fulltext.MESSAGES), [word], 1_000))
    return sorted(message.content for message in found.values())


def index_is_sound(db: Connection) -> None:
    sql.change(db, "INSERT INTO message_words (message_words) VALUES ('integrity-check')")


@pytest.mark.parametrize("count", [1, 2, 3, 7, MOST_ROWS - 1, MOST_ROWS, MOST_ROWS + 1, 2 * MOST_ROWS, 137])
def test_a_batch_of_any_size_is_stored_in_its_order(count: int, store: Store) -> None:
    texts = [f"text {number}" for number in range(count)]
    assert asyncio.run(gathered(store, (add, "s", said(*texts)))) == [texts]
    assert read_now(store, contents) == texts
    assert len(read_now(store, holding, "text")) == count


def test_messages_of_writes_that_share_a_commit_are_all_indexed(store: Store) -> None:
    asyncio.run(gathered(store, *((add, "s", said(f"lighthouse {number}")) for number in range(20))))
    assert read_now(store, contents) == [f"lighthouse {number}" for number in range(20)]
    assert read_now(store, holding, "lighthouse") == sorted(read_now(store, contents))


def test_a_failed_write_is_not_indexed_and_its_numbers_are_reused(store: Store) -> None:
    first, failed, last = asyncio.run(
        gathered(
            store,
            (add, "s", said("lighthouse one")),
            (add_and_fail, "s", said("lighthouse two", "lighthouse three")),
            (add, "s", said("lighthouse four", "harbour five")),
        )
    )
    assert (first, last) == (["lighthouse one"], ["lighthouse four", "harbour five"])
    assert isinstance(failed, Unprocessable)
    assert read_now(store, contents) == [*first, *last]
    assert read_now(store, holding, "lighthouse") == ["lighthouse four", "lighthouse one"]
    asyncio.run(store.write(index_is_sound))


def test_a_message_can_be_unindexed_in_the_transaction_that_added_it(store: Store) -> None:
    def add_and_remove(db: Connection) -> None:
        add(db, "s", said("lighthouse", "harbour"))
        pks = sql.column(db, "SELECT pk FROM messages WHERE content = 'lighthouse'")
        fulltext.remove_messages(db, pks)

    asyncio.run(store.write(add_and_remove))
    assert read_now(store, holding, "lighthouse") == []
    assert read_now(store, holding, "harbour") == ["harbour"]
    asyncio.run(store.write(index_is_sound))


def test_muted_messages_are_stored_as_muted(store: Store) -> None:
    def work(db: Connection) -> list[int]:
        batch = said("a", "b", "c", "d")
        point = messages.append_point(db, MessageBatch("w", "s", batch), NOW, max_observers=10)
        assert point.first == 1
        messages.append(db, point, batch, muted=[2, 3])
        return sql.column(db, "SELECT seq FROM messages WHERE muted ORDER BY seq")

    assert asyncio.run(store.write(work)) == [2, 3]


def test_authors_join_the_session_and_rejoin_after_leaving(store: Store) -> None:
    def work(db: Connection) -> list[bool]:
        found = []
        for author in ("alice", "bob", "alice"):
            add(db, "s", said("hello", peer=author))
            found.append(members.is_active(db, "w", "s", author))
            sql.change(db, "UPDATE members SET left_at = ?", (NOW,))
        return found

    assert asyncio.run(store.write(work)) == [True, True, True]


def test_a_message_is_never_earlier_than_its_authors_join_by_another_clock(store: Store) -> None:
    def work(db: Connection) -> list[str]:
        messages.add(db, "w", "s", said("by the process whose clock is ahead"), NOW + 20_000, max_observers=10)
        messages.add(db, "w", "s", said("by the one behind"), NOW, max_observers=10)
        author = sql.value(db, "SELECT id FROM peers")
        within = message_scope.resolve(db, MessageSearch("w", filters={WITNESS: author}))
        assert within is not None
        return [message.content for message in message_search.fetch(db, message_search.newest(db, within, 9))]

    assert asyncio.run(store.write(work)) == ["by the process whose clock is ahead", "by the one behind"]


def test_a_copied_session_keeps_muted_messages(store: Store) -> None:
    def work(db: Connection) -> list[tuple[str, int]]:
        batch = said("secret", "open")
        point = messages.append_point(db, MessageBatch("w", "s", batch), NOW, max_observers=10)
        messages.append(db, point, batch, muted=[1])
        copy = cloned(db, "w", "s", None, NOW)
        query = "SELECT content, muted FROM messages WHERE session = ? ORDER BY seq"
        return [tuple(row) for row in sql.rows(db, query, (copy.pk,))]

    assert asyncio.run(store.write(work)) == [("secret", 1), ("open", 0)]


def test_expired_receipts_are_ignored_and_removed_in_batches(store: Store) -> None:
    day, many = 86_400_000_000, 3 * receipts.FORGET_AT_A_TIME

    def once(db: Connection, key: str, text: str, now: int) -> str:
        batch = MessageBatch("w", "s", said(text), Idempotency(key, text.encode(), day))
        return ingest.store_batch(db, batch, now, RULES, max_observers=10)[0].id

    def left(db: Connection) -> int:
        return sql.count(db, "receipts")

    def work(db: Connection) -> None:
        for number in range(many):
            once(db, f"key {number}", "then", NOW)
        last = f"key {many - 1}"
        first = once(db, "another", "later", NOW + day + 1)
        assert left(db) == many - receipts.FORGET_AT_A_TIME + 1
        taken = once(db, last, "something else", NOW + day + 1)
        assert once(db, last, "something else", NOW + day + 2) == taken
        assert once(db, "another", "later", NOW + day + 2) == first
        assert left(db) == 2

    asyncio.run(store.write(work))


@pytest.mark.parametrize(("size", "left_for_the_end"), [(10, 1), (fulltext.CHARACTERS_AT_ONCE + 1, 0)])
def test_long_messages_are_indexed_within_their_own_write(size: int, left_for_the_end: int, store: Store) -> None:
    def work(db: Connection) -> int:
        messages.add(db, "w", "s", said("a" * size), NOW, max_observers=10)
        return len(db.deferred or ())

    assert asyncio.run(store.write(work)) == left_for_the_end
    query = "SELECT count(*) FROM message_words WHERE message_words MATCH 'place : s1'"
    assert read_now(store, sql.value, query) == 1
