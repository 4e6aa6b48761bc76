"""Test double for the server's models: replays scripted turns and records the requests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic_ai.exceptions import AgentRunError, ModelHTTPError, ModelRequestRejectedError
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import Model, StreamedResponse
from pydantic_ai.models.function import AgentInfo, DeltaThinkingPart, DeltaToolCall, FunctionModel
from pydantic_ai.settings import ModelSettings

from omoide.core.answer_levels import DEFAULTS, AnswerLevel, ReasoningLevel
from omoide.core.clock import MINUTE, to_micros
from omoide.core.records import Conclusion, Level, Message
from omoide.inference.model_registry import ModelTraits, OutputMode, Task
from omoide.inference.provider_errors import failure_of
from omoide.inference.tokens import TokenCounter
from omoide.reasoner.memory_view import MemoryView
from omoide.reasoner.protocol import Question

T = TypeVar("T")
TOKENS = TokenCounter()
START = to_micros(datetime(2024, 5, 1, 9, tzinfo=UTC))
MODES: Sequence[OutputMode] = ("schema", "json", "prompt")

Turn = ModelResponse | str | Exception
Script = Callable[[list[ModelMessage], AgentInfo], Turn]


class Scripted:
    """Replaces `inference.models.ChatModels`. A turn is a text, a response, or an exception to raise."""

    name = "scripted:model"

    def __init__(self, *turns: Turn, script: Script | None = None, mode: OutputMode = "schema") -> None:
        self.asked: list[tuple[list[ModelMessage], AgentInfo]] = []
        self.mode = mode
        self.tasks: list[Task] = []
        self.opened: StreamedResponse | None = None
        self.levels = dict(DEFAULTS)
        self.lines_refused = 0
        self.learned = ModelTraits(closes_thoughts=False)
        self._turns = iter(turns)
        self._script = script or (lambda _, __: next(self._turns))

    def of(self, task: Task) -> Model:
        self.tasks.append(task)
        return _ScriptedModel(self)

    def level(self, level: ReasoningLevel) -> AnswerLevel:
        return self.levels[level]

    def at(self, level: ReasoningLevel, *, is_streamed: bool) -> Scripted:
        return self

    def settings_of(self, task: Task, *, max_tokens: int, is_hurried: bool = False) -> ModelSettings:
        return ModelSettings(max_tokens=max_tokens, **({"thinking": "low"} if is_hurried else {}))

    def traits(self, task: Task) -> ModelTraits:
        return self.learned

    async def guarded(
        self, task: Task, work: Callable[[], Awaitable[T]], *, asks_form: bool = True, offers_tools: bool = False
    ) -> T:
        with self.watched(task, asks_form=asks_form, offers_tools=offers_tools):
            return await work()

    @contextmanager
    def watched(self, task: Task, *, asks_form: bool = True, offers_tools: bool = False) -> Iterator[None]:
        try:
            yield
        except AgentRunError as error:
            raise failure_of(error, self.name, asks_form=asks_form, offers_tools=offers_tools) from None

    def output_mode(self, task: Task) -> OutputMode:
        return self.mode

    def refused(self, task: Task) -> bool:
        step = MODES.index(self.mode) + 1
        self.mode = MODES[min(step, len(MODES) - 1)]
        return step < len(MODES)

    def card_lines_refused(self, count: int) -> None:
        self.lines_refused += count

    async def aclose(self) -> None:
        """Do nothing."""

    @property
    def prompts(self) -> list[str]:
        """The full text of each request: instructions, user prompts and tool results."""
        return [prompt_of(messages, info) for messages, info in self.asked]

    def _next(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        self.asked.append((list(messages), info))
        turn = self._script(messages, info)
        if isinstance(turn, Exception):
            raise turn
        return ModelResponse(parts=[TextPart(turn)]) if isinstance(turn, str) else turn

    def whole(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        return self._next(messages, info)

    async def stream(
        self, messages: list[ModelMessage], info: AgentInfo
    ) -> AsyncIterator[str | dict[int, DeltaToolCall] | dict[int, DeltaThinkingPart]]:
        yield ""
        response = self._next(messages, info)
        if self.opened is not None:
            self.opened.finish_reason = response.finish_reason
        for place, part in enumerate(response.parts):
            if isinstance(part, ThinkingPart):
                yield {place: DeltaThinkingPart(content=part.content)}
            if isinstance(part, TextPart):
                for word in part.content.split(" "):
                    yield f"{word} " if word else ""
            elif isinstance(part, ToolCallPart):
                yield {place: DeltaToolCall(part.tool_name, part.args_as_json_str(), tool_call_id=part.tool_call_id)}


class _ScriptedModel(FunctionModel):
    """Streams with the finish reason of the turn."""

    def __init__(self, turns: Scripted) -> None:
        super().__init__(turns.whole, stream_function=turns.stream, model_name="scripted")
        self._scripted = turns

    @asynccontextmanager
    async def request_stream(self, *arguments: Any, **options: Any) -> AsyncIterator[StreamedResponse]:
        async with super().request_stream(*arguments, **options) as stream:
            self._scripted.opened = stream
            yield stream


def prompt_of(messages: Sequence[ModelMessage], info: AgentInfo) -> str:
    said = [info.instructions or ""]
    for message in messages:
        for part in message.parts if isinstance(message, ModelRequest) else ():
            if isinstance(part, UserPromptPart | ToolReturnPart):
                said.append(str(part.content))
    return "\n".join(said)


def results_in(messages: Sequence[ModelMessage]) -> list[str]:
    """Return the tool results in a history."""
    requests = [message for message in messages if isinstance(message, ModelRequest)]
    return [str(part.content) for each in requests for part in each.parts if isinstance(part, ToolReturnPart)]


def calls(*named: tuple[str, Any]) -> ModelResponse:
    """Return a turn that calls tools; arguments may be invalid JSON text."""
    return ModelResponse(parts=[ToolCallPart(name, arguments) for name, arguments in named])


def cut(text: str) -> ModelResponse:
    """Return a turn that was truncated by the token limit."""
    return ModelResponse(parts=[TextPart(text)], finish_reason="length")


def too_long(words: str = "This model's maximum context length is 4096 tokens.") -> ModelHTTPError:
    """Return the refusal of a text that is too long."""
    return refusal(words)


def refusal(words: str, status: int = 400) -> ModelHTTPError:
    return ModelHTTPError.for_category(
        category=ModelRequestRejectedError, status_code=status, model_name="scripted", body={"message": words}
    )


def thinking(thoughts: str, text: str = "", *, reason: Any = "stop") -> ModelResponse:
    """Return a turn with thoughts apart from the text."""
    return ModelResponse(parts=[ThinkingPart(thoughts), *([TextPart(text)] if text else [])], finish_reason=reason)


def form(value: Any) -> str:
    return json.dumps(value)


def message(content: str, peer: str = "alice", *, at: int = 0, id: str = "") -> Message:
    """Return a message sent `at` minutes after the start."""
    return Message(id or f"m{at}", "s", "w", peer, content, {}, TOKENS.count(content), START + at * MINUTE)


def conclusion(content: str, id: str = "", *, level: Level = "explicit", sources: Sequence[str] = ()) -> Conclusion:
    return Conclusion(
        0, id or content.replace(" ", "-"), content, "alice", "alice", "s", level, [*sources], 1, START, START, {}
    )


def read(pieces: AsyncIterator[str]) -> list[str]:
    async def gathered() -> list[str]:
        return [piece async for piece in pieces]

    return asyncio.run(gathered())


def question(memory: MemoryView, query: str = "Where does alice live?", **more: Any) -> Question:
    reach = memory.reach
    return Question(query, reach.observer_id, reach.observed_id, session_id=reach.session_id, **more)
