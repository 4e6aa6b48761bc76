from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from omoide.inference.model_registry import UnreadableOutput
from omoide.reasoner.agentic import summary
from omoide.reasoner.agentic.model_client import ModelCaller
from omoide.reasoner.protocol import SummaryTask
from tests.reasoner.agentic.scripted import TOKENS, Scripted, cut, message, prompt_of, thinking, too_long

SAID = [message("I moved to Porto.", at=1), message("How is it there?", "bob", at=2)]


def task(**changes: Any) -> SummaryTask:
    given: dict[str, Any] = {"kind": "short", "messages": SAID, "previous": None, "max_tokens": 1000}
    return SummaryTask("s", **(given | changes))


def summarize(models: Scripted, wanted: SummaryTask) -> str:
    return asyncio.run(summary.summarize(wanted, ModelCaller(models, "summary"), TOKENS))


def test_the_prompt_names_the_speaker_of_each_message() -> None:
    models = Scripted("alice moved to Porto.")
    assert summarize(models, task()) == "alice moved to Porto."
    first, second = "09:01 alice: I moved to Porto.", "09:02 bob: How is it there?"
    assert f"\nWed 2024-05-01\n{first}\n{second}" in models.prompts[0]


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
    models = Scripted("".join(f"alice has a dog that she calls {n}. " for n in range(30)))
    text = summarize(models, task(max_tokens=50))
    assert TOKENS.count(text) <= 50
    assert re.search(r"calls \d+\.$", text)


def test_a_summary_without_sentences_is_truncated_anywhere() -> None:
    text = summarize(Scripted(" ".join(f"dog{n}" for n in range(300))), task(max_tokens=50))
    assert 0 < TOKENS.count(text) <= 50


def test_an_unfinished_sentence_is_removed() -> None:
    assert summarize(Scripted(cut("alice moved. She has tw")), task()) == "alice moved."


def test_an_empty_summary_is_asked_for_again_and_then_a_failure() -> None:
    assert summarize(Scripted("  ", "alice moved."), task(previous="Before.")) == "alice moved."
    with pytest.raises(UnreadableOutput, match="gave no summary"):
        summarize(Scripted("  ", ""), task(previous="Before."))


LOOPS = ["Human. Forever. Human. Always. " * 100, "- a dog\n" * 60, "\u5f7c\u5973\u559c\u6b22\u8336\u3002" * 60]


@pytest.mark.parametrize("loop", LOOPS)
def test_a_summary_that_repeats_itself_is_asked_for_again_and_then_refused(loop: str) -> None:
    said = f"alice talked about work. {loop}"
    assert summarize(Scripted(cut(said), "alice works."), task()) == "alice works."
    with pytest.raises(UnreadableOutput, match="repeats itself"):
        summarize(Scripted(cut(said), said), task())


def test_what_a_summary_says_before_it_repeats_itself_is_kept_if_it_is_enough() -> None:
    good = "alice moved to Porto in May with two dogs, and asked bob how one finds a flat there. "
    good += "bob knows a street near the river where three of them are free, and will write to the owner tomorrow."
    models = Scripted(cut(f"{good} {LOOPS[0]}"), cut(LOOPS[0]))
    assert summarize(models, task()) == good


@pytest.mark.parametrize("thoughts", ["<think>hm</think>\n", "so she moved </think>", "<reasoning>a</reasoning>"])
def test_a_summary_has_no_thoughts(thoughts: str) -> None:
    assert summarize(Scripted(f"{thoughts}alice moved."), task()) == "alice moved."


def test_a_summary_that_thoughts_left_no_room_for_is_asked_for_with_more() -> None:
    models = Scripted(thinking("hm", reason="length"), "alice moved.")
    assert summarize(models, task()) == "alice moved."
    assert (models.asked[1][1].model_settings or {})["max_tokens"] > 1_000


def test_a_session_that_is_too_long_for_the_model_is_summarized_in_smaller_chunks() -> None:
    def small(messages: Any, info: Any) -> Any:
        prompt = prompt_of(messages, info)
        return too_long() if len(prompt.partition("<messages>")[2]) > 2_500 else f"{prompt.count('dog')} times."

    said = [message(f"I have dog number {n}. " + "word " * 60, at=n) for n in range(20)]
    models = Scripted(script=small)
    assert "times." in summarize(models, task(messages=said))
    assert sum(prompt.count("I have dog") for prompt in models.prompts[-10:]) >= 20


def test_tags_around_the_summary_are_removed() -> None:
    assert summarize(Scripted("<summary>\nalice moved.\n</summary>"), task()) == "alice moved."
