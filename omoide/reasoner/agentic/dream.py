"""Consolidate the conclusions of a pair with a model: a deduction phase, then an induction phase. Stores nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import ModelRequestParameters

from omoide.core.clock import now
from omoide.core.errors import Unavailable
from omoide.inference.model_registry import ContextExceeded, ToolsRefused
from omoide.inference.tokens import TokenCounter
from omoide.reasoner.agentic import prompt_templates
from omoide.reasoner.agentic.card import newest_within
from omoide.reasoner.agentic.dream_draft import Draft
from omoide.reasoner.agentic.formatting import conclusion_lines, present
from omoide.reasoner.agentic.model_client import ModelCaller, Opening
from omoide.reasoner.agentic.tool_loop import ModelTurn, run_tool_loop
from omoide.reasoner.agentic.tools import ReadingTools, Toolbox
from omoide.reasoner.memory_view import MemoryView
from omoide.reasoner.protocol import Dreamed, DreamTask

logger = logging.getLogger("omoide.reasoner")

# Source of rounds and output: the public description of the API.
MOST_OUTPUT = 8_192
SHOWN = (8_192, 2_048, 512)
"""Maximum tokens of conclusions in the first prompt of a phase; the model may search for more. Less if it has to be."""


@dataclass(frozen=True, slots=True)
class Phase:
    name: str
    rounds: int
    rules: str


DEDUCTION = Phase("deduction", 12, prompt_templates.load("deduction.rules"))
INDUCTION = Phase("induction", 10, prompt_templates.load("induction.rules"))
GIVEN = prompt_templates.load("dream.given")


async def dream(task: DreamTask, memory: MemoryView, caller: ModelCaller, tokens: TokenCounter) -> Dreamed:
    """Return the conclusions to add and delete. If a phase fails, its drafts are kept and the next phase runs.

    Nothing changes if the endpoint takes no tools. Raises Unavailable if the provider fails, and the first phase's
    exception if all phases fail.
    """

    async def turn(history: Sequence[ModelMessage], parameters: ModelRequestParameters) -> ModelResponse:
        return await caller.whole(history, MOST_OUTPUT, parameters)

    draft, reading = Draft(task, memory), ReadingTools(memory)
    failures: list[Exception] = []
    phases = ((DEDUCTION, draft.deductive()), (INDUCTION, draft.inductive()))
    for phase, writing in phases if caller.traits.takes_tools else ():
        tools = [reading.recent_observations(), *reading.minimal(), reading.reasoning_chain(), *writing]
        toolbox = Toolbox([*tools, draft.finish()])
        try:
            await _run(turn, phase, toolbox, partial(_opening, phase, task, draft, tokens))
        except Unavailable:
            raise
        except ToolsRefused as refusal:
            logger.warning("%s There are no dreams without tools, only cards.", refusal.reason)
            caller.traits.takes_tools = False
            break
        except Exception as failure:
            logger.warning("the %s of a dream failed: %s", phase.name, failure, exc_info=failure)
            failures.append(failure)
    if len(failures) == len(phases):
        raise failures[0]
    return draft.dreamed()


async def _run(turn: ModelTurn, phase: Phase, toolbox: Toolbox, opening: Callable[[int], Opening]) -> None:
    """Run a phase, with fewer conclusions in its prompt if the model has no room for them."""
    for most in SHOWN[:-1]:
        try:
            await run_tool_loop(turn, opening(most), toolbox, phase.rounds)
        except ContextExceeded:
            continue
        return
    await run_tool_loop(turn, opening(SHOWN[-1]), toolbox, phase.rounds)


def _opening(phase: Phase, task: DreamTask, draft: Draft, tokens: TokenCounter, most: int) -> Opening:
    newest = newest_within(task.conclusions, tokens, most)
    given = prompt_templates.fill(
        GIVEN,
        observer=prompt_templates.inline(task.observer_id),
        target=prompt_templates.inline(task.observed_id),
        count=str(len(task.conclusions)),
        instructions=prompt_templates.section("instructions", task.instructions or ""),
        conclusions=prompt_templates.section("conclusions", conclusion_lines(newest)),
        derived=prompt_templates.section("derived", draft.shown),
        now=present(now()),
    )
    return Opening(phase.rules, given)
