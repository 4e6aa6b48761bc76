"""Answer a question with a model: prefetch the nearest records, let the model call tools, and stream its answer.

The level determines the number of rounds and the tools. The last turn is streamed. When rounds or time are used up,
the model is asked once more without tools, with all findings in the prompt. `MemoryView` records the evidence.

An endpoint without tools is asked from a wider prefetch, and one with a small context again with less; both are
remembered.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import ModelRequestParameters

from omoide.core.errors import OmoideError
from omoide.core.records import Conclusion
from omoide.fairness.fair_queue import FairSemaphore
from omoide.inference.model_registry import (
    ANSWER_SECONDS,
    STREAM_SECONDS,
    ContextExceeded,
    ProviderFailed,
    RequestRefused,
    ToolsRefused,
    UnreadableOutput,
)
from omoide.reasoner import output_schema
from omoide.reasoner.agentic import prompt_templates
from omoide.reasoner.agentic.answer_prompt import AnswerPrompt
from omoide.reasoner.agentic.degenerate import is_degenerate, loop_start
from omoide.reasoner.agentic.formatting import snippets_result, transcript
from omoide.reasoner.agentic.model_client import PLAIN, ModelCaller, size_of, text_of
from omoide.reasoner.agentic.schema_fitting import Shape
from omoide.reasoner.agentic.structured_output import OutputForm, filled, json_in, sample_of
from omoide.reasoner.agentic.tidying import misplaced_text, used_up
from omoide.reasoner.agentic.tool_loop import ToolLoopResult, run_tool_loop
from omoide.reasoner.agentic.tools import ReadingTools, Toolbox
from omoide.reasoner.memory_view import MEMORY_MOST, MESSAGES_MOST, MemoryView
from omoide.reasoner.protocol import Question, ReasoningLevel
from omoide.reasoner.schema_coercion import SchemaCoercion

T = TypeVar("T")

# Source: the public description of the API.
HISTORY_TOKENS = 4_096

LOOKING = 0.6
"""Share of the time limit that tool rounds may use; the remainder is for the answer."""
FORM_OUTPUT = 2_048
"""Minimum output limit, in tokens, of a structured answer."""
MOST_SHORTENED = 4
"""How often a request that is too long is made shorter."""
LESS, LESS_THAN_NAMED = 0.5, 0.85
"""Share of a refused request that is sent instead, or of the share for which the provider said it has room."""
LEAST_FOR_TOOLS = 10_000
"""Characters that a request needs at least, so that tools can be of use in it."""
LEAST_KEPT = 10
"""Words before a repetition that are an answer."""


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

    Raises ProviderFailed if the provider fails, or after `ANSWER_SECONDS` (`STREAM_SECONDS` if streamed); ModelUnfit
    if the model gives no answer, or none that matches the response format.
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
        self._say_piece = say
        self._has_spoken = False
        self._last_size = 0
        """Characters of the last request."""
        self._budget = BUDGETS[question.level]
        self._tools = ReadingTools(memory)
        self._until = clock() + LOOKING * ANSWER_SECONDS
        self._refusal: RequestRefused | None = None
        """Why the last request with tools was refused."""

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
        takes_tools = self._takes_tools()
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
            responses.append(await self._shortened(spoken, result))
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
            output = max(self._budget.output, FORM_OUTPUT)

            async def fill(most: int | None) -> Any:
                opening = prompt.last(LAST, result.findings, most)
                self._last_size = size_of([opening.request()]) + len(schema)
                return await filled(self._caller, opening, form, output)

            try:
                value = await self._shortened(fill, result)
            except UnreadableOutput as failure:
                reason = f"{self._caller.models.name} returned no answer that matches the response_format."
                raise UnreadableOutput(reason, failure.sample) from None
            self._remember_refusal()
        self._say(json.dumps(value, ensure_ascii=False))

    async def _look(self, prompt: AnswerPrompt, turn: Callable[..., Any], rules: str) -> ToolLoopResult:
        """Run the tool rounds. Nothing is found if the endpoint takes no tools, or has no room for them."""
        tools = self._tools.minimal() if self._budget.is_minimal else self._tools.all()
        toolbox = Toolbox(tools, self._tools.names)
        parameters = ModelRequestParameters(function_tools=toolbox.definitions)

        async def run(most: int | None) -> ToolLoopResult:
            opening = prompt.opening(None if most is None else most - size_of((), parameters), rules)
            return await run_tool_loop(turn, opening, toolbox, self._budget.rounds, self._is_over)

        try:
            return await self._shortened(run, NOTHING, least=LEAST_FOR_TOOLS)
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
        most = self._caller.traits.input_characters
        return self._clock() > self._until or (most is not None and size > most)

    async def _shortened(self, work: Callable[[int | None], Awaitable[T]], before: ToolLoopResult, least: int = 0) -> T:
        """Run `work` with a number of characters that its request may have, and with less while that is too many.

        What fits is remembered. `before` may have been too long already.
        """
        traits = self._caller.traits
        if before.excess is not None:
            traits.input_characters = _less(before.size, before.excess)
        for _ in range(MOST_SHORTENED):
            try:
                if traits.input_characters is not None and traits.input_characters < least:
                    break
                return await work(traits.input_characters)
            except ContextExceeded as excess:
                if self._has_spoken:
                    raise
                traits.input_characters = _less(self._last_size, excess)
        if least:
            raise ContextExceeded(f"The tools exceed the context window of {self._caller.models.name}.")
        return await work(traits.input_characters)

    def _takes_tools(self) -> bool:
        traits = self._caller.traits
        has_room = traits.input_characters is None or traits.input_characters >= LEAST_FOR_TOOLS
        return traits.takes_tools and has_room

    def _remember_refusal(self) -> None:
        """Only an answer without tools shows that it was the tools that the endpoint refused."""
        if self._refusal is not None:
            self._caller.traits.takes_tools = False

    async def _spoken(self, history: Sequence[ModelMessage], parameters: ModelRequestParameters) -> ModelResponse:
        self._last_size = size_of(history, parameters)
        say = self._say if self._question.is_streamed else None
        response = await self._caller.spoken(history, self._budget.output, parameters, say)
        if response.tool_calls and self._has_spoken:
            self._say("\n\n")
        return response

    async def _whole(self, history: Sequence[ModelMessage], parameters: ModelRequestParameters) -> ModelResponse:
        self._last_size = size_of(history, parameters)
        output = max(self._budget.output, FORM_OUTPUT)
        return await self._caller.whole(history, output, parameters)

    def _say(self, piece: str) -> None:
        self._has_spoken = True
        self._say_piece(piece)

    async def _prompt(self, *, is_wide: bool) -> AnswerPrompt:
        """Look up what belongs to the question; more of it `is_wide`, since there will be no tools."""
        asked = self._question
        async with self._openings.turn():
            explicit, derived, messages = await self._prefetched(is_wide=is_wide)
            history, summary = "", None
            if asked.session_id is not None:
                summary = await self._memory.get_session_summary()
                history = "\n".join(transcript(await self._memory.get_recent_history(HISTORY_TOKENS)))
        return AnswerPrompt(
            asked, self._tools.shown(explicit), self._tools.shown(derived), messages, history, summary or ""
        )

    async def _prefetched(self, *, is_wide: bool) -> tuple[list[Conclusion], list[Conclusion], str]:
        """Return the nearest explicit and derived conclusions, and messages if there are no conclusions.

        `is_wide`: as many as a search may return, and messages in any case. Empty if the search fails: the model can
        still use the tools.
        """
        query = self._question.semantic_query or self._question.query
        count = MEMORY_MOST if is_wide else self._budget.prefetched
        try:
            explicit = await self._memory.search_memory(query, count, is_derived=False)
            derived = await self._memory.search_memory(query, count, is_derived=True)
            if (explicit or derived) and not is_wide:
                return explicit, derived, ""
            most = MESSAGES_MOST if is_wide else count
            return (
                explicit,
                derived,
                snippets_result(await self._memory.search_messages(query, most), self._tools.names),
            )
        except OmoideError:
            return [], [], ""


NOTHING = ToolLoopResult("", ())


def _less(size: int, excess: ContextExceeded) -> int:
    """Return how many characters to send after a request of `size` characters was too long."""
    return int(size * (LESS if excess.share is None else excess.share * LESS_THAN_NAMED))


def _fitting(text: str, shape: Shape) -> Any:
    try:
        return shape.fitted(json_in(text))
    except ValueError:
        return None
