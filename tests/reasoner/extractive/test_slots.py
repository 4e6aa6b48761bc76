"""Slots of statements, the ends of their values, and statements that fill none."""

from __future__ import annotations

import pytest

from omoide.reasoner.extractive.slots import Slot, agree, comparable, ended_of, sentence, slots_of, tells_change

FILLED: dict[str, list[tuple[str, str]]] = {
    "alice lives in Lisbon": [("home", "Lisbon")],
    "Alice lives in Lisbon.": [("home", "Lisbon")],
    "alice now lives in New York": [("home", "New York")],
    "alice moved to St. Gallen": [("home", "St. Gallen")],
    "alice moved to Washington, D.C.": [("home", "Washington, D.C.")],
    "alice moved to the US a year ago": [("home", "the US")],
    "alice lives in Rio de Janeiro": [("home", "Rio de Janeiro")],
    "alice lives in Lisbon, Portugal": [("home", "Lisbon, Portugal")],
    "alice lives in the United Kingdom": [("home", "the United Kingdom")],
    "alice lives in 東京": [("home", "東京")],
    "alice lives in Lisbon now; before: Porto": [("home", "Lisbon")],
    "alice lives in Lisbon but wants to move to Porto": [("home", "Lisbon")],
    "alice has lived in Lisbon since 2019": [("home", "Lisbon")],
    "alice moved to Porto yesterday (2026-11-21)": [("home", "Porto")],
    "alice moved to Lisbon with alice's dog Rex": [("home", "Lisbon"), ("pet:dog", "Rex")],
    "alice lives in Lisbon and works at Siemens": [("home", "Lisbon"), ("employer", "Siemens")],
    "alice lives with alice's wife Ana in Lisbon": [("home", "Lisbon"), ("relation:wife", "Ana")],
    "alice's name is Alice Moreira": [("name", "Alice Moreira")],
    "alice goes by Al": [("call_me", "Al")],
    "alice is Alice Moreira and alice lives in Lisbon": [("name", "Alice Moreira"), ("home", "Lisbon")],
    "alice used to live in Rome but now alice lives in Milan": [("home", "Milan")],
    "alice turned 40 last week (week of 2026-11-09)": [("age", "40")],
    "alice does not like tea anymore, alice hates it": [("dislikes", "tea")],
    "alice has a sister named Maria who lives in Faro": [("relation:sister", "Maria")],
    "alice is a software engineer at Google, working on search": [
        ("work", "software engineer"),
        ("employer", "Google"),
    ],
    "alice is 34 years old": [("age", "34")],
    "alice is 34": [("age", "34")],
    "alice is a 34-year-old nurse": [("age", "34"), ("work", "nurse")],
    "alice works at Siemens as a nurse": [("employer", "Siemens"), ("work", "nurse")],
    "alice works as a dog walker": [("work", "dog walker")],
    "alice works for the University of Porto": [("employer", "the University of Porto")],
    "alice is a nurse": [("work", "nurse")],
    "alice is a software engineer at Siemens": [("work", "software engineer"), ("employer", "Siemens")],
    "alice's dog is Rex": [("pet:dog", "Rex")],
    "alice's dog is called Rex": [("pet:dog", "Rex")],
    "alice has a dog named Rex": [("pet:dog", "Rex")],
    "alice has two cats, Tom and Jerry": [("pet:cat", "Tom"), ("pet:cat", "Jerry")],
    "alice's dog Rex loves the beach": [("pet:dog", "Rex")],
    "alice's wife is Ana": [("relation:wife", "Ana")],
    "alice has a sister named Maria": [("relation:sister", "Maria")],
    "alice's wife Ana's sister is nice": [("relation:wife", "Ana")],
    "alice's birthday is 3 May": [("birthday", "3 May")],
    "alice's birthday is on May 3rd": [("birthday", "3 May")],
    "alice's birthday is tomorrow (2026-11-22)": [("birthday", "22 November")],
    "alice was born on 3 May 1990 in Lisbon": [("birthday", "3 May 1990")],
    "alice was born in 1990": [("born", "1990")],
    "alice was born in Porto": [("birthplace", "Porto")],
    "alice is from Porto": [("origin", "Porto")],
    "alice's pronouns are she/her": [("pronouns", "she/her")],
    "alice's favorite food is sushi": [("favourite:food", "sushi")],
    "alice likes tea": [("likes", "tea")],
    "alice loves hiking in the mountains": [("likes", "hiking in the mountains")],
    "alice likes cats and dogs": [("likes", "cats and dogs")],
    "alice is a big fan of jazz": [("likes", "jazz")],
    "alice prefers tea over coffee": [("prefers", "tea over coffee")],
    "alice does not like tea very much": [("dislikes", "tea")],
    "alice doesn't like tea because it is bitter": [("dislikes", "tea")],
    "alice hates mushrooms": [("dislikes", "mushrooms")],
    "alice is allergic to nuts": [("allergy", "nuts")],
    "alice is vegetarian": [("diet", "vegetarian")],
    "alice is a vegan": [("diet", "vegan")],
    'alice said: "call me Al"': [("call_me", "Al")],
    'alice said: "Please always answer in French."': [("instruction:language", "Please always answer in French.")],
    'alice said: "Never send emails on Sunday." (2026-11-21)': [("instruction", "Never send emails on Sunday.")],
    'alice said: "Make sure to always cite sources."': [("instruction", "Make sure to always cite sources.")],
    'alice said: "Please call me Dr. Moreira from now on."': [("call_me", "Dr. Moreira")],
    'alice said: "From now on, use metric units."': [("instruction", "From now on, use metric units.")],
    'alice said: "Hi! Don\'t ever call before nine."': [("instruction", "Don't ever call before nine.")],
}


