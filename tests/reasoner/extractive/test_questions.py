"""Parsing of questions: peers, slots, overviews and expected kinds of answers."""

from __future__ import annotations

import pytest

from omoide.reasoner.extractive.questions import ParsedQuestion, parse_field, parse_question

PEERS = ("alice", "bob", "carol-reed", "dr_dan")


def read(text: str, observer: str | None = "bob", target: str | None = "alice") -> ParsedQuestion:
    return parse_question(text, PEERS, observer, target)


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("Where does Alice live?", ("alice",)),
        ("Where does she live?", ("alice",)),
        ("Where do I live?", ("bob",)),
        ("Can you tell me where she lives?", ("alice",)),
        ("What's my name?", ("bob",)),
        ("What did carol-reed say?", ("carol-reed",)),
        ("What did Reed say?", ("carol-reed",)),
        ("What did Dan say to Bob?", ("dr_dan", "bob")),
        ("What did bobby say?", ("alice",)),
        ("What about ALICE's trip?", ("alice",)),
        ("Who lives in Oslo?", ("alice",)),
    ],
)
def test_a_question_is_about_named_peers_the_target_or_the_observer(text: str, about: tuple[str, ...]) -> None:
    assert read(text).about == about


def test_a_question_without_target_and_names_is_about_no_peer() -> None:
    assert read("Who lives in Oslo?", None, None).about == ()


def test_an_id_of_one_letter_or_a_common_word_is_not_a_name() -> None:
    asked = parse_question("What is a good time for you?", ["a", "you", "what", "1"], None, None)
    assert asked.about == ()


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Where does alice live?", [("home",)]),
        ("tell me where alice lives now", [("home",)]),
        ("In which city do they live these days?", [("home",)]),
        ("What is alice's name?", [("name", "call_me")]),
        ("How old is she?", [("age", "born", "birthday")]),
        ("Where does she work and what is her dog's name?", [("employer", "work"), ("pet:dog",)]),
        ("Do you know what my cat is called?", [("pet:cat",)]),
        ("What are the names of alice's sisters?", [("relation:sister",)]),
        ("What's alice's favourite colour?", [("favourite:colour",)]),
        ("What does she like?", [("likes", "prefers", "favourite:")]),
        ("What should I call her?", [("name", "call_me")]),
        ("In which language should I answer?", [("instruction:language",)]),
        ("Where does alice's brother live?", []),
        ("Where does alice like to swim?", []),
        ("What does alice like about Oslo?", []),
        ("Does alice like tea?", []),
    ],
)
def test_a_slot_question_has_to_match_as_a_whole(text: str, kinds: list[tuple[str, ...]]) -> None:
    assert list(read(text).kinds) == kinds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What do you know about alice?", True),
        ("tell me everything you know about her", True),
        ("Please summarise alice.", True),
        ("Give me a short summary of Alice", True),
        ("Who is alice?", True),
        ("What is alice like?", True),
        ("What do you know about alice's trip?", False),
        ("Tell me about the garden", False),
        ("What does alice know about bees?", False),
        ("Who is alice's dentist?", False),
    ],
)
def test_overview_questions_are_recognized(text: str, expected: bool) -> None:
    assert read(text).is_overview is expected


@pytest.mark.parametrize(
    ("text", "wants"),
    [
        ("How many coffees did she buy?", "number"),
        ("How tall is she?", "number"),
        ("When did she leave?", "time"),
        ("On which day is the exam?", "time"),
        ("Where was the bicycle?", "place"),
        ("In which town is the office?", "place"),
        ("Who came?", "other"),
    ],
)
def test_the_expected_kind_of_answer_depends_on_the_question_word(text: str, wants: str) -> None:
    assert read(text).wants == wants


@pytest.mark.parametrize(
    ("text", "now"),
    [
        ("Where did alice live before?", "Where does alice live?"),
        ("Where did alice use to live?", "Where does alice live?"),
        ("Where did alice live before she moved to Porto?", "Where does alice live?"),
        ("Where did alice live in 2019?", "Where does alice live?"),
        ("Which cities has alice lived in?", "Which city does alice live in?"),
        ("What was her previous job?", "What is her job?"),
        ("What jobs has alice had?", "What job does alice have?"),
        ("Who did alice work for before that?", "Who does alice work for?"),
        ("What was alice's old favourite colour?", "What is alice's favourite colour?"),
        ("Who was alice's former boss?", "Who is alice's boss?"),
    ],
)
def test_a_question_about_the_past_asks_for_the_slot_of_the_question_about_now(text: str, now: str) -> None:
    past, present = (parse_question(each, ["alice"], "alice", "alice") for each in (text, now))
    assert (past.asks_past, present.asks_past) == (True, False)
    assert past.kinds == present.kinds != ()


@pytest.mark.parametrize(
    "text",
    [
        "What does alice do before breakfast?",
        "Where was alice born?",
        "What did alice say?",
        "What has alice been working on?",
        "What did alice do earlier today?",
        "When did alice move?",
    ],
)
def test_other_questions_in_the_past_tense_are_not_about_what_was_before(text: str) -> None:
    assert not parse_question(text, ["alice"], "alice", "alice").asks_past


def test_terms_are_content_words_without_names() -> None:
    assert read("So, do you know which books Alice was reading in Oslo?").terms == ("books", "reading", "oslo")


@pytest.mark.parametrize(
    ("path", "description", "kinds"),
    [
        (("city",), "", [("home",)]),
        (("currentCity",), "", [("home",)]),
        (("residence_place",), "Where the user lives", [("home",)]),
        (("favorite_color",), "", [("favourite:color",)]),
        (("dogName",), "", [("pet:dog",)]),
        (("dog", "name"), "", [("pet:dog",)]),
        (("person", "name"), "", [("name",)]),
        (("company", "name"), "", []),
        (("dog", "age"), "", []),
        (("mood",), "How alice feels", []),
    ],
)
def test_a_property_asks_for_a_slot_of_the_peer_or_of_its_parent(
    path: tuple[str, ...], description: str, kinds: list[tuple[str, ...]]
) -> None:
    assert list(parse_field(read("Fill this in"), path, description, is_number=False).kinds) == kinds


def test_a_property_inherits_from_the_question() -> None:
    asked = parse_field(read("What is alice's dog's name?"), ("name",), "", is_number=False)
    assert asked.kinds == (("pet:dog",),)


@pytest.mark.parametrize("text", ["", "?", "???", "\n", "a" * 10_000, "@ @'s @", "alice" * 2_000, "(" * 5_000, "😀"])
def test_any_text_is_parsed(text: str) -> None:
    assert read(text).text == text
