"""`make bench-llm MODEL=openai:…`: how well a language model remembers and answers.

Keys come from the environment, as for the server: OMOIDE_MODEL_API_KEY, OMOIDE_OPENAI_API_KEY and so on; for a judge
with another key BENCH_JUDGE_API_KEY. An interrupted run continues when it is started again.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import httpx
from pydantic import ValidationError

from benchmarks.llm import report, run, suites
from benchmarks.llm.client import PATIENCE_SECONDS, LlmBenchClient, Stalled
from benchmarks.llm.state import OtherRun, State
from benchmarks.llm.suites import InvalidFile, Suite
from benchmarks.measurements import json_option, publish
from benchmarks.servers import omoide
from omoide.core.errors import OmoideError
from omoide.core.settings import Settings, SettingsError
from omoide.inference.model_config import model_configs

ROOT = Path("bench-llm")
"""The folder of all runs."""
LEVELS = ("minimal", "low", "medium", "high", "max")
KEYS, JUDGE_KEY = re.compile(r"OMOIDE_\w+_API_KEY"), "BENCH_JUDGE_API_KEY"
LASTING = {"idempotency_hours": "87600", "dream_idle_minutes": "1440", "model_debounce_seconds": "2"}
"""Settings of the server: a run may be continued after days, dreams are requested, and no talk is still going on."""
JUDGE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Options:
    """The command line."""

    model: str
    base_url: str
    judge: str
    judge_base_url: str
    level: str
    longmemeval: Path | None
    locomo: Path | None
    data: Sequence[Path]
    only: Sequence[str]
    questions: int | None
    dreams: bool
    parallel: int
    chosen: Sequence[str]
    patience: float
    folder: Path | None

    @property
    def place(self) -> Path:
        """The folder of the run."""
        file = self.longmemeval or self.locomo
        name = f"{self.model}-{file.stem if file else 'own'}-{self.level}"
        return self.folder or ROOT / re.sub(r"[^\w.-]+", "_", name)

    def settings(self) -> dict[str, str]:
        """The settings of the server that were chosen. Raises SettingsError."""
        if bad := [each for each in self.chosen if "=" not in each]:
            raise SettingsError(f"--set {bad[0]}: it must be NAME=VALUE")
        return dict(each.split("=", 1) for each in self.chosen)

    def kept(self) -> dict[str, Any]:
        """What cannot change while a run is continued."""
        named = {name: getattr(self, name) for name in ("model", "base_url", "level", "dreams")}
        return {**named, "file": str(self.longmemeval or self.locomo or "own"), "settings": self.settings()}


@click.command()
@click.option("--model", required=True, help="The model: openai:<model>, anthropic:<model> or google:<model>.")
@click.option("--base-url", default="", help="Its endpoint if it is not the provider's own.")
@click.option("--judge", default="", help="A model that grades the answers too.")
@click.option("--judge-base-url", default="", help="Its endpoint. Default: that of the model, of the same provider.")
@click.option("--level", type=click.Choice(LEVELS), default="low", show_default=True, help="The reasoning level.")
@click.option("--longmemeval", type=click.Path(exists=True, path_type=Path), help="A file of LongMemEval instead.")
@click.option("--locomo", type=click.Path(exists=True, path_type=Path), help="A file of LoCoMo instead.")
@click.option("--data", multiple=True, type=click.Path(file_okay=False, path_type=Path), help="More data like our own.")
@click.option("--conversation", "only", multiple=True, help="Only this conversation; can be repeated.")
@click.option("--questions", type=click.IntRange(min=1), help="Only so many questions, with their conversations.")
@click.option("--dreams", is_flag=True, help="Dream about each peer before the questions.")
@click.option("--parallel", type=click.IntRange(1, 64), default=4, show_default=True, help="Questions at a time.")
@click.option("--set", "chosen", multiple=True, metavar="NAME=VALUE", help="A setting of the server; can be repeated.")
@click.option("--patience", type=float, default=PATIENCE_SECONDS, help="Seconds without progress that end a run.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Where the run is kept.")
@click.option("--restart", is_flag=True, help="Forget what the folder has of an earlier run.")
@json_option
def main(*, json_file: Path | None, restart: bool, **given: Any) -> None:
    """Print how many answers are right, by kind of question, and how many tokens and seconds they took."""
    options = Options(**given)
    if restart:
        shutil.rmtree(options.place, ignore_errors=True)
    try:
        suite, state, usage = finished(options)
    except (InvalidFile, OtherRun, SettingsError, ValidationError, Stalled) as error:
        raise click.ClickException(str(error)) from error
    except (OmoideError, ExceptionGroup, httpx.HTTPError, RuntimeError) as error:
        raise click.ClickException(f"{error}\nRun it again to continue.") from error
    title = f"{options.model}, {suite.name}: {len(state.answered)} of {len(suite.items)} questions"
    publish(title, report.figures(suite, state, usage, judged=bool(options.judge)), json_file)


def finished(options: Options) -> tuple[Suite, State, Mapping[str, Mapping[str, int]]]:
    """Do what is missing of the run. Returns what was asked, what was answered, and what was used by task."""
    suite = suite_of(options)
    given = {**keys(), "model": options.model, "model_base_url": options.base_url}
    model_configs(Settings.model_validate(given))
    grader = judge_settings(options) if options.judge else None
    state = State(options.place, options.kept())
    with serving(options) as client:
        run.learn_and_ask(client, suite, state, run.RunPlan(options.level, options.parallel, options.dreams))
        usage = client.usage([*suite.conversations])
    if grader is not None:
        run.judge(grader, suite, state, options.parallel)
    return suite, state, usage


def suite_of(options: Options) -> Suite:
    """The chosen conversations and questions. Raises InvalidFile."""
    if options.longmemeval:
        found = suites.longmemeval(options.longmemeval)
    elif options.locomo:
        found = suites.locomo(options.locomo)
    else:
        found = suites.own(options.data)
    if unknown := {*options.only} - {*found.conversations}:
        raise InvalidFile(f"There is no conversation {', '.join(sorted(unknown))}.")
    items = [each for each in found.items if not options.only or each.conversation in options.only]
    items = items[: options.questions]
    names = {each.conversation for each in items}
    conversations = {name: turns for name, turns in found.conversations.items() if name in names}
    return replace(found, items=items, conversations=conversations)


def judge_settings(options: Options) -> Settings:
    """Settings with the judge as the model: at the model's endpoint, if it has no other and is of the same provider.

    Raises SettingsError, as for an unknown provider or a missing key.
    """
    is_alike = options.judge.partition(":")[0] == options.model.partition(":")[0]
    address = options.judge_base_url or (options.base_url if is_alike else "")
    chosen = keys()
    if key := os.environ.get(JUDGE_KEY):
        chosen["model_api_key"] = key
    elif address != options.base_url or not is_alike:
        chosen.pop("model_api_key", None)  # it is for the model's endpoint only
    given = {"model": options.judge, "model_base_url": address, "model_timeout_seconds": JUDGE_SECONDS}
    settings = Settings.model_validate({**chosen, **given})
    model_configs(settings)
    return settings


def keys() -> dict[str, str]:
    """The keys in the environment, as settings of a server."""
    found = {name: key for name, key in os.environ.items() if KEYS.fullmatch(name)}
    return {name.removeprefix("OMOIDE_").lower(): key for name, key in found.items()}


@contextlib.contextmanager
def serving(options: Options) -> Iterator[LlmBenchClient]:
    """A client of a server whose database is kept with the run."""
    model = {"model": options.model} | ({"model_base_url": options.base_url} if options.base_url else {})
    with omoide(options.place.absolute(), **{**LASTING, **keys(), **model, **options.settings()}) as server:
        host, port = server.address
        with contextlib.closing(LlmBenchClient(f"http://{host}:{port}", patience=options.patience)) as client:
            yield client


if __name__ == "__main__":
    main()
