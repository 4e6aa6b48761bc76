"""A model that is asked with care: few requests at a time, each within its time, and again where that may help.

What every request costs is reported to whoever keeps account. Which model stands in when this one fails, and what a
failure is to the rest of the server, is decided in `models.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic_ai.exceptions import ContentFilterError, ModelAPIError, ModelRequestTimeout
from pydantic_ai.messages import ModelMessage, ModelResponse, ModelResponseStreamEvent
from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import RunContext
from pydantic_ai.usage import RequestUsage

from omoide.inference.answers import check, failure
from omoide.inference.gate import Busy, Gate
from omoide.inference.model_choice import Task
from omoide.inference.model_client import Reading, reading
from omoide.inference.provider_errors import is_passing
from omoide.inference.provider_failed import ModelBusy

T = TypeVar("T")

# How long is waited before a request is made again: doubled each time, and never longer than the most. A provider that
# asks for more patience than that is left to whoever comes back later.
FIRST_WAIT_SECONDS = 0.5
MOST_WAIT_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Care:
    """How a model is asked. `pause` waits for some seconds, `chance` gives a number from 0 to 1 that spreads waits."""

    task: Task
    gate: Gate
    wait_seconds: float | None
    """How long one request may wait for others before it begins; none for as long as it takes."""
    request_seconds: float
    """How long a request may take, or the opening of a stream."""
    stream_seconds: float
    """How long a stream may take after that."""
    retries: int
    pause: Callable[[float], Awaitable[None]]
    chance: Callable[[], float]
    answered: Callable[[Task, RequestUsage], None]
    failed: Callable[[Task, ModelAPIError | ContentFilterError], None]


class GuardedModel(WrapperModel):
    """Asks `wrapped` with `care`, and reads what it answers with suspicion.

    Raises what it raises, ModelRequestTimeout after `request_seconds`, BadAnswer and ContentFilterError for answers
    that are of no use, and ModelBusy, after which no other model is asked, where the request could not begin.
    """

    def __init__(self, wrapped: Model, care: Care) -> None:
        super().__init__(wrapped)
        self._care = care

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        async def once() -> ModelResponse:
            async with self._place():
                with reading() as noted:
                    asked = self.wrapped.request(messages, model_settings, model_request_parameters)
                    response = await self._in_time(asked, noted)
            self._care.answered(self._care.task, response.usage)
            check(response, self.model_name, noted)
            return response

        return await self._again_and_again(once)

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        """A stream keeps its place until it is closed. It is tried again until its first event: words cannot be taken
        back."""

        async def open_once() -> tuple[AsyncExitStack, StreamedResponse, Reading, float]:
            async with AsyncExitStack() as opening:
                await opening.enter_async_context(self._place())
                with reading() as noted:
                    stream = self.wrapped.request_stream(
                        messages, model_settings, model_request_parameters, run_context
                    )
                    response = await self._in_time(opening.enter_async_context(stream), noted)
                    seconds = self._care.stream_seconds
                    until = asyncio.get_running_loop().time() + seconds
                    if not await self._in_time(_has_events(response), noted, seconds):
                        check(response.get(), self.model_name, noted, is_stream=True)
                return opening.pop_all(), response, noted, until

        opened, response, noted, until = await self._again_and_again(open_once)
        async with opened:
            limit = asyncio.timeout_at(until)
            try:
                async with limit:
                    yield response
                    check(response.get(), self.model_name, noted, is_stream=True)
            except Exception as error:
                found = failure(error, self.model_name, noted)
                if isinstance(error, TimeoutError) and limit.expired():
                    found = ModelRequestTimeout(self.model_name, self._care.stream_seconds)
                if found is None:
                    raise
                self._care.failed(self._care.task, found)
                raise found from error.__cause__
            finally:
                self._care.answered(self._care.task, response.usage)

    @asynccontextmanager
    async def _place(self) -> AsyncGenerator[None]:
        async with AsyncExitStack() as taken:
            seconds = self._care.wait_seconds
            try:
                await taken.enter_async_context(self._care.gate.place(self._care.task, seconds))
            except Busy:
                reason = f"The model is busy: the request could not begin within {seconds:g} s."
                raise ModelBusy(reason, retryable=True) from None
            yield

    async def _in_time(self, asked: Awaitable[T], noted: Reading, seconds: float | None = None) -> T:
        seconds = self._care.request_seconds if seconds is None else seconds
        try:
            async with asyncio.timeout(seconds):
                return await asked
        except TimeoutError:
            raise ModelRequestTimeout(self.model_name, seconds) from None
        except Exception as error:
            found = failure(error, self.model_name, noted)
            if found is None:
                raise
            raise found from error.__cause__

    async def _again_and_again(self, once: Callable[[], Awaitable[T]]) -> T:
        """What `once` gives, tried up to `retries` times more while its failure may pass."""
        for attempt in range(self._care.retries):
            try:
                return await self._counted(once)
            except ModelAPIError as error:
                wait = self._wait(attempt, error.retry_after)
                if wait is None or not is_passing(error):
                    raise
            await self._care.pause(wait)
        return await self._counted(once)

    async def _counted(self, once: Callable[[], Awaitable[T]]) -> T:
        try:
            return await once()
        except (ModelAPIError, ContentFilterError) as error:
            self._care.failed(self._care.task, error)
            raise

    def _wait(self, attempt: int, asked_for: float | None) -> float | None:
        """Seconds before the next attempt, or none if the provider asks for too many."""
        if asked_for is not None:
            return asked_for if asked_for <= MOST_WAIT_SECONDS else None
        longest = min(MOST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0**attempt)
        return longest * (0.5 + self._care.chance() / 2)


async def _has_events(response: StreamedResponse) -> bool:
    """Wait for the first event of a stream, which its reader gets all the same; says whether there is one."""
    events = aiter(response)
    first = await anext(events, None)
    # As pydantic-ai's FallbackModel does: what is iterated is taken from here.
    response._event_iterator = _chained(first, events)
    return first is not None


async def _chained(
    first: ModelResponseStreamEvent | None, others: AsyncIterator[ModelResponseStreamEvent]
) -> AsyncIterator[ModelResponseStreamEvent]:
    if first is not None:
        yield first
    async for event in others:
        yield event
