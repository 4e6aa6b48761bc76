"""The language models of a server: one per task, with fallback, limits and usage counters.

This is the public interface of `inference` for reasoning with models. It imports pydantic-ai, so it is imported only if
a model is configured; `model_config.py` validates settings without it.
"""

from __future__ import annotations

import asyncio
import copy
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal, TypeVar

from pydantic_ai.exceptions import AgentRunError, ContentFilterError, FallbackExceptionGroup, ModelAPIError
from pydantic_ai.models import Model
from pydantic_ai.models.fallback import FallbackModel
from pydantic_ai.settings import ModelSettings

from omoide.core.answer_levels import AnswerLevel, Effort, ReasoningLevel, answer_levels
from omoide.core.metrics import Meter
from omoide.core.settings import Settings
from omoide.core.usage import Counts
from omoide.inference.concurrency_limit import ConcurrencyLimiter
from omoide.inference.errors import (
    ContextExceeded,
    FormRefused,
    ModelUnfit,
    ProviderFailed,
    RequestRefused,
    ToolsRefused,
    UnreadableOutput,
)
from omoide.inference.http_client import model_client
from omoide.inference.model_config import ModelConfig, ModelConfigs, Task, model_configs
from omoide.inference.model_traits import ModelTraits
from omoide.inference.provider_errors import failure_of, fault_of, late
from omoide.inference.providers import OutputMode, provider_model
from omoide.inference.resilient_model import RequestPolicy, ResilientModel
from omoide.inference.tokens import TokenCounter

__all__ = ["ChatModels", "ContextExceeded", "FormRefused", "ModelTraits", "ModelUnfit", "OutputMode"]
__all__ += ["ProviderFailed", "RequestRefused", "Task", "ToolsRefused", "UnreadableOutput", "chat_models"]

T = TypeVar("T")

MOST_WAIT_SECONDS = 25.0
"""How long a request of an answer may wait for others."""
HURRIED: Effort = "low"
"""How much a model thinks that has to answer now."""
SPARE_SECONDS = 5.0
"""How much longer the connection's time-out is than the request's, so that the request's always comes first."""
# Each mode requires less of an endpoint than the one before.
_STEPS: tuple[OutputMode, ...] = ("schema", "json", "prompt")


def chat_models(
    settings: Settings,
    *,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    chance: Callable[[], float] = random.random,
    meter: Meter | None = None,
    tokens: TokenCounter | None = None,
) -> ChatModels:
    """Create the models named in the settings, without calling them.

    Requests and what they use are counted in `meter`; `tokens` estimates what providers do not report.

    Raises SettingsError, with one line, for an unknown provider, a missing extra or a missing key.
    """
    return ChatModels(model_configs(settings), settings, pause=pause, chance=chance, meter=meter, tokens=tokens)


