"""Load, validate and run stories."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import yaml
from honcho.api_types import PeerConfig, SessionConfiguration, WorkspaceConfiguration
from pydantic import Field, model_validator

from tests.handlers.workspace import until
from tests.journeys import steps
from tests.journeys.expectations import EXPECTATIONS
from tests.journeys.matching import Strict
from tests.journeys.server_fixture import Members, Stage
from tests.journeys.steps import Configuration, StoryStep


class Check(Protocol):
    def check(self, stage: Stage) -> None:
        """Raise AssertionError if the expectation fails."""


class Expect:
    """Check all expectations now."""

    def __init__(self, data: Any) -> None:
        if not isinstance(data, list) or not data:
            raise ValueError(f"expected a list of expectations, got {data!r}")
        self.checks: list[Check] = [_named(each, EXPECTATIONS, "expectation") for each in data]

    def play(self, stage: Stage) -> None:
        for check in self.checks:
            check.check(stage)


class Eventually(Expect):
    """Poll until all expectations hold, for background work that no status reports."""

    def play(self, stage: Stage) -> None:
        for check in self.checks:
            if not _holds_before_long(check, stage):
                check.check(stage)


def _holds_before_long(check: Check, stage: Stage) -> bool:
    def holds() -> bool:
        try:
            check.check(stage)
        except AssertionError:
            return False
        return True

    try:
        until(holds)
    except AssertionError:
        return False
    return True


STEPS: dict[str, type[Any]] = {
    "say": steps.Say,
    "talk": steps.Talk,
    "wait": steps.WaitStep,
    "mark": steps.Mark,
    "join": steps.Join,
    "leave": steps.Leave,
    "configure": steps.Configure,
    "dream": steps.Dream,
    "refresh_card": steps.RefreshCard,
    "write_card": steps.WriteCard,
    "scope": steps.ScopeStep,
    "upload": steps.Upload,
    "delete": steps.Delete,
    "correct": steps.Correct,
    "merge": steps.MergeStep,
    "expect": Expect,
    "eventually": Eventually,
}


class SessionPlan(Strict):
    peers: Members = Field(default_factory=dict)
    configuration: Configuration | None = None
    scopes: list[str] | None = None


class Story(Strict):
    """`workspace` and `peers` are optional configurations."""

    title: str
    workspace: Configuration | None = None
    peers: dict[str, Configuration] = Field(default_factory=dict)
    sessions: dict[str, SessionPlan] = Field(default_factory=dict)
    steps: list[dict[str, Any] | str] = Field(min_length=1)

    @model_validator(mode="after")
    def _can_be_played(self) -> Story:
        if not any(isinstance(step, Expect) for step in self.acts()):
            raise ValueError("expects nothing")
        return self

    def acts(self) -> list[StoryStep]:
        return [_named(each, STEPS, "step") for each in self.steps]

    def play(self, stage: Stage) -> None:
        """Set up an empty workspace and run all steps. Raises AssertionError if an expectation fails."""
        if self.workspace is not None:
            stage.honcho.set_configuration(WorkspaceConfiguration.model_validate(self.workspace))
        for peer, configuration in self.peers.items():
            stage.honcho.peer(peer, configuration=PeerConfig.model_validate(configuration))
        for id, plan in self.sessions.items():
            stage.honcho.session(
                id,
                configuration=SessionConfiguration.model_validate(plan.configuration or {}),
                peers=steps.members(plan.peers) or None,
                scopes=plan.scopes,
            )
        for act in self.acts():
            act.play(stage)


def stories(text: str) -> list[Story]:
    """Parse the stories of a file, one per YAML document. Raises ValueError for an invalid story."""
    return [Story.model_validate(document) for document in yaml.load_all(text, yaml.CSafeLoader)]


def stories_in(folder: Path) -> Iterator[tuple[str, Story]]:
    """Yield name (file and title) and story, sorted by file."""
    for path in sorted(folder.glob("*.yaml")):
        for story in stories(path.read_text(encoding="utf-8")):
            yield f"{path.stem}: {story.title}", story


def _named(data: Any, known: dict[str, type[Any]], what: str) -> Any:
    """Create a step or expectation from a mapping with one key, or from its bare name."""
    given = {data: {}} if isinstance(data, str) else data
    if not isinstance(given, dict) or len(given) != 1:
        raise ValueError(f"{what} must have exactly one name, got {data!r}")
    [(name, body)] = given.items()
    if name not in known:
        raise ValueError(f"unknown {what} {name!r}")
    kind = known[name]
    return kind(body) if issubclass(kind, Expect) else kind.model_validate(body)
