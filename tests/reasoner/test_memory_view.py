"""A `MemoryView` reads everything within its reach and nothing else, and records it as evidence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from omoide.core.clock import DAY
from omoide.core.records import Conclusion, Summary
from omoide.reasoner import memory_view as memories
from omoide.reasoner.memory_view import MemoryView
from omoide.storage import Transaction, sessions, summaries
from tests import sql
from tests.postgresql import open_store
from tests.reasoner.memory_fixtures import MONDAY, Past, run, shown, texts


@pytest.fixture
def past(db_path: Path) -> Iterator[Past]:
    store = open_store(db_path)
    yield Past(store)
    store.close()


# Conclusions


def everything(memory: MemoryView) -> list[set[str]]:
    """Return the contents that each tool for conclusions returns."""
    reads = (
        memory.search_memory("tea", 40),
        memory.get_recent_observations(100),
        memory.get_most_derived_observations(100),
    )
    return [set(texts(run(read))) for read in reads]


@pytest.mark.parametrize(
    ("observer", "observed", "reach", "expected"),
    [
        ("alice", "alice", {}, {"own tea", "tea pattern", "tea in s", "tea in t"}),
        ("alice", "bob", {}, {"tea of bob"}),
        ("bob", "alice", {}, set()),
        ("nobody", "alice", {}, set()),
        (None, None, {}, {"own tea", "tea pattern", "tea in s", "tea in t", "tea of bob", "carol on bob's tea"}),
        (None, "bob", {}, {"tea of bob", "carol on bob's tea"}),
        ("alice", None, {}, {"own tea", "tea pattern", "tea in s", "tea in t", "tea of bob"}),
        ("alice", "alice", {"sessions": ("s",)}, {"tea in s"}),
        ("alice", "alice", {"sessions": ("s", "t", "unknown")}, {"tea in s", "tea in t"}),
        ("alice", "alice", {"sessions": ()}, set()),
        (None, None, {"sessions": ("t",)}, {"tea in t"}),
        ("alice", "alice", {"session_id": "s"}, {"own tea", "tea pattern", "tea in s", "tea in t"}),
    ],
)
@pytest.mark.parametrize("embedded", [True, False], ids=["by meaning", "by words"])
def test_only_conclusions_within_reach_are_returned(
    past: Past, observer: str | None, observed: str | None, reach: Any, expected: set[str], embedded: bool
) -> None:
    own = past.conclude("own tea")
    past.conclude("tea in s", session="s")
    past.conclude("tea in t", session="t")
    past.conclude("tea pattern", level="inductive", session="s", sources=[own])
    past.conclude("tea of bob", observed="bob")
    past.conclude("carol on bob's tea", observer="carol", observed="bob")
    Past(past.store, "other").conclude("tea of another workspace")
    if embedded:
        past.embed()
    assert everything(past.memory(observer, observed, **reach)) == [expected] * 3


def test_deleted_conclusions_are_not_returned(past: Past) -> None:
    past.conclude("tea, still")
    past.forget(past.conclude("tea, no more"))
    past.conclude("tea in a deleted session", session="s")
    past.embed()
    past.delete("s")
    assert everything(past.memory()) == [{"tea, still"}] * 3
    assert everything(past.memory(None, None)) == [{"tea, still"}] * 3


def test_conclusions_of_all_levels_are_ranked_by_similarity(past: Past) -> None:
    source = past.conclude("Alice plays the violin in an orchestra")
    past.conclude("Alice lives in Lisbon")
    past.conclude("Alice often rehearses music with musicians", level="inductive", sources=[source])
    past.embed()
    found = run(past.memory().search_memory("Which instrument of the orchestra does Alice play?", 2))
    assert texts(found) == ["Alice plays the violin in an orchestra", "Alice often rehearses music with musicians"]


def test_recent_and_most_derived_conclusions_are_sorted(past: Past) -> None:
    for content, times in (("first", 2), ("second", 5), ("third", 2)):
        past.conclude(content, times=times)
    memory = past.memory()
    assert texts(run(memory.get_recent_observations(2))) == ["third", "second"]
    assert texts(run(memory.get_most_derived_observations())) == ["second", "third", "first"]


@pytest.mark.parametrize(
    ("direction", "expected"),
    [
        ("premises", ["pattern", "fact", "detail", "root"]),
        ("conclusions", ["pattern", "consequence", "last"]),
        ("both", ["pattern", "fact", "detail", "root", "consequence", "last"]),
    ],
)
def test_a_reasoning_chain_is_followed_in_both_directions(
    past: Past, direction: Literal["premises", "conclusions", "both"], expected: list[str]
) -> None:
    root = past.conclude("root")
    fact = past.conclude("fact", level="deductive", sources=[root])
    detail = past.conclude("detail")
    pattern = past.conclude("pattern", level="inductive", sources=[fact, detail])
    consequence = past.conclude("consequence", level="deductive", sources=[pattern])
    past.conclude("last", level="deductive", sources=[consequence])
    past.conclude("unrelated", level="deductive", sources=[past.conclude("other")])
    memory = past.memory()
    assert texts(run(memory.get_reasoning_chain(f"id:{pattern.id}", direction))) == expected
    assert {*texts([*memory.evidence.conclusions.values()])} == {*expected}


def test_a_reasoning_chain_stays_within_reach(past: Past) -> None:
    fact = past.conclude("fact")
    foreign = past.conclude("foreign", observed="bob")
    mixed = past.conclude("mixed", level="deductive", sources=[fact, foreign])
    past.conclude("elsewhere", observed="bob", level="deductive", sources=[mixed])
    memory = past.memory()
    assert texts(run(memory.get_reasoning_chain(mixed.id))) == ["mixed", "fact"]
    assert run(memory.get_reasoning_chain(foreign.id)) == []
    restricted = past.memory(sessions=("s",))
    assert run(restricted.get_reasoning_chain(fact.id)) == []
    assert restricted.evidence.tool_calls == []


def test_a_cyclic_reasoning_chain_terminates(past: Past) -> None:
    first = past.conclude("first")
    second = past.conclude("second", level="deductive", sources=[first])

    def close(db: Transaction) -> None:
        statement = "UPDATE conclusions SET level = 'deductive', source_ids = json_array(?) WHERE id = ?"
        sql.change(db, statement, (second.id, first.id))

    past.write(close)
    assert texts(run(past.memory().get_reasoning_chain(first.id))) == ["first", "second"]


# Messages


def reads(memory: MemoryView) -> list[set[str]]:
    """Return the sessions of the messages that each tool for messages returns."""
    found = (
        run(memory.search_messages("tea", 20)),
        run(memory.grep_messages("TEA", 30)),
        run(memory.search_messages("tea", after=MONDAY)),
    )
    by_date = run(memory.get_messages_by_date_range(None, None))
    return [*({snippet.session_id for snippet in each} for each in found), {each.session_id for each in by_date}]


@pytest.mark.parametrize(
    ("observer", "reach", "expected"),
    [
        ("alice", {}, {"now", "left"}),
        ("bob", {}, {"bobs"}),
        ("nobody", {}, set()),
        (None, {}, {"now", "left", "bobs"}),
        ("alice", {"session_id": "bobs"}, {"bobs"}),
        ("alice", {"session_id": "unknown"}, set()),
        ("alice", {"sessions": ("left", "bobs", "gone")}, {"left", "bobs"}),
        ("alice", {"sessions": ()}, set()),
        (None, {"sessions": ("now",)}, {"now"}),
        ("alice", {"session_id": "now", "sessions": ("now", "left")}, {"now"}),
        ("alice", {"session_id": "now", "sessions": ("left",)}, set()),
        ("scope.work", {}, {"now"}),
    ],
)
def test_only_messages_within_reach_are_returned(
    past: Past, observer: str | None, reach: Any, expected: set[str]
) -> None:
    for session, peer in (("now", "alice"), ("left", "alice"), ("gone", "alice"), ("bobs", "bob")):
        past.say(session, f"tea in {session}", peer=peer)
    past.leave("left", "alice")
    past.scope("work", "now", "left", "gone")
    past.write(remove_from_scope, "left")
    past.delete("gone")
    Past(past.store, "other").say("now", "tea of another workspace")
    past.write(sql.change, "DELETE FROM jobs")
    past.embed()
    assert reads(past.memory(observer, "alice", **reach)) == [expected] * 4


def remove_from_scope(db: Transaction, session: str) -> None:
    sql.change(
        db,
        """UPDATE members SET left_at = joined_at WHERE session = (SELECT pk FROM sessions WHERE id = ?)
           AND peer = (SELECT pk FROM peers WHERE kind = 'scope')""",
        (session,),
    )


def test_a_snippet_contains_two_messages_before_and_after_the_match(past: Past) -> None:
    past.say("s", *(f"number {n}" for n in range(4)), "the tea is ready", *(f"number {n}" for n in range(5, 9)))
    (snippet,) = run(past.memory().search_messages("tea", 1))
    assert texts(snippet.messages) == ["number 2", "number 3", "the tea is ready", "number 5", "number 6"]
    assert [snippet.messages[2].id] == [*snippet.found]


def test_overlapping_snippets_are_merged_and_ranked_by_the_better_match(past: Past) -> None:
    past.say("far", "Somebody mentioned tea")
    past.say("near", "green tea", "yes", "no", "green tea with honey")
    found = run(past.memory().search_messages("green tea with honey"))
    assert shown(found) == [["green tea", "yes", "no", "green tea with honey"], ["Somebody mentioned tea"]]
    assert found[0].messages[3].id == found[0].found[0]


def test_grep_matches_literally_and_returns_the_newest_first(past: Past) -> None:
    past.say("s", "50% Off", "...", "....", ".....", "......", "only 50 of them", "a 50% OFF sale")
    memory = past.memory()
    assert shown(run(memory.grep_messages("50% off", context_window=0))) == [["a 50% OFF sale"], ["50% Off"]]
    assert shown(run(memory.grep_messages("50% off", limit=1, context_window=9))) == [
        ["......", "only 50 of them", "a 50% OFF sale"]
    ]
    assert run(memory.grep_messages(" ")) == []


def test_an_interval_includes_its_start_and_excludes_its_end(past: Past) -> None:
    for day in range(5):
        past.say("s", f"tea on day {day}", at=MONDAY + day * DAY)
    after, before = MONDAY + 1 * DAY, MONDAY + 3 * DAY
    memory = past.memory()
    assert texts(run(memory.get_messages_by_date_range(after, before))) == ["tea on day 2", "tea on day 1"]
    assert texts(run(memory.get_messages_by_date_range(after, None, 2, "asc"))) == ["tea on day 1", "tea on day 2"]
    assert texts(run(memory.get_messages_by_date_range(None, after))) == ["tea on day 0"]


def test_a_temporal_search_returns_only_messages_in_the_interval(past: Past) -> None:
    for day in range(5):
        past.say("s", f"tea on day {day}", at=MONDAY + day * DAY)
    past.embed()
    after, before = MONDAY + 1 * DAY, MONDAY + 3 * DAY
    found = run(past.memory().search_messages("tea", after=after, before=before))
    assert shown(found) == [["tea on day 1", "tea on day 2"]]


def test_observation_context_is_one_message_before_and_one_after(past: Past) -> None:
    said = past.say("s", *"abcdefgh")
    (foreign,) = past.say("other", "foreign", peer="bob")
    found = run(past.memory().get_observation_context([f"id:{said[6].id}", foreign.id, said[1].id, "unknown"]))
    assert shown(found) == [["f", "g", "h"], ["a", "b", "c"]]


def test_only_a_pinned_session_has_a_summary(past: Past) -> None:
    (message,) = past.say("s", "Hello")

    def put(db: Transaction) -> None:
        _, session = sessions.ensure(db, past.workspace_id, "s", 0)
        summaries.put(db, session, Summary("Greetings.", message.id, 1, summaries.LONG, 0, 2), 0)

    past.write(put)
    pinned = past.memory(session_id="s")
    assert run(pinned.get_session_summary("long")) == "Greetings."
    assert run(pinned.get_session_summary()) is None
    assert run(past.memory().get_session_summary("long")) is None
    assert run(past.memory(session_id="s", sessions=("t",)).get_session_summary("long")) is None


def test_history_is_the_newest_messages_that_fit_the_budget(past: Past) -> None:
    past.say("s", "one two three", "four five", "six")
    budget = past.memory().tokens.count("four five") + past.memory().tokens.count("six")
    assert texts(run(past.memory(session_id="s").get_recent_history(budget))) == ["four five", "six"]
    assert run(past.memory(session_id="s").get_recent_history(0)) == []
    assert run(past.memory().get_recent_history(100)) == []
    assert run(past.memory(session_id="s", sessions=("t",)).get_recent_history(100)) == []


def test_an_unknown_workspace_returns_nothing(past: Past) -> None:
    memory = Past(past.store, "unknown").memory()
    assert everything(memory) == [set()] * 3
    assert reads(memory) == [set()] * 4


# Limits and evidence


def test_limits_are_clamped(past: Past) -> None:
    past.say("s", *(f"tea {n}" for n in range(70)))
    for number in range(110):
        past.conclude(f"tea {number}")
    memory = past.memory()
    counts = (
        len(run(memory.search_memory("tea", 1_000))),
        len(run(memory.get_recent_observations(1_000))),
        len(run(memory.get_most_derived_observations(1_000))),
        len(run(memory.get_messages_by_date_range(None, None, 1_000))),
        sum(len(snippet.found) for snippet in run(memory.search_messages("tea", 1_000))),
        sum(len(snippet.found) for snippet in run(memory.grep_messages("tea", 1_000))),
        len(run(memory.search_memory("tea", 0))),
    )
    most = (memories.MEMORY_MOST, memories.RECENT_MOST, memories.RECENT_MOST, memories.MESSAGES_MOST)
    assert counts == (*most, memories.MESSAGES_MOST, memories.GREP_MOST, 1)


def test_evidence_records_calls_inputs_and_results(past: Past) -> None:
    past.say("s", "before", "green tea", "after", at=MONDAY)
    tea: Conclusion = past.conclude("likes tea")
    memory = past.memory()
    run(memory.search_memory("tea", 99))
    run(memory.search_memory("tea"))
    run(memory.search_messages("green"))
    run(memory.get_messages_by_date_range(MONDAY, None, 5, "asc"))
    evidence = memory.evidence
    assert [(call.tool_name, call.tool_input) for call in evidence.tool_calls] == [
        ("search_memory", {"query": "tea", "top_k": 40}),
        ("search_memory", {"query": "tea", "top_k": 20}),
        ("search_messages", {"query": "green", "limit": 10}),
        (
            "get_messages_by_date_range",
            {"after_date": "2024-01-15T00:00:00+00:00", "limit": 5, "order": "asc"},
        ),
    ]
    assert [*evidence.conclusions] == [tea.id]
    assert texts([*evidence.messages.values()]) == ["before", "green tea", "after"]


def test_a_failed_call_leaves_no_evidence(past: Past) -> None:
    memory = past.memory()
    past.store.close()
    with pytest.raises(Exception, match=r"closed|shutdown"):
        run(memory.search_messages("tea"))
    assert memory.evidence.tool_calls == []
