"""Send one request to a model, streamed or not, and make its response usable.

If thoughts used up the limit of tokens before there was an answer, the request is sent again with more room.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from pydantic_ai.direct import model_request, model_request_stream
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.settings import ModelSettings

from omoide.core.answer_levels import AnswerLevel, ReasoningLevel
from omoide.core.usage import counted_as
from omoide.inference.model_registry import ModelTraits, OutputMode, Task
from omoide.inference.output_limits import characters_of
from omoide.reasoner.agentic.tidying import is_cut, repaired, text_of, tidied, used_up
from omoide.reasoner.agentic.voice import HELD, Voice

__all__ = ["PLAIN", "ModelCaller", "Models", "Opening", "is_cut", "size_of", "text_of"]

T = TypeVar("T")

PLAIN = ModelRequestParameters()


class Models(Protocol):
    """The part of `omoide.inference.model_registry.ChatModels` that reasoning uses."""

    @property
    def name(self) -> str: ...

    def of(self, task: Task) -> Model: ...

    def level(self, level: ReasoningLevel) -> AnswerLevel: ...

    def at(self, level: ReasoningLevel, *, is_streamed: bool) -> Models: ...

    def settings_of(self, task: Task, *, max_tokens: int, is_hurried: bool = False) -> ModelSettings: ...

    def traits(self, task: Task) -> ModelTraits: ...

    async def guarded(
        self, task: Task, work: Callable[[], Awaitable[T]], *, asks_form: bool = True, offers_tools: bool = False
    ) -> T: ...

    def output_mode(self, task: Task) -> OutputMode: ...

    def watched(
        self, task: Task, *, asks_form: bool = True, offers_tools: bool = False
    ) -> AbstractContextManager[None]: ...

    def refused(self, task: Task) -> bool: ...

    def card_lines_refused(self, count: int) -> None: ...

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Opening:
    """First request to a model: the rules as instructions, and the input as user prompt."""

    rules: str
    given: str

    def request(self) -> ModelRequest:
        return ModelRequest.user_text_prompt(self.given, instructions=self.rules)


def _ignored() -> None:
    """Nothing depends on it."""


class _Looping(Exception):
    """The model repeats itself: no more of the stream is read."""


@dataclass(frozen=True, slots=True)
class ModelCaller:
    """The model for one task. Requests raise ProviderFailed if the provider fails, and RequestRefused if it rejects
    the request."""

    models: Models
    task: Task
    is_hurried: bool = False
    """Whether the model is to think little, because there is little time."""
    purpose: str = ""
    """What the requests are counted as, if not as the task."""

    @property
    def traits(self) -> ModelTraits:
        return self.models.traits(self.task)

    async def whole(
        self, history: Sequence[ModelMessage], max_tokens: int, parameters: ModelRequestParameters = PLAIN
    ) -> ModelResponse:
        """Return the complete response. Output in a form is returned as it came."""

        async def once(tokens: int) -> tuple[ModelResponse, bool]:
            async def work() -> ModelResponse:
                return await model_request(
                    self.models.of(self.task),
                    history,
                    model_settings=self._settings(tokens),
                    model_request_parameters=parameters,
                )

            has_form, tools = parameters.output_object is not None, parameters.function_tools
            with counted_as(self.purpose):
                response = await self.models.guarded(self.task, work, asks_form=has_form, offers_tools=bool(tools))
            return repaired(response) if has_form else tidied(response, tools)[0], False

        return await self._with_room(max_tokens, once)

    def _settings(self, tokens: int) -> ModelSettings:
        return self.models.settings_of(self.task, max_tokens=tokens, is_hurried=self.is_hurried)

    async def spoken(
        self,
        history: Sequence[ModelMessage],
        max_tokens: int,
        parameters: ModelRequestParameters,
        say: Callable[[str], None] | None = None,
        begun: Callable[[], None] = _ignored,
    ) -> ModelResponse:
        """Stream the response's text to `say`, except text that precedes tool calls, and return the response.

        A text that is longer than `HELD` is said even if tool calls follow. `begun` is called when text has come.
        """

        async def once(tokens: int) -> tuple[ModelResponse, bool]:
            return await self._streamed(history, tokens, parameters, (say, begun))

        return await self._with_room(max_tokens, once)

    async def _with_room(
        self, max_tokens: int, once: Callable[[int], Awaitable[tuple[ModelResponse, bool]]]
    ) -> ModelResponse:
        """Call `once` with a limit of tokens, and with higher ones while they are used up before an answer."""
        tokens = first = self.traits.output(max_tokens)
        while True:
            response, has_spoken = await once(tokens)
            more = self.traits.more_output(tokens)
            if has_spoken or more is None or not used_up(response):
                if tokens > first and not used_up(response):
                    self.traits.least_output = max(self.traits.least_output, tokens)
                return response
            tokens = more

    async def _streamed(
        self,
        history: Sequence[ModelMessage],
        tokens: int,
        parameters: ModelRequestParameters,
        listeners: tuple[Callable[[str], None] | None, Callable[[], None]],
    ) -> tuple[ModelResponse, bool]:
        """Return the response, and whether a part of it was said. `listeners`: `say` and `begun` of `spoken`."""
        say, begun = listeners
        tools, traits = parameters.function_tools, self.traits
        holds = traits.closes_thoughts is not False
        voice = Voice(say or (lambda _: None), held=HELD if tools else 0, holds_thoughts=holds)
        settings = self._settings(tokens)
        response = ModelResponse(parts=[])
        try:
            with counted_as(self.purpose), self.models.watched(self.task, asks_form=False, offers_tools=bool(tools)):
                async with model_request_stream(
                    self.models.of(self.task), history, model_settings=settings, model_request_parameters=parameters
                ) as stream:
                    async for event in stream:
                        voice.hear(event)
                        if voice.has_heard and (traits.closes_thoughts is not True or voice.thoughts.closes_unopened):
                            begun()
                        if voice.is_looping:
                            response = stream.get()
                            raise _Looping
                    response = stream.get()
        except _Looping:
            pass
        tidy, closes_unopened = tidied(response, tools, is_answer=True)
        if closes_unopened:
            traits.closes_thoughts = True
        elif traits.closes_thoughts is None and text_of(tidy):
            traits.closes_thoughts = False
        voice.finish(is_answer=not tidy.tool_calls and bool(text_of(tidy)))
        return tidy, say is not None and voice.has_spoken


def size_of(history: Sequence[ModelMessage], parameters: ModelRequestParameters = PLAIN) -> int:
    """Return about how many characters a request has."""
    return characters_of(history, parameters.function_tools)
