"""How a model looks things up, at a scripted endpoint over HTTP: what it is given, and what its tools return."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from omoide.core.answer_levels import DEFAULTS
from omoide.core.clock import DAY
from omoide.reasoner.memory_view import MemoryView
from omoide.search.rerank import Reranker, Scores
from omoide.storage.sqlite.engine import Store
from tests.inference.faulty_provider import said
from tests.reasoner.agentic.endpoint import Asked, asked_over_http, calling, in_turn, prompt, results
from tests.reasoner.memory_fixtures import MONDAY, TOKENS, Past

ANSWER = "It is so."
NOTHING_BEFORE = {"answer_levels": {"low": {"prefetch_tokens": 0}}}
"""Settings with which nothing is shown before a tool is called."""
SEEN = [f"alice has seen bird number {number}" for number in range(60)]


class PrefersSharedLetters:
    """Ranks by the share of the query's last word that a text contains, whatever the search found."""

    def score(self, query: str, texts: Sequence[str]) -> Scores:
        word = query.rsplit(maxsplit=1)[-1]
        return np.array([float(word in text) for text in texts], np.float32)


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    """Shared by all tests, which only read it."""
    store = Store.open(tmp_path_factory.mktemp("looking") / "omoide.db", durability="normal", busy_timeout=5.0)
    past = Past(store)
    for number in range(50):
        past.say("s", f"On day {number} I fed the cat.", at=MONDAY + number * DAY)
    past.say("s", "A duplicate of the category list.", "The cats are asleep.", at=MONDAY + 60 * DAY)
    sent = past.say("t", "Where do you keep bees?", "On the roof, since May.", "How nice.", at=MONDAY)
    past.conclude("alice keeps bees on the roof", said=sent[1:2], at=MONDAY)
    past.conclude("alice's flat has the number 84213", at=MONDAY + 7 * DAY)
    past.conclude("alice gave a talk about sailing", at=MONDAY + 14 * DAY)
    for text in SEEN:
        past.conclude(text)
    for observer in ("alice", "bob", "carol"):
        past.conclude("dan plays the tuba", observer, "dan")
    past.conclude("erik plays the harp", "alice", "erik")
    past.embed()
    yield past
    store.close()


@pytest.fixture
def memory(past: Past) -> MemoryView:
    return past.memory()


def looked(memory: MemoryView, *calls: tuple[str, dict[str, Any]]) -> list[str]:
    """The results of tools that a model calls at once."""
    text, asked = asked_over_http(memory, in_turn(calling(*calls), ANSWER), settings=NOTHING_BEFORE)
    assert text == ANSWER
    return results(asked[-1])


def contents(result: str) -> list[str]:
    return re.findall(r": ((?:alice|dan|erik)\b.*)", result)


def test_several_queries_of_one_call_take_turns(memory: MemoryView) -> None:
    queries = ["the roof and its bees", "sailing", "door number 84213", "sailing"]
    (result,) = looked(memory, ("search_memory", {"queries": queries, "top_k": 3}))
    assert contents(result) == [
        "alice keeps bees on the roof",
        "alice gave a talk about sailing",
        "alice's flat has the number 84213",
    ]
    assert memory.evidence.tool_calls[-1].tool_input == {"queries": queries, "top_k": 3}


def test_the_name_of_the_observed_peer_counts_for_nothing(memory: MemoryView) -> None:
    queries = ("alice alice's ALICE bees", "bees")
    (named,), (plain,) = (looked(memory, ("search_memory", {"query": each, "top_k": 8})) for each in queries)
    assert contents(named) == contents(plain)
    assert contents(plain)[0] == "alice keeps bees on the roof"


def test_conclusions_are_reranked_in_tools_and_beforehand(past: Past) -> None:
    memory = past.memory(reranker=Reranker(PrefersSharedLetters()))
    query = "Which birds has alice seen, say number 37"
    calls = calling(("search_memory", {"query": query, "top_k": 5}))
    _, asked = asked_over_http(memory, in_turn(calls, ANSWER), query=query, settings=NOTHING_BEFORE)
    assert contents(results(asked[1])[0])[0] == "alice has seen bird number 37"
    _, asked = asked_over_http(memory, said(ANSWER), query=query)
    assert contents(prompt(asked[0]))[0] == "alice has seen bird number 37"


def test_what_was_shown_is_named_but_not_shown_again(memory: MemoryView) -> None:
    look = calling(
        ("search_memory", {"queries": ["bees"], "top_k": 3}), ("search_memory", {"queries": ["bees", "harp"]})
    )
    _, asked = asked_over_http(memory, in_turn(look, ANSWER), query="Who keeps bees on the roof?")
    name = next(iter(re.findall(r"\[(\d+)\][^\n]*keeps bees", prompt(asked[0]))))
    first, second = results(asked[1])
    assert "keeps bees" not in first + second
    for result in (first, second):
        assert name in result.partition("Shown before: ")[2].rstrip(".").split(", ")


