"""Facts from messages: subject, wording, repetitions and arbitrary input."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omoide.core.clock import HOUR, to_micros
from omoide.core.records import Message
from omoide.reasoner.extractive.derive import MOST_QUOTED, derive
from omoide.reasoner.protocol import Batch, Fact

SUNDAY = to_micros(datetime(2026, 11, 22, 10, tzinfo=UTC))


def facts(*contents: str, peer_id: str = "alice") -> list[Fact]:
    """Return the facts derived from messages of the peer, one hour apart."""
    messages = [
        Message(f"m{at}", "s", "w", peer_id, content, {}, 0, SUNDAY + at * HOUR) for at, content in enumerate(contents)
    ]
    return derive(Batch("w", "s", peer_id, messages))


def said(*contents: str, peer_id: str = "alice") -> list[str]:
    return [fact.content for fact in facts(*contents, peer_id=peer_id)]


def test_nobody_else_corrects_what_a_peer_has_said() -> None:
    contents = [
        ("alice", "I live in Porto."),
        ("bot", "No, I meant Braga."),
        ("bot", "Just kidding!"),
        ("alice", "I see."),
    ]
    messages = [Message(f"m{at}", "s", "w", who, text, {}, 0, SUNDAY) for at, (who, text) in enumerate(contents)]
    assert [(fact.content, fact.corrects) for fact in derive(Batch("w", "s", "alice", messages))] == [
        ("alice lives in Porto", ())
    ]


def test_a_joke_is_about_the_sentence_before_it() -> None:
    assert facts("I bought a Ferrari. Just kidding!")[-1].corrects == ("alice bought a Ferrari",)
    assert [fact.corrects for fact in facts("I bought a Ferrari. What a day! Just kidding!")] == [()]


def test_only_messages_of_the_observed_peer_give_facts() -> None:
    messages = [
        Message("m1", "s", "w", "bob", "I live in Rome.", {}, 0, SUNDAY),
        Message("m2", "s", "w", "alice", "I live in Lisbon.", {}, 0, SUNDAY),
    ]
    (fact,) = derive(Batch("w", "s", "alice", messages))
    assert (fact.content, fact.message_ids, fact.said_at) == ("alice lives in Lisbon", ("m2",), SUNDAY)


@pytest.mark.parametrize("peer_id", ["alice", "Al_1-2", "today", "i", "my", "user-in-3-days", "1"])
def test_a_fact_names_the_peer_by_its_exact_id(peer_id: str) -> None:
    assert said("I moved to Porto yesterday. Rex is a beagle.", peer_id=peer_id) == [
        f"{peer_id} moved to Porto yesterday (2026-11-21)",
        f'{peer_id} said: "Rex is a beagle."',
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("Hi! I'm Alice 😀 I live in Lisbon.", ["alice's name is Alice", "alice lives in Lisbon"]),
        ("Rex is a beagle. Do you like dogs? I do.", ['alice said: "Rex is a beagle."']),
        ("My allergies:\n- peanuts\n- nuts", ["alice's allergies: - peanuts - nuts"]),
        ("I went to Porto yesterday.", ["alice went to Porto yesterday (2026-11-21)"]),
        ("We just moved to Seattle!", ["alice just moved to Seattle"]),
        ("We moved last year.", ['alice said: "We moved last year." (last year: 2025)']),
        ("I’m vegan and I don’t smoke.", ["alice is vegan", "alice does not smoke"]),
        ("Call me Al. Please send me the file.", ['alice said: "Call me Al."']),
        ("please always answer in French", ['alice said: "please always answer in French"']),
        ('My boss said "I am from Kent".', ['alice said: "My boss said "I am from Kent"."']),
        ("I live in Lisbon? I live in Rome.", ["alice lives in Rome"]),
        ("私は東京に住んでいます。あなたは？", ['alice said: "私は東京に住んでいます。"']),
        ("my sister thinks i'd love Porto", ['alice said: "my sister thinks i\'d love Porto"']),
        (
            "i'd love to move back to Porto with my sister",
            ['alice said: "i\'d love to move back to Porto with my sister"'],
        ),
        ("Vivo en Lisboa. ¿Y tú?", ['alice said: "Vivo en Lisboa."']),
        ("Hi! Thanks! How are you?", []),
    ],
)
def test_each_statement_is_restated_or_quoted(content: str, expected: list[str]) -> None:
    assert said(content) == expected


def test_a_repeated_statement_is_one_fact_with_both_messages() -> None:
    found = facts("I live in Lisbon. I live in Lisbon!", "I'm vegan.", "i live in Lisbon")
    assert {each.content: (each.message_ids, each.said_at) for each in found} == {
        "alice lives in Lisbon": (("m0", "m2"), SUNDAY + 2 * HOUR),
        "alice is vegan": (("m1",), SUNDAY + 1 * HOUR),
    }


def test_a_relative_date_is_resolved_against_its_own_message() -> None:
    assert len(facts(*["I moved to Porto yesterday."] * 20)) == 2


def test_a_long_quotation_is_truncated_at_a_word() -> None:
    (content,) = said("Rex and " + "his friends " * 100 + "are beagles.")
    assert content.startswith('alice said: "Rex and his friends')
    assert content.endswith(('friends…"', 'his…"'))
    assert len(content) <= MOST_QUOTED + len('alice said: ""…')


def test_a_fact_is_one_line() -> None:
    assert said("I live in a   market\n\ttown with\na dog") == ["alice lives in a market town with a dog"]


WORDS = """I I'm my me mine myself and or but , . ? ! " “ ( ) - : ; don't not never to live work like love run read was
am have tea Lisbon yesterday next Friday in 3 days ago If you We … 😀 ``` > * _ 猫 。 ？"""


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from([*WORDS.split(), "\n"])).map(" ".join) | st.text(max_size=300))
def test_any_text_gives_single_line_facts_with_the_peer_id(content: str) -> None:
    for fact in facts(content, peer_id="al-1"):
        assert "al-1" in fact.content
        assert "\0" not in fact.content
        assert fact.content == " ".join(fact.content.split())


PIECES = [
    "I ",
    "a.b",
    '"',
    "“",
    "?",
    ". ",
    "[",
    "*a",
    "_a",
    "a@",
    "- a\n",
    "x:\n- a\n",
    "I live here and ",
    "in 3 days ",
]
PIECES += [
    "my ",
    "\n",
    "well, ",
    "1.",
    "你",
    "👍",
    "http://",
    "`",
    "...!?a",
    "a\u0301",
    "\u200d",
    "always call me ",
    "(",
]


@pytest.mark.parametrize("piece", PIECES)
def test_messages_of_maximum_length_are_processed(piece: str) -> None:
    facts((piece * 25_000)[:25_000])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            "I'm Ana, I live in Lisbon and I work as a nurse at La Paz.",
            ["alice is Ana", "alice lives in Lisbon", "alice works as a nurse at La Paz"],
        ),
        ("I used to hate fado but I love fado now.", ["alice used to hate fado", "alice loves fado now"]),
        ("I love tea and coffee.", ["alice loves tea and coffee"]),
        ("I know I'm diabetic and I hate my diet.", ["alice knows alice is diabetic and alice hates alice's diet"]),
        ("I married Tom because I was lonely and I missed my sister.", None),
        ("I know I have diabetes and I will quit sugar.", None),
    ],
)
def test_main_clauses_are_facts_of_their_own_unless_one_may_be_nested(content: str, expected: list[str] | None) -> None:
    assert said(content) == expected if expected is not None else len(said(content)) == 1
