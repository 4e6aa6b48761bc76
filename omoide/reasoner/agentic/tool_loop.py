"""Tool loop: run the model's tool calls and return the results to it, until it stops or rounds are used up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, ToolReturnPart
from pydantic_ai.models import ModelRequestParameters

from omoide.core import progress
from omoide.inference.model_registry import ContextExceeded, RequestRefused
from omoide.reasoner.agentic.model_client import Opening, size_of, text_of
from omoide.reasoner.agentic.tools import ERROR, REFUSED, Toolbox

MOST_CALLS = 8
"""Calls executed per round; the others get an error as their result."""
MOST_READ = 240_000
"""Total characters of results, about 60,000 tokens, after which the loop ends. The public limit of a request's input is
100,000 tokens."""

ModelTurn = Callable[[Sequence[ModelMessage], ModelRequestParameters], Awaitable[ModelResponse]]
"""Send the history to the model, streamed or not."""


class TurnTimeout(Exception):
    """A turn took the time that is kept for the answer."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A tool call: its name, its arguments as JSON, and its result."""

    tool: str
    arguments: str
    result: str


@dataclass(frozen=True, slots=True)
class ToolLoopResult:
    """Result of the tool loop. `text` is the model's final text; empty if the loop ended before there was one.

    `excess` is the refusal of a request that the findings made too long, and `size` how many characters it had.
    """

    text: str
    findings: Sequence[Finding]
    excess: ContextExceeded | None = None
    size: int = 0


async def run_tool_loop(
    turn: ModelTurn, opening: Opening, toolbox: Toolbox, rounds: int, is_over: Callable[[int], bool] = lambda _: False
) -> ToolLoopResult:
    """Run up to `rounds` rounds; `is_over` is called before each with the characters of its request.

    Raises ProviderFailed, and RequestRefused if the first request is refused; a later refusal ends the loop, as does a
    TurnTimeout.
    """
    history: list[ModelMessage] = [opening.request()]
    parameters = ModelRequestParameters(function_tools=toolbox.definitions)
    findings: list[Finding] = []
    for _ in range(rounds):
        size = size_of(history, parameters)
        if is_over(size) or sum(len(each.result) for each in findings) > MOST_READ:
            break
        try:
            response = await turn(history, parameters)
        except TurnTimeout:
            break
        except RequestRefused as refusal:
            if not findings:
                raise
            excess = refusal if isinstance(refusal, ContextExceeded) else None
            return ToolLoopResult("", findings, excess, size)
        if not response.tool_calls:
            return ToolLoopResult(text_of(response), findings)
        returns = []
        for index, call in enumerate(response.tool_calls):
            progress.report(f"{call.tool_name} {call.args_as_json_str()}")
            too_many = f"{ERROR}not run: there were more than {MOST_CALLS} calls at once."
            result = await toolbox.use(call) if index < MOST_CALLS else too_many
            findings.append(Finding(call.tool_name, call.args_as_json_str(), result))
            returns.append(ToolReturnPart(call.tool_name, result, call.tool_call_id))
        if any(toolbox.is_last(call.tool_name) for call in response.tool_calls) and not any(map(_failed, returns)):
            break
        history += [response, ModelRequest(parts=returns, instructions=opening.rules)]
    return ToolLoopResult("", findings)


def _failed(part: ToolReturnPart) -> bool:
    """Whether the model has to learn of a result before it may end."""
    result = str(part.content)
    return result.startswith(ERROR) or f"\n{REFUSED}" in result
