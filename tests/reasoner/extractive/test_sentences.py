"""Splitting a message into its author's own sentences."""

from __future__ import annotations

import pytest

from omoide.reasoner.extractive.sentences import sentences


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("I live in Lisbon. My dog is Rex!", ["I live in Lisbon.", "My dog is Rex!"]),
        ("Dr. Smith lives in St. Louis.", ["Dr. Smith lives in St. Louis."]),
        ("I have a dog... He is 3. He barks.", ["I have a dog...", "He is 3.", "He barks."]),
        ("My wife (Anna) and I live here", ["My wife (Anna) and I live here"]),
        ("one line\nI live here\nMy dog too", ["one line", "I live here", "My dog too"]),
        ("I went to\nthe market", ["I went to the market"]),
        ("- I like tea\n* I hate rain\n2. I cook\n- [x] I ran", ["I like tea", "I hate rain", "I cook", "I ran"]),
        ("My allergies:\n- peanuts\n- nuts\n\nbye", ["My allergies: - peanuts - nuts", "bye"]),
        ("# About me\nI **really** like _tea_", ["About me", "I really like tea"]),
        ("snake_case and 2 * 3 * 4 stay", ["snake_case and 2 * 3 * 4 stay"]),
        ("a\n```\nI = 1\n```\nb", ["a", "b"]),
        ("a\n~~~\nnever closed", ["a"]),
        ("> you said so\nI agree with that", ["I agree with that"]),
        ("On Mon, Nov 2 Bob wrote:\n> I am Bob", []),
        ("| a | b |\n|---|---|", []),
        ("I'm Alice 😀 I live here", ["I'm Alice 😀", "I live here"]),
        ("猫が好きです。犬も。", ["猫が好きです。", "犬も。"]),
        ("Я живу в Москве. У меня собака!", ["Я живу в Москве.", "У меня собака!"]),
        ("मैं यहाँ हूँ। मेरा कुत्ता है।", ["मैं यहाँ हूँ।", "मेरा कुत्ता है।"]),
        ("lone \ud800 surrogate", ["lone surrogate"]),
        ("", []),
        (" \n\t ", []),
    ],
)
def test_sentences_are_in_order_and_without_markup(content: str, expected: list[str]) -> None:
    assert sentences(content) == expected
