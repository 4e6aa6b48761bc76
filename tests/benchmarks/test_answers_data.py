"""The rules the data set of answers keeps: whole conversations, questions of every kind, evidence that exists."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.answers import dataset
from benchmarks.answers.dataset import KINDS, UNANSWERABLE
from benchmarks.answers.scoring import Reply, score

FOLDERS = [dataset.HERE / "data"]
CONVERSATIONS = dataset.conversations(FOLDERS)
QUESTIONS = dataset.questions(FOLDERS)
LABELS = dataset.labels(FOLDERS)
LEAST_LONG, LONG_TURNS, LEAST_TURNS = 10, 300, 100
LEAST_QUESTIONS, LEAST_UNANSWERABLE, LEAST_OF_A_KIND = 400, 100, 40
LEAST_LABELS = 200


def test_there_are_enough_conversations_questions_and_labels() -> None:
    assert sum(len(turns) >= LONG_TURNS for turns in CONVERSATIONS.values()) >= LEAST_LONG
    kinds = Counter(each.kind for each in QUESTIONS)
    assert set(kinds) == {*KINDS, UNANSWERABLE}
    assert sum(each.is_answerable for each in QUESTIONS) >= LEAST_QUESTIONS
    assert kinds[UNANSWERABLE] >= LEAST_UNANSWERABLE
    assert min(kinds.values()) >= LEAST_OF_A_KIND
    assert sum(each.conversation in dataset.held_out() for each in LABELS) >= LEAST_LABELS


def test_half_of_the_long_conversations_are_held_out_and_four_of_the_others() -> None:
    held = dataset.held_out()
    long = {name for name, turns in CONVERSATIONS.items() if len(turns) >= LONG_TURNS}
    assert held < CONVERSATIONS.keys()
    assert len(held & long) * 2 == len(long)
    assert len(held - long) == 4


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_a_conversation_has_turns_in_order_with_ids_of_their_own(name: str) -> None:
    turns = CONVERSATIONS[name]
    assert len(turns) >= LEAST_TURNS
    assert len({turn.id for turn in turns}) == len(turns)
    assert [turn.created_at for turn in turns] == sorted(turn.created_at for turn in turns)
    assert all(turn.content.strip() for turn in turns)


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_evidence_and_peers_of_questions_and_turns_of_labels_exist(name: str) -> None:
    ids = {turn.id: turn.content for turn in CONVERSATIONS[name]}
    peers = {turn.peer for turn in CONVERSATIONS[name]}
    asked = [each for each in QUESTIONS if each.conversation == name]
    assert asked
    for each in asked:
        assert {each.peer} <= peers, each
        assert ids.keys() >= {*each.evidence}, each
        assert bool(each.evidence) == bool(each.answer) == each.is_answerable, each
    for label in LABELS:
        if label.conversation == name:
            assert " ".join(label.sentence.split()) in " ".join(ids[label.id].split()), label


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_an_answer_that_quotes_all_evidence_is_judged_as_such(name: str) -> None:
    ids = {turn.id: turn.content for turn in CONVERSATIONS[name]}
    for each in QUESTIONS:
        if each.conversation == name and each.is_answerable:
            assert score(each, Reply(" ".join(ids[id] for id in each.evidence)), ids).quoted == 1.0, each
