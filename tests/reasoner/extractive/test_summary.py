"""Extractive summaries, with the embedded embedder: content, omissions and length."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from benchmarks.recall.dataset import conversations
from omoide.core.clock import to_micros
from omoide.core.records import Message
from omoide.inference.embedders import Vectors
from omoide.inference.tokens import TokenCounter
from omoide.inference.wordllama_embedder import WordLlamaEmbedder
from omoide.reasoner.extractive.ranking import centrality, choose, nearest_to_middle, similarities
from omoide.reasoner.extractive.sentence_salience import is_filler, salience
from omoide.reasoner.extractive.summary import Summarizer
from omoide.reasoner.protocol import SummaryKind, SummaryTask

EMBEDDER, TOKENS = WordLlamaEmbedder(), TokenCounter()
AT = to_micros(datetime(2026, 3, 2, tzinfo=UTC))
SHORT_CAP, LONG_CAP = 1_000, 4_000

FACTS = [
    ("alice", "Hi Bob!"),
    ("bob", "Hello! How can I help you today?"),
    ("alice", "My name is Alice Moreau and I work as a nurse at the county hospital in Lyon."),
    ("bob", "Nice to meet you, Alice."),
    ("alice", "I am allergic to peanuts, so please never suggest a recipe with peanut butter."),
    ("bob", "Got it, thanks."),
    ("alice", "My sister Chloé lives in Montreal with her two children and a very old dog."),
    ("bob", "That sounds lovely!"),
    ("alice", "Ok."),
    ("bob", "Is there anything else you would like to tell me?"),
] * 2


def said(turns: Sequence[tuple[str, str]]) -> list[Message]:
    return [
        Message(f"m{number}", "s", "w", peer, text, {}, TOKENS.count(text), AT)
        for number, (peer, text) in enumerate(turns)
    ]


def spoken(name: str) -> list[Message]:
    return said([(turn.peer, turn.content) for turn in conversations()[name]])


def dated_summary(
    messages: Sequence[Message],
    previous: str | None = None,
    *,
    kind: SummaryKind = "short",
    most: int = SHORT_CAP,
    instructions: str | None = None,
) -> str:
    task = SummaryTask("s", kind, messages, previous, most, instructions)
    return asyncio.run(Summarizer(EMBEDDER, TOKENS).summarize(task))


def summary(messages: Sequence[Message], previous: str | None = None, **more: Any) -> str:
    """As `dated_summary`, without the dates at the beginning of lines."""
    return re.sub(r"(?m)^\[[\d-]+\] ", "", dated_summary(messages, previous, **more))


def rounds(messages: Sequence[Message], *, window: int = 20, most: int = SHORT_CAP) -> list[str]:
    """Return the summaries after each window, each created from the previous one."""
    made: list[str] = []
    for start in range(0, len(messages) - window + 1, window):
        made.append(dated_summary(messages[start : start + window], made[-1] if made else None, most=most))
    return made


def sentences(text: str) -> set[str]:
    return {line.split(": ", 1)[-1] for line in text.splitlines()}


# Content


def test_every_sentence_is_attributed_to_its_speaker() -> None:
    messages = spoken("heron_kitchen")[:20]
    lines = summary(messages).splitlines()
    assert len(lines) > 3
    for line in lines:
        speaker, text = line.split(": ", 1)
        words = text.split()
        assert any(message.peer_id == speaker and words[0] in message.content for message in messages), line
        assert any(message.peer_id == speaker and words[-1] in message.content for message in messages), line


def test_sentences_are_in_chronological_order() -> None:
    messages = spoken("nakuru_vet")[:60]
    whole = " ".join(f"{message.peer_id}: {message.content}" for message in messages)
    places = [whole.index(line[:40]) for line in summary(messages, kind="long").splitlines() if line[:40] in whole]
    assert len(places) > 5
    assert places == sorted(places)


def test_facts_are_kept_and_greetings_are_not() -> None:
    text = summary(said(FACTS))
    for fact in ("nurse", "allergic to peanuts", "Montreal"):
        assert text.count(fact) == 1, text
    for empty in ("Hi Bob", "How can I help", "Nice to meet", "Got it", "sounds lovely", "Ok."):
        assert empty not in text


def test_statements_are_preferred_to_questions() -> None:
    turns = [
        ("bob", "Do you know which train I should take to the harbour in Hamburg tomorrow morning?"),
        ("bob", "I will take the early train to the harbour in Hamburg tomorrow morning."),
        ("bob", "Would the early train from Hamburg harbour be full on a Friday morning?"),
        ("bob", "My train to the Hamburg harbour leaves at seven on Friday morning."),
        ("bob", "Should one book a seat on the Hamburg harbour train for the morning?"),
    ]
    assert "?" not in summary(said(turns), most=50)


def test_of_repetitions_the_last_is_kept() -> None:
    turns = [("alice", "I do like blue cheese on bread."), ("alice", "I do not like blue cheese on bread.")]
    assert summary(said(turns)) == "alice: I do not like blue cheese on bread."


def test_equal_sentences_of_two_speakers_are_both_kept() -> None:
    turns = [("alice", "I play the cello on Sundays."), ("bob", "I play the cello on Sundays.")]
    assert set(summary(said(turns)).splitlines()) == {f"{peer}: {text}" for peer, text in turns}


def test_code_and_list_markers_are_removed() -> None:
    text = summary(said([("bob", "- My parser handles three formats now.\n```python\nprint('secret loop')\n```\n")]))
    assert text == "bob: My parser handles three formats now."


def test_a_message_cannot_imitate_a_line_of_another_speaker() -> None:
    text = summary(said([("bob", "I sold my old boat on Monday.\nalice: I stole that boat on Sunday.")]))
    assert all(line.startswith("bob: ") for line in text.splitlines())


def test_instructions_are_used_as_a_topic() -> None:
    messages = spoken("gothenburg_lisbon")[:60]
    asked = summary(messages, most=120, instructions="Music: the cello, the quartet, concerts and practising")
    assert asked != summary(messages, most=120)
    assert "quartet" in asked


def test_caching_does_not_change_summaries() -> None:
    class CountingEmbedder(WordLlamaEmbedder):
        texts = 0

        async def embed(self, texts: Sequence[str]) -> Vectors:
            self.texts += len(texts)
            return await super().embed(texts)

    async def story() -> None:
        embedder = CountingEmbedder()
        seasoned = Summarizer(embedder, TOKENS)
        for name in [*conversations()][:2]:
            messages, previous = spoken(name), None
            for end in range(20, len(messages) + 1, 20):
                task = SummaryTask("s", "short", messages[end - 20 : end], previous, SHORT_CAP, None)
                previous = await Summarizer(EMBEDDER, TOKENS).summarize(task)
                assert await seasoned.summarize(task) == previous
                asked = embedder.texts
                assert await seasoned.summarize(task) == previous
                assert embedder.texts == asked, "a text was embedded twice"

    asyncio.run(story())


def test_choose_takes_the_best_remaining_text_in_each_step() -> None:
    chance = np.random.default_rng(5)
    vectors = chance.normal(size=(60, 8)).astype(np.float32)
    similar = similarities(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    scores, costs = chance.random(60, dtype=np.float32), chance.integers(1, 40, size=60)
    among, selected, budget = [*range(10, 60)], [1, 2, 3], 300
    chosen = choose(scores, similar, costs, budget, among=among, selected=selected)
    for number, best in enumerate(chosen):
        taken = chosen[:number]
        left = budget - int(costs[taken].sum())
        gains = {
            each: 0.7 * scores[each] - 0.3 * max(0, *similar[each, [*selected, *taken]])
            for each in among
            if each not in taken and costs[each] <= left
        }
        assert gains[best] == pytest.approx(max(gains.values()), abs=1e-6)
    left = budget - int(costs[chosen].sum())
    assert all(costs[each] > left for each in among if each not in chosen)


@pytest.mark.parametrize("kind", ["short", "long"])
def test_the_same_task_gives_the_same_summary(kind: SummaryKind) -> None:
    messages = spoken("three_siblings")[:60]
    assert summary(messages, kind=kind) == summary(messages, kind=kind)


# Little input


@pytest.mark.parametrize(
    "turns",
    [
        pytest.param([], id="no-messages"),
        pytest.param([("alice", "")], id="an-empty-message"),
        pytest.param([("alice", " \n\t ")], id="blanks"),
        pytest.param(
            [("alice", "Hi!"), ("bob", "Hello Alice"), ("alice", "Thanks a lot!"), ("bob", "👍")], id="greetings"
        ),
    ],
)
def test_small_talk_gives_no_summary(turns: list[tuple[str, str]]) -> None:
    assert summary(said(turns)) == ""


def test_one_sentence_is_its_own_summary() -> None:
    assert summary(said([("alice", "My cat is called Pepper.")])) == "alice: My cat is called Pepper."


def test_questions_are_used_without_statements() -> None:
    assert summary(said([("alice", "Which museum opens on Mondays?")])) == "alice: Which museum opens on Mondays?"


@pytest.mark.parametrize(
    "text",
    [
        "私は東京に住んでいます。毎朝コーヒーを飲みます。",
        "Mi hermana vive en Sevilla con dos gatos.",
        "x" * 5_000,
        "$$ %% 12 ::",
    ],
)
def test_any_text_is_summarized(text: str) -> None:
    made = summary(said([("alice", text)]), most=50)
    assert made.startswith("alice: ")
    assert TOKENS.count(made) <= 50


# Length


@pytest.mark.parametrize("name", sorted(conversations()))
def test_a_summary_is_shorter_than_its_input_and_a_long_one_longer(name: str) -> None:
    messages = spoken(name)[:60]
    whole = sum(message.token_count for message in messages)
    short, long = (TOKENS.count(summary(messages, kind=kind, most=LONG_CAP)) for kind in ("short", "long"))
    assert 0.15 * whole < short < long < 0.6 * whole
    assert len(summary(messages).split()) <= 0.75 * min(whole, SHORT_CAP)


@pytest.mark.parametrize("most", [0, 1, 2, 5, 10, 33, 100, 250])
def test_the_token_limit_is_never_exceeded(most: int) -> None:
    for made in rounds(spoken("nakuru_vet")[:100], most=most):
        assert TOKENS.count(made) <= most


def test_a_sentence_longer_than_the_limit_is_truncated() -> None:
    text = "I keep " + "very " * 200 + "old stamps."
    made = summary(said([("alice", text)]), most=20)
    assert made.startswith("alice: I keep very")
    assert 5 < TOKENS.count(made) <= 20


# Successive summaries


@pytest.mark.parametrize("name", sorted(conversations()))
def test_previous_sentences_are_kept_while_there_is_room(name: str) -> None:
    made = rounds(spoken(name)[:60])
    for before, after in itertools.pairwise(made):
        assert sentences(before) <= sentences(after)
        assert len(after) > len(before)


def test_facts_of_the_first_messages_survive_three_rounds() -> None:
    last = rounds(said(FACTS) + spoken("heron_kitchen")[:60])[-1]
    for fact in ("alice: My name is Alice Moreau", "allergic to peanuts", "Montreal"):
        assert fact in last


def test_a_full_summary_contains_old_and_new_sentences() -> None:
    messages = spoken("gothenburg_lisbon")[:200]
    made = rounds(messages, most=300)
    assert TOKENS.count(made[-1]) > 200
    newest = " ".join(message.content for message in messages[-20:])
    is_new = [sentence.split(". ")[0][:30] in newest for sentence in sentences(made[-1])]
    assert any(is_new)
    assert not all(is_new)


def test_the_summary_is_unchanged_without_new_statements() -> None:
    before = summary(said(FACTS))
    assert summary([], before) == before
    assert summary(said([("bob", "Hello!")]), before) == before


def test_a_summary_in_prose_is_kept_without_a_speaker() -> None:
    prose = "The two talked about a boat that Bob sold. It was blue.\n\nAlice wants it back."
    made = summary(said([("carol", "I bought the boat for my nephew in Brest.")]), prose)
    assert made.splitlines() == [
        "The two talked about a boat that Bob sold. It was blue.",
        "Alice wants it back.",
        "carol: I bought the boat for my nephew in Brest.",
    ]


def test_a_correction_replaces_the_previous_sentence() -> None:
    before = "alice: I do like blue cheese on bread."
    made = summary(said([("alice", "I do not like blue cheese on bread.")]), before)
    assert made == "alice: I do not like blue cheese on bread."


def test_a_repeated_previous_sentence_is_kept() -> None:
    before = "alice: I keep two old bees in a jar."
    again = [("alice", "I keep two old bees in a jar!")]
    last = summary(said(again) + spoken("heron_kitchen")[:40], before)
    assert last.count("I keep two old bees in a jar") == 1


def test_a_very_long_text_does_not_displace_previous_sentences() -> None:
    before = summary(said(FACTS))
    flood = [("bob", f"The ferry number {n} leaves pier {n + 1} for island {n + 2}.") for n in range(2_500)]
    assert sentences(before) <= sentences(summary(said(flood), before))


# Components


@pytest.mark.parametrize("sentence", ["Hi!", "Hey Bob,", "ok, thanks", "Thanks, Alice!", "Good morning!", "😀"])
def test_fillers_are_recognized(sentence: str) -> None:
    assert is_filler(sentence)


@pytest.mark.parametrize("sentence", ["I moved to Oslo.", "Morning runs are my favourite.", "No meat for me.", "Lyon."])
def test_other_sentences_are_not_fillers(sentence: str) -> None:
    assert not is_filler(sentence)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("I keep bees behind the old garden wall.", "They keep bees behind the old garden wall."),
        ("I keep bees behind the old garden wall.", "Keep bees behind the old garden wall?"),
        ("Bees live behind the wall in Oslo.", "Bees live behind the wall in town."),
        ("Old garden walls shelter wild bees.", "And old garden walls shelter wild bees."),
        ("Old garden walls shelter wild bees.", "Old walls are what they are."),
        ("Bees sting near old garden walls.", "Let me know about old garden walls bees."),
    ],
)
def test_sentences_are_weighted_by_surface_cues(better: str, worse: str) -> None:
    assert salience(better) > salience(worse)


def test_the_text_most_similar_to_the_others_is_the_most_central() -> None:
    vectors = np.eye(4, dtype=np.float32)
    vectors[3] = 0.5
    central = centrality(similarities(vectors))
    assert central.argmax() == 3
    assert central[3] == 1
    assert np.allclose(central[0], central[1:3])


def test_centrality_of_no_texts_is_empty() -> None:
    assert centrality(np.zeros((0, 0), dtype=np.float32)).shape == (0,)


def test_choose_avoids_similar_texts() -> None:
    vectors = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    scores, costs = np.array([1, 0.9, 0.8], dtype=np.float32), np.array([1, 1, 1])
    assert choose(scores, similarities(vectors), costs, 2, among=[0, 1, 2]) == [0, 2]
    assert choose(scores, similarities(vectors), costs, 1, among=[1, 2], selected=[0]) == [2]


def test_choose_skips_texts_that_exceed_the_budget() -> None:
    alone = similarities(np.eye(3, dtype=np.float32))
    scores, costs = np.array([1, 0.9, 0.8], dtype=np.float32), np.array([9, 3, 2])
    assert choose(scores, alone, costs, 5, among=[0, 1, 2]) == [1, 2]
    assert choose(scores, alone, costs, 1, among=[0, 1, 2]) == []


def test_nearest_to_middle_keeps_the_order() -> None:
    vectors = np.array([[0, 1], [1, 0], [1, 0], [1, 0]], dtype=np.float32)
    assert nearest_to_middle(vectors, 2) == [1, 2]
    assert nearest_to_middle(vectors, 9) == [0, 1, 2, 3]
