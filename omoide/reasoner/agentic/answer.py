"""Answer a question with a model: prefetch the nearest records, let the model call tools, and stream its answer.

The level determines the number of rounds and the tools. The last turn is streamed. When rounds or time are used up,
the model is asked once more without tools, with all findings in the prompt. `Memory` records the evidence.
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

from omoide.errors import OmoideError
from omoide.inference.models import ANSWER_SECONDS, STREAM_SECONDS, ModelUnfit, ProviderFailed
from omoide.reasoning import structured
from omoide.reasoning.agentic import prompts
from omoide.reasoning.agentic.calls import PLAIN, Caller, Opening, text_of
from omoide.reasoning.agentic.fitting import Shape
from omoide.reasoning.agentic.forms import Form, filled, json_in
from omoide.reasoning.agentic.lines import messages_result, snippets_result
from omoide.reasoning.agentic.rounds import Finding, Talk, talk
from omoide.reasoning.agentic.tools import ReadingTools, Toolbox
from omoide.reasoning.conforming import Conforming
from omoide.reasoning.memory import Memory
from omoide.reasoning.reasoner import Question, ReasoningLevel
from omoide.records import Conclusion
from omoide.turns import Gate

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

RULES, GIVEN = prompts.load("answer.rules"), prompts.load("answer.given")
IN_FORM, LAST, AGAIN = prompts.load("answer.form"), prompts.load("answer.last"), prompts.load("answer.again")
VIEWS = {name: prompts.load(f"answer.view.{name}") for name in ("self", "other", "workspace")}


async def answer(
    question: Question,
    memory: Memory,
    caller: Caller,
    clock: Callable[[], float] = time.monotonic,
    openings: Gate | None = None,
) -> AsyncIterator[str]:
    """Yield the answer in pieces, a structured one in a single piece. Yields nothing if the model returns no text.

    `openings` limits concurrent prefetching. `clock` returns seconds.

    Raises ProviderFailed if the provider fails, or after `ANSWER_SECONDS` (`STREAM_SECONDS` if streamed); ModelUnfit
    if the model's output does not match the response format.
    """
    pieces: asyncio.Queue[str | None] = asyncio.Queue()
    work = asyncio.create_task(
        _Answering(question, memory, caller, clock, pieces.put_nowait, openings or Gate(1)).run()
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
        memory: Memory,
        caller: Caller,
        clock: Callable[[], float],
        say: Callable[[str], None],
        openings: Gate,
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
            await self._in_form(opening, Shape(structured.resolved(schema), Conforming(schema)))

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
            f"{opening.rules}\n\n{prompts.fill(IN_FORM, schema=prompts.section('schema', schema))}", opening.given
        )
        result = await self._look(in_form, self._whole)
        value = _fitting(result.text, shape)
        if value is None:
            form = Form("answer", shape.resolved, shape.fitted)
            output = max(self._budget.output, FORM_OUTPUT)
            value = await filled(self._caller, with_findings(opening, LAST, result.findings), form, output)
        if value is None:
            raise ModelUnfit(f"{self._caller.models.name} returned no answer that matches the response_format.")
        self._say(json.dumps(value, ensure_ascii=False))

    async def _look(self, opening: Opening, turn: Callable[..., Any]) -> Talk:
        tools = self._tools.minimal() if self._budget.is_minimal else self._tools.all()
        return await talk(turn, opening, Toolbox(tools), self._budget.rounds, lambda: self._clock() > self._until)

    async def _spoken(self, history: Sequence[ModelMessage], parameters: ModelRequestParameters) -> ModelResponse:
        return await self._caller.spoken(history, self._budget.output, parameters, self._say)

    async def _whole(self, history: Sequence[ModelMessage], parameters: ModelRequestParameters) -> ModelResponse:
        output = max(self._budget.output, FORM_OUTPUT)
        return await self._caller.whole(history, output, parameters)

    async def _opening(self) -> Opening:
        asked = self._question
        explicit, derived, messages = await self._prefetched()
        history = ""
        if asked.session_id is not None:
            history = messages_result(await self._memory.get_recent_history(HISTORY_TOKENS))
        given = prompts.fill(
            GIVEN,
            history=prompts.section("history", history),
            conclusions=prompts.section("conclusions", self._tools.shown(explicit)),
            derived=prompts.section("derived", self._tools.shown(derived)),
            messages=prompts.section("messages", messages),
            question=prompts.section("question", asked.query),
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
    names = {"observer": prompts.inline(observer or ""), "target": prompts.inline(target or "")}
    cards = [*_headed(observer, question.observer_card), *_headed(target, question.target_card)]
    return prompts.fill(
        RULES,
        view=prompts.fill(VIEWS[view], **names),
        card=prompts.section("card", "\n".join(cards)),
        instructions=prompts.section("instructions", question.instructions or ""),
    )


def with_findings(opening: Opening, wish: str, findings: Sequence[Finding]) -> Opening:
    """Append the findings and the next request to the opening. Pure.

    The findings are plain text, because some providers accept neither tool calls nor their results in a request
    without tools.
    """
    kept: list[str] = []
    remaining = MOST_FINDINGS
    for each in reversed(findings):
        text = f"{prompts.inline(each.tool)} {prompts.inline(each.arguments)}\n{each.result}"
        remaining -= len(text)
        if remaining < 0:
            break
        kept.append(text)
    shown = prompts.section("findings", "\n\n".join(reversed(kept)))
    return Opening(opening.rules, f"{opening.given}\n\n{shown}{wish}")


def _headed(peer_id: str | None, card: Sequence[str]) -> list[str]:
    return [f"{prompts.inline(peer_id or '')}:", *(f"- {' '.join(line.split())}" for line in card)] if card else []


def _fitting(text: str, shape: Shape) -> Any:
    try:
        return shape.fitted(json_in(text))
    except ValueError:
        return None
