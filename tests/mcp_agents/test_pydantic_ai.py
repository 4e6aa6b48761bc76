"""An agent of pydantic-ai remembers in one run and recalls in another; its model is scripted.

Its MCP client is installed beside the pinned packages (see requirements.lock here and `make agents`).
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic_ai import Agent
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models.function import AgentInfo, FunctionModel

from omoide.core import clock
from omoide.core.auth import Keyring, Principal
from tests.conftest import SECRET
from tests.handlers.workspace import until
from tests.mcp.agent import Machine, has_ended
from tests.mcp.client import called
from tests.server_process import COMMAND, Server

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("fastmcp") is None, reason="the MCP client of pydantic-ai is not installed: make agents"
)
CORE = {"recall", "remember", "context", "ask", "explain", "correct", "forget", "list", "status"}
Script = Callable[[list[ModelMessage], AgentInfo], ModelResponse]
KEY = {"Authorization": f"Bearer {Keyring(SECRET).mint(Principal(workspace='notes'), now=clock.now())}"}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a workspace on a server with authentication on."""
    db: Path = tmp_path_factory.mktemp("agents") / "omoide.db"
    running = Server(db, debounce_seconds="0", auth="true", jwt_secret=SECRET)
    yield f"{running.url}/mcp/notes"
    running.stop()


def toolset(server: Any, **options: Any) -> Any:
    """The tools of a server, which may take as long to start as it needs."""
    from pydantic_ai.mcp import MCPToolset  # not installed everywhere

    return MCPToolset(server, include_instructions=True, init_timeout=None, **options)


def agent_of(url: str, script: Script) -> Agent[None, str]:
    """A new agent, with a new connection to the server."""
    return Agent(FunctionModel(script), toolsets=[toolset(url, headers=KEY)])


def agent_on(machine: Machine, script: Script) -> Agent[None, str]:
    """A new agent that starts `omoide mcp`, which ends with the run."""
    from fastmcp.client.transports import StdioTransport  # not installed everywhere

    transport = StdioTransport(
        str(COMMAND), ["mcp", "--grace", "0.2"], machine.environment, str(machine.folder),
        keep_alive=False, log_file=machine.home / "stderr",
    )  # fmt: skip
    return Agent(FunctionModel(script), toolsets=[toolset(transport)])


def run(agent: Agent[None, str], prompt: str) -> str:
    return asyncio.run(agent.run(prompt)).output


def last(messages: list[ModelMessage]) -> Any:
    """What the model is to react to."""
    request = messages[-1]
    assert isinstance(request, ModelRequest)
    return request.parts[-1]


def call(tool: str, **arguments: Any) -> ModelResponse:
    return ModelResponse(parts=[ToolCallPart(tool, arguments)])


def noting(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """Remember what the user says."""
    match last(messages):
        case UserPromptPart(content=content):
            assert {tool.name for tool in info.function_tools} == CORE
            assert "`recall`" in str(info.instructions)
            return call("remember", session_id="monday", messages=[{"peer_id": "alice", "content": content}])
        case ToolReturnPart():
            return ModelResponse(parts=[TextPart("I shall remember that.")])
    raise AssertionError(messages)


def answering(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """Answer from memory, after a call that lacks its query."""
    match last(messages):
        case UserPromptPart():
            return call("recall", peer_id="alice")
        case ToolReturnPart(outcome="retried", content=reason):
            assert reason == "Missing: query."
            (question,) = (part.content for part in messages[0].parts if isinstance(part, UserPromptPart))
            return call("recall", peer_id="alice", query=question)
        case ToolReturnPart() as found:
            (known,) = (line for line in lines_of(found) if "lives" in line)
            return ModelResponse(parts=[TextPart(known)])
    raise AssertionError(messages)


def lines_of(found: ToolReturnPart) -> list[str]:
    """The text of what was recalled; this client shows models the structured answer."""
    content: Any = found.content
    return str(content["text"]).splitlines()


def test_an_agent_recalls_what_another_run_remembered(url: str) -> None:
    assert run(agent_of(url, noting), "I live in Lisbon.") == "I shall remember that."
    until(lambda: bool(called(url, "status", KEY)[1]["completed_work_units"]))
    answer = run(agent_of(url, answering), "Where does Alice live?")
    assert "alice lives in Lisbon [conclusion " in answer


def test_an_agent_that_starts_a_process_recalls_what_another_remembered(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert run(agent_on(machine, noting), "I live in Lisbon.") == "I shall remember that."
    until(lambda: has_ended(machine.db))  # a server ends only after it has processed what waits
    assert "alice lives in Lisbon [conclusion " in run(agent_on(machine, answering), "Where does Alice live?")
    until(lambda: has_ended(machine.db))
