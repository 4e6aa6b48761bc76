"""The cost of finding the newest messages of a session or peer does not depend on messages elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from omoide.core.records import NewMessage
from omoide.storage import message_scope, message_search, messages
from omoide.storage.message_scope import WITNESS, MessageSearch
from omoide.storage.sqlite.engine import Connection, Store
from tests.read_now import read_now
from tests.storage.row_factories import steps

NOW = 1_760_000_000_000_000

PLACES = {
    "a session": MessageSearch("w", session_id="old"),
    "a session after an instant": MessageSearch("w", session_id="old", after=0),
    "some sessions": MessageSearch("w", sessions=["old"]),
    "where a member is": MessageSearch("w", member="alice"),
    "what a peer witnessed": MessageSearch("w", filters={WITNESS: "alice"}),
    "a peer": MessageSearch("w", peer_id="alice"),
}


def say(db: Connection, session: str, peer: str, count: int, now: int) -> None:
    batch = [NewMessage(peer, f"number {number}", {}, 1, None) for number in range(count)]
    messages.add(db, "w", session, batch, now, max_observers=10)


@pytest.fixture(scope="module")
def talked_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with many messages before and after alice's in the session `old`."""
    store = Store.open(tmp_path_factory.mktemp("reach") / "omoide.db")
    asyncio.run(store.write(say, "before", "bob", 3_000, NOW))
    asyncio.run(store.write(say, "old", "alice", 30, NOW + 1))
    asyncio.run(store.write(say, "since", "bob", 3_000, NOW + 2))
    yield store
    store.close()


@pytest.mark.parametrize("search", PLACES.values(), ids=PLACES.keys())
@pytest.mark.parametrize("oldest_first", [False, True])
def test_the_cost_of_the_newest_messages_does_not_grow_with_other_messages(
    search: MessageSearch, oldest_first: bool, talked_in: Store
) -> None:
    def found(db: Connection) -> list[int]:
        within = message_scope.resolve(db, search)
        assert within is not None
        return message_search.newest(db, within, 20, oldest_first=oldest_first)

    listed = [*range(3_001, 3_031)]
    assert read_now(talked_in, found) == (listed if oldest_first else listed[::-1])[:20]
    assert read_now(talked_in, steps, found) < 100
