"""Answer a question with a model: prefetch the nearest records, let the model call tools, and stream its answer.

The level determines model, rounds, tokens and time (`core.answer_levels`). When these are used up, the model is
asked once more without tools, with all findings in the prompt. `MemoryView` records the evidence.

A streamed answer has no time limit. Of any other, the last part is kept for the answer itself: a turn that then has not
begun to answer is given up, and the model asked to answer now, with little thought.

An endpoint without tools is asked from a wider prefetch, and one with a small context again with less; both are
remembered.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import ModelRequestParameters

from omoide.fairness.fair_queue import FairSemaphore
from omoide.inference.model_registry import (
    ContextExceeded,
    ProviderFailed,
    RequestRefused,
    ToolsRefused,
    UnreadableOutput,
)
from omoide.reasoner import output_schema
from omoide.reasoner.agentic import prompt_templates
from omoide.reasoner.agentic.answer_prompt import AnswerPrompt
from omoide.reasoner.agentic.answer_room import LEAST_FOR_TOOLS, AnswerRoom
from omoide.reasoner.agentic.degenerate import is_degenerate, loop_start
from omoide.reasoner.agentic.model_client import PLAIN, ModelCaller, size_of, text_of
from omoide.reasoner.agentic.prefetch import look_up
from omoide.reasoner.agentic.schema_fitting import Shape
from omoide.reasoner.agentic.structured_output import OutputForm, filled, json_in, sample_of
from omoide.reasoner.agentic.tidying import misplaced_text, used_up
from omoide.reasoner.agentic.tool_loop import ToolLoopResult, TurnTimeout, run_tool_loop
from omoide.reasoner.agentic.tools import ReadingTools, Toolbox
from omoide.reasoner.memory_view import MemoryView
from omoide.reasoner.protocol import Question
from omoide.reasoner.schema_coercion import SchemaCoercion

LOOKING = 0.6
"""Share of the time limit that tool rounds may use; the remainder is for the answer."""
FORM_OUTPUT = 2_048
"""Minimum output limit, in tokens, of a structured answer."""
LEAST_KEPT = 10
"""Words before a repetition that are an answer."""

IN_FORM, LAST, AGAIN = (
    prompt_templates.load("answer.form"),
    prompt_templates.load("answer.last"),
    prompt_templates.load("answer.again"),
)


async def answer(
    question: Question,
    memory: MemoryView,
    caller: ModelCaller,
    clock: Callable[[], float] = time.monotonic,
    openings: FairSemaphore | None = None,
) -> AsyncIterator[str]:
    """Yield the answer in pieces, a structured one, or one that is not streamed, in a single piece.

    `openings` limits concurrent prefetching. `clock` returns seconds.

    Raises ProviderFailed if the provider fails, or after the seconds of the level if the answer is not streamed;
    ModelUnfit if the model gives no answer, or none that matches the response format.
    """
    at_level = replace(caller, models=caller.models.at(question.level, is_streamed=question.is_streamed))
    pieces: asyncio.Queue[str | None] = asyncio.Queue()
    work = asyncio.create_task(
        _Answering(question, memory, at_level, clock, pieces.put_nowait, openings or FairSemaphore(1)).run()
    )
    work.add_done_callback(lambda _: pieces.put_nowait(None))
    try:
        while (piece := await pieces.get()) is not None:
            yield piece
        if work.cancelled():  # not by this function: a timeout inside was not reported as TimeoutError
            raise ProviderFailed(f"{at_level.models.name} gave no answer in time.", retryable=True)
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
        self._say_piece = say
        self._has_spoken = False
        self._level = caller.models.level(question.level)
        self._room = AnswerRoom(caller.traits, caller.models.name)
        self._tools = ReadingTools(memory)
        self._seconds = None if question.is_streamed else self._level.seconds
        self._until = None if self._seconds is None else clock() + LOOKING * self._seconds
        """When the answer has to begin."""
        self._longest = 0.0
        """Seconds of the longest turn so far."""
        self._limit: asyncio.Timeout | None = None
        """Of the current turn."""
        self._refusal: RequestRefused | None = None
        """Why the last request with tools was refused."""

    async def run(self) -> None:
        try:
            async with asyncio.timeout(self._seconds) as limit:
                return await self._answer()
        except TimeoutError:
            if not limit.expired():
                raise
            reason = f"{self._caller.models.name} gave no answer within {self._seconds:g} s."
            raise ProviderFailed(reason, retryable=True) from None

    async def _answer(self) -> None:
        takes_tools = self._room.is_for_tools
        prompt = await self._prompt(is_wide=not takes_tools)
        if self._question.response_format is None:
            await self._freely(prompt, takes_tools=takes_tools)
        else:
            schema = self._question.response_format
            shape = Shape(output_schema.resolved(schema), SchemaCoercion(schema))
            await self._in_form(prompt, shape, takes_tools=takes_tools)

    async def _freely(self, prompt: AnswerPrompt, *, takes_tools: bool) -> None:
        result = await self._look(prompt, self._spoken, "") if takes_tools else NOTHING
        if self._accepts(result.text):
            return
        prompt = await self._prompt(is_wide=True) if self._refusal else prompt

        async def spoken(most: int | None) -> ModelResponse:
            wish = AGAIN if responses else LAST
            return await self._spoken([prompt.last(wish, result.findings, most).request()], PLAIN)

        responses: list[ModelResponse] = []
        for _ in (LAST, AGAIN):
            responses.append(await self._room.shortened(spoken, result, self._is_final))
            self._remember_refusal()
            if self._accepts(text_of(responses[-1])):
                return
            if used_up(responses[-1]):
                break
        self._say(self._salvaged([result.text, *map(text_of, responses)], responses[-1]))

    def _accepts(self, text: str) -> bool:
        """Say the text of a turn, unless it was said while it came. Return False if there is none that can be used."""
        if not text or (not self._has_spoken and is_degenerate(text)):
            return False
        if not self._has_spoken:
            self._say(text)
        return True

    def _salvaged(self, texts: Sequence[str], last: ModelResponse) -> str:
        """Return what can be used of answers that are none. Raises UnreadableOutput."""
        name = self._caller.models.name
        beginnings = [text[: loop_start(text)].strip() for text in texts]
        longest = max(beginnings, key=lambda text: len(text.split()))
        if len(longest.split()) >= LEAST_KEPT:
            return longest
        if text := misplaced_text(last):
            return text
        if used_up(last):
            reason = f"{name} used up its limit of output tokens before it gave an answer."
        elif any(texts):
            reason = f"{name} only repeats itself."
        else:
            reason = f"{name} gave no answer in words."
        raise UnreadableOutput(reason, sample_of(last))

    async def _in_form(self, prompt: AnswerPrompt, shape: Shape, *, takes_tools: bool) -> None:
        """Run the tool rounds without imposing the form. If the final text does not match, request it in the form."""
        schema = json.dumps(shape.resolved, ensure_ascii=False)
        rules = prompt_templates.fill(IN_FORM, schema=prompt_templates.section("schema", schema))
        result = await self._look(prompt, self._whole, rules) if takes_tools else NOTHING
        value = _fitting(result.text, shape)
        if value is None:
            prompt = await self._prompt(is_wide=True) if self._refusal else prompt
            form = OutputForm("answer", shape.resolved, shape.fitted)
            output = max(self._level.output_tokens, FORM_OUTPUT)

            async def fill(most: int | None) -> Any:
                opening = prompt.last(LAST, result.findings, most)
                self._room.last_size = size_of([opening.request()]) + len(schema)
                return await filled(self._caller, opening, form, output)

            try:
                value = await self._room.shortened(fill, result, self._is_final)
            except UnreadableOutput as failure:
                reason = f"{self._caller.models.name} returned no answer that matches the response_format."
                raise UnreadableOutput(reason, failure.sample) from None
            self._remember_refusal()
        self._say(json.dumps(value, ensure_ascii=False))

    async def _look(self, prompt: AnswerPrompt, turn: Callable[..., Any], rules: str) -> ToolLoopResult:
        """Run the tool rounds. Nothing is found if the endpoint takes no tools, or has no room for them."""
        tools = self._tools.minimal() if self._question.level == "minimal" else self._tools.all()
        toolbox = Toolbox(tools, self._tools.names)
        parameters = ModelRequestParameters(function_tools=toolbox.definitions)

        async def run(most: int | None) -> ToolLoopResult:
            self._tools.repeats = most is not None
            opening = prompt.opening(None if most is None else most - size_of((), parameters), rules)
            return await run_tool_loop(partial(self._timed, turn), opening, toolbox, self._level.rounds, self._is_over)

        try:
            return await self._room.shortened(run, NOTHING, self._is_final, LEAST_FOR_TOOLS)
        except ContextExceeded:
            return NOTHING
        except RequestRefused as refusal:
            if self._has_spoken:
                raise
            self._refusal = refusal
            if isinstance(refusal, ToolsRefused):
                self._remember_refusal()
            return NOTHING

    def _is_over(self, size: int) -> bool:
        """Whether no more turn fits into the context, or, as long as the longest before, into the time for looking."""
        is_late = self._until is not None and self._clock() + self._longest > self._until
        return is_late or self._room.is_exceeded(size)

    def _is_final(self) -> bool:
        return self._has_spoken

    async def _timed(
        self, turn: Callable[..., Any], history: Sequence[ModelMessage], parameters: ModelRequestParameters
    ) -> ModelResponse:
        """Run a turn with tools. Raises TurnTimeout if it takes the time that is kept for the answer."""
        start = self._clock()
        try:
            async with asyncio.timeout(None if self._until is None else self._until - start) as limit:
                self._limit = limit
                response: ModelResponse = await turn(history, parameters)
        except TimeoutError:
            if not limit.expired():
                raise
            self._caller = replace(self._caller, is_hurried=True)
            raise TurnTimeout from None
        finally:
            self._limit = None
        self._longest = max(self._longest, self._clock() - start)
        return response

    def _answer_begun(self) -> None:
        """Let the turn that has begun to answer use the time that is kept for that."""
        if self._limit is not None and not self._limit.expired():
            self._limit.reschedule(None)

    def _remember_refusal(self) -> None:
        """Only an answer without tools shows that it was the tools that the endpoint refused."""
        if self._refusal is not None:
            self._caller.traits.takes_tools = False

    async def _spoken(self, history: Sequence[ModelMessage], parameters: ModelRequestParameters) -> ModelResponse:
        self._room.last_size = size_of(history, parameters)
        say = self._say if self._question.is_streamed else None
        response = await self._caller.spoken(history, self._level.output_tokens, parameters, say, self._answer_begun)
        if response.tool_calls and self._has_spoken:
            self._say("\n\n")
        return response

    async def _whole(self, history: Sequence[ModelMessage], parameters: ModelRequestParameters) -> ModelResponse:
        self._room.last_size = size_of(history, parameters)
        output = max(self._level.output_tokens, FORM_OUTPUT)
        return await self._caller.whole(history, output, parameters)

    def _say(self, piece: str) -> None:
        self._has_spoken = True
        self._say_piece(piece)

    async def _prompt(self, *, is_wide: bool) -> AnswerPrompt:
        async with self._openings.turn():
            return await look_up(self._question, self._tools, self._level.prefetch_tokens, is_wide=is_wide)


NOTHING = ToolLoopResult("", ())


def _fitting(text: str, shape: Shape) -> Any:
    try:
        return shape.fitted(json_in(text))
    except ValueError:
        return None
