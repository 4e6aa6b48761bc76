"""Conclusions by the SDK: create, list, fetch, query, traverse, delete."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from honcho import Honcho, NotFoundError, Peer
from honcho.conclusions import ConclusionCreateParams, ConclusionsView

from omoide.storage import Transaction
from tests import sql
from tests.handlers.workspace import until
from tests.postgresql import open_store
from tests.sdk.styles import Style
from tests.server_process import Server

Derive = Callable[..., None]


@pytest.fixture
def view(honcho: Honcho, call: Style) -> Any:
    """alice's conclusions about bob; both are in the session `first`."""
    call(honcho.session, "first", peers=["alice", "bob"])
    return Peer("alice", honcho).conclusions_of("bob")


@pytest.fixture
def derive(server: Server) -> Derive:
    """`derive(conclusion, "deductive", sources)` makes a conclusion look as if it was derived from others."""

    def derived(conclusion: Any, level: str, sources: list[Any]) -> None:
        ids = json.dumps([source.id for source in sources])

        def written(db: Transaction) -> None:
            sql.change(
                db,
                "UPDATE conclusions SET level = ?, source_ids = ?, times_derived = 3 WHERE id = ?",
                (level, ids, conclusion.id),
            )

        store = open_store(server.db)
        asyncio.run(store.write(written))
        store.close()

    return derived


def contents(call: Style, page: Any) -> list[str]:
    return [conclusion.content for conclusion in call.walk(page)]


def fields(conclusion: Any) -> dict[str, object]:
    return dict(vars(conclusion))


def test_conclusions_are_returned_as_created(honcho: Honcho, view: ConclusionsView, call: Style) -> None:
    tea, milk = call(
        view.create,
        [{"content": "bob likes tea", "session_id": "first"}, ConclusionCreateParams(content="bob likes milk")],
    )
    assert (tea.content, tea.observer_id, tea.observed_id, tea.session_id) == ("bob likes tea", "alice", "bob", "first")
    assert (milk.session_id, milk.level, milk.source_ids, milk.times_derived) == (None, "explicit", None, 1)
    assert fields(call(view.get, tea.id)) == fields(call(honcho.conclusions.get, tea.id)) == fields(tea)


def test_a_view_lists_its_own_pair_and_the_workspace_lists_all(
    honcho: Honcho, view: ConclusionsView, call: Style
) -> None:
    for content, session in (("first", "first"), ("second", None), ("third", None)):
        call(view.create, [ConclusionCreateParams(content=content, session_id=session)])
    call(Peer("bob", honcho).conclusions.create, [{"content": "of himself"}])
    assert contents(call, call(view.list)) == ["third", "second", "first"]
    assert contents(call, call(view.list, size=1, reverse=True)) == ["first", "second", "third"]
    assert contents(call, call(view.list, session="first")) == ["first"]
    assert contents(call, call(view.list, filters={"content": {"icontains": "IR"}})) == ["third", "first"]
    assert contents(call, call(honcho.conclusions.list)) == ["of himself", "third", "second", "first"]
    assert contents(call, call(honcho.conclusions.list, filters={"observer_id": "bob"})) == ["of himself"]


def test_many_are_fetched_in_batches_of_a_hundred(honcho: Honcho, view: ConclusionsView, call: Style) -> None:
    made = [
        conclusion
        for start in range(0, 120, 60)
        for conclusion in call(view.create, [{"content": f"fact {start + n}"} for n in range(60)])
    ]
    [other] = call(Peer("bob", honcho).conclusions.create, [{"content": "of himself"}])
    wanted = [*(conclusion.id for conclusion in made), other.id, "nothing"]
    assert {c.id for c in call(view.get_many, wanted)} == {conclusion.id for conclusion in made}
    assert {c.id for c in call(honcho.conclusions.get_many, wanted)} == {*wanted} - {"nothing"}
    assert call(view.get_many, []) == []


def test_the_tree_of_premises_is_traversed_down_and_up(view: ConclusionsView, derive: Derive, call: Style) -> None:
    tea, cup, habit = call(view.create, [{"content": c} for c in ("bob buys tea", "bob owns a cup", "bob drinks tea")])
    derive(habit, "deductive", [tea, cup])
    habit = call(view.get, habit.id)
    assert (habit.level, habit.source_ids, habit.times_derived) == ("deductive", [tea.id, cup.id], 3)
    assert {c.id for c in call(view.get_many, habit.source_ids)} == {tea.id, cup.id}
    for premise in (tea, cup):
        assert [c.id for c in call.walk(call(view.derived, premise.id, size=1))] == [habit.id]
    assert call.walk(call(view.derived, habit.id)) == call.walk(call(view.derived, "nothing")) == []
    assert contents(call, call(view.list, filters={"level": "deductive"})) == ["bob drinks tea"]
    assert contents(call, call(view.list, filters={"source_ids": None})) == ["bob owns a cup", "bob buys tea"]


def test_a_query_finds_the_nearest_of_the_pair(honcho: Honcho, view: ConclusionsView, call: Style) -> None:
    facts = ["bob drinks green tea every morning", "bob works as a train driver", "bob has two daughters"]
    call(view.create, [{"content": fact} for fact in facts])

    def answers(**options: Any) -> list[str]:
        return [conclusion.content for conclusion in call(view.query, "which tea does he drink", **options)]

    assert answers(top_k=1) == facts[:1]
    # Conclusions that share no word with the question are found once embedded.
    until(lambda: len(answers()) == 3)
    assert answers()[0] == facts[0]
    assert answers(filters={"content": {"contains": "train"}}) == facts[1:2]
    assert call(Peer("bob", honcho).conclusions.query, "tea") == []


def test_a_deleted_conclusion_is_hidden_everywhere(honcho: Honcho, view: ConclusionsView, call: Style) -> None:
    tea, milk = call(view.create, [{"content": "bob likes tea"}, {"content": "bob likes milk"}])
    call(view.delete, tea.id)
    for method in (view.get, view.delete, honcho.conclusions.get):
        with pytest.raises(NotFoundError):
            call(method, tea.id)
    assert contents(call, call(view.list)) == ["bob likes milk"]
    assert call(view.get_many, [tea.id, milk.id])[0].id == milk.id
    assert "tea" not in call(view.representation)


def test_a_view_does_not_fetch_conclusions_of_another_pair(honcho: Honcho, view: ConclusionsView, call: Style) -> None:
    [tea] = call(view.create, [{"content": "bob likes tea"}])
    with pytest.raises(NotFoundError):
        call(Peer("bob", honcho).conclusions.get, tea.id)


@pytest.mark.parametrize("new", [{"content": "x", "session_id": "nowhere"}])
def test_a_conclusion_about_a_missing_resource_is_refused(
    view: ConclusionsView, new: dict[str, Any], call: Style
) -> None:
    with pytest.raises(NotFoundError):
        call(view.create, [{"content": "good"}, new])
    assert contents(call, call(view.list)) == []