@pytest.mark.parametrize(("text", "filled"), FILLED.items())
def test_a_clear_statement_fills_exactly_its_slots(text: str, filled: list[tuple[str, str]]) -> None:
    assert [(slot.kind, slot.value) for slot in slots_of(text, "alice")] == filled


@pytest.mark.parametrize("text", FILLED)
def test_the_sentence_of_a_slot_parses_back_into_the_slot(text: str) -> None:
    for slot in slots_of(text, "alice"):
        assert slots_of(sentence(slot), "alice") == [slot]


@pytest.mark.parametrize(
    "text",
    [
        "alice does not live in Lisbon",
        "alice lived in Lisbon",
        "alice used to live in Lisbon",
        "alice grew up in Lisbon",
        "alice has lived in Lisbon",
        "alice wants to move to Lisbon",
        "alice is going to move to Lisbon",
        "alice is moving to Lisbon",
        "alice would like to live in Lisbon",
        "alice lives in Lisbon if the job works out",
        "alice probably lives in Lisbon",
        "alice lives in Lisbon and Porto",
        "alice lives in Lisbon on weekends",
        "alice lives in a small flat",
        "alice lives in fear",
        "alice moved to Lisbon in 1995 and to Porto in 2001",
        "alice moved to Lisbon for three months",
        "alice moved to the marketing team",
        "alice moved to Linux",
        "alice moved to Friday",
        "alice is Batman",
        "alice moved to VS Code",
        "alice moved to Berlin for a year",
        'alice loves "The Office"',
        'alice said: "Write a story about a dog who always barks."',
        'alice said: "Explain why I should never use goto."',
        'alice said: "Never give up!"',
        'alice said: "Call me Friday."',
        "alice used to walk alice's dog Rex",
        "bob lives in Lisbon",
        "alicelives in Lisbon",
        "alice's sister lives in Lisbon",
        "alice knows that Bob lives in Lisbon",
        "alice has a sister who lives in Porto and works at Siemens",
        "alice worked at Siemens",
        "alice works in Berlin",
        "alice is a retired nurse",
        "alice is an aspiring nurse",
        "alice is a good cook",
        "alice is a vegan chef",
        "alice is a student",
        "alice is not a nurse",
        "alice is 34 minutes late",
        "alice is 5",
        "alice turned 18 in 1995",
        "alice has a 34-year-old brother",
        "alice's dog Rex died last year",
        "alice does not have a dog named Rex",
        "alice wants to adopt a dog named Rex",
        "alice's wife is French",
        "alice's birthday is 31 February",
        "alice's birthday party is on 3 May",
        "alice likes it",
        "alice likes the second one",
        "alice likes tea, coffee and cake",
        "alice likes tea and plays chess",
        "alice likes tea today",
        "alice liked tea",
        "alice would like tea",
        'alice said: "Call me tomorrow."',
        'alice said: "Never mind."',
        'alice said: "I always forget things."',
        'alice said: "Please fix the bug."',
        'alice said: "I live in Lisbon, maybe"',
        'alice told Bob "I live in Lisbon"',
        'alice said: "Can you always answer in French?"',
    ],
)
def test_negated_past_planned_or_vague_statements_fill_no_slot(text: str) -> None:
    assert slots_of(text, "alice") == []