class ChatModels:
    """The models of one process. Bound to one event loop; close it with `aclose`. `name` is OMOIDE_MODEL."""

    def __init__(
        self,
        choices: ModelConfigs,
        settings: Settings,
        *,
        pause: Callable[[float], Awaitable[None]],
        chance: Callable[[], float],
        meter: Meter | None = None,
        tokens: TokenCounter | None = None,
    ) -> None:
        self.name = settings.model
        self._choices = choices
        self._seconds = settings.model_timeout_seconds
        self._levels = answer_levels(settings.answer_levels)
        self._level = self._levels["low"]
        self._is_streamed = False
        self._retries = settings.model_retries
        self._output: Literal["auto", "schema", "json", "prompt"] = settings.model_output
        self._pause, self._chance = pause, chance
        self._gate = ConcurrencyLimiter(settings.model_concurrency)
        self._client = model_client(self._seconds, settings.model_answer_bytes)
        self._models: dict[tuple[ModelConfig, Task, OutputMode, float], Model] = {}
        self._modes: dict[ModelConfig, OutputMode] = {}
        self._traits: dict[ModelConfig, ModelTraits] = {}
        self._meter = meter
        self._tokens = tokens or TokenCounter()

    def of(self, task: Task) -> Model:
        """The model for `task`, with fallback, retries, time-outs and counters, in the current output mode.

        Call it for every run, because `refused` changes the output mode.
        """
        mode = self.output_mode(task)
        key = (self._choices.by_task[task], task, mode, self._request_seconds(task))
        if key not in self._models:
            self._models[key] = self._made(task, mode)
        return self._models[key]

    def level(self, level: ReasoningLevel) -> AnswerLevel:
        """What an answer at this level may cost."""
        return self._levels[level]

    def at(self, level: ReasoningLevel, *, is_streamed: bool) -> ChatModels:
        """These models for an answer at a level; they share connections, counters, and what was learned."""
        view = copy.copy(self)
        view._level, view._is_streamed = self._levels[level], is_streamed
        if (choice := self._choices.by_level.get(level)) is not None:
            view._choices = replace(self._choices, by_task={**self._choices.by_task, "answer": choice})
            view.name = choice.name
        return view

    def settings_of(self, task: Task, *, max_tokens: int, is_hurried: bool = False) -> ModelSettings:
        """Settings for every request of `task`; an answer has at most `max_tokens` tokens.

        Caches the stable prefix of a prompt if the provider supports that, and the growing rest if a run makes several
        requests. The SDKs do not retry; `of` does. With `is_hurried` a model thinks little.
        """
        # Not `request_timeout`: if it expires at the same time as an inner asyncio limit, the task is cancelled.
        settings = ModelSettings(
            max_tokens=max_tokens,
            timeout=self._seconds + SPARE_SECONDS,
            max_retries=0,
            cache={"messages": task in ("answer", "dream")},
        )
        return {**settings, **self._of_level(is_hurried)} if task == "answer" else settings

    def _of_level(self, is_hurried: bool) -> ModelSettings:
        """Effort and temperature of an answer. An endpoint that refuses one of them is asked without it."""
        settings = ModelSettings()
        effort = self._level.effort
        if is_hurried and effort not in ("none", "minimal"):
            effort = HURRIED
        if effort is not None:
            # pydantic-ai sends the first to models that it knows to think, and the second to any OpenAI endpoint.
            settings["thinking"] = False if effort == "none" else effort
            settings["openai_reasoning_effort"] = effort  # type: ignore[typeddict-unknown-key]
        if self._level.temperature is not None:
            settings["temperature"] = self._level.temperature
        return settings

    def traits(self, task: Task) -> ModelTraits:
        """What was learned about the model for `task`; may be changed."""
        return self._traits_of(self._choices.by_task[task])

    async def guarded(
        self, task: Task, work: Callable[[], Awaitable[T]], *, asks_form: bool = True, offers_tools: bool = False
    ) -> T:
        """Run `work`, which uses `of(task)`, and translate its exceptions.

        Raises ProviderFailed if no provider answers in time; FormRefused, a subclass, if the endpoint does not support
        the output mode (call `refused` and retry); ModelUnfit if the model cannot do the task; RequestRefused, a
        subclass, if the provider rejects the request; of that, ContextExceeded if it is too long, and ToolsRefused if
        the endpoint takes no tools. Without `asks_form`, FormRefused is never raised, and without `offers_tools` not
        ToolsRefused. Other exceptions propagate.
        """
        with self.watched(task, asks_form=asks_form, offers_tools=offers_tools):
            if task != "answer" or self._is_streamed:
                return await work()
            seconds = self._level.seconds
            try:
                async with asyncio.timeout(seconds) as limit:
                    return await work()
            except TimeoutError:
                if not limit.expired():
                    raise
                raise late(self._name(task), seconds) from None

    @contextmanager
    def watched(self, task: Task, *, asks_form: bool = True, offers_tools: bool = False) -> Iterator[None]:
        """Translate pydantic-ai's exceptions as `guarded` does, without its time limit. For streams."""
        try:
            yield
        except (AgentRunError, FallbackExceptionGroup) as error:
            # `from None`: a provider's message may quote a key, and logs show causes.
            raise failure_of(error, self._name(task), asks_form=asks_form, offers_tools=offers_tools) from None

    def output_mode(self, task: Task) -> OutputMode:
        """The current output mode of the model for `task`."""
        choice = self._choices.by_task[task]
        if self._output != "auto":
            return self._output
        if choice not in self._modes:
            knows_schemas = provider_model(choice, self._client).profile.get("supports_json_schema_output", False)
            self._modes[choice] = "schema" if knows_schemas else "json"
        return self._modes[choice]

    def refused(self, task: Task) -> bool:
        """Record that the model for `task` does not support the output mode. Return whether there is a simpler one."""
        step = _STEPS.index(self.output_mode(task))
        if self._output != "auto" or step + 1 == len(_STEPS):
            return False
        self._modes[self._choices.by_task[task]] = _STEPS[step + 1]
        return True

    def card_lines_refused(self, count: int) -> None:
        """Count lines of cards that were refused."""
        if self._meter is not None:
            self._meter.card_lines_refused(count)

    async def aclose(self) -> None:
        """Close connections. The models must not be used afterwards."""
        await self._client.aclose()

    def _made(self, task: Task, mode: OutputMode) -> Model:
        choice, fallback = self._choices.by_task[task], self._choices.fallback
        model = self._guarded(task, mode, choice)
        if fallback is None or fallback == choice:
            return model
        spare = self._guarded(task, mode, fallback)
        return FallbackModel(model, spare, fallback_on=(ModelAPIError, ContentFilterError))

    def _guarded(self, task: Task, mode: OutputMode, choice: ModelConfig) -> ResilientModel:
        care = RequestPolicy(
            task,
            choice.name,
            self._gate,
            min(self._request_seconds(task) / 2, MOST_WAIT_SECONDS) if task == "answer" else None,
            self._request_seconds(task),
            self._seconds,
            self._retries,
            self._pause,
            self._chance,
            self._tokens,
            self._answered,
            self._failed,
        )
        return ResilientModel(provider_model(choice, self._client, mode), care, self._traits_of(choice))

    def _traits_of(self, choice: ModelConfig) -> ModelTraits:
        """A provider's own models close no thoughts that they have not opened; those at other endpoints may."""
        return self._traits.setdefault(choice, ModelTraits(closes_thoughts=None if choice.endpoint.base_url else False))

    def _request_seconds(self, task: Task) -> float:
        """Time limit of one request; for an answer that is not streamed, it leaves time for the fallback."""
        if task != "answer" or self._is_streamed:
            return self._seconds
        seconds = self._level.seconds
        return min(self._seconds, seconds if self._choices.fallback is None else seconds / 2)

    def _name(self, task: Task) -> str:
        return self._choices.by_task[task].name

    def _answered(self, task: Task, model: str, used: Counts) -> None:
        if self._meter is not None:
            self._meter.model_answered(task, model, used)

    def _failed(self, task: Task, error: ModelAPIError | ContentFilterError) -> None:
        if self._meter is not None:
            self._meter.model_failed(task, fault_of(error))
