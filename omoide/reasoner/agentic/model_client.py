"""Send one request to a model, streamed or not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from pydantic_ai.direct import model_request, model_request_stream
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ToolCallPart,
)
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.settings import ModelSettings

from omoide.inference.model_registry import OutputMode, Task

T = TypeVar("T")

HELD = 240
"""Characters held back in a streamed turn with tools. Text that models write before a tool call is shorter and not part
of the answer. A longer text is the answer, and tool calls in the same turn are ignored."""

PLAIN = ModelRequestParameters()


class Models(Protocol):
    """The part of `omoide.inference.model_registry.ChatModels` that reasoning uses."""

    @property
    def name(self) -> str: ...

    def of(self, task: Task) -> Model: ...

    def settings_of(self, task: Task, *, max_tokens: int) -> ModelSettings: ...

    async def guarded(self, task: Task, work: Callable[[], Awaitable[T]], *, asks_form: bool = True) -> T: ...

    def output_mode(self, task: Task) -> OutputMode: ...

    def watched(self, task: Task) -> AbstractContextManager[None]: ...

    def refused(self, task: Task) -> bool: ...

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Opening:
    """First request to a model: the rules as instructions, and the input as user prompt."""

    rules: str
    given: str

    def request(self) -> ModelRequest:
        return ModelRequest.user_text_prompt(self.given, instructions=self.rules)


@dataclass(frozen=True, slots=True)
class ModelCaller:
    """The model for one task. Requests raise ProviderFailed if the provider fails, and RequestRefused if it rejects
    the request."""

    models: Models
    task: Task

    async def whole(
        self, history: Sequence[ModelMessage], max_tokens: int, parameters: ModelRequestParameters = PLAIN
    ) -> ModelResponse:
        """Return the complete response."""

        async def work() -> ModelResponse:
            return await model_request(
                self.models.of(self.task),
                history,
                model_settings=self.models.settings_of(self.task, max_tokens=max_tokens),
                model_request_parameters=parameters,
            )

        return await self.models.guarded(self.task, work, asks_form=parameters.output_object is not None)

    async def spoken(
        self,
        history: Sequence[ModelMessage],
        max_tokens: int,
        parameters: ModelRequestParameters,
        say: Callable[[str], None],
    ) -> ModelResponse:
        """Stream the response's text to `say`, except text that precedes tool calls, and return the response.

        The response contains tool calls only if no text was passed to `say`.
        """
        voice = _Voice(say, HELD if parameters.function_tools else 0)

        settings = self.models.settings_of(self.task, max_tokens=max_tokens)
        with self.models.watched(self.task):
            async with model_request_stream(
                self.models.of(self.task), history, model_settings=settings, model_request_parameters=parameters
            ) as stream:
                async for event in stream:
                    voice.hear(event)
                response = stream.get()
        voice.finish()
        if voice.has_spoken:
            response.parts = [part for part in response.parts if not isinstance(part, ToolCallPart)]
        return response


class _Voice:
    """Buffer streamed text until it is certain not to precede a tool call."""

    def __init__(self, say: Callable[[str], None], held: int) -> None:
        self.has_spoken = False
        self._say = say
        self._held = held
        self._waiting = ""
        self._calls = False

    def hear(self, event: object) -> None:
        if isinstance(event, PartStartEvent) and isinstance(event.part, TextPart):
            self._hear_text(event.part.content)
        elif isinstance(event, PartDeltaEvent) and isinstance(event.delta, TextPartDelta):
            self._hear_text(event.delta.content_delta)
        elif isinstance(event, PartStartEvent) and isinstance(event.part, ToolCallPart):
            self._calls = True

    def finish(self) -> None:
        """Flush the buffer, unless a tool call followed."""
        if not self._calls:
            self._speak()

    def _hear_text(self, text: str) -> None:
        self._waiting += text
        if self.has_spoken or (not self._calls and len(self._waiting) > self._held):
            self._speak()

    def _speak(self) -> None:
        if self._waiting:
            self._say(self._waiting)
            self.has_spoken = self.has_spoken or not self._waiting.isspace()
            self._waiting = ""


def text_of(response: ModelResponse) -> str:
    """Return the trimmed text of a response, without reasoning parts."""
    return "".join(part.content for part in response.parts if isinstance(part, TextPart)).strip()


def is_cut(response: ModelResponse) -> bool:
    """Whether the response was truncated by the token limit."""
    return response.finish_reason == "length"
