from __future__ import annotations

import asyncio
from typing import Any

import pytest

from omoide.reasoning.agentic import summary
from omoide.reasoning.agentic.calls import Caller
from omoide.reasoning.reasoner import SummaryTask
from tests.reasoning.agentic.scripted import TOKENS, Scripted, cut, message

SAID = [message("I moved to Porto.", at=1), message("How is it there?", "bob", at=2)]


def task(**changes: Any) -> SummaryTask:
    given: dict[str, Any] = {"kind": "short", "messages": SAID, "previous": None, "max_tokens": 1000}
    return SummaryTask("s", **(given | changes))


def summarize(models: Scripted, wanted: SummaryTask) -> str:
    return asyncio.run(summary.summarize(wanted, Caller(models, "summary"), TOKENS))


def test_messages_are_given_with_who_said_them() -> None:
    models = Scripted("alice moved to Porto.")
    assert summarize(models, task()) == "alice moved to Porto."
    assert "alice: I moved to Porto.\nbob: How is it there?" in models.prompts[0]


def test_the_previous_summary_is_given_to_be_carried_on() -> None:
    models = Scripted("alice has two dogs and moved to Porto.")
    summarize(models, task(previous="alice has two dogs."))
    assert "<summary>\nalice has two dogs.\n</summary>" in models.prompts[0]


def test_more_than_can_be_read_at_once_is_carried_on_from_stretch_to_stretch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary, "MOST_INPUT", 12)
    models = Scripted("First.", "Second.")
    assert summarize(models, task()) == "Second."
    assert "First." in models.prompts[1]


def test_a_message_longer_than_a_stretch_is_cut() -> None:
    ((line,),) = summary.stretches([message("word " * 100, at=1)], TOKENS, 20)
    assert TOKENS.count(line) <= 20


@pytest.mark.parametrize(("kind", "spoken", "words"), [("short", 40, 30), ("short", 5_000, 750), ("long", 40, 750)])
def test_the_hint_of_a_length_follows_the_kind(kind: Any, spoken: int, words: int) -> None:
    assert summary.words_for(task(kind=kind), spoken) == words


def test_a_summary_never_exceeds_its_tokens_and_ends_with_a_sentence() -> None:
    models = Scripted("alice has a dog. " * 30)
    text = summarize(models, task(max_tokens=50))
    assert TOKENS.count(text) <= 50
    assert text.endswith("dog.")


def test_a_summary_of_one_endless_sentence_is_cut_anywhere() -> None:
    text = summarize(Scripted("dog " * 300), task(max_tokens=50))
    assert 0 < TOKENS.count(text) <= 50


def test_a_sentence_that_was_broken_off_goes_away() -> None:
    assert summarize(Scripted(cut("alice moved. She has tw")), task()) == "alice moved."


def test_no_words_leave_the_previous_summary_in_place() -> None:
    assert summarize(Scripted("  "), task(previous="Before.")) == ""


def test_a_model_that_repeats_the_tags_loses_them() -> None:
    assert summarize(Scripted("<summary>\nalice moved.\n</summary>"), task()) == "alice moved."
