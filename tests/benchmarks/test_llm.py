"""The benchmark of language models: its files, its grading, what it keeps, and whole runs at a scripted endpoint."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from benchmarks.llm import suites
from benchmarks.llm.__main__ import main
from benchmarks.llm.grading import RULES, by_words, says_not_known
from benchmarks.llm.state import STATE, Answered, OtherRun, State
from benchmarks.llm.suites import WORKSPACE, InvalidFile, Item
from tests.benchmarks.llm_files import LOCOMO, LONGMEMEVAL, own_data, written
from tests.inference.completions import error, saying, streaming
from tests.inference.fault_proxy import FaultProxy, answering
from tests.worker.provider import Asked, provider, wants_facts

ANSWERS = {"live": "Ana lives in Oporto.", "play": "She plays the violin.", "car": "I do not know that."}
ANSWERS |= {"Ana Maria do": "She paints lakes at dawn.", "dog": "A poodle."}


def item(gold: str = "", *, answerable: bool = True, wanted: tuple[str, ...] = ()) -> Item:
    words = wanted or suites.words_of(gold)
    return Item("1", "talk", "fact", "ana", "What?", gold, words, is_answerable=answerable)


def test_longmemeval_has_a_conversation_for_each_question(tmp_path: Path) -> None:
    found = suites.longmemeval(written(tmp_path / "longmemeval_s.json", LONGMEMEVAL))
    first, second = found.items
    assert (first.kind, first.gold, first.wanted, first.peer) == ("multi-session", "2", ("2",), "user")
    assert first.at == "2023-05-30T23:40:00+00:00"
    assert (second.kind, second.is_answerable, second.gold) == ("abstention", False, "")
    turns = found.conversations["q1"]
    assert [turn.content for turn in turns] == ["I own a bike.", "Where do you ride?", "I bought a second bike."]
    assert [turn.created_at for turn in turns] == sorted(turn.created_at for turn in turns)
    assert turns[0].created_at == "2023-05-20T02:21:00+00:00"


def test_locomo_has_sessions_in_order_with_what_pictures_show(tmp_path: Path) -> None:
    found = suites.locomo(written(tmp_path / "locomo10.json", LOCOMO))
    assert [(turn.session, turn.peer, turn.content) for turn in found.conversations["conv-1"]] == [
        ("session_1", "Ana_Maria", "I paint. [shares a picture: a lake at dawn]"),
        ("session_1", "Ben", "Lovely!"),
        ("session_2", "Ben", "I adopted a beagle."),
    ]
    assert [(each.kind, each.is_answerable, each.peer) for each in found.items] == [
        ("single-hop", True, WORKSPACE),
        ("adversarial", False, WORKSPACE),
    ]


def test_a_long_turn_is_stored_in_parts(tmp_path: Path) -> None:
    rows = copy.deepcopy(LONGMEMEVAL[1:])
    rows[0]["haystack_sessions"][0][0]["content"] = "x" * (2 * suites.MOST_CHARACTERS + 1)
    (turns,) = suites.longmemeval(written(tmp_path / "long.json", rows)).conversations.values()
    assert [len(turn.content) for turn in turns] == [suites.MOST_CHARACTERS, suites.MOST_CHARACTERS, 1]


@pytest.mark.parametrize("load", [suites.longmemeval, suites.locomo])
@pytest.mark.parametrize("content", ["{", "{}", "[1]", '[{"question_id": "1"}]', '[{"conversation": {}}]'])
def test_another_file_is_refused_with_the_place(load: Callable[[Path], Any], content: str, tmp_path: Path) -> None:
    path = written(tmp_path / "other.json", content)
    with pytest.raises(InvalidFile, match=r"other\.json"):
        load(path)


def test_our_own_questions_have_gold_turns_and_halves() -> None:
    found = suites.own()
    assert {*found.groups} == {"tuned on", "held out"}
    assert len({each.id for each in found.items}) == len(found.items)
    assert all(bool(each.gold) == each.is_answerable for each in found.items)


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("I don’t know where she lives.", True),
        ("There is no information about a car.", True),
        ("Ana never mentioned a car.", True),
        ("", True),
        ("No se menciona ningún coche.", True),
        ("Dazu ist nichts bekannt, das geht nicht hervor.", True),
        ("She lives in Porto.", False),
        ("It is well known that she drives a Fiat.", False),
    ],
)
def test_models_say_in_many_ways_that_they_do_not_know(text: str, unknown: bool) -> None:
    assert says_not_known(text) is unknown
    assert by_words(item(answerable=False), text, is_chosen=True) is unknown


@pytest.mark.parametrize(
    ("gold", "text", "right"),
    [
        ("2", "You own two bikes.", True),
        ("two", "You own 2 bikes.", True),
        ("2", "You own 12 bikes.", False),
        ("The Museum of Modern Art", "It was the museum of modern art.", True),
        ("The Museum of Modern Art", "It was a museum.", False),
        ("7 May 2023", "On May 7, 2023.", True),
    ],
)
def test_most_words_of_a_gold_answer_make_an_answer_right(gold: str, text: str, right: bool) -> None:
    assert by_words(item(gold), text, is_chosen=False) is right


def test_words_that_were_chosen_must_all_be_there() -> None:
    asked = item("x", wanted=("porto|oporto", "2019"))
    assert by_words(asked, "In Oporto, since 2019.", is_chosen=True)
    assert not by_words(asked, "In Oporto.", is_chosen=True)


def test_a_state_is_continued_and_a_line_that_was_cut_is_dropped(tmp_path: Path) -> None:
    state = State(tmp_path, {"model": "a"})
    state.add_conversation("talk", 1.5)
    state.add_answer(Answered("1", "Porto — ja", 0.5, by_words=True))
    state.add_answer(Answered("2", "", 0.5, by_words=False, error="503"))
    with (tmp_path / STATE).open("a") as file:
        file.write('{"answered": {"id": "3", "te')
    again = State(tmp_path, {"model": "a"})
    assert (again.ingested, again.answered) == (state.ingested, state.answered)
    assert [again.has_answer(id) for id in "123"] == [True, False, False]
    again.add_conversation("more", 2.0)
    assert State(tmp_path, {"model": "a"}).ingested == {"talk": 1.5, "more": 2.0}


def test_a_folder_of_another_run_is_refused(tmp_path: Path) -> None:
    State(tmp_path, {"model": "a", "level": "low"})
    with pytest.raises(OtherRun, match="another model"):
        State(tmp_path, {"model": "b", "level": "low"})


# Whole runs.


def script(asked: Asked) -> Any:
    said = json.dumps(asked["messages"])
    if RULES.splitlines()[0] in said:
        return saying("<think>Hm.</think>Yes." if "Oporto" in said or "do not know" in said else "No, that is wrong.")
    if wants_facts(asked):
        return None
    question = next((words for words in ANSWERS if words in said.rpartition("<question>")[2]), None)
    if question is None:
        return answering(400, error("what?"))
    return (streaming if asked.get("stream") else saying)(ANSWERS[question])


@pytest.fixture
def model() -> Iterator[FaultProxy]:
    with provider(script) as running:
        yield running


def bench(model: FaultProxy, folder: Path, *more: str) -> Result:
    chosen = ["--model", "openai:toy", "--base-url", f"{model.url}/v1", "--folder", str(folder / "run")]
    settings = ["--set", "embedder=wordllama", "--set", "cross_encoder=false", "--json", str(folder / "out.json")]
    return CliRunner().invoke(main, [*chosen, *settings, *more], catch_exceptions=False)


def figures(folder: Path) -> dict[tuple[str, str], Any]:
    return {(each["name"], each["measure"]): each["value"] for each in json.loads((folder / "out.json").read_text())}


def test_a_run_is_graded_by_words_and_judge_and_asks_nothing_twice(model: FaultProxy, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    given = ["--data", str(own_data(tmp_path / "data")), "--conversation", "tiny"]
    done = bench(model, tmp_path, *given, "--judge", "openai:judge")
    assert done.exit_code == 0, done.output
    found = figures(tmp_path)
    assert [found[kind, "right by words"] for kind in ("fact", "unanswerable")] == [0.5, 1.0]
    assert found["all", "right by judge"] == pytest.approx(2 / 3)
    assert (found["all", "no answer"], found["all", "no verdict"]) == (0, 0)
    assert found["used: derive", "tokens in"] == 11 * found["used: derive", "calls"] > 0
    assert (found["used: chat_low", "calls"], found["used: judge", "calls"]) == (3, 3)
    judged = [request for request in model.asked if request["model"] == "judge"]
    assert any("I live in Porto." in json.dumps(request) for request in judged), "the judge sees the gold turn"
    model.asked.clear()
    assert bench(model, tmp_path, *given, "--judge", "openai:judge").exit_code == 0
    assert (model.asked, figures(tmp_path)) == ([], found)


def test_an_interrupted_run_asks_only_what_is_missing(model: FaultProxy, tmp_path: Path) -> None:
    file = written(tmp_path / "locomo10.json", LOCOMO)
    assert bench(model, tmp_path, "--locomo", str(file)).exit_code == 0
    state = tmp_path / "run" / STATE
    whole = state.read_text()
    state.write_text("".join(whole.splitlines(keepends=True)[:-1]))
    model.asked.clear()
    assert bench(model, tmp_path, "--locomo", str(file)).exit_code == 0
    assert ["dog" in json.dumps(request["messages"]) for request in model.asked] == [True]
    found = figures(tmp_path)
    assert (found["single-hop", "right by words"], found["adversarial", "right by words"]) == (1.0, 0.0)
    refused = bench(model, tmp_path, "--locomo", str(file), "--level", "high")
    assert (refused.exit_code, "a run with another level" in refused.output) == (1, True)


def test_a_wrong_command_is_explained_before_anything_is_asked(model: FaultProxy, tmp_path: Path) -> None:
    for options, word in (
        (["--conversation", "nowhere"], "no conversation nowhere"),
        (["--set", "embedder"], "NAME=VALUE"),
        (["--judge", "unknown:x"], "OMOIDE_MODEL is 'unknown:x'"),
    ):
        refused = bench(model, tmp_path, *options)
        assert (refused.exit_code, word in refused.output) == (1, True), refused.output
    assert model.asked == []
