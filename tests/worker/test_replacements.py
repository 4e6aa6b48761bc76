"""What a model says about known conclusions is applied to each observer's, in the order in which things were said."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from pydantic_ai.messages import ModelMessage
from pydantic_ai.models.function import AgentInfo

from omoide.core.clock import DAY
from omoide.core.records import Conclusion, MessageBatch, NewMessage, Observation, SessionChange
from omoide.inference.embedders import Embedder
from omoide.inference.tokens import TokenCounter
from omoide.reasoner.agentic.reasoner import Agentic
from omoide.services import ingest
from omoide.storage import conclusions, sessions
from tests import sql
from tests.read_now import read_now
from tests.reasoner.agentic.scripted import START, Scripted, form, prompt_of
from tests.worker.conftest import Play
from tests.worker.worker_fixture import Home

Answers = Mapping[str, Mapping[str, Any]]
"""Message → the fact that the model states for it; `replaces` and `corrects` are contents of known conclusions."""


class Comparing(Agentic):
    """A model that states the given facts, with the numbers that the prompt gives to what they end."""

    def __init__(self, answers: Answers, tokens: TokenCounter) -> None:
        self.models = Scripted(script=self._answered)
        self.known: list[dict[str, int]] = []
        self._answers = answers
        super().__init__(self.models, tokens)

    def _answered(self, history: list[ModelMessage], info: AgentInfo) -> str:
        prompt = prompt_of(history, info)
        section = prompt.partition("<known>\n")[2].partition("</known>")[0]
        numbers = {text: int(number) for number, text in re.findall(r"\[(\d+)\] \S+: (.*)", section)}
        self.known.append(numbers)
        said = re.findall(r"\[(\d+)\] \d\d:\d\d \w+: (.*)", prompt)
        facts = [_numbered(self._answers[text], int(mark), numbers) for mark, text in said if text in self._answers]
        return form({"facts": facts})


def _numbered(fact: Mapping[str, Any], mark: int, numbers: Mapping[str, int]) -> dict[str, Any]:
    keys = ("replaces", "corrects", "repeats")
    ends = {key: [numbers.get(each, 999) for each in fact.get(key, ())] for key in keys}
    return {**fact, "message_ids": [mark], **ends}


def comparing(answers: Answers) -> Callable[[Embedder, TokenCounter], Comparing]:
    return lambda _, tokens: Comparing(answers, tokens)


async def said(home: Home, text: str, day: int = 0, *, session: str = "s", peer: str = "alice") -> None:
    batch = [NewMessage(peer, text, {}, 0, START + day * DAY)]
    await ingest.add_messages(home.deps, MessageBatch("w", session, batch))
    await home.work()


DOG = "alice has a dog called Max that loves the beach"


def test_what_is_said_again_in_the_session_is_counted_and_not_stored_twice(play: Play) -> None:
    async def story(home: Home) -> None:
        await said(home, "I have a dog, Max. He loves the beach.")
        await said(home, "Max was at the beach again, he loves it.", 1)
        (known,) = home.known()
        assert (known.content, known.times_derived, len(known.message_ids)) == (DOG, 2, 2)
        assert known.said_at == START + DAY

    again = {"content": "alice has a beach loving dog, Max", "repeats": [DOG]}
    answers = {"I have a dog, Max. He loves the beach.": {"content": DOG}}
    play(story, comparing({**answers, "Max was at the beach again, he loves it.": again}))


@pytest.mark.parametrize(
    "text", ["alice has a dog called Rex", "alice has 2 dogs", "alice does not have a dog", "alice has maybe a dog"]
)
def test_a_fact_that_says_more_than_what_it_claims_to_repeat_is_kept(play: Play, text: str) -> None:
    async def story(home: Home) -> None:
        await said(home, "I have a dog, Max. He loves the beach.")
        await said(home, "More!", 1)
        assert home.texts() == [DOG, text]

    answers = {"I have a dog, Max. He loves the beach.": {"content": DOG}}
    play(story, comparing({**answers, "More!": {"content": text, "repeats": [DOG]}}))


def test_what_was_said_in_another_session_is_not_told_in_this_one(play: Play) -> None:
    async def story(home: Home) -> None:
        await said(home, "I have a dog, Max. He loves the beach.", session="private")
        await said(home, "I have a dog.", 1)
        assert home.texts() == [DOG, "alice has a dog"]
        assert home.known()[1].session_id == "s"

    answers = {"I have a dog, Max. He loves the beach.": {"content": DOG}}
    play(story, comparing({**answers, "I have a dog.": {"content": "alice has a dog", "repeats": [DOG]}}))


def ended(home: Home, observer: str = "alice", observed: str = "alice") -> list[tuple[Any, ...]]:
    """Content, ending, content of the successor, and the day until which it held, of ended conclusions."""
    query = f"""SELECT c.content, c.ended_as, s.content, (c.valid_until - {START}) / {DAY} FROM conclusions c
        JOIN peers obr ON obr.pk = c.observer JOIN peers obd ON obd.pk = c.observed
        LEFT JOIN conclusions s ON s.id = c.successor
        WHERE obr.id = '{observer}' AND obd.id = '{observed}' AND c.ended_as IS NOT NULL ORDER BY c.pk"""
    return read_now(home.store, sql.rows, query)


# Contents without topics, so that only the model can say what replaces what.
FISH, SNAKES, EELS = "alice is into fish tanks", "alice has moved on to snakes", "alice keeps eels"
ANSWERS: Answers = {
    "fish!": {"content": FISH},
    "snakes now": {"content": SNAKES, "replaces": [FISH]},
    "eels, I meant": {"content": EELS, "corrects": [FISH]},
    "bob here": {"content": "bob is into fish tanks", "replaces": [FISH]},
    "hello": {"content": "alice says hello", "replaces": ["bob is into fish tanks"]},
}


def test_a_newer_fact_replaces_what_the_model_names(play: Play) -> None:
    async def story(home: Home) -> None:
        await said(home, "fish!")
        await said(home, "snakes now", 3)
        assert home.texts() == [SNAKES]
        assert ended(home) == [(FISH, "superseded", SNAKES, 3)]
        assert home.known()[0].valid_from == START + 3 * DAY

    play(story, comparing(ANSWERS))


def test_an_older_fact_arrives_superseded_by_what_it_names(play: Play) -> None:
    async def story(home: Home) -> None:
        await said(home, "fish!", 5)
        await said(home, "snakes now", 3)
        assert home.texts() == [FISH]
        assert ended(home) == [(SNAKES, "superseded", FISH, 5)]

    play(story, comparing(ANSWERS))


def test_a_correction_makes_invalid_what_was_said_before_it(play: Play) -> None:
    async def story(home: Home) -> None:
        await said(home, "fish!", 2)
        await said(home, "eels, I meant", 2)
        assert home.texts() == [EELS]
        assert ended(home) == [(FISH, "invalid", EELS, None)]
        await said(home, "fish!", 2, session="copy")
        assert home.texts() == [EELS], "the denied statement is not learned again"

    play(story, comparing(ANSWERS))


def test_an_older_correction_corrects_nothing_that_was_said_later(play: Play) -> None:
    async def story(home: Home) -> None:
        await said(home, "fish!", 5)
        await said(home, "eels, I meant", 2)
        assert home.texts() == [FISH, EELS]

    play(story, comparing(ANSWERS))


def test_each_observer_loses_what_it_knew_itself(play: Play) -> None:
    both = {**ANSWERS, "no more": {"content": SNAKES, "replaces": [FISH, EELS]}, "eels": {"content": EELS}}

    async def story(home: Home) -> None:
        watching = SessionChange(peers={"alice": Observation(), "bob": Observation(observe_others=True)})
        await home.store.write(sessions.get_or_create, "w", "open", watching, 0)
        await said(home, "fish!", session="open")
        await said(home, "eels", 1, session="private")
        assert (home.texts(), home.texts("bob")) == ([FISH, EELS], [FISH])
        await said(home, "no more", 2, session="open")
        assert (home.texts(), home.texts("bob")) == ([SNAKES], [SNAKES])
        assert ended(home) == [(FISH, "superseded", SNAKES, 2), (EELS, "superseded", SNAKES, 2)]
        assert ended(home, "bob") == [(FISH, "superseded", SNAKES, 2)]

    play(story, comparing(both))


def test_an_observer_keeps_what_was_replaced_where_it_was_not_present(play: Play) -> None:
    async def story(home: Home) -> None:
        watching = SessionChange(peers={"alice": Observation(), "bob": Observation(observe_others=True)})
        await home.store.write(sessions.get_or_create, "w", "open", watching, 0)
        await said(home, "fish!", session="open")
        await said(home, "snakes now", 1, session="private")
        assert (home.texts(), home.texts("bob")) == ([SNAKES], [FISH])

    play(story, comparing(ANSWERS))


def test_only_what_is_known_of_the_same_pair_is_shown_and_ended(play: Play) -> None:
    async def story(home: Home) -> None:
        await said(home, "fish!")
        await said(home, "bob here", 1, peer="bob")
        await said(home, "hello", 2)
        assert home.texts() == [FISH, "alice says hello"]
        assert home.texts("bob", "bob") == ["bob is into fish tanks"]
        assert isinstance(home.reasoner, Comparing)
        assert home.reasoner.known == [{}, {}, {FISH: 101}]

    play(story, comparing(ANSWERS))


def test_a_fact_that_was_merged_with_a_known_one_ends_others_for_it(play: Play) -> None:
    richer = "alice really likes green tea"
    answers: Answers = {
        "fish!": {"content": FISH},
        "tea": {"content": richer},
        "only tea": {"content": "alice likes green tea", "replaces": [FISH]},
    }

    async def story(home: Home) -> None:
        await said(home, "fish!")
        await said(home, "tea", 1)
        await said(home, "only tea", 2)
        assert home.texts() == [richer]
        assert ended(home) == [(FISH, "superseded", richer, 2)]

    play(story, comparing(answers))


def test_a_fact_that_was_denied_ends_nothing(play: Play) -> None:
    answers: Answers = {**ANSWERS, "fish again": {"content": FISH, "replaces": [EELS]}}

    async def story(home: Home) -> None:
        await said(home, "fish!", 2)
        await said(home, "eels, I meant", 2)
        await said(home, "fish again", 3)
        assert home.texts() == [EELS]

    play(story, comparing(answers))


def test_what_was_replaced_returns_when_the_fact_is_deleted(play: Play) -> None:
    async def story(home: Home) -> None:
        await said(home, "fish!")
        await said(home, "snakes now", 3)
        only: Conclusion = home.known()[0]
        await home.store.write(conclusions.delete, "w", only.id, START)
        assert home.texts() == [FISH]
        assert (home.known()[0].valid_until, home.known()[0].successor) == (None, None)

    play(story, comparing(ANSWERS))


def test_the_known_conclusions_are_the_nearest_of_many(play: Play) -> None:
    answers = {f"boat {number}": {"content": f"alice owns boat {number}"} for number in range(120)}
    answers |= {"I have a cat": {"content": "alice has a cat"}, "The cat died.": {"content": "alice's cat died"}}

    async def story(home: Home) -> None:
        await said(home, "I have a cat", session="first")
        batch = [NewMessage("alice", text, {}, 0, START + DAY) for text in answers if text.startswith("boat")]
        await ingest.add_messages(home.deps, MessageBatch("w", "boats", batch[:100]))
        await home.work()
        await said(home, "The cat died.", 2)
        assert isinstance(home.reasoner, Comparing)
        assert "alice has a cat" in home.reasoner.known[-1]
        assert len(home.reasoner.known[-1]) <= 40

    play(story, comparing(answers))
