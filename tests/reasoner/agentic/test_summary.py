from __future__ import annotations

import asyncio
from typing import Any

import pytest

from omoide.reasoner.agentic import summary
from omoide.reasoner.agentic.model_client import ModelCaller
from omoide.reasoner.protocol import SummaryTask
from tests.reasoner.agentic.scripted import TOKENS, Scripted, cut, message

SAID = [message("I moved to Porto.", at=1), message("How is it there?", "bob", at=2)]


def task(**changes: Any) -> SummaryTask:
    given: dict[str, Any] = {"kind": "short", "messages": SAID, "previous": None, "max_tokens": 1000}
    return SummaryTask("s", **(given | changes))


def summarize(models: Scripted, wanted: SummaryTask) -> str:
    return asyncio.run(summary.summarize(wanted, ModelCaller(models, "summary"), TOKENS))


def test_the_prompt_names_the_speaker_of_each_message() -> None:
    models = Scripted("alice moved to Porto.")
    assert summarize(models, task()) == "alice moved to Porto."
    first, second = "Wed 2024-05-01 09:01:00 alice: I moved to Porto.", "Wed 2024-05-01 09:02:00 bob: How is it there?"
    assert f"{first}\n{second}" in models.prompts[0]


def test_the_prompt_contains_the_previous_summary() -> None:
    models = Scripted("alice has two dogs and moved to Porto.")
    summarize(models, task(previous="alice has two dogs."))
    assert "<summary>\nalice has two dogs.\n</summary>" in models.prompts[0]


def test_messages_are_summarized_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary, "MOST_INPUT", 25)
    models = Scripted("First.", "Second.")
    assert summarize(models, task()) == "Second."
    assert "First." in models.prompts[1]


def test_a_message_longer_than_a_chunk_is_truncated() -> None:
    ((line,),) = summary.stretches([message("word " * 100, at=1)], TOKENS, 20)
    assert TOKENS.count(line) <= 20


@pytest.mark.parametrize(("kind", "spoken", "words"), [("short", 40, 30), ("short", 5_000, 750), ("long", 40, 750)])
def test_the_length_hint_depends_on_the_kind(kind: Any, spoken: int, words: int) -> None:
    assert summary.words_for(task(kind=kind), spoken) == words


def test_a_long_summary_is_truncated_at_the_end_of_a_sentence() -> None:
    models = Scripted("alice has a dog. " * 30)
    text = summarize(models, task(max_tokens=50))
    assert TOKENS.count(text) <= 50
    assert text.endswith("dog.")


def test_a_summary_without_sentences_is_truncated_anywhere() -> None:
    text = summarize(Scripted("dog " * 300), task(max_tokens=50))
    assert 0 < TOKENS.count(text) <= 50


def test_an_unfinished_sentence_is_removed() -> None:
    assert summarize(Scripted(cut("alice moved. She has tw")), task()) == "alice moved."


def test_empty_output_keeps_the_previous_summary() -> None:
    assert summarize(Scripted("  "), task(previous="Before.")) == ""


def test_tags_around_the_summary_are_removed() -> None:
    assert summarize(Scripted("<summary>\nalice moved.\n</summary>"), task()) == "alice moved."
