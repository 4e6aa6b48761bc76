"""The store of LangGraph behaves as LangGraph's own, and a graph that uses it remembers.

No package ships tests for stores, so the store that keeps its items in the memory of the process is the reference.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.examples.processes import environment, interpreter, output, python
from tests.inference.faulty_provider import misbehaving, said
from tests.server_process import Server

SCRIPT = Path(__file__).with_name("langgraph_scenarios.py")
SCENARIOS = re.findall(r"(?m)^def (\w+)\(store: BaseStore\) -> Any:", SCRIPT.read_text())


@pytest.fixture(scope="module")
def results(restless: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The results of all scenarios, by kind of store."""
    env = environment(restless, tmp_path_factory.mktemp("home"))
    command = [interpreter("agents"), str(SCRIPT)]
    return {kind: json.loads(output([*command, kind], "", env)) for kind in ("memory", "omoide")}


def test_every_scenario_is_run(results: dict[str, dict[str, Any]]) -> None:
    assert [*results["memory"]] == [*results["omoide"]] == SCENARIOS


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_store_does_what_the_reference_does(results: dict[str, dict[str, Any]], scenario: str) -> None:
    assert results["omoide"][scenario] == results["memory"][scenario]


def test_a_graph_is_given_what_the_user_said_in_other_runs(restless: Server, tmp_path: Path) -> None:
    lines = [
        ("bo", "I live in Porto and I have two cats."),
        ("bo", "My bicycle was stolen on Monday."),
        ("eve", "I live in Oslo."),
        ("bo", "Which animals live with me?"),
    ]
    with misbehaving(said("Fine.")) as model:
        env = environment(restless, tmp_path, OPENAI_BASE_URL=model.url, OPENAI_API_KEY="none", MODEL="toy")
        replies = [python("langgraph_chat.py", "", env, *line, by=interpreter("agents")) for line in lines]
    assert replies == ["Fine.\n"] * len(lines)
    first, _, third, last = (request["messages"][0]["content"].splitlines()[1:] for request in model.asked)
    assert first == third == []
    assert last[0] == "I live in Porto and I have two cats."
    assert "I live in Oslo." not in last
