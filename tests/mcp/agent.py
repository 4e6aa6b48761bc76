"""Agents that start `omoide mcp` as a process: the official client, and the bare process."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from omoide.core.server_registry import claim
from tests.server_process import COMMAND

Mode = Literal["legacy", "auto"]
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


class Machine:
    """A user's machine: a home directory, and the environment of the agents there."""

    def __init__(self, home: Path, **settings: str) -> None:
        self.home = home
        self.db = home / "data" / "omoide" / "omoide.db"
        self.folder = home / "project"  # in which agents work
        self.folder.mkdir()
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("OMOIDE_", "XDG_"))}
        fast = {"embedder": "wordllama", "durability": "normal", "worker_niceness": "0", "debounce_seconds": "0"}
        given = {f"OMOIDE_{name.upper()}": value for name, value in (fast | settings).items()}
        self.environment = {**plain, **given, "HOME": str(home), "XDG_DATA_HOME": str(home / "data")}

    @asynccontextmanager
    async def agent(self, *flags: str, mode: Mode = "legacy") -> AsyncIterator[Client]:
        """A client whose server is a process of its own; the process ends with the block."""
        command = StdioServerParameters(
            command=str(COMMAND),
            args=["mcp", "--grace", "0.2", *flags],
            env=self.environment,
            cwd=self.folder,
        )
        with (self.home / "stderr").open("a") as errors:
            async with Client(stdio_client(command, errlog=errors), mode=mode) as client:
                yield client

    def process(self, *flags: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [COMMAND, "mcp", "--grace", "0.2", *flags],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=self.environment, cwd=self.folder,
        )  # fmt: skip

    @property
    def server(self) -> dict[str, Any]:
        """What the file says of the server that was the last to start."""
        record: dict[str, Any] = json.loads(Path(f"{self.db}.server").read_text())
        return record


def has_ended(db: Path) -> bool:
    """Whether no server of this file is left."""
    claimed = claim(db)
    if claimed is not None:
        claimed.close()
    return claimed is not None


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def text_of(client: Client, tool: str, **arguments: Any) -> str:
    """The text of one call's result, which is no error."""
    result = await client.call_tool(tool, arguments)
    (content,) = result.content
    text = str(getattr(content, "text", ""))
    assert not result.is_error, text
    return text


async def structured(client: Client, tool: str, **arguments: Any) -> Any:
    """The structured content of one call's result, which is no error."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    return result.structured_content
