"""Dreams with a model at a scripted endpoint: what they change, and that the card follows what they found."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from omoide.core import clock
from omoide.core.job_payloads import DreamPayload
from omoide.core.settings import Settings
from omoide.storage import cards, conclusions, dreams
from tests import sql
from tests.inference.completions import error
from tests.inference.faulty_provider import ProviderConnection, answering, body, misbehaving, said
from tests.read_now import read_now
from tests.worker.test_provider_faults import run, without_pauses
from tests.worker.worker_fixture import Home

FISH, SNAKES, RUNS, AGAIN = (
    "alice is into fish tanks",
    "alice has moved on to snakes",
    "alice goes running on Sundays",
    "alice runs every Sunday",
)
SAID = {FISH: "Fish tanks!", SNAKES: "Snakes now.", RUNS: "I run on Sundays.", AGAIN: "Sunday: I ran."}
DEDUCED, PATTERN = "alice keeps snakes at home", "alice changes animals"
Asked = dict[str, Any]


def call(name: str, arguments: Any) -> dict[str, Any]:
    return {"id": "1", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}


def task_of(asked: Asked) -> str:
    rules = str(asked["messages"][0]["content"])
    marks = {"facts about one": "derive", "card of a peer": "card", "follows of necessity": "deduce"}
    marks |= {"find patterns": "induce", "say at once": "plan"}
    return next((task for mark, task in marks.items() if mark in rules), "other")


class Dreaming:
    """An endpoint that dreams with or without tools."""

    def __init__(self, *, with_tools: bool) -> None:
        self.with_tools = with_tools
        self.asked: dict[str, list[str]] = {}
        self.ids: dict[str, str] = {}

    def __call__(self, line: ProviderConnection, asked: Asked) -> None:
        task, prompt = task_of(asked), "\n".join(str(each["content"]) for each in asked["messages"])
        self.asked.setdefault(task, []).append(prompt)
        self.ids |= {
            content: id for id, content in re.findall(r"^\[(\d+)\] \w+ \w{3} \S+ \S+: (.*)$", prompt, re.MULTILINE)
        }
        answers: Mapping[str, Callable[[str], Any]] = {
            "derive": self._facts,
            "card": self._card,
            "deduce": lambda _: self._by_tools(),
            "induce": lambda _: answering(
                {
                    "content": None,
                    "tool_calls": [
                        call("create_observations_inductive", {"observations": [self._pattern()]}),
                        call("finish_consolidation", {}),
                    ],
                },
                "tool_calls",
            ),
            "plan": lambda _: said(json.dumps(self._plan())),
        }
        if asked.get("tools") and not self.with_tools:
            body(error("registry.example/toy does not support tools"), 400)(line, asked)
        else:
            answers[task](prompt)(line, asked)

    def _facts(self, prompt: str) -> Any:
        messages = re.findall(r"^\[(\d+)\] \S+ alice: (.*)$", prompt, re.MULTILINE)
        by_text = {text: fact for fact, text in SAID.items()}
        facts = [{"content": by_text[text], "message_ids": [int(number)]} for number, text in messages]
        return said(json.dumps({"facts": facts}))

    def _card(self, prompt: str) -> Any:
        lines = ["ATTRIBUTE: keeps snakes at home", "INSTRUCTION: keep up the great work", "ATTRIBUTE: keeps 41 snakes"]
        numbers = [int(number) for number in re.findall(rf"^\[(\d+)\].*{DEDUCED}", prompt, re.MULTILINE)]
        return said(json.dumps({"lines": [{"line": line, "conclusions": numbers} for line in lines]}))

    def _plan(self) -> dict[str, Any]:
        ids = self.ids
        return {
            "deductions": [{"content": DEDUCED, "source_ids": [ids[SNAKES]]}, {"content": "alice is rich"}],
            "patterns": [self._pattern()],
            "replacements": [{"old_id": ids[FISH], "new_id": ids[SNAKES]}],
            "merges": [{"kept_id": ids[RUNS], "dropped_ids": [ids[AGAIN]]}],
        }

    def _pattern(self) -> dict[str, Any]:
        return {"content": PATTERN, "source_ids": [self.ids[SNAKES], self.ids[RUNS]]}

    def _by_tools(self) -> Any:
        plan = self._plan()
        calls = [
            call("create_observations_deductive", {"observations": plan["deductions"][:1]}),
            call("replace_observations", {"replacements": plan["replacements"]}),
            call("merge_observations", {"merges": plan["merges"]}),
            call("finish_consolidation", {}),
        ]
        return answering({"content": None, "tool_calls": calls}, "tool_calls")


def dream(path: Path, endpoint: Dreaming) -> None:
    async def story(home: Home) -> None:
        for text in SAID.values():
            await home.say(f"alice {text}")
            await home.work()
        assert home.texts() == [*SAID]
        await home.store.write(dreams.request, "w", DreamPayload("alice", "alice", None, "omni"), clock.now())
        await home.work()
        assert home.texts() == [SNAKES, RUNS, DEDUCED, PATTERN]
        ended = "SELECT content, ended_as, successor FROM conclusions WHERE ended_as IS NOT NULL ORDER BY pk"
        by_text = {each.content: each.id for each in home.known()}
        assert read_now(home.store, sql.rows, ended) == [
            (FISH, "superseded", by_text[SNAKES]),
            (AGAIN, "merged", by_text[RUNS]),
        ]
        assert await home.store.read(cards.get, "w", "alice", "alice") == ["ATTRIBUTE: keeps snakes at home"]
        assert read_now(home.store, conclusions.get, "w", by_text[RUNS]).times_derived == 2

    with misbehaving(endpoint) as provider:
        chosen: dict[str, Any] = {"model": "openai:toy", "model_base_url": provider.url, "model_retries": 0}
        run(path, story, without_pauses(Settings.model_validate(chosen)), **chosen, deduplicate=False)
    card, again = endpoint.asked["card"]
    refused = again.partition("cannot be used")[2]
    assert "INSTRUCTION: keep up the great work (it is praise" in refused
    assert "ATTRIBUTE: keeps 41 snakes (the conclusions behind it do not name 41)" in refused
    assert "keeps snakes" not in refused
    known, told = card.partition("<ended>")[0] + card.partition("</ended>")[2], card.partition("<ended>")[2]
    assert DEDUCED in known
    assert AGAIN not in card
    assert FISH not in known
    assert FISH in told.partition("</ended>")[0]


def test_the_card_after_a_dream_knows_what_the_dream_found(db_path: Path) -> None:
    endpoint = Dreaming(with_tools=True)
    dream(db_path, endpoint)
    assert {task: len(prompts) for task, prompts in endpoint.asked.items() if task != "derive"} == {
        "deduce": 1,
        "induce": 1,
        "card": 2,
    }


def test_a_dream_at_an_endpoint_without_tools_is_one_request(db_path: Path) -> None:
    endpoint = Dreaming(with_tools=False)
    dream(db_path, endpoint)
    assert {task: len(prompts) for task, prompts in endpoint.asked.items() if task != "derive"} == {
        "deduce": 1,
        "plan": 1,
        "card": 2,
    }
