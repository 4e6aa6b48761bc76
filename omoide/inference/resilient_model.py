"""A model wrapper with limited concurrency, time-outs, retries and response checks.

Token usage and failures are reported to callbacks. `models.py` chooses the fallback and translates exceptions.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from pydantic_ai.exceptions import ContentFilterError, ModelAPIError, ModelRequestTimeout
from pydantic_ai.messages import ModelMessage, ModelResponse, ModelResponseStreamEvent
from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import RunContext

from omoide.core.usage import Counts
from omoide.inference.concurrency_limit import Busy, ConcurrencyLimiter
from omoide.inference.errors import ModelBusy
from omoide.inference.http_client import ResponseState, reading
from omoide.inference.model_config import Task
from omoide.inference.model_traits import ModelTraits
from omoide.inference.output_limits import MOST_ADJUSTMENTS, adjusted, applied, characters_of
from omoide.inference.provider_errors import is_passing
from omoide.inference.response_checks import check, failure
from omoide.inference.token_usage import usage_of
from omoide.inference.tokens import TokenCounter

T = TypeVar("T")
Opened = tuple[AsyncExitStack, StreamedResponse, ResponseState]
"""An open stream, what closes it, and its state."""

# Back-off before a retry: doubled each time, up to the maximum. If a provider's Retry-After is longer than that, the
# request is not retried here.
FIRST_WAIT_SECONDS = 0.5
MOST_WAIT_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class RequestPolicy:
    """Limits and callbacks of a model. `pause` sleeps; `chance` returns a number from 0 to 1 for jitter."""

    task: Task
    model: str
    """Its name in the settings."""
    gate: ConcurrencyLimiter
    wait_seconds: float | None
    """How long a request may wait for a slot; None for no limit."""
    request_seconds: float
    """Time limit of a request, or of opening a stream."""
    stream_seconds: float
    """Time limit of a stream between two events, once it was opened."""
    retries: int
    pause: Callable[[float], Awaitable[None]]
    chance: Callable[[], float]
    tokens: TokenCounter
    """Estimates usage that is not reported."""
    answered: Callable[[Task, str, Counts], None]
    """Called with the model's name and what it used."""
    failed: Callable[[Task, ModelAPIError | ContentFilterError], None]


