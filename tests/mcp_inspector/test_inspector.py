"""The CLI of MCP's inspector, which is built on the TypeScript SDK, drives a server. Started by `make test-inspector`.

Version 1, because version 2 needs a newer Node than the pages do.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omoide.core import clock
from omoide.core.auth import Keyring, Principal
from tests.conftest import SECRET
from tests.handlers.workspace import until
from tests.mcp.agent import Machine, has_ended
from tests.server_process import COMMAND, Server

HERE = Path(__file__).parent
INSPECTOR = ("node", "node_modules/@modelcontextprotocol/inspector/cli/build/index.js")
HTTP = ("--transport", "http")
KEY = Keyring(SECRET).mint(Principal(workspace="demo"), now=clock.now())


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a workspace on a server with authentication on."""
    running = Server(tmp_path_factory.mktemp("inspected") / "omoide.db", auth="true", jwt_secret=SECRET)
    yield f"{running.url}/mcp/demo"
    running.stop()


def ran(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*INSPECTOR, *arguments], cwd=HERE, env=environment, capture_output=True, text=True, check=False
    )


def printed(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def inspected(url: str, method: str, *arguments: str) -> Any:
    """What the command prints for a server over HTTP."""
    return printed(ran(url, *HTTP, "--header", f"Authorization: Bearer {KEY}", "--method", method, *arguments))


def started(machine: Machine, method: str, *arguments: str) -> Any:
    """What the command prints for a server that it starts over stdio."""
    command = (str(COMMAND), "mcp", "--grace", "0.2", "--transport", "stdio")
    return printed(ran(*command, "--method", method, *arguments, environment=machine.environment))


def test_tools_are_listed_and_called(url: str) -> None:
    tools = {tool["name"]: tool for tool in inspected(url, "tools/list")["tools"]}
    assert tools["recall"]["annotations"]["readOnlyHint"]
    messages = json.dumps([{"peer_id": "alice", "content": "I live in Lisbon."}])
    told = ("--tool-name", "remember", "--tool-arg", "session_id=first", f"messages={messages}")
    assert not inspected(url, "tools/call", *told).get("isError")
    found = inspected(url, "tools/call", "--tool-name", "recall", "--tool-arg", "query=Lisbon")
    assert "alice in first: I live in Lisbon." in found["content"][0]["text"]


def test_resources_and_the_prompt_are_read(url: str) -> None:
    messages = json.dumps([{"peer_id": "bob", "content": "I live in Porto."}])
    inspected(url, "tools/call", "--tool-name", "remember", "--tool-arg", "session_id=s", f"messages={messages}")
    templates = inspected(url, "resources/templates/list")["resourceTemplates"]
    assert "omoide://workspaces/demo/sessions/{session_id}" in [each["uriTemplate"] for each in templates]
    (uri,) = (each["uri"] for each in inspected(url, "resources/list")["resources"] if each["name"] == "Messages of s")
    (content,) = inspected(url, "resources/read", "--uri", uri)["contents"]
    assert "bob: I live in Porto." in content["text"]
    assert [each["name"] for each in inspected(url, "prompts/list")["prompts"]] == ["memory"]
    given = ("--prompt-name", "memory", "--prompt-args", "peer=bob", "session=s")
    (message,) = inspected(url, "prompts/get", *given)["messages"]
    assert "bob: I live in Porto." in message["content"]["text"]


def test_a_wrong_call_is_answered_with_what_to_change(url: str) -> None:
    refused = inspected(url, "tools/call", "--tool-name", "recall")
    assert refused["isError"]
    assert refused["content"][0]["text"] == "Missing: query."


def test_a_server_that_it_starts_remembers_for_the_next(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    messages = json.dumps([{"peer_id": "alice", "content": "I live in Lisbon."}])
    told = ("--tool-name", "remember", "--tool-arg", "session_id=first", f"messages={messages}")
    assert not started(machine, "tools/call", *told).get("isError")
    found = started(machine, "tools/call", "--tool-name", "recall", "--tool-arg", "query=Lisbon")
    assert "alice in first: I live in Lisbon." in found["content"][0]["text"]
    until(lambda: has_ended(machine.db))


def test_without_a_key_it_is_refused(url: str) -> None:
    refused = ran(url, *HTTP, "--method", "tools/list")
    assert refused.returncode != 0
    assert "valid key" in refused.stderr


def test_the_lock_names_no_registry() -> None:
    assert "resolved" not in (HERE / "package-lock.json").read_text()
