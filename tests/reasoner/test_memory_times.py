"""A question about another time reads, and so answers with, nothing that was said, learned or over later."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from omoide.core import clock
from omoide.core.clock import DAY, from_micros
from omoide.core.records import Moment, Summary
from omoide.reasoner.agentic import answer as agentic
from omoide.reasoner.agentic.formatting import present
from omoide.reasoner.agentic.model_client import ModelCaller
from omoide.reasoner.memory_view import MemoryView
from omoide.storage import Transaction, conclusion_endings, sessions, summaries
from omoide.storage.conclusion_endings import Ended
from tests.postgresql import open_store
from tests.reasoner.agentic.scripted import Scripted, calls, read
from tests.reasoner.extractive.answering import question, said
from tests.reasoner.memory_fixtures import MONDAY, Past, run

CANARY = "Xanadu"
LEVELS = ("minimal", "low", "medium", "high", "max")


class PastHomes(NamedTuple):
    past: Past
    before: int
    """When only Lisbon was known."""
    ids: list[str]
    """Messages and conclusions that hold the canary."""


@pytest.fixture(params=[True, False], ids=["embedded", "not embedded"])
def told(db_path: Path, request: pytest.FixtureRequest) -> Iterator[PastHomes]:
    store = open_store(db_path)
    past = Past(store)
    past.say("s", "I live in Lisbon.", "I like tea.", at=MONDAY)
    old = past.conclude("alice lives in Lisbon", session="s")
    past.conclude("alice likes tea", session="s")
    before = clock.now()
    while clock.now() // 1_000 == before // 1_000:  # ids tell milliseconds
        pass
    # Backdated, so that only its arrival tells that it came later.
    later = past.say("s", f"I moved to {CANARY}.", f"{CANARY} is where I live now, and I like tea.", at=MONDAY + DAY)
    new = past.conclude(f"alice lives in {CANARY}", session="s")
    derived = past.conclude(f"alice left Lisbon for {CANARY}", level="deductive", sources=[old, new])
    past.write(conclusion_endings.begin, new.pk, new.said_at)
    past.write(conclusion_endings.end, [Ended(old.pk, "superseded", new.id, new.said_at)], clock.now())
    if request.param:
        past.embed()
    yield PastHomes(past, before, [*(each.id for each in later), new.id, derived.id])
    store.close()


def test_no_tool_reads_what_came_later(told: PastHomes) -> None:
    memory = told.past.memory(moment=Moment(as_of=told.before), session_id="s")
    reads: list[Callable[[], Coroutine[Any, Any, Any]]] = [
        lambda: memory.search_memory(f"where does alice live {CANARY}", 40),
        lambda: memory.search_memory(CANARY, 40),
        lambda: memory.search_messages(f"where does alice live {CANARY}", 20),
        lambda: memory.search_messages(CANARY, 20),
        lambda: memory.grep_messages(CANARY, 30),
        lambda: memory.grep_messages("live", 30),
        lambda: memory.get_messages_by_date_range(None, None, 20),
        lambda: memory.search_messages([CANARY, "tea"], after=0),
        lambda: memory.get_observation_context(told.ids),
        lambda: memory.get_recent_observations(100),
        lambda: memory.get_most_derived_observations(100),
        lambda: memory.get_recent_history(10_000),
        *(lambda each=each: memory.get_reasoning_chain(each) for each in told.ids),
    ]
    for read_ in reads:
        assert CANARY not in str(run(read_()))
    assert CANARY not in str(memory.evidence.conclusions) + str(memory.evidence.messages)
    assert "Lisbon" in str(memory.evidence.conclusions)
    assert "Lisbon" in str(memory.evidence.messages)


def test_a_conclusion_that_ended_later_is_read_as_it_was(told: PastHomes) -> None:
    memory = told.past.memory(moment=Moment(as_of=told.before))
    (lisbon,) = [each for each in run(memory.get_recent_observations(10)) if "Lisbon" in each.content]
    assert (lisbon.ended_as, lisbon.ended_at, lisbon.successor, lisbon.valid_until) == (None, None, None, None)


def test_what_held_then_includes_what_was_superseded_since(told: PastHomes) -> None:
    held = told.past.memory(moment=Moment(valid_at=MONDAY + 1), session_id="s")
    assert "lives in Lisbon" in str(run(held.get_recent_observations(100)))
    messages = str(run(held.get_messages_by_date_range(None, None, 20))) + str(run(held.get_recent_history(1_000)))
    assert "Lisbon" in messages
    assert CANARY not in messages


def test_many_later_messages_do_not_hide_the_earlier_one(told: PastHomes) -> None:
    told.past.say("s", *(f"Tea number {number}." for number in range(1_600)), at=MONDAY + DAY)
    memory = told.past.memory(moment=Moment(as_of=told.before))
    found = [
        memory.search_messages("tea", 3),
        memory.search_messages("what about tea?", 3),
        memory.grep_messages("tea"),
    ]
    for snippets in map(run, found):
        assert "I like tea." in str(snippets)
        assert "number" not in str(snippets)


def test_before_anything_was_said_nothing_is_read(told: PastHomes) -> None:
    memory = told.past.memory(moment=Moment(as_of=MONDAY), session_id="s")
    assert run(memory.search_memory("Lisbon")) == []
    assert run(memory.search_messages("Lisbon")) == []
    assert run(memory.get_recent_observations(10)) == []
    assert run(memory.get_recent_history(100)) == []


@pytest.mark.parametrize("level", LEVELS)
def test_the_extractive_answer_is_that_of_the_time(told: PastHomes, level: Any) -> None:
    for query in (
        "Where does alice live?",
        "Where did alice live before?",
        f"Is it {CANARY}?",
        "What do you know about alice?",
    ):
        memory = told.past.memory(moment=Moment(as_of=told.before))
        answer = said(question(query, level=level, moment=Moment(as_of=told.before)), memory)
        assert CANARY not in answer, query
        assert CANARY not in str(memory.evidence.conclusions) + str(memory.evidence.messages)
    assert CANARY in said(question("Where does alice live?", level=level), told.past.memory())


def test_the_extractive_answer_is_what_held_then(told: PastHomes) -> None:
    moment = Moment(valid_at=MONDAY + 1)
    answer = said(question("Where does alice live?", moment=moment), told.past.memory(moment=moment))
    assert "Lisbon" in answer
    assert CANARY not in answer
    before = said(question("Where did alice live before?", moment=moment), told.past.memory(moment=moment))
    assert "Earlier" not in before


def test_the_model_is_shown_nothing_later_and_told_the_time(told: PastHomes) -> None:
    asked = calls(
        ("search_memory", {"query": "Where does alice live?"}),
        ("search_messages", {"query": "live"}),
        ("grep_messages", {"text": "live"}),
        ("get_messages_by_date_range", {}),
        ("search_messages", {"queries": ["live", "tea"], "after_date": "1990-01-01"}),
        ("get_observation_context", {"message_ids": told.ids}),
        *(("get_reasoning_chain", {"observation_id": id}) for id in told.ids[-2:]),
    )
    models = Scripted(asked, "In Lisbon.")
    moment = Moment(as_of=told.before, valid_at=told.before)
    memory = told.past.memory(moment=moment, session_id="s")
    given = question("Where does alice live?", session_id="s", moment=moment)
    pieces = read(agentic.answer(given, memory, ModelCaller(models, "answer")))
    assert "".join(pieces).strip() == "In Lisbon."
    assert CANARY not in "".join(models.prompts)
    assert all("Lisbon" in prompt for prompt in models.prompts)
    assert f"put at {from_micros(told.before):%Y-%m-%d %H:%M:%S} UTC" in models.prompts[0]
    assert "what held at" in models.prompts[0]
    assert f"It is now {present(told.before)}." in models.prompts[0]


def test_a_question_about_now_says_nothing_of_time(told: PastHomes) -> None:
    models = Scripted(f"In {CANARY}.")
    read(agentic.answer(question("Where?"), told.past.memory(), ModelCaller(models, "answer")))
    assert "put at" not in models.prompts[0]
    assert "\n\n\n" not in models.prompts[0]


def test_a_summary_of_later_messages_is_not_read(told: PastHomes) -> None:
    store, before = told.past.store, told.before

    def summarize(db: Transaction, message: str, seq: int, text: str) -> None:
        _, session = sessions.ensure(db, "w", "s", 1)
        summaries.put(db, session, Summary(text, message, seq, summaries.SHORT, 0, 3), 1)

    def summary(memory: MemoryView) -> str | None:
        return run(memory.get_session_summary())

    first = run(told.past.memory().search_messages("Lisbon"))[0].messages[0]
    then = told.past.memory(moment=Moment(as_of=before), session_id="s")
    told.past.write(summarize, first.id, 1, "She lives in Lisbon.")
    assert summary(then) == "She lives in Lisbon."
    told.past.write(summarize, told.ids[1], 4, f"She lives in {CANARY}.")
    assert summary(then) is None
    assert summary(told.past.memory(session_id="s")) == f"She lives in {CANARY}."
    assert store is told.past.store
