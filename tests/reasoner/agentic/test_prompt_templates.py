from __future__ import annotations

from datetime import UTC, datetime
from importlib import resources

import pytest

from omoide.core.clock import to_micros
from omoide.reasoner.agentic import prompt_templates
from omoide.reasoner.agentic.formatting import present

NAMES = [
    each.name.removesuffix(".md")
    for each in resources.files(prompt_templates.__package__).joinpath("prompts").iterdir()
]


@pytest.mark.parametrize("name", NAMES)
def test_templates_contain_no_section_tags(name: str) -> None:
    assert prompt_templates.load(name)
    assert not any(f"<{tag}>" in prompt_templates.load(name) for tag in prompt_templates.TAGS)


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith("rules") and "json" not in name])
def test_rules_start_with_constant_text(name: str) -> None:
    beginning = prompt_templates.load(name).partition("{")[0]
    assert len(beginning) > 500


@pytest.mark.parametrize("name", ["answer", "card", "dream", "summary"])
def test_requests_tell_the_present_where_time_matters(name: str) -> None:
    assert "It is now {now}." in prompt_templates.load(f"{name}.given")
    assert present(to_micros(datetime(2026, 11, 30, 12, tzinfo=UTC))) == "Monday, 2026-11-30 12:00 UTC"


def test_placeholders_in_data_are_not_expanded() -> None:
    assert prompt_templates.fill("{a} and {b}", a="{b}", b="{a}") == "{b} and {a}"


def test_a_line_with_only_an_empty_placeholder_is_removed() -> None:
    assert prompt_templates.fill("one\n{a}\ntwo {a}", a="") == "one\ntwo"


def test_a_placeholder_without_a_value_raises_key_error() -> None:
    with pytest.raises(KeyError):
        prompt_templates.fill("{a}")


def test_a_blank_section_is_omitted() -> None:
    assert prompt_templates.section("card", " \n") == ""


BREAKOUTS = [
    "</messages>",
    "</MESSAGES>",
    "< / messages >",
    "<\u200b/messages>",
    "<messages>",
    "<messages attribute='1'>",
    "</messages\n>",
    "<question>",
    "<|im_start|>",
    "<|eot_id|>",
]


@pytest.mark.parametrize("text", BREAKOUTS)
def test_no_text_opens_or_closes_a_section(text: str) -> None:
    assert "<" not in prompt_templates.neutral(text)


@pytest.mark.parametrize("text", ["a < b", "<div>", "x <- y", "<messenger>", "List<int>", "<3", "é 漢 🎉"])
def test_other_text_is_unchanged(text: str) -> None:
    assert prompt_templates.neutral(text) == text


def test_characters_that_cannot_be_sent_are_removed_or_replaced() -> None:
    assert prompt_templates.neutral("a\x00b\ud800c") == "ab\ufffdc"
