"""Ranking by words: order, bounded cost, and restriction to a place."""

from __future__ import annotations

import asyncio

import pytest

from omoide.core.clock import now
from omoide.core.errors import Unprocessable
from omoide.core.records import Change, NewConclusion, NewMessage
from omoide.inference.wordllama_embedder import WordLlamaEmbedder
from omoide.search import bm25
from omoide.search.conclusions import search
from omoide.search.semantic import SemanticSearch
from omoide.storage import (
    Store,
    Transaction,
    conclusion_search,
    conclusions,
    message_scope,
    message_search,
    messages,
    peers,
)
from omoide.storage.conclusion_search import ConclusionSearch
from omoide.storage.message_scope import MessageSearch
from omoide.storage.sqlite import fulltext
from omoide.storage.sqlite.fulltext import IndexScope
from tests import sql
from tests.read_now import read_now

EVERYWHERE = IndexScope(fulltext.MESSAGES)


def say(store: Store, *contents: str, workspace: str = "w", session: str = "s", peer: str = "alice") -> None:
    batch = [NewMessage(peer, content, {}, 1, None) for content in contents]
    asyncio.run(store.write(messages.add, workspace, session, batch, now(), max_observers=10))


def best(store: Store, *asked: str, workspace_client: IndexScope = EVERYWHERE) -> list[int]:
    return read_now(store, bm25.best, workspace_client, asked)


def test_rows_with_more_of_the_words_come_first(store: Store) -> None:
    say(store, "the dog", "a dog and a cat", "the cat", "nothing")
    assert best(store, "dog", "cat")[0] == 2
    assert sorted(best(store, "dog", "cat")) == [1, 2, 3]


def test_a_rare_word_weighs_more_than_a_common_one(store: Store) -> None:
    say(store, *["we have tea"] * 20, "we have a cello", *["we have tea"] * 5)
    assert best(store, "tea", "cello")[0] == 21


def test_of_rows_with_the_same_words_short_then_new_ones_come_first(store: Store) -> None:
    say(store, "a cello among so many other things that were said", "a cello", "the cello", "no music")
    assert best(store, "cello") == [3, 2, 1]


def test_a_common_word_counts_in_rows_with_a_rare_one(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bm25, "RANKED", 10)
    monkeypatch.setattr(bm25, "ENOUGH", 3)
    say(store, *["tea today"] * 30, "cello today", "cello tea", "cello please", *["tea today"] * 30)
    assert best(store, "tea", "cello") == [32, 33, 31]


def test_if_every_word_is_common_old_rows_with_several_are_found(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bm25, "RANKED", 10)
    monkeypatch.setattr(bm25, "ENOUGH", 3)
    say(store, "tea and cake", *["tea"] * 40, *["cake"] * 40)
    found = best(store, "tea", "cake")
    assert found[0] == 1
    assert len(found) <= 10


def test_a_very_rare_word_does_not_hide_rows_with_the_others(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bm25, "RANKED", 10)
    monkeypatch.setattr(bm25, "ENOUGH", 3)
    say(store, "tea and cake", *["tea"] * 40, "a cello with tea", "a cello", *["cake"] * 60)
    found = best(store, "tea", "cake", "cello")
    # Rows with the rare word and another, the rare word, two common ones, and then the rarer of these.
    assert found[:3] == [42, 43, 1]
    assert found[3:] == [*range(41, 34, -1)]


def test_common_words_count_in_old_rows_with_a_rare_one(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bm25, "RANKED", 10)
    monkeypatch.setattr(bm25, "ENOUGH", 4)
    say(store, "cello tea cake", "cello tea please", "cello if you please", *["tea and cake"] * 40, *["cake"] * 5)
    say(store, *["nothing"] * 300)
    assert best(store, "tea", "cake", "cello")[:3] == [1, 2, 3]


@pytest.mark.parametrize("asked", [(), ("absent",), ("\N{SNOWMAN}",), ("\N{SNOWMAN}", "absent"), ('"',), ("\x00",)])
def test_unknown_words_find_nothing(store: Store, asked: tuple[str, ...]) -> None:
    say(store, "tea")
    for workspace_client in (EVERYWHERE, fulltext.of_messages(1, None, None)):
        assert best(store, *asked, workspace_client=workspace_client) == []
        assert best(store, *asked, "tea", workspace_client=workspace_client) == [1]


