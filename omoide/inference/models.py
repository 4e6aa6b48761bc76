"""The language models of a server: which one a task asks, how, what stands in for it, and what all of it has cost.

This is the door to the rest of `inference` for whoever reasons with models. Loads pydantic-ai, so it is loaded only
where a model is configured; what can be said about the settings without it stands in `model_choice.py`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from pydantic_ai.exceptions import AgentRunError, ContentFilterError, FallbackExceptionGroup, ModelAPIError
from pydantic_ai.models import Model
from pydantic_ai.models.fallback import FallbackModel
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RequestUsage

from omoide.inference.gate import Gate
from omoide.inference.guarded_model import Care, GuardedModel
from omoide.inference.model_choice import TASKS, ModelChoice, ModelChoices, Task, model_choices
from omoide.inference.model_client import model_client
from omoide.inference.provider_errors import failure_of, fault_of, late
from omoide.inference.provider_failed import FormRefused, ModelUnfit, ProviderFailed, RequestRefused
from omoide.inference.provider_models import OutputMode, provider_model
from omoide.metrics import Meter
from omoide.settings import Settings

__all__ = ["ChatModels", "FormRefused", "ModelUnfit", "OutputMode", "ProviderFailed", "RequestRefused"]
__all__ += ["Task", "Usage", "chat_models"]

T = TypeVar("T")

ANSWER_SECONDS = 50.0
"""What an answer as a whole may take: a client waits 60 s for it and then asks again."""
STREAM_SECONDS = 300.0
"""What a streamed answer may take, whose reader sees that it goes on."""
SPARE_SECONDS = 5.0
"""A connection waits for bytes this much longer than a request may take, so that one limit decides."""
MOST_TOKENS = 1_000_000_000
"""More than this is no number of tokens of one request."""
# Each step asks less of an endpoint than the one before.
_STEPS: tuple[OutputMode, ...] = ("schema", "json", "prompt")


@dataclass(frozen=True, slots=True)
class Usage:
    """What a task has asked of models since the server began. `failures` counts requests that brought no answer."""

    requests: int = 0
    failures: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0


def chat_models(
    settings: Settings,
    *,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    chance: Callable[[], float] = random.random,
    meter: Meter | None = None,
) -> ChatModels:
    """The models that the settings name; nothing is asked of them yet. What they are asked is counted in `meter` too.

    Raises WrongSetting, with one line, for an unknown provider, a missing extra or a missing key.
    """
    return ChatModels(model_choices(settings), settings, pause=pause, chance=chance, meter=meter)


class ChatModels:
    """The models of one server. Lives in one event loop; close it with `aclose`. `name` is the setting's own word."""

    def __init__(
        self,
        choices: ModelChoices,
        settings: Settings,
        *,
        pause: Callable[[float], Awaitable[None]],
        chance: Callable[[], float],
        meter: Meter | None = None,
    ) -> None:
        self.name = settings.model
        self._choices = choices
        self._seconds = settings.model_timeout_seconds
        self._retries = settings.model_retries
        self._output: Literal["auto", "schema", "json", "prompt"] = settings.model_output
        self._pause, self._chance = pause, chance
        self._gate = Gate(settings.model_concurrency)
        self._client = model_client(self._seconds, settings.model_answer_bytes)
        self._models: dict[tuple[Task, OutputMode], Model] = {}
        self._modes: dict[ModelChoice, OutputMode] = {}
        self._usage = dict.fromkeys(TASKS, Usage())
        self._meter = meter

    def of(self, task: Task) -> Model:
        """The model that does `task`: with its fallback, retries, time-outs and account, in the present output mode.

        Ask for it anew for every run, as `refused` changes it.
        """
        key = (task, self.output_mode(task))
        if key not in self._models:
            self._models[key] = self._made(*key)
        return self._models[key]

    def settings_of(self, task: Task, *, max_tokens: int) -> ModelSettings:
        """What goes along with every request of `task`; an answer has at most `max_tokens` tokens.

        The stable beginning of a prompt is cached where a provider offers that, and the growing rest where one run
        makes several requests. The SDKs do not retry: `of` does.
        """
        # Not `request_timeout`: where its limit and one of asyncio's within it pass at once, the task is cancelled.
        return ModelSettings(
            max_tokens=max_tokens,
            timeout=self._seconds + SPARE_SECONDS,
            max_retries=0,
            cache={"messages": task in ("answer", "dream")},
        )

    async def guarded(self, task: Task, work: Callable[[], Awaitable[T]], *, asks_form: bool = True) -> T:
        """What `work` gives, which runs `of(task)`.

        Raises ProviderFailed if no provider answers, in time; FormRefused, a kind of it, if the output mode is too
        much for the endpoint: call `refused` and try again; ModelUnfit if the model cannot do this; RequestRefused, a
        kind of it, if the provider takes no such request. Work that asks for no form of output (`asks_form`) is never
        told that it was refused. Other errors pass.
        """
        with self.watched(task, asks_form=asks_form):
            if task != "answer":
                return await work()
            try:
                async with asyncio.timeout(ANSWER_SECONDS) as limit:
                    return await work()
            except TimeoutError:
                if not limit.expired():
                    raise
                raise late(self._name(task), ANSWER_SECONDS) from None

    @contextmanager
    def watched(self, task: Task, *, asks_form: bool = True) -> Iterator[None]:
        """Within the block, pydantic-ai's errors become those of `guarded`. For streams, whose reader sets the time."""
        try:
            yield
        except (AgentRunError, FallbackExceptionGroup) as error:
            # Without its cause: a provider's own words may quote a key, and logs show causes.
            raise failure_of(error, self._name(task), asks_form=asks_form) from None

    def output_mode(self, task: Task) -> OutputMode:
        """How the model of `task` is to be made to keep a form, as far as is known by now."""
        choice = self._choices.by_task[task]
        if self._output != "auto":
            return self._output
        if choice not in self._modes:
            knows_schemas = provider_model(choice, self._client).profile.get("supports_json_schema_output", False)
            self._modes[choice] = "schema" if knows_schemas else "json"
        return self._modes[choice]

    def refused(self, task: Task) -> bool:
        """Remember that the output mode is too much for the model of `task`. Says whether there is a simpler one."""
        step = _STEPS.index(self.output_mode(task))
        if self._output != "auto" or step + 1 == len(_STEPS):
            return False
        self._modes[self._choices.by_task[task]] = _STEPS[step + 1]
        return True

    @property
    def usage(self) -> Mapping[Task, Usage]:
        """What each task has asked of models so far."""
        return dict(self._usage)

    async def aclose(self) -> None:
        """Lets connections go. The models are not used afterwards."""
        await self._client.aclose()

    def _made(self, task: Task, mode: OutputMode) -> Model:
        care = Care(
            task,
            self._gate,
            self._request_seconds(task) / 2 if task == "answer" else None,
            self._request_seconds(task),
            self._seconds,
            self._retries,
            self._pause,
            self._chance,
            self._answered,
            self._failed,
        )
        choice, fallback = self._choices.by_task[task], self._choices.fallback
        model = GuardedModel(provider_model(choice, self._client, mode), care)
        if fallback is None or fallback == choice:
            return model
        spare = GuardedModel(provider_model(fallback, self._client, mode), care)
        return FallbackModel(model, spare, fallback_on=(ModelAPIError, ContentFilterError))

    def _request_seconds(self, task: Task) -> float:
        """How long one request may take: of an answer as long as leaves time for the fallback."""
        if task != "answer":
            return self._seconds
        return min(self._seconds, ANSWER_SECONDS if self._choices.fallback is None else ANSWER_SECONDS / 2)

    def _name(self, task: Task) -> str:
        return self._choices.by_task[task].name

    def _answered(self, task: Task, spent: RequestUsage) -> None:
        usage = self._usage[task]
        tokens = [*map(_admitted, (spent.input_tokens, spent.cache_read_tokens, spent.output_tokens))]
        self._usage[task] = replace(
            usage,
            requests=usage.requests + 1,
            input_tokens=usage.input_tokens + tokens[0],
            cached_tokens=usage.cached_tokens + tokens[1],
            output_tokens=usage.output_tokens + tokens[2],
        )
        if self._meter is not None:
            self._meter.model_answered(task, *tokens)

    def _failed(self, task: Task, error: ModelAPIError | ContentFilterError) -> None:
        usage = self._usage[task]
        self._usage[task] = replace(usage, failures=usage.failures + 1)
        if self._meter is not None:
            self._meter.model_failed(task, fault_of(error))


def _admitted(tokens: object) -> int:
    """A number of tokens as a provider gave it; 0 for what cannot be one."""
    return tokens if isinstance(tokens, int) and 0 <= tokens <= MOST_TOKENS else 0
