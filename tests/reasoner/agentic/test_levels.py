"""What the levels of a question may cost, at a scripted endpoint over HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from click import ClickException
from pydantic import ValidationError

from omoide.cli.command_settings import read_settings
from omoide.core.answer_levels import DEFAULTS
from omoide.core.settings import Settings, SettingsError
from omoide.inference.model_config import model_configs
from omoide.inference.model_registry import ProviderFailed, UnreadableOutput
from omoide.reasoner.memory_view import MemoryView
from omoide.storage.sqlite.engine import Store
from tests.inference.completions import error
from tests.inference.faulty_provider import DONE, EVENTS, ProviderConnection, answering, body, chunk, event, head, said
from tests.reasoner.agentic.endpoint import Asked, asked_over_http, calling, in_turn
from tests.reasoner.memory_fixtures import Past

ANSWER = "She lives in Porto."
LOOK = calling(("search_memory", {"queries": ["Porto"]}))
URL = {"model": "openai:toy", "model_base_url": "http://127.0.0.1:9/v1"}


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MemoryView]:
    """Shared by all tests, which only read it."""
    store = Store.open(tmp_path_factory.mktemp("levels") / "omoide.db", durability="normal", busy_timeout=5.0)
    past = Past(store)
    past.conclude("alice lives in Porto")
    past.embed()
    asked_over_http(past.memory(), said(ANSWER))  # imports packages, which must not count as the provider's time
    yield past.memory()
    store.close()


def levels(**changes: Any) -> dict[str, Any]:
    return {"settings": {"answer_levels": changes}}


def test_a_level_has_its_own_model_effort_temperature_and_limits(memory: MemoryView) -> None:
    high = {"model": "openai:big", "effort": "high", "temperature": 0.3, "output_tokens": 999, "rounds": 2}
    changes = levels(high=high, minimal={"effort": "none"})
    _, asked = asked_over_http(memory, in_turn(LOOK, LOOK, ANSWER), level="high", **changes)
    assert [bool(each.get("tools")) for each in asked] == [True, True, False]
    for each in asked:
        assert (each["model"], each["reasoning_effort"], each["temperature"]) == ("big", "high", 0.3)
        assert each["max_tokens"] == 999
    _, (plain,) = asked_over_http(memory, said(ANSWER), level="low", **changes)
    assert plain["model"] == "toy"
    assert plain["max_tokens"] == DEFAULTS["low"].output_tokens
    assert not {"reasoning_effort", "temperature"} & plain.keys()
    _, (least,) = asked_over_http(memory, said(ANSWER), level="minimal", **changes)
    assert least["reasoning_effort"] == "none"


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("Unsupported value: 'temperature' does not support 0.3 with this model.", "temperature"),
        ("Unrecognized request argument supplied: reasoning_effort", "reasoning_effort"),
        ("this model does not support thinking", "reasoning_effort"),
    ],
)
def test_a_refused_setting_is_left_out(memory: MemoryView, words: str, name: str) -> None:
    def script(line: ProviderConnection, asked: Asked) -> None:
        (body(error(words), 400) if name in asked else said(ANSWER))(line, asked)

    text, asked = asked_over_http(memory, script, **levels(low={"effort": "low", "temperature": 0.3}))
    assert text == ANSWER
    assert [name in each for each in asked] == [True, False]
    other = {"temperature", "reasoning_effort"} - {name}
    assert other <= asked[-1].keys()


def thinks_for_ever(line: ProviderConnection, asked: Asked) -> None:
    """A model that thinks without end while it has tools, and answers at once without them."""
    if not asked.get("tools"):
        return said(ANSWER)(line, asked)
    line.say(head(media=EVENTS))
    line.drip(event(chunk({"reasoning_content": "hm "})))
    return None


def test_the_last_seconds_are_kept_for_an_answer(memory: MemoryView) -> None:
    text, asked = asked_over_http(memory, thinks_for_ever, **levels(low={"seconds": 1.5}))
    assert text == ANSWER
    assert [each.get("reasoning_effort") for each in asked] == [None, "low"]
    assert "There is no more time to look" in asked[-1]["messages"][-1]["content"]


def slowly(text: str, pause: float) -> Any:
    def script(line: ProviderConnection, asked: Asked) -> None:
        line.say(head(media=EVENTS))
        for word in text.split():
            line.say(event(chunk({"content": f"{word} "})))
            time.sleep(pause)
        line.say(event(chunk({}, "stop")) + DONE)

    return script


def test_a_turn_that_has_begun_to_answer_may_use_the_time_for_it(memory: MemoryView) -> None:
    text, asked = asked_over_http(memory, slowly(ANSWER, 0.55), **levels(low={"seconds": 3}))
    assert (text, len(asked)) == (ANSWER, 1)


def test_a_streamed_answer_has_no_time_limit(memory: MemoryView) -> None:
    slow = {"answer_levels": {"low": {"seconds": 1}}, "model_timeout_seconds": 0.6}
    text, asked = asked_over_http(memory, slowly(ANSWER, 0.4), is_streamed=True, settings=slow)
    assert (text, len(asked)) == (ANSWER, 1)
    with pytest.raises(ProviderFailed, match="within 1 s"):
        asked_over_http(memory, slowly(ANSWER, 0.4), settings=slow)


def test_no_turn_is_begun_that_would_end_too_late(memory: MemoryView) -> None:
    def slow_look(line: ProviderConnection, asked: Asked) -> None:
        time.sleep(0.7 if asked.get("tools") else 0)
        (LOOK if asked.get("tools") else said(ANSWER))(line, asked)

    text, asked = asked_over_http(memory, slow_look, level="max", **levels(max={"seconds": 2}))
    assert text == ANSWER
    assert [bool(each.get("tools")) for each in asked] == [True, False]


def test_a_model_without_an_answer_is_an_error_with_the_reason(memory: MemoryView) -> None:
    empty = answering({"content": "", "reasoning_content": "hm"}, "length")
    with pytest.raises(UnreadableOutput, match="used up its limit of output tokens") as caught:
        asked_over_http(memory, empty, level="minimal")
    assert caught.value.status == 503


@pytest.mark.parametrize(
    "changes",
    [
        {"medium": {"rounds": -1}},
        {"medium": {"turns": 3}},
        {"average": {"rounds": 3}},
        {"medium": {"effort": "much"}},
        {"medium": {"temperature": 3}},
        {"medium": {"seconds": 0}},
    ],
)
def test_a_wrong_value_of_a_level_stops_the_start(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="answer_levels"):
        Settings.model_validate({"answer_levels": changes})


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ('{"high": ', "answer_levels: not valid JSON"),
        ("[1]", "answer_levels: Input should be a valid dictionary"),
        ('{"high": {"turns": 2}}', "answer_levels.high.turns: unknown setting"),
        ('{"average": {}}', "answer_levels.average: Input should be 'minimal'"),
        ('{"high": {"seconds": 0}}', "answer_levels.high.seconds: Input should be greater"),
    ],
)
def test_a_wrong_level_in_the_environment_is_told_in_one_line(
    value: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMOIDE_ANSWER_LEVELS", value)
    with pytest.raises(ClickException) as caught:
        read_settings()
    assert told in caught.value.message
    assert "\n" not in caught.value.message


def test_a_wrong_model_of_a_level_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="OMOIDE_ANSWER_LEVELS is 'big'"):
        model_configs(Settings.model_validate({**URL, "answer_levels": {"high": {"model": "big"}}}))
    monkeypatch.setenv("OMOIDE_ANSWER_LEVELS", '{"high": {"model": "openai:big", "seconds": 300}}')
    chosen = model_configs(Settings.model_validate(URL))
    assert chosen.by_level["high"].model == "big"