def test_an_empty_index_finds_nothing(store: Store) -> None:
    assert best(store, "tea") == []


def test_rows_outside_the_place_are_not_found(store: Store) -> None:
    say(store, "tea", "tea", peer="alice")
    say(store, "tea", session="t", peer="bob")
    say(store, "tea", workspace="other")
    assert sorted(best(store, "tea", workspace_client=fulltext.of_messages(1, None, None))) == [1, 2, 3]
    assert sorted(best(store, "tea", workspace_client=fulltext.of_messages(1, 1, None))) == [1, 2]
    assert best(store, "tea", workspace_client=fulltext.of_messages(1, None, 2)) == [3]
    assert best(store, "tea", workspace_client=fulltext.of_messages(1, 1, 2)) == []


class NoVectors(SemanticSearch):
    """A finder whose embedder fails."""

    def __init__(self) -> None:
        super().__init__(WordLlamaEmbedder())
        self.is_current = False

    async def query_vector(self, text: str) -> None:
        return None


def test_conclusions_are_not_crowded_out_by_other_workspaces(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bm25, "RANKED", 5)
    for workspace, count in (("mine", 1), ("theirs", 40)):
        asyncio.run(store.write(peers.get_or_create, workspace, "p", Change(), now()))
        drawn = [NewConclusion("p likes tea", "p", "p", None)] * count
        asyncio.run(store.write(conclusions.add, workspace, drawn, now()))
    found = asyncio.run(search(store, NoVectors(), ConclusionSearch("mine", "tea")))
    assert [conclusion.content for conclusion in found] == ["p likes tea"]
    assert asyncio.run(search(store, NoVectors(), ConclusionSearch("nowhere", "tea"))) == []


def literal(db: Transaction, /, text: str, request: MessageSearch) -> list[int]:
    within = message_scope.resolve(db, request)
    assert within is not None
    return message_search.literal(db, within, text, 10)


@pytest.mark.parametrize(
    "restricted",
    [
        MessageSearch("w"),
        MessageSearch("w", session_id="s"),
        MessageSearch("w", peer_id="alice"),
        MessageSearch("w", member="alice"),
    ],
)
def test_whole_words_are_found_in_old_messages_and_other_text_in_new_ones(
    store: Store, monkeypatch: pytest.MonkeyPatch, restricted: MessageSearch
) -> None:
    monkeypatch.setattr(message_search, "READ", 10)
    say(store, "look at main.py", *["tea"] * 30, "look at remain.pyc", "⚙ done")
    assert read_now(store, literal, "main.py", restricted) == [32, 1]
    assert read_now(store, literal, "ain.p", restricted) == [32]
    assert read_now(store, literal, "⚙", restricted) == [33]
    assert read_now(store, literal, "⚙ tea", restricted) == []


@pytest.mark.parametrize("few", [0, 100])
def test_the_newest_of_a_peer_are_the_same_for_every_query_plan(
    store: Store, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(message_search, "FEW", few)
    say(store, "one", "two", peer="bob")
    say(store, *["tea"] * 20)
    within = read_now(store, message_scope.resolve, MessageSearch("w", peer_id="bob"))
    assert within is not None
    assert read_now(store, message_search.newest, within, 5) == [2, 1]


@pytest.mark.parametrize("text", ["tea", ""])
def test_a_query_whose_filter_takes_too_long_is_refused(
    text: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(db: Transaction, *_: object) -> None:
        sql.row(db, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n")

    asyncio.run(store.write(peers.get_or_create, "w", "p", Change(), now()))
    asyncio.run(store.write(conclusions.add, "w", [NewConclusion("p likes tea", "p", "p", None)], now()))
    monkeypatch.setattr(conclusion_search, "by_pks", endless)
    monkeypatch.setattr(conclusion_search, "newest", endless)
    asked = search(store, NoVectors(), ConclusionSearch("w", text, filters={"level": "explicit"}), seconds=0.01)
    with pytest.raises(Unprocessable, match=r"The filter takes longer than 0\.01 s\."):
        asyncio.run(asked)
