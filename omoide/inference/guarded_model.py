"""A model that is asked with care: few requests at a time, each within its time, and again where that may help.

What every request costs is reported to whoever keeps account. Which model stands in when this one fails, and what a
failure is to the rest of the server, is decided in `models.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic_ai.exceptions import ContentFilterError, ModelAPIError, ModelRequestTimeout, UnexpectedModelBehavior
from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import RunContext
from pydantic_ai.usage import RequestUsage

from omoide.inference.model_choice import Task
from omoide.inference.provider_errors import is_passing

T = TypeVar("T")

# How long is waited before a request is made again: doubled each time, and never longer than the most. A provider that
# asks for more patience than that is left to whoever comes back later.
FIRST_WAIT_SECONDS = 0.5
MOST_WAIT_SECONDS = 8.0


class Gate:
    """Lets `places` requests run at a time, of which work in the background leaves one to questions."""

    def __init__(self, places: int) -> None:
        self._all = asyncio.Semaphore(places)
        self._background = asyncio.Semaphore(max(1, places - 1))

    @asynccontextmanager
    async def place(self, task: Task) -> AsyncGenerator[None]:
        """Within the block, one place is taken; before it, one is waited for."""
        async with AsyncExitStack() as taken:
            if task != "answer":
                await taken.enter_async_context(self._background)
            await taken.enter_async_context(self._all)
            yield


@dataclass(frozen=True, slots=True)
class Care:
    """How a model is asked. `pause` waits for some seconds, `chance` gives a number from 0 to 1 that spreads waits."""

    task: Task
    gate: Gate
    request_seconds: float
    retries: int
    pause: Callable[[float], Awaitable[None]]
    chance: Callable[[], float]
    answered: Callable[[Task, RequestUsage], None]
    failed: Callable[[Task, ModelAPIError], None]


class GuardedModel(WrapperModel):
    """Asks `wrapped` with `care`. Raises what it raises, and ModelRequestTimeout after `request_seconds`."""

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
            async with self._care.gate.place(self._care.task):
                asked = self.wrapped.request(messages, model_settings, model_request_parameters)
                return await self._in_time(asked)

        response = await self._again_and_again(once)
        self._care.answered(self._care.task, response.usage)
        return response

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        """A stream keeps its place until it is closed. Only its opening is tried again: words cannot be taken back."""

        async def open_once() -> tuple[AsyncExitStack, StreamedResponse]:
            async with AsyncExitStack() as opening:
                await opening.enter_async_context(self._care.gate.place(self._care.task))
                stream = self.wrapped.request_stream(messages, model_settings, model_request_parameters, run_context)
                response = await self._in_time(opening.enter_async_context(stream))
                return opening.pop_all(), response

        opened, response = await self._again_and_again(open_once)
        async with opened:
            try:
                yield response
            except ModelAPIError as error:
                self._care.failed(self._care.task, error)
                raise
            finally:
                self._care.answered(self._care.task, response.usage)

    async def _in_time(self, asked: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._care.request_seconds):
                return await asked
        except TimeoutError:
            raise ModelRequestTimeout(self.model_name, self._care.request_seconds) from None
        except ContentFilterError:
            raise
        except UnexpectedModelBehavior as error:
            # An answer that is no answer of this protocol: the endpoint's fault, which another one may not have.
            raise ModelAPIError(self.model_name, "The answer cannot be read.") from error

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
        except ModelAPIError as error:
            self._care.failed(self._care.task, error)
            raise

    def _wait(self, attempt: int, asked_for: float | None) -> float | None:
        """Seconds before the next attempt, or none if the provider asks for too many."""
        if asked_for is not None:
            return asked_for if asked_for <= MOST_WAIT_SECONDS else None
        longest = min(MOST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0**attempt)
        return longest * (0.5 + self._care.chance() / 2)
