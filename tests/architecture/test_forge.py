"""The files for public forges agree with the project: workflow, hooks, issue forms."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def read(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


def test_the_workflow_runs_on_the_versions_that_the_project_names() -> None:
    versions = read(".github/workflows/ci.yml")["jobs"]["test"]["strategy"]["matrix"]["python"]
    named = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", line)]
    assert versions == named
    assert PROJECT["requires-python"] == f">={versions[0]}"


def test_the_workflow_uses_releases_of_actions_and_runs_what_ci_runs() -> None:
    steps = read(".github/workflows/ci.yml")["jobs"]["test"]["steps"]
    for action in [step["uses"] for step in steps if "uses" in step]:
        assert re.fullmatch(r"actions/[\w-]+@v\d+", action), f"use a release of GitHub's own actions, not {action}"
    commands = [step["run"] for step in steps if "run" in step]
    assert commands == re.findall(r"(?m)^make .*", (ROOT / ".ci/run").read_text())
    assert {command.removeprefix("make ") for command in commands} <= TARGETS


def test_hooks_run_commands_that_make_check_runs() -> None:
    makefile = (ROOT / "Makefile").read_text().replace("$(BIN)", ".venv/bin")
    (repository,) = read(".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    for hook in repository["hooks"]:
        command = re.sub(r" --(fix|force-exclude)\b", "", hook["entry"])
        assert f"\t{command}" in makefile, f"{hook['id']}: make check does not run {command}"


@pytest.mark.parametrize("name", ["bug", "feature"])
def test_an_issue_form_has_questions_with_labels(name: str) -> None:
    form = read(f".github/ISSUE_TEMPLATE/{name}.yml")
    assert form["name"]
    assert form["description"]
    questions = [each for each in form["body"] if each["type"] != "markdown"]
    assert len({each["id"] for each in questions}) == len(questions)
    assert all(each["attributes"]["label"] for each in questions)
    assert any(each.get("validations", {}).get("required") for each in questions)
