"""Answer a question with a model: prefetch the nearest records, let the model call tools, and stream its answer.

The level determines the number of rounds and the tools. The last turn is streamed. When rounds or time are used up,
the model is asked once more without tools, with all findings in the prompt. `MemoryView` records the evidence.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import ModelRequestParameters

from omoide.core.clock import now
from omoide.core.errors import OmoideError
from omoide.core.records import Conclusion, Moment
from omoide.fairness.fair_queue import FairSemaphore
from omoide.inference.model_registry import ANSWER_SECONDS, STREAM_SECONDS, ModelUnfit, ProviderFailed
from omoide.reasoner import output_schema
from omoide.reasoner.agentic import prompt_templates
from omoide.reasoner.agentic.formatting import messages_result, present, snippets_result
from omoide.reasoner.agentic.model_client import PLAIN, ModelCaller, Opening, text_of
from omoide.reasoner.agentic.schema_fitting import Shape
from omoide.reasoner.agentic.structured_output import OutputForm, filled, json_in
from omoide.reasoner.agentic.tool_loop import Finding, ToolLoopResult, run_tool_loop
from omoide.reasoner.agentic.tools import ReadingTools, Toolbox
from omoide.reasoner.memory_view import MemoryView
from omoide.reasoner.protocol import Question, ReasoningLevel
from omoide.reasoner.representation import time as time_text
from omoide.reasoner.schema_coercion import SchemaCoercion

# Source: the public description of the API.
HISTORY_TOKENS = 4_096

LOOKING = 0.6
"""Share of the time limit that tool rounds may use; the remainder is for the answer."""
MOST_FINDINGS = 160_000
"""Maximum characters of findings in the last turn; the newest are kept."""
FORM_OUTPUT = 2_048
"""Minimum output limit, in tokens, of a structured answer."""


@dataclass(frozen=True, slots=True)
class Budget:
    rounds: int
    output: int
    """Maximum tokens of a turn."""
    prefetched: int
    """Number of explicit and of derived conclusions to prefetch."""
    is_minimal: bool = False


BUDGETS: Mapping[ReasoningLevel, Budget] = {
    "minimal": Budget(1, 250, 10, is_minimal=True),
    "low": Budget(5, 8_192, 25),
    "medium": Budget(8, 8_192, 25),
    "high": Budget(12, 8_192, 25),
    "max": Budget(16, 8_192, 25),
}

RULES, GIVEN = prompt_templates.load("answer.rules"), prompt_templates.load("answer.given")
IN_FORM, LAST, AGAIN = (
    prompt_templates.load("answer.form"),
    prompt_templates.load("answer.last"),
    prompt_templates.load("answer.again"),
)
MOMENTS = {name: prompt_templates.load(f"answer.moment.{name}") for name in ("as_of", "valid_at")}
VIEWS = {name: prompt_templates.load(f"answer.view.{name}") for name in ("self", "other", "workspace")}


async def answer(
    question: Question,
    memory: MemoryView,
    caller: ModelCaller,
    clock: Callable[[], float] = time.monotonic,
    openings: FairSemaphore | None = None,
) -> AsyncIterator[str]:
    """Yield the answer in pieces, a structured one in a single piece. Yields nothing if the model returns no text.

    `openings` limits concurrent prefetching. `clock` returns seconds.

    Raises ProviderFailed if the provider fails, or after `ANSWER_SECONDS` (`STREAM_SECONDS` if streamed); ModelUnfit
    if the model's output does not match the response format.
    """
    pieces: asyncio.Queue[str | None] = asyncio.Queue()
    work = asyncio.create_task(
        _Answering(question, memory, caller, clock, pieces.put_nowait, openings or FairSemaphore(1)).run()
    )
    work.add_done_callback(lambda _: pieces.put_nowait(None))
    try:
        while (piece := await pieces.get()) is not None:
            yield piece
        if work.cancelled():  # not by this function: a timeout inside was not reported as TimeoutError
            raise ProviderFailed(f"{caller.models.name} gave no answer in time.", retryable=True)
        await work
    finally:
        work.cancel()
        await asyncio.wait((work,))


class _Answering:
    """Work on one answer. `say` receives its pieces."""

    def __init__(
        self,
        question: Question,
        memory: MemoryView,
        caller: ModelCaller,
        clock: Callable[[], float],
        say: Callable[[str], None],
        openings: FairSemaphore,
    ) -> None:
        self._question = question
        self._memory = memory
        self._caller = caller
        self._openings = openings
        self._clock = clock
        self._say = say
        self._budget = BUDGETS[question.level]
        self._tools = ReadingTools(memory)
        self._until = clock() + LOOKING * ANSWER_SECONDS

    async def run(self) -> None:
        seconds = STREAM_SECONDS if self._question.is_streamed else ANSWER_SECONDS
        try:
            async with asyncio.timeout(seconds) as limit:
                return await self._answer()
        except TimeoutError:
            if not limit.expired():
                raise
            reason = f"{self._caller.models.name} gave no answer within {seconds:g} s."
            raise ProviderFailed(reason, retryable=True) from None

    async def _answer(self) -> None:
        async with self._openings.turn():
            opening = await self._opening()
        if self._question.response_format is None:
            await self._freely(opening)
        else:
            schema = self._question.response_format
            await self._in_form(opening, Shape(output_schema.resolved(schema), SchemaCoercion(schema)))

    async def _freely(self, opening: Opening) -> None:
        result = await self._look(opening, self._spoken)
        if result.text:
            return
        last = with_findings(opening, LAST, result.findings)
        if not text_of(await self._spoken([last.request()], PLAIN)):
            await self._spoken([with_findings(opening, AGAIN, result.findings).request()], PLAIN)

    async def _in_form(self, opening: Opening, shape: Shape) -> None:
        """Run the tool rounds without imposing the form. If the final text does not match, request it in the form."""
        schema = json.dumps(shape.resolved, ensure_ascii=False)
        in_form = Opening(
            f"{opening.rules}\n\n{prompt_templates.fill(IN_FORM, schema=prompt_templates.section('schema', schema))}",
            opening.given,
        )
        result = await self._look(in_form, self._whole)
        value = _fitting(result.text, shape)
        if value is None:
            form = OutputForm("answer", shape.resolved, shape.fitted)
            output = max(self._budget.output, FORM_OUTPUT)
            value = await filled(self._caller, with_findings(opening, LAST, result.findings), form, output)
        if value is None:
            raise ModelUnfit(f"{self._caller.models.name} returned no answer that matches the response_format.")
        self._say(json.dumps(value, ensure_ascii=False))

    async def _look(self, opening: Opening, turn: Callable[..., Any]) -> ToolLoopResult:
        tools = self._tools.minimal() if self._budget.is_minimal else self._tools.all()
        return await run_tool_loop(
            turn, opening, Toolbox(tools), self._budget.rounds, lambda: self._clock() > self._until
        )

    async def _spoken(self, history: Sequence[ModelMessage], parameters: ModelRequestParameters) -> ModelResponse:
        return await self._caller.spoken(history, self._budget.output, parameters, self._say)

    async def _whole(self, history: Sequence[ModelMessage], parameters: ModelRequestParameters) -> ModelResponse:
        output = max(self._budget.output, FORM_OUTPUT)
        return await self._caller.whole(history, output, parameters)

    async def _opening(self) -> Opening:
        asked = self._question
        explicit, derived, messages = await self._prefetched()
        history, summary = "", None
        if asked.session_id is not None:
            summary = await self._memory.get_session_summary()
            history = messages_result(await self._memory.get_recent_history(HISTORY_TOKENS))
        given = prompt_templates.fill(
            GIVEN,
            summary=prompt_templates.section("summary", summary or ""),
            history=prompt_templates.section("history", history),
            conclusions=prompt_templates.section("conclusions", self._tools.shown(explicit)),
            derived=prompt_templates.section("derived", self._tools.shown(derived)),
            messages=prompt_templates.section("messages", messages),
            question=prompt_templates.section("question", asked.query),
            now=present(_now(asked.moment)),
        )
        return Opening(rules_for(asked), given)

    async def _prefetched(self) -> tuple[list[Conclusion], list[Conclusion], str]:
        """Return the nearest explicit and derived conclusions, and messages if there are no conclusions.

        Empty if the search fails: the model can still use the tools.
        """
        query = self._question.semantic_query or self._question.query
        try:
            explicit = await self._memory.search_memory(query, self._budget.prefetched, is_derived=False)
            derived = await self._memory.search_memory(query, self._budget.prefetched, is_derived=True)
            if explicit or derived:
                return explicit, derived, ""
            return [], [], snippets_result(await self._memory.search_messages(query, self._budget.prefetched))
        except OmoideError:
            return [], [], ""


def rules_for(question: Question) -> str:
    """Build the instructions: the constant rules first, then the pair, the cards and custom instructions. Pure."""
    observer, target = question.observer_id, question.target_id
    view = "workspace" if observer is None or target is None else "self" if observer == target else "other"
    names = {"observer": prompt_templates.inline(observer or ""), "target": prompt_templates.inline(target or "")}
    cards = [*_headed(observer, question.observer_card), *_headed(target, question.target_card)]
    return prompt_templates.fill(
        RULES,
        view=prompt_templates.fill(VIEWS[view], **names),
        moment=_present(question.moment),
        card=prompt_templates.section("card", "\n".join(cards)),
        instructions=prompt_templates.section("instructions", question.instructions or ""),
    )


def _now(moment: Moment) -> int:
    """The present of a question."""
    return next((at for at in (moment.valid_at, moment.as_of) if at is not None), now())


def _present(moment: Moment) -> str:
    """State the instants that the question is about; empty if it is about now."""
    texts = [
        prompt_templates.fill(MOMENTS[name], instant=f"{time_text(at)} UTC")
        for name, at in (("as_of", moment.as_of), ("valid_at", moment.valid_at))
        if at is not None
    ]
    return "\n".join(texts)


def with_findings(opening: Opening, wish: str, findings: Sequence[Finding]) -> Opening:
    """Append the findings and the next request to the opening. Pure.

    The findings are plain text, because some providers accept neither tool calls nor their results in a request
    without tools.
    """
    kept: list[str] = []
    remaining = MOST_FINDINGS
    for each in reversed(findings):
        text = f"{prompt_templates.inline(each.tool)} {prompt_templates.inline(each.arguments)}\n{each.result}"
        remaining -= len(text)
        if remaining < 0:
            break
        kept.append(text)
    shown = prompt_templates.section("findings", "\n\n".join(reversed(kept)))
    return Opening(opening.rules, f"{opening.given}\n\n{shown}{wish}")


def _headed(peer_id: str | None, card: Sequence[str]) -> list[str]:
    return (
        [f"{prompt_templates.inline(peer_id or '')}:", *(f"- {' '.join(line.split())}" for line in card)]
        if card
        else []
    )


def _fitting(text: str, shape: Shape) -> Any:
    try:
        return shape.fitted(json_in(text))
    except ValueError:
        return None
