"""One request to a model, whole or as it comes. What a request is for belongs to those who make it."""

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

from omoide.inference.models import OutputMode, Task

T = TypeVar("T")

HELD = 240
"""Characters of a turn with tools that are held back: what models say before they call a tool is shorter, and no part
of the answer. Once more than this is said it is the answer, and calls beside it are not run."""

PLAIN = ModelRequestParameters()


class Models(Protocol):
    """What is needed of `omoide.inference.models.ChatModels`."""

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
    """What a model is given first: rules, and what they are to be applied to."""

    rules: str
    given: str

    def request(self) -> ModelRequest:
        return ModelRequest.user_text_prompt(self.given, instructions=self.rules)


@dataclass(frozen=True, slots=True)
class Caller:
    """The model of one task. Every request raises ProviderFailed where the provider does, and RequestRefused where it
    takes no such request."""

    models: Models
    task: Task

    async def whole(
        self, history: Sequence[ModelMessage], max_tokens: int, parameters: ModelRequestParameters = PLAIN
    ) -> ModelResponse:
        """The response to a conversation."""

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
        """The response, whose text is said as it comes, except for what comes before calls of tools.

        The response has calls only if nothing of it was said.
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
    """Says text as it comes, once it is clear that it is no preface to a call."""

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
        """Say what was held back, if it was no preface."""
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
    """What a response says, without what the model thought; trimmed."""
    return "".join(part.content for part in response.parts if isinstance(part, TextPart)).strip()


def is_cut(response: ModelResponse) -> bool:
    """Whether the model was stopped before it came to its end."""
    return response.finish_reason == "length"
