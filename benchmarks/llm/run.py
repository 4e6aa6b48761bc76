"""A run: each conversation is learned and its questions are asked, with progress bars; then the answers are graded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace

import httpx

from benchmarks.llm.client import LlmBenchClient
from benchmarks.llm.grading import Judge, by_words
from benchmarks.llm.progress import Progress, progress
from benchmarks.llm.state import Answered, State
from benchmarks.llm.suites import WORKSPACE, Item, Suite
from omoide.core.settings import Settings


@dataclass(frozen=True, slots=True)
class RunPlan:
    """How questions are asked: `parallel` of them at a time, after `dreams` if they are wanted."""

    level: str
    parallel: int
    dreams: bool


def learn_and_ask(client: LlmBenchClient, suite: Suite, state: State, plan: RunPlan) -> None:
    """Do what is missing in the state."""
    open_items = [each for each in suite.items if not state.has_answer(each.id)]
    with progress("questions", len(suite.items), len(suite.items) - len(open_items)) as bar:
        for name, turns in suite.conversations.items():
            items = [each for each in open_items if each.conversation == name]
            if name not in state.ingested:
                begun = time.monotonic()
                client.store(name, turns)
                _learn(client, name, bar)
                if plan.dreams:
                    asked_about = {each.peer for each in suite.items if each.conversation == name} - {WORKSPACE}
                    client.dream(name, sorted(asked_about or {turn.peer for turn in turns}))
                    _learn(client, name, bar)
                state.add_conversation(name, time.monotonic() - begun)
            _ask(client, items, state, plan, bar, is_chosen=suite.name == "own")


def _learn(client: LlmBenchClient, name: str, bar: Progress) -> None:
    failed = client.learn(name, lambda done, total: bar.show(f"{name}: learned {done} of {total}"))
    if failed:
        bar.say(f"{name}: {failed} units failed; the server's queue has the reasons")


def _ask(
    client: LlmBenchClient, items: Sequence[Item], state: State, plan: RunPlan, bar: Progress, *, is_chosen: bool
) -> None:
    def answer(item: Item) -> Answered:
        begun, text, error = time.perf_counter(), "", ""
        try:
            text = client.ask(item, plan.level)
        except httpx.HTTPStatusError as refused:
            error = refused.response.text[:200]
        except httpx.TimeoutException as late:
            error = type(late).__name__
        seconds = time.perf_counter() - begun
        return Answered(item.id, text, seconds, not error and by_words(item, text, is_chosen=is_chosen), error=error)

    with ThreadPoolExecutor(plan.parallel) as pool:
        for item, answered in zip(items, pool.map(answer, items), strict=True):
            state.add_answer(answered)
            right = sum(each.by_words for each in state.answered.values())
            bar.step(f"{item.conversation}: {right / len(state.answered):.0%} right by words")


def judge(settings: Settings, suite: Suite, state: State, parallel: int) -> None:
    """Have a model grade the answers that it has not graded yet."""
    asyncio.run(_judge(settings, suite, state, parallel))


async def _judge(settings: Settings, suite: Suite, state: State, parallel: int) -> None:
    missing = [each for each in suite.items if (found := state.answered.get(each.id)) and found.by_judge is None]
    grader, gate = Judge(settings), asyncio.Semaphore(parallel)
    try:
        with progress("verdicts", len(suite.items), len(suite.items) - len(missing)) as bar:

            async def grade(item: Item) -> None:
                async with gate:
                    answered = state.answered[item.id]
                    verdict = False if answered.error else await grader.grade(item, answered.text)
                    state.add_answer(replace(answered, by_judge=verdict))
                    bar.step(item.conversation)

            async with asyncio.TaskGroup() as group:
                for item in missing:
                    group.create_task(grade(item))
    finally:
        state.add_judged(asdict(grader.used()))
        await grader.aclose()