class ResilientModel(WrapperModel):
    """Calls `wrapped` within the limits of `care`, and checks its responses. What an endpoint refuses of the limit of
    output is remembered in `traits`.

    Raises the exceptions of `wrapped`, ModelRequestTimeout after `request_seconds`, InvalidResponse and
    ContentFilterError for unusable responses, and ModelBusy, which skips the fallback, if the request could not start.
    """

    def __init__(self, wrapped: Model, care: RequestPolicy, traits: ModelTraits | None = None) -> None:
        super().__init__(wrapped)
        self._care = care
        self._traits = traits or ModelTraits()

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        async def once(settings: ModelSettings | None) -> ModelResponse:
            async with self._place():
                with reading() as state:
                    request = self.wrapped.request(messages, settings, model_request_parameters)
                    response = await self._in_time(request, state)
            self._count_usage(response, messages, model_request_parameters)
            check(response, self.model_name, state)
            return response

        size = characters_of(messages, model_request_parameters.function_tools)
        return await self._within_limits(size, model_settings, once)

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        """Open a stream, which holds its slot until it is closed. Retried only until the first event arrives."""

        async def open_once(settings: ModelSettings | None) -> Opened:
            async with AsyncExitStack() as opening:
                await opening.enter_async_context(self._place())
                with reading() as state:
                    stream = self.wrapped.request_stream(messages, settings, model_request_parameters, run_context)
                    response = await self._in_time(opening.enter_async_context(stream), state)
                    seconds = self._care.stream_seconds
                    if not await self._in_time(_has_events(response), state, seconds):
                        check(response.get(), self.model_name, state, is_stream=True)
                return opening.pop_all(), response, state

        size = characters_of(messages, model_request_parameters.function_tools)
        opened, response, state = await self._within_limits(size, model_settings, open_once)
        async with opened:
            limit = asyncio.timeout(self._care.stream_seconds)
            response._event_iterator = _watched(aiter(response), limit, self._care.stream_seconds)
            try:
                async with limit:
                    yield response
                    check(response.get(), self.model_name, state, is_stream=True)
            except Exception as error:
                found = failure(error, self.model_name, state)
                if isinstance(error, TimeoutError) and limit.expired():
                    found = ModelRequestTimeout(self.model_name, self._care.stream_seconds)
                if found is None:
                    raise
                self._care.failed(self._care.task, found)
                raise found from error.__cause__
            finally:
                self._count_usage(response.get(), messages, model_request_parameters)

    def _count_usage(
        self, response: ModelResponse, messages: list[ModelMessage], parameters: ModelRequestParameters
    ) -> None:
        used = usage_of(response, messages, parameters.function_tools, self._care.tokens)
        self._care.answered(self._care.task, self._care.model, used)

    @asynccontextmanager
    async def _place(self) -> AsyncGenerator[None]:
        async with AsyncExitStack() as taken:
            seconds = self._care.wait_seconds
            try:
                await taken.enter_async_context(self._care.gate.place(self._care.task, seconds))
            except Busy:
                reason = f"The model is busy: the request could not start within {seconds:g} s."
                raise ModelBusy(reason, retryable=True) from None
            yield

    async def _in_time(self, work: Awaitable[T], state: ResponseState, seconds: float | None = None) -> T:
        seconds = self._care.request_seconds if seconds is None else seconds
        try:
            async with asyncio.timeout(seconds):
                return await work
        except TimeoutError:
            raise ModelRequestTimeout(self.model_name, seconds) from None
        except Exception as error:
            found = failure(error, self.model_name, state)
            if found is None:
                raise
            raise found from error.__cause__

    async def _within_limits(
        self,
        size: int,
        settings: ModelSettings | None,
        once: Callable[[ModelSettings | None], Awaitable[T]],
    ) -> T:
        """Call `once`, again with a lower limit of output tokens if the provider refuses the one that was asked for.

        `size` is about how many characters the request has.
        """
        given = applied(self._traits, settings, size)
        for _ in range(MOST_ADJUSTMENTS):
            try:
                return await self._again_and_again(partial(once, given))
            except ModelAPIError as error:
                lower = adjusted(self._traits, given, error)
                if lower is None:
                    raise
                given = lower
        return await self._again_and_again(partial(once, given))

    async def _again_and_again(self, once: Callable[[], Awaitable[T]]) -> T:
        """Call `once`, with up to `retries` retries after transient failures."""
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
        """Seconds before the next attempt; None if the provider's Retry-After is too long."""
        if asked_for is not None:
            return asked_for if asked_for <= MOST_WAIT_SECONDS else None
        longest = min(MOST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0**attempt)
        return longest * (0.5 + self._care.chance() / 2)


async def _has_events(response: StreamedResponse) -> bool:
    """Wait for the first event of a stream without consuming it; return whether there is one."""
    events = aiter(response)
    first = await anext(events, None)
    # As pydantic-ai's FallbackModel does: the response is iterated through this attribute.
    response._event_iterator = _chained(first, events)
    return first is not None


async def _watched(
    events: AsyncIterator[ModelResponseStreamEvent], limit: asyncio.Timeout, seconds: float
) -> AsyncIterator[ModelResponseStreamEvent]:
    """The events; each of them restarts the time limit."""
    async for event in events:
        if not limit.expired():
            limit.reschedule(asyncio.get_running_loop().time() + seconds)
        yield event


async def _chained(
    first: ModelResponseStreamEvent | None, others: AsyncIterator[ModelResponseStreamEvent]
) -> AsyncIterator[ModelResponseStreamEvent]:
    if first is not None:
        yield first
    async for event in others:
        yield event
