"""The agents that can be set up: where their configuration is, and how it names an MCP server."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

KEY_INPUT = "omoide-key"
KEY_QUESTION = {"type": "promptString", "id": KEY_INPUT, "description": "Omoide key", "password": True}
"""VS Code asks for the key once, and keeps it; its files only name the question."""


@dataclass(frozen=True, slots=True)
class McpConnection:
    """How an agent reaches the memory: by `url`, or by starting `command`; `key_variable` holds the key, if any."""

    url: str | None
    command: tuple[str, ...]
    key_variable: str | None

    def http(self, reference: str = "", **before: object) -> dict[str, object]:
        """The entry of most agents for HTTP; `reference` is how the agent's files refer to a variable."""
        headers = {"headers": {"Authorization": f"Bearer {reference}"}} if self.key_variable else {}
        return {**before, "url": self.url, **headers}

    def stdio(self, reference: str = "", **before: object) -> dict[str, object]:
        """The entry of most agents for a process."""
        program, *arguments = self.command
        env = {"env": {"OMOIDE_KEY": reference}} if self.key_variable else {}
        return {**before, "command": program, "args": arguments, **env}


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent; `servers` leads to its MCP servers in the document."""

    title: str
    language: str
    servers: tuple[str, ...]
    user_file: Callable[[Mapping[str, str]], Path]
    project_file: str | None
    entry: Callable[[McpConnection], dict[str, object]]


def _home(*parts: str) -> Path:
    return Path.home().joinpath(*parts)


def _under(variable: str, default: str, name: str) -> Callable[[Mapping[str, str]], Path]:
    """A file of a folder that a variable may name."""

    def path(environment: Mapping[str, str]) -> Path:
        given = environment.get(variable)
        return (Path(given) if given else _home(default)) / name

    return path


def _claude_file(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("CLAUDE_CONFIG_DIR") or _home()) / ".claude.json"


def _hermes_file(environment: Mapping[str, str]) -> Path:
    if given := environment.get("HERMES_HOME"):
        return Path(given) / "config.yaml"
    if sys.platform == "win32":
        return Path(environment.get("LOCALAPPDATA") or _home("AppData", "Local")) / "hermes" / "config.yaml"
    return _home(".hermes", "config.yaml")


def _openclaw_file(environment: Mapping[str, str]) -> Path:
    if given := environment.get("OPENCLAW_CONFIG_PATH"):
        return Path(given)
    return Path(environment.get("OPENCLAW_STATE_DIR") or _home(".openclaw")) / "openclaw.json"


def _opencode_file(environment: Mapping[str, str]) -> Path:
    folder = Path(environment.get("XDG_CONFIG_HOME") or _home(".config")) / "opencode"
    return _existing(folder / "opencode.jsonc", folder / "opencode.json")


def _vscode_file(environment: Mapping[str, str]) -> Path:
    if sys.platform == "win32":
        base = Path(environment.get("APPDATA") or _home("AppData", "Roaming"))
    elif sys.platform == "darwin":
        base = _home("Library", "Application Support")
    else:
        base = Path(environment.get("XDG_CONFIG_HOME") or _home(".config"))
    return base / "Code" / "User" / "mcp.json"


def _existing(path: Path, default: Path) -> Path:
    return path if path.exists() else default


def _claude(connection: McpConnection) -> dict[str, object]:
    variable = f"${{{connection.key_variable}}}"
    return connection.http(variable, type="http") if connection.url else connection.stdio(variable, type="stdio")


def _codex(connection: McpConnection) -> dict[str, object]:
    name = connection.key_variable
    if connection.url:
        return {"url": connection.url, **({"bearer_token_env_var": name} if name else {})}
    program, *arguments = connection.command
    return {"command": program, "args": arguments, **({"env_vars": [name]} if name else {})}


def _cursor(connection: McpConnection) -> dict[str, object]:
    variable = f"${{env:{connection.key_variable}}}"
    return connection.http(variable) if connection.url else connection.stdio(variable)


def _vscode(connection: McpConnection) -> dict[str, object]:
    answer = f"${{input:{KEY_INPUT}}}"
    return connection.http(answer, type="http") if connection.url else connection.stdio(answer, type="stdio")


def _gemini(connection: McpConnection) -> dict[str, object]:
    variable = f"${{{connection.key_variable}}}"
    return connection.http(variable, type="http") if connection.url else connection.stdio(variable)


def _opencode(connection: McpConnection) -> dict[str, object]:
    variable = f"{{env:{connection.key_variable}}}"
    if connection.url:
        no_oauth = {"oauth": False} if connection.key_variable else {}
        return connection.http(variable, type="remote") | no_oauth
    environment = {"environment": {"OMOIDE_KEY": variable}} if connection.key_variable else {}
    return {"type": "local", "command": [*connection.command], **environment}


def _hermes(connection: McpConnection) -> dict[str, object]:
    variable = f"${{{connection.key_variable}}}"
    return connection.http(variable) if connection.url else connection.stdio(variable)


def _openclaw(connection: McpConnection) -> dict[str, object]:
    variable = f"${{{connection.key_variable}}}"
    if connection.url:
        return connection.http(variable, transport="streamable-http")
    return connection.stdio(variable)


def other(connection: McpConnection) -> dict[str, object]:
    """The entry that most agents read."""
    variable = f"${{{connection.key_variable}}}"
    return connection.http(variable) if connection.url else connection.stdio(variable)


_MCP_SERVERS = ("mcpServers",)

AGENTS: dict[str, Agent] = {
    "claude-code": Agent("Claude Code", "json", _MCP_SERVERS, _claude_file, ".mcp.json", _claude),
    "codex": Agent(
        "Codex", "toml", ("mcp_servers",), _under("CODEX_HOME", ".codex", "config.toml"), ".codex/config.toml", _codex
    ),
    "cursor": Agent(
        "Cursor", "jsonc", _MCP_SERVERS, lambda _: _home(".cursor", "mcp.json"), ".cursor/mcp.json", _cursor
    ),
    "vscode": Agent("VS Code", "jsonc", ("servers",), _vscode_file, ".vscode/mcp.json", _vscode),
    "gemini": Agent(
        "Gemini CLI",
        "jsonc",
        _MCP_SERVERS,
        lambda environment: Path(environment.get("GEMINI_CLI_HOME") or _home()) / ".gemini" / "settings.json",
        ".gemini/settings.json",
        _gemini,
    ),
    "opencode": Agent("OpenCode", "jsonc", ("mcp",), _opencode_file, "opencode.json", _opencode),
    "hermes": Agent("Hermes", "yaml", ("mcp_servers",), _hermes_file, None, _hermes),
    "openclaw": Agent("OpenClaw", "jsonc", ("mcp", "servers"), _openclaw_file, None, _openclaw),
}


def config_file(agent: Agent, project: Path | None) -> Path | None:
    """The file of an agent, of the user or of a project; None if it has none for projects."""
    if project is None:
        return agent.user_file(os.environ)
    if agent.project_file is None:
        return None
    path = project / agent.project_file
    return _existing(path.with_suffix(".jsonc"), path) if path.name == "opencode.json" else path
