"""The rules the recall data set keeps: whole, varied, pointing at real turns, and hard enough for word matching.

How good a search is on it is measured elsewhere; here only the data itself is judged.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from datetime import UTC, datetime

import pytest

from benchmarks.recall.dataset import KINDS, RecallQuestion, RecallTurn, conversations, questions
from benchmarks.recall.lexical import WORD, baseline, evidence_recall, hit_rate

CONVERSATIONS = conversations()
QUESTIONS = questions()
CONVERSATION_COUNT = 4
LEAST_TURNS = 300
LEAST_QUESTIONS = 120
LEAST_QUESTIONS_EACH = 30
SESSIONS = range(8, 16)
PEERS = range(2, 4)
LEAST_SHARE = 0.17
LEAST_THIRD, MOST_THIRD = 0.25, 0.4
LEAST_COMPOSITE = 8
EVIDENCE_TURNS = range(1, 4)
EASY_FOUND, HARD_FOUND = 0.9, 0.5
LEAST_MISSED, MOST_MISSED = 0.25, 0.45
DEPTH = 10
NUMERALS = """
one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand first second third
"""
FUNCTION_WORDS = """
a about above after again all also am an and any are as at be because been before being but by can could d did do does
doing done down during each else for from get gets give given gives go goes going got had has have having he her here
hers him his how i if in into is it its just ll m may me might more most much many must my no not now of off on once
one only or other our out over own re s same she should so some such t than that the their them then there they this
those through to too under until up us ve was we were what when where which while who whom whose why will with would
you your
"""
NUMBER_WORDS = frozenset(NUMERALS.split())
STOP_WORDS = frozenset(FUNCTION_WORDS.split())


def content_stems(text: str, peers: set[str]) -> set[str]:
    """The porter stems of the words of `text` that are neither stop words nor the names of the speakers."""
    words = [word for word in WORD.findall(text.lower()) if word not in STOP_WORDS | peers]
    db = sqlite3.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE text USING fts5(body, tokenize='porter unicode61')")
    db.execute("CREATE VIRTUAL TABLE stem USING fts5vocab(text, row)")
    db.execute("INSERT INTO text VALUES (?)", (" ".join(words),))
    stems = {row[0] for row in db.execute("SELECT term FROM stem")}
    db.close()
    return stems


def shape(turn: RecallTurn) -> str:
    """The text with every number, and every capitalised word that does not begin a sentence, replaced by one mark."""
    text = re.sub(r"(?<=[\w,;] )[A-Z]\w*", "#", turn.content)
    text = re.sub(r"^[A-Z]\w*(?=[,:!])", "#", text)
    words = ("#" if word.isdigit() or word in NUMBER_WORDS else word for word in re.findall(r"[\w#]+", text.lower()))
    return " ".join(words)


def turn_of(name: str, turn: str) -> RecallTurn:
    """The turn of that id in the named conversation."""
    return next(one for one in CONVERSATIONS[name] if one.id == turn)


def shared(one: RecallQuestion) -> list[set[str]]:
    """For each evidence turn, the content stems it has in common with the question."""
    peers = {turn.peer for turn in CONVERSATIONS[one.conversation]}
    asked = content_stems(one.question, peers)
    return [asked & content_stems(turn_of(one.conversation, turn).content, peers) for turn in one.evidence]


def of_kind(kind: str) -> list[RecallQuestion]:
    """The questions of one kind, in the order of the file."""
    return [one for one in QUESTIONS if one.kind == kind]


def test_there_are_four_conversations() -> None:
    assert len(CONVERSATIONS) == CONVERSATION_COUNT


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_a_conversation_is_long_and_has_two_or_three_peers(name: str) -> None:
    turns = CONVERSATIONS[name]
    assert len(turns) >= LEAST_TURNS
    assert len({turn.session for turn in turns}) in SESSIONS
    assert len({turn.peer for turn in turns}) in PEERS


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_turn_ids_are_unique_within_a_conversation(name: str) -> None:
    turns = CONVERSATIONS[name]
    assert len({turn.id for turn in turns}) == len(turns)


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_turns_stand_in_order_of_time_on_the_day_of_their_session(name: str) -> None:
    turns = CONVERSATIONS[name]
    instants = [datetime.fromisoformat(turn.created_at) for turn in turns]
    assert instants == sorted(set(instants))
    assert all(instant.tzinfo == UTC for instant in instants)
    assert [instant.date().isoformat() for instant in instants] == [turn.session for turn in turns]


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_no_two_turns_are_equal_or_differ_only_by_a_name_or_a_number(name: str) -> None:
    shapes = Counter(shape(turn) for turn in CONVERSATIONS[name])
    assert [text for text, count in shapes.items() if count > 1] == []


def test_there_are_enough_questions_for_every_conversation() -> None:
    assert len(QUESTIONS) >= LEAST_QUESTIONS
    counts = Counter(one.conversation for one in QUESTIONS)
    assert set(counts) == set(CONVERSATIONS)
    assert min(counts.values()) >= LEAST_QUESTIONS_EACH


def test_no_question_is_asked_twice() -> None:
    assert len({one.question for one in QUESTIONS}) == len(QUESTIONS)


def test_evidence_points_to_one_to_three_turns_of_the_conversation() -> None:
    for one in QUESTIONS:
        known = {turn.id for turn in CONVERSATIONS[one.conversation]}
        assert len(one.evidence) in EVIDENCE_TURNS
        assert len(set(one.evidence)) == len(one.evidence)
        assert known.issuperset(one.evidence)


def test_every_kind_has_its_share_of_the_questions() -> None:
    share = {kind: len(of_kind(kind)) / len(QUESTIONS) for kind in KINDS}
    assert sum(share.values()) == pytest.approx(1.0)
    assert min(share.values()) >= LEAST_SHARE


def test_a_third_each_of_the_questions_shares_no_one_or_more_content_words() -> None:
    shares = Counter(min(max(map(len, shared(one))), 2) for one in QUESTIONS)
    assert all(LEAST_THIRD <= shares[words] / len(QUESTIONS) <= MOST_THIRD for words in range(3))


def test_some_questions_need_more_than_one_turn() -> None:
    assert sum(len(one.evidence) > 1 for one in QUESTIONS) >= LEAST_COMPOSITE


def test_a_paraphrase_shares_no_content_word_with_its_evidence() -> None:
    assert {one.question: shared(one) for one in of_kind("paraphrase") if any(shared(one))} == {}


def test_a_partial_question_shares_one_content_word_with_its_evidence() -> None:
    assert {one.question: shared(one) for one in of_kind("partial") if max(map(len, shared(one))) != 1} == {}


def test_a_lexical_question_shares_two_or_more_content_words_with_its_evidence() -> None:
    assert {one.question: shared(one) for one in of_kind("lexical") if max(map(len, shared(one))) <= 1} == {}


def test_an_answer_turn_follows_another_peers_question_and_shares_at_most_a_word() -> None:
    for one in of_kind("answer"):
        turns = CONVERSATIONS[one.conversation]
        place = turns.index(turn_of(one.conversation, one.evidence[0]))
        asked, answered = turns[place - 1], turns[place]
        assert asked.session == answered.session
        assert asked.peer != answered.peer
        assert "?" in asked.content
        assert max(map(len, shared(one))) <= 1


def test_plain_word_matching_misses_a_quarter_to_nearly_half_of_the_questions() -> None:
    ranks = baseline(CONVERSATIONS, QUESTIONS)
    assert LEAST_MISSED <= 1 - hit_rate(ranks, DEPTH) <= MOST_MISSED
    assert LEAST_MISSED <= 1 - evidence_recall(ranks, DEPTH) <= MOST_MISSED


def test_lexically_easy_questions_are_found_and_paraphrases_mostly_are_not() -> None:
    turns = CONVERSATIONS
    assert hit_rate(baseline(turns, of_kind("lexical")), DEPTH) >= EASY_FOUND
    assert hit_rate(baseline(turns, of_kind("paraphrase")), DEPTH) <= HARD_FOUND
