"""Parsing of queries."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omoide.search.query import MAX_EXACT, MAX_WORDS, Query


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("%", []),
        ("Lisbon", ["lisbon"]),
        ("What's your dog's name?", ["dog", "name"]),
        ("to be or not to be", ["not"]),
        ("Who are you?", ["who", "are", "you"]),
        ("user_id user_id", ["user", "id"]),
        ("50% off", ["50", "off"]),
        ("私の犬", ["私の", "の犬"]),
        ("犬？", ["犬"]),
        ("Đà Nẵng", ["dà", "nang"]),
        ("Ärger ÄRGER", ["ärger"]),
    ],
)
def test_words_are_distinct_and_without_stop_words(text: str, words: list[str]) -> None:
    assert Query(text).words == words


def test_a_long_query_is_cut() -> None:
    assert len(Query(" ".join(f"w{n}" for n in range(5_000))).words) == MAX_WORDS


@pytest.mark.parametrize("text", ["", " ", "\t\n", "\x00", " \x00 "])
def test_blanks_are_an_empty_query(text: str) -> None:
    assert Query(text).is_empty


@pytest.mark.parametrize(
    "text", ["50%", "t_a", "user_id", "main.py", "10:30", "C++", "a@b.org", "%", "…", "😀", "$5", "? !", "价格$500"]
)
def test_a_query_with_signs_and_no_spaces_is_literal(text: str) -> None:
    assert Query(text).is_literal


@pytest.mark.parametrize(
    "text",
    [
        "dog",
        "dog?",
        "don't",
        "well-read",
        "Rex, the dog",
        "the C++ compiler",
        "50% off",
        "(sic)",
        "“dog”",
        "犬",
        "公园？",
        "公园。",
        "ที่นี่",
        "हिन्दी",
    ],
)
def test_anything_else_is_found_by_words_and_meaning(text: str) -> None:
    assert not Query(text).is_literal


@pytest.mark.parametrize(
    ("text", "core", "exact", "terms"),
    [
        ("what is user_id?", "what is user_id", ["user_id"], ["user", "id", "user_id"]),
        ('"user_id"', "user_id", ["user_id"], ["user", "id", "user_id"]),
        ("the C++ compiler", "the C++ compiler", ["C++"], ["c", "compiler"]),
        ("at 10:30?", "at 10:30", ["10:30"], ["10", "30", "10:30"]),
        ("公园？", "公园", [], ["公园"]),
        (
            "Who had locker 21313 in the A380?",
            "Who had locker 21313 in the A380",
            ["21313", "A380"],
            ["locker", "21313", "a380"],
        ),
        ("on June 3", "on June 3", [], ["june", "3"]),
        ("don't (go)", "don't (go", [], ["don", "go"]),
        ("…", "…", [], []),
    ],
)
def test_parts_with_signs_are_exact(text: str, core: str, exact: list[str], terms: list[str]) -> None:
    query = Query(text)
    assert (query.core, query.exact, query.terms) == (core, exact, terms)


@given(st.text())
def test_any_text_can_be_parsed(text: str) -> None:
    query = Query(text)
    assert query.is_empty or query.is_literal or query.words
    assert "\x00" not in query.needle


@pytest.mark.parametrize("text", ["x" * 100_000, "x." * 50_000, "1" * 100_000, "(" * 100_000])
def test_a_long_word_is_parsed_in_linear_time(text: str) -> None:
    started = time.process_time()
    query = Query(text)
    assert len(query.exact) <= MAX_EXACT
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("text", "peer_id", "is_named"),
    [
        ("Where does Ana live?", "ana", True),
        ("ana's dog", "ana-lima", True),
        ("Anas Hund", "ana", True),
        ("What is the user's job?", "user_17", True),
        ("Where does Anabel live?", "ana", False),
        ("ana", "ana", False),
        ("room 17", "17", False),
        ("Where does she live?", "?", False),
    ],
)
def test_a_query_names_a_peer_by_the_first_word_of_its_id(text: str, peer_id: str, *, is_named: bool) -> None:
    assert Query(text).names(peer_id) is is_named


@pytest.mark.parametrize(
    ("text", "is_sentence"),
    [
        ("Where does Ana live?", True),
        ("¿Dónde vive Ana?", True),
        ("Wo wohnt Ana mit ihrem Hund?", True),
        ("dog name ana", False),
        ("Hund Name Ana", False),
        ("", False),
        ("犬の名前", False),
    ],
)
def test_a_sentence_is_told_from_keywords(text: str, *, is_sentence: bool) -> None:
    assert Query(text).is_sentence is is_sentence
