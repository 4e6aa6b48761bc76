"""Consolidate the conclusions of a pair with a model: a deduction phase, then an induction phase. Stores nothing.

An endpoint without tools is asked once for all changes.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import ModelRequestParameters

from omoide.core.clock import now
from omoide.core.errors import Unavailable
from omoide.inference.model_registry import ContextExceeded, ToolsRefused
from omoide.inference.tokens import TokenCounter
from omoide.reasoner.agentic import prompt_templates
from omoide.reasoner.agentic.card import newest_within
from omoide.reasoner.agentic.dream_arguments import DreamPlan
from omoide.reasoner.agentic.dream_draft import Draft
from omoide.reasoner.agentic.formatting import present
from omoide.reasoner.agentic.model_client import ModelCaller, Opening
from omoide.reasoner.agentic.structured_output import OutputForm, filled
from omoide.reasoner.agentic.tool_loop import ModelTurn, run_tool_loop
from omoide.reasoner.agentic.tools import ReadingTools, Toolbox, schema_of
from omoide.reasoner.memory_view import MemoryView
from omoide.reasoner.protocol import Dreamed, DreamTask

T = TypeVar("T")
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
WITHOUT_TOOLS = Phase("single request", 1, prompt_templates.load("dream.once.rules"))
GIVEN = prompt_templates.load("dream.given")
PLAN = schema_of(DreamPlan)


async def dream(task: DreamTask, memory: MemoryView, caller: ModelCaller, tokens: TokenCounter) -> Dreamed:
    """Return the conclusions to add, merge and delete. If a phase fails, its drafts are kept and the next phase runs.

    Raises Unavailable if the provider fails, and the first phase's exception if all phases fail.
    """
    draft = Draft(task, memory)
    if not caller.traits.takes_tools or not await _by_tools(task, memory, draft, caller, tokens):
        await _at_once(task, memory, draft, caller, tokens)
    return draft.dreamed()


async def _by_tools(
    task: DreamTask, memory: MemoryView, draft: Draft, caller: ModelCaller, tokens: TokenCounter
) -> bool:
    """Run the phases; return False if the endpoint takes no tools. Raises as `dream` does."""

    async def turn(history: Sequence[ModelMessage], parameters: ModelRequestParameters) -> ModelResponse:
        return await caller.whole(history, MOST_OUTPUT, parameters)

    reading = ReadingTools(memory, draft.is_gone)
    failures: list[Exception] = []
    phases = ((DEDUCTION, draft.deductive()), (INDUCTION, draft.inductive()))
    for phase, writing in phases:
        tools = [reading.recent_observations(), *reading.minimal(), reading.reasoning_chain(), *writing]
        toolbox = Toolbox([*tools, draft.finish()], reading.names)
        try:
            opening = partial(_opening, phase, task, draft, reading, tokens)
            await _with_room(partial(_phase, turn, phase, toolbox, opening))
        except Unavailable:
            raise
        except ToolsRefused as refusal:
            logger.info("%s Dreams there are single requests.", refusal.reason)
            caller.traits.takes_tools = False
            return False
        except Exception as failure:
            logger.warning("the %s of a dream failed: %s", phase.name, failure, exc_info=failure)
            failures.append(failure)
    if len(failures) == len(phases):
        raise failures[0]
    return True


async def _phase(turn: ModelTurn, phase: Phase, toolbox: Toolbox, opening: Callable[[int], Opening], most: int) -> None:
    await run_tool_loop(turn, opening(most), toolbox, phase.rounds)


async def _at_once(
    task: DreamTask, memory: MemoryView, draft: Draft, caller: ModelCaller, tokens: TokenCounter
) -> None:
    """Ask for all changes in one structured answer."""
    reading = ReadingTools(memory)
    form = OutputForm("dream", PLAN, lambda given: DreamPlan.model_validate(reading.names.resolved(given)))

    async def ask(most: int) -> DreamPlan:
        return await filled(caller, _opening(WITHOUT_TOOLS, task, draft, reading, tokens, most), form, MOST_OUTPUT)

    result = await draft.apply(await _with_room(ask))
    logger.info("a dream without tools: %s", "; ".join(result.splitlines()))


async def _with_room(ask: Callable[[int], Awaitable[T]]) -> T:
    """Call `ask` with the tokens of conclusions in its prompt, and with fewer if the model has no room for them."""
    for most in SHOWN[:-1]:
        try:
            return await ask(most)
        except ContextExceeded:
            continue
    return await ask(SHOWN[-1])


def _opening(
    phase: Phase, task: DreamTask, draft: Draft, reading: ReadingTools, tokens: TokenCounter, most: int
) -> Opening:
    remaining = [each for each in task.conclusions if not draft.is_gone(each.id)]
    newest = newest_within(remaining, tokens, most)
    reading.begin()
    given = prompt_templates.fill(
        GIVEN,
        observer=prompt_templates.inline(task.observer_id),
        target=prompt_templates.inline(task.observed_id),
        count=str(len(task.conclusions)),
        instructions=prompt_templates.section("instructions", task.instructions or ""),
        conclusions=prompt_templates.section("conclusions", reading.shown(newest)),
        derived=prompt_templates.section("derived", draft.shown),
        now=present(now(), newest[-1].utc_offset if newest else None),
    )
    return Opening(phase.rules, given)