def test_a_peer_id_equal_to_a_word_of_doubt_is_ignored() -> None:
    assert [slot.value for slot in slots_of("will lives in Lisbon with will's dog Rex", "will")] == ["Lisbon", "Rex"]


@pytest.mark.parametrize(
    ("text", "ended"),
    [
        ("alice no longer lives in Lisbon", [("home", "Lisbon")]),
        ("alice does not work at Siemens anymore", [("employer", "Siemens")]),
        ("alice is no longer vegetarian", [("diet", "vegetarian")]),
        ("alice left Siemens", [("home", "Siemens"), ("employer", "Siemens")]),
        ("alice's dog Rex died", [("pet:dog", "Rex")]),
        ("alice lives in Lisbon", []),
        ("alice would no longer live in Lisbon", []),
    ],
)
def test_a_statement_may_end_a_slot(text: str, ended: list[tuple[str, str]]) -> None:
    assert [(slot.kind, slot.value) for slot in ended_of(text, "alice")] == ended


@pytest.mark.parametrize(
    ("kind", "single"),
    [
        *[(kind, True) for kind in ("home", "name", "age", "work", "employer", "birthday", "call_me", "diet")],
        *[(kind, True) for kind in ("relation:wife", "favourite:food", "instruction:language")],
        *[(kind, False) for kind in ("likes", "dislikes", "pet:dog", "relation:sister", "instruction", "allergy")],
    ],
)
def test_some_kinds_have_one_value_and_others_several(kind: str, single: bool) -> None:
    assert Slot("alice", kind, "x").single is single


def test_liking_and_disliking_a_thing_share_a_slot_key() -> None:
    assert Slot("alice", "likes", "the sea").place == Slot("alice", "dislikes", "sea").place
    assert Slot("alice", "likes", "sea").place != Slot("alice", "likes", "tea").place


@pytest.mark.parametrize(
    ("kind", "a", "b", "expected"),
    [
        ("home", "Lisbon", "Lisbon, Portugal", True),
        ("home", "York", "New York", False),
        ("name", "Alice", "Alice Moreira", True),
        ("work", "nurse", "pediatric nurse", True),
        ("birthday", "3 May", "3 May 1990", True),
        ("age", "34", "35", False),
    ],
)
def test_a_more_detailed_value_agrees_with_a_shorter_one(kind: str, a: str, b: str, expected: bool) -> None:
    assert agree(Slot("alice", kind, a), Slot("alice", kind, b)) is expected
    assert agree(Slot("alice", kind, b), Slot("alice", kind, a)) is expected


def test_a_town_and_a_country_are_not_comparable() -> None:
    assert not comparable(Slot("alice", "home", "Lisbon"), Slot("alice", "home", "Portugal"))
    assert comparable(Slot("alice", "home", "Lisbon"), Slot("alice", "home", "Porto"))


def test_a_move_expresses_a_change() -> None:
    assert tells_change("alice moved to Lisbon")
    assert not tells_change("alice lives in Lisbon")