def test_what_is_looked_up_beforehand_has_a_number_of_tokens(memory: MemoryView) -> None:
    counts = {}
    for level in ("minimal", "max"):
        _, (asked,) = asked_over_http(memory, said(ANSWER), query="Which birds?", level=level)
        given = prompt(asked).partition("<conclusions>")[2].partition("</conclusions>")[0]
        counts[level] = len(contents(given))
        assert sum(map(TOKENS.count, contents(given))) <= DEFAULTS[level].prefetch_tokens
    assert 10 < counts["minimal"] <= counts["max"]
    few = {"answer_levels": {"low": {"prefetch_tokens": 100}}}
    _, (asked,) = asked_over_http(memory, said(ANSWER), query="Which birds?", settings=few)
    assert 0 < len(contents(prompt(asked))) <= 4


@pytest.mark.parametrize(
    ("dates", "found"),
    [
        ({}, {"bees", "84213", "sailing"}),
        ({"after_date": "2024-01-20"}, {"84213", "sailing"}),
        ({"before_date": "2024-01-20"}, {"bees"}),
        ({"after_date": "2024-01-20", "before_date": "2024-01-25"}, {"84213"}),
    ],
)
def test_conclusions_and_messages_are_searched_between_dates(
    memory: MemoryView, dates: dict[str, str], found: set[str]
) -> None:
    queries = ["bees", "84213", "sailing"]
    known, messages = looked(
        memory, ("search_memory", {"queries": queries, **dates}), ("search_messages", {"queries": ["fed cat"], **dates})
    )
    assert {each for each in queries if each in known} == found
    days = {int(day) for day in re.findall(r"On day (\d+) I fed", messages)}
    assert days
    if "after_date" in dates:
        assert min(days) >= 5
    if "before_date" in dates:
        assert max(days) < 10


def test_a_conclusion_leads_to_its_messages_by_the_name_that_it_was_shown_with(memory: MemoryView) -> None:
    def script(line: Any, asked: Asked) -> None:
        match = re.search(r"\[(\d+)\][^\n]*keeps bees", prompt(asked))
        assert match is not None
        turn = said(ANSWER) if results(asked) else calling(("get_observation_context", {"message_ids": [match[1]]}))
        turn(line, asked)

    _, asked = asked_over_http(memory, script, query="Who keeps bees?")
    (result,) = results(asked[-1])
    assert "Where do you keep bees?" in result
    (hit,) = [line for line in result.splitlines() if line.startswith("[*")]
    assert hit.endswith("On the roof, since May.")


def test_whole_words_are_found_before_parts_of_words(memory: MemoryView) -> None:
    cat, part = looked(memory, ("grep_messages", {"text": "cat"}), ("grep_messages", {"text": "duplic"}))
    hits = [line for line in cat.splitlines() if line.startswith("[*")]
    assert len(hits) == 10
    assert not any("category" in hit for hit in hits)
    assert "A duplicate of the category list." in part


def test_messages_of_an_interval_are_read_to_the_end(memory: MemoryView) -> None:
    seen: list[str] = []

    def script(line: Any, asked: Asked) -> None:
        last = results(asked)[-1:] or [""]
        seen.extend(re.findall(r"On day (\d+) I fed", last[0]))
        if asked["messages"][-1]["role"] == "tool" and "There may be more" not in last[0]:
            return said(ANSWER)(line, asked)
        given = {"after_date": "2024-01-16", "before_date": "2024-03-10", "order": "asc"}
        names = re.findall(r"^\[(m\d+)\] .*fed the cat", last[0], re.MULTILINE)
        past = {"past_id": names[-1]} if names else {}
        calling(("get_messages_by_date_range", {**given, **past}))(line, asked)
        return None

    text, asked = asked_over_http(memory, script)
    assert text == ANSWER
    assert [*map(int, seen)] == [*range(1, 50)]
    assert len(asked) == 4


def test_what_several_observers_know_is_looked_up_once(past: Past) -> None:
    memory = past.memory(None, None)
    look = calling(("search_memory", {"queries": ["plays the tuba", "plays the harp"]}))
    _, before = asked_over_http(memory, said(ANSWER), query="Who plays what?")
    _, asked = asked_over_http(memory, in_turn(look, ANSWER), settings=NOTHING_BEFORE)
    for text in (prompt(before[0]), results(asked[1])[0]):
        assert text.count("dan plays the tuba") == 1
        assert text.count("erik plays the harp") == 1
