"""`omoide install` in the home of a new user."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from omoide.agent_config.agents import AGENTS
from omoide.cli.main import main

Install = Callable[..., Result]
URL = ("--url", "http://localhost:8000", "--workspace", "demo")

# Each agent's file, with a server of another and comments where the format has them, and our entry as it was once.
FILES: dict[str, tuple[str, str, str]] = {
    "claude-code": (
        ".claude.json",
        '{\n  "numStartups": 3,\n  "mcpServers": {\n    "time": {"command": "uvx", "args": []}\n  }\n}\n',
        '{"mcpServers": {"omoide": {"type": "stdio", "command": "/old/omoide", "args": ["x"], "env": {"A": "b"}}}}',
    ),
    "codex": (
        ".codex/config.toml",
        'model = "o5" # mine\n\n# the time\n[mcp_servers.time]\ncommand = "uvx"\n',
        '[mcp_servers.omoide]\ncommand = "/old/omoide"\n'
        'startup_timeout_sec = 30 # mine\n\n[mcp_servers.omoide.env]\nA = "b"\n',
    ),
    "cursor": (
        ".cursor/mcp.json",
        '{\n\t"mcpServers": {\n\t\t"time": {"command": "uvx"}\n\t}\n}',
        '{"mcpServers": {"omoide": {"command": "uvx", "args": ["--from", "omoide[mcp]", "omoide"]}}}',
    ),
    "vscode": (
        ".config/Code/User/mcp.json",
        '{\n  // the key\n  "inputs": [{"type": "x", "id": "t"}],\n  "servers": {"time": {"url": "x"},},\n}\n',
        '{"servers": {"omoide": {"type": "stdio", "command": "omoide.exe"}}}',
    ),
    "gemini": (
        ".gemini/settings.json",
        '{\n  // dark\n  "theme": "x",\n  "mcpServers": {}\n}\n',
        '{"mcpServers": {"omoide": {"httpUrl": "http://old/mcp/demo", "trust": true}}}',
    ),
    "opencode": (
        ".config/opencode/opencode.jsonc",
        '{\n  "$schema": "https://opencode.ai/config.json", // mine\n}\n',
        '{"mcp": {"omoide": {"type": "local", "command": ["omoide"], "environment": {"A": "b"}, "enabled": false}}}',
    ),
    "hermes": (
        ".hermes/config.yaml",
        "# mine\nmcp_servers:\n    # the time\n    time:\n        command: uvx\nmodel: x  # last\n",
        "mcp_servers:\n  omoide:\n    command: python\n    args:\n    - -m\n"
        "    - omoide\n    timeout: 5 # mine\nmodel: x\n",
    ),
    "openclaw": (
        ".openclaw/openclaw.json",
        "{\n  // JSON5\n  agents: {list: ['a',],},\n  mcp: {servers: {time: {command: 'uvx'}}},\n}\n",
        "{mcp: {servers: {omoide: {command: 'omoide', enabled: false}}}}",
    ),
}
USERS_OWN = {"codex": "startup_timeout_sec", "gemini": "trust", "opencode": "enabled", "hermes": "timeout"}
"""What the user has added to our entry."""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    dropped = ("OMOIDE_", "XDG_", "CLAUDE_", "CODEX_", "HERMES_", "OPENCLAW_", "GEMINI_")
    for name in [*os.environ]:
        if name.startswith(dropped):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("omoide.core.atomic_write.fsync", lambda path: None)

    def run(*arguments: str, folder: Path = tmp_path) -> Result:
        monkeypatch.chdir(folder)
        done = CliRunner().invoke(main, ["install", *arguments])
        assert done.exception is None or isinstance(done.exception, SystemExit), "no traceback"
        return done

    return run


def entry_of(path: Path, agent: str) -> dict[str, object]:
    """Our entry, by another parser where the file is not JSON with comments."""
    text = path.read_text()
    if agent == "codex":
        document = tomllib.loads(text)
    elif agent == "hermes":
        document = yaml.safe_load(text)
    else:
        document = yaml.safe_load(
            "\n".join(line.split("//")[0] if "://" not in line else line for line in text.splitlines())
        )
    for key in (*AGENTS[agent].servers, "omoide"):
        document = document[key]
    assert isinstance(document, dict)
    return document


@pytest.mark.parametrize("agent", FILES)
def test_a_file_with_servers_and_comments_keeps_them(agent: str, install: Install, tmp_path: Path) -> None:
    name, text, _ = FILES[agent]
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    done = install(agent, *URL, "--key-env", "OMOIDE_KEY", "--yes")
    assert done.exit_code == 0, done.stderr
    assert f"Wrote {path}" in done.stdout
    removed = [line for line in done.stdout.splitlines() if line.startswith("-") and not line.startswith("---")]
    if agent not in ("gemini", "vscode", "openclaw"):  # where an object on one line gets a member
        assert removed == []
    assert "OMOIDE_KEY" in path.read_text() or agent == "vscode"
    assert install(agent, *URL, "--key-env", "OMOIDE_KEY", "--yes").stdout.endswith("nothing to change.\n")
    assert install(agent, "--remove", "--yes").exit_code == 0
    assert path.read_text() == text


@pytest.mark.parametrize("agent", FILES)
def test_an_old_entry_is_updated_and_keeps_what_the_user_added(agent: str, install: Install, tmp_path: Path) -> None:
    name, _, text = FILES[agent]
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    done = install(agent, *URL, "--yes")
    assert done.exit_code == 0, done.stderr
    entry = entry_of(path, agent)
    assert entry["url"] == "http://localhost:8000/mcp/demo"
    assert {"command", "args", "env", "environment", "httpUrl"} & entry.keys() == set()
    if agent in USERS_OWN:
        assert USERS_OWN[agent] in entry
    assert "# mine" in path.read_text() or "# mine" not in text


@pytest.mark.parametrize("agent", FILES)
def test_a_new_user_gets_a_file_that_starts_this_installation(agent: str, install: Install, tmp_path: Path) -> None:
    done = install(agent, "--yes")
    assert done.exit_code == 0, done.stderr
    path = tmp_path / FILES[agent][0].replace("jsonc", "json")
    entry = entry_of(path, agent)
    command = entry["command"] if isinstance(entry["command"], list) else [entry["command"], *entry["args"]]  # type: ignore[misc]
    assert Path(command[0]).is_absolute()
    assert command[-3:] == ["mcp", "--workspace", "default"]
    assert install(agent, "--remove", "--yes").exit_code == 0
    assert not path.exists()


@pytest.mark.parametrize(
    ("agent", "text", "said"),
    [
        ("claude-code", '{"mcpServers": {"a": {}', "is damaged: line 1, column 24"),
        ("claude-code", "[]", "the document is not an object"),
        ("claude-code", '{"mcpServers": []}', "mcpServers is not an object"),
        (
            "claude-code",
            '{\n  "a": 1, // mine\n}',
            "is damaged: line 2: .*comments and trailing commas are not allowed",
        ),
        ("codex", '[mcp_servers.omoide.env]\nA = "b"\n', "is not written as a table"),
        ("codex", "[mcp_servers", "is damaged"),
        ("codex", 'mcp_servers = {time = {command = "uvx"}}\n', "cannot be changed without rewriting the file"),
        ("hermes", "a: b: c\n", "is damaged: line 1"),
        ("hermes", "a: 1\n---\nb: 2\n", "is damaged: line 2"),
        ("hermes", "mcp_servers: none\n", "mcp_servers is not a mapping"),
    ],
)
def test_a_damaged_or_strange_file_is_refused_and_kept(
    agent: str, text: str, said: str, install: Install, tmp_path: Path
) -> None:
    path = tmp_path / FILES[agent][0]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    done = install(agent, *URL, "--yes")
    assert done.exit_code == 1
    assert re.search(said, done.stderr)
    assert "Nothing was changed" in done.stderr
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("agent", "text"),
    [
        ("cursor", '{"mcpServers": {"omoide": {"command": "npx", "args": ["-y", "@others/memory"]}}}'),
        ("gemini", '{"mcpServers": {"omoide": {"httpUrl": "https://example.org/sse"}}}'),
        ("codex", '[mcp_servers.omoide]\ncommand = "uvx"\nargs = ["mcp-server-time"]\n'),
        ("hermes", "mcp_servers:\n  omoide: {command: uvx}\n"),
    ],
)
def test_a_server_of_another_with_our_name_is_kept(agent: str, text: str, install: Install, tmp_path: Path) -> None:
    path = tmp_path / FILES[agent][0]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    for options in (URL, ("--remove",)):
        done = install(agent, *options, "--yes")
        assert done.exit_code == 1
        assert "is another server" in done.stderr
    assert path.read_text() == text
    assert install(agent, *URL, "--name", "memory", "--yes").exit_code == 0
    assert install(agent, "--remove", "--name", "memory", "--yes").exit_code == 0
    assert path.read_text() == text


def test_what_is_no_writable_file_is_refused(install: Install, tmp_path: Path) -> None:
    path = tmp_path / ".cursor" / "mcp.json"
    path.parent.mkdir()
    path.write_text("{}")
    path.chmod(0o444)
    assert "read-only" in install("cursor", "--yes").stderr
    assert path.read_text() == "{}"
    path.unlink()
    os.mkfifo(path)
    assert "not a regular file" in install("cursor", "--yes").stderr
    path.unlink()
    path.symlink_to("mcp.json")
    assert "symbolic links" in install("cursor", "--yes").stderr


def test_a_question_for_the_key_goes_when_no_key_is_needed_any_more(install: Install, tmp_path: Path) -> None:
    path = tmp_path / FILES["vscode"][0]
    path.parent.mkdir(parents=True)
    for text in ("", "{}", '{\n  "a": 1\n}\n'):
        path.write_text(text)
        install("vscode", *URL, "--key-env", "MY_KEY", "--yes")
        assert "${input:omoide-key}" in path.read_text()
        install("vscode", *URL, "--yes")
        assert "omoide-key" not in path.read_text()
        assert install("vscode", "--remove", "--yes").exit_code == 0
        assert path.read_text() == text


@pytest.mark.parametrize("where", [URL, ()])
@pytest.mark.parametrize("agent", FILES)
def test_a_key_that_is_not_needed_any_more_is_not_referred_to(
    agent: str, where: tuple[str, ...], install: Install, tmp_path: Path
) -> None:
    path = tmp_path / FILES[agent][0].replace("jsonc", "json")
    assert install(agent, *where, "--yes").exit_code == 0
    without = path.read_text()
    assert install(agent, *where, "--key-env", "OMOIDE_KEY", "--yes").exit_code == 0
    assert path.read_text() != without
    assert install(agent, *where, "--yes").exit_code == 0
    assert path.read_text() == without


def test_a_key_that_the_user_wrote_stays(install: Install, tmp_path: Path) -> None:
    path = tmp_path / ".cursor" / "mcp.json"
    path.parent.mkdir()
    entry = '{"url": "http://localhost:8000/mcp/old", "headers": {"Authorization": "Bearer eyJ.a.b"}}'
    path.write_text(f'{{"mcpServers": {{"omoide": {entry}}}}}')
    done = install("cursor", *URL, "--yes")
    assert path.read_text() == f'{{"mcpServers": {{"omoide": {entry.replace("old", "demo")}}}}}'
    assert "eyJ" not in done.stdout


@pytest.mark.parametrize(
    ("agent", "text"),
    [
        (
            "cursor",
            '{"a": "LEAK", "mcpServers": {"x": {"args": ["--key", "LEAK"], "env": {"PAT": "LEAK"}}}, "b": ["LEAK"]}',
        ),
        ("cursor", '{\n  "mcpServers": {\n    "x": {"command": "LEAK"}\n  },\n  "b": "LEAK"\n}\n'),
        (
            "cursor",
            '{"mcpServers": {"omoide": {"url": "http://h/mcp/x", "headers": {"X": "LEAK"}, "env": {"A": "LEAK"}}}}',
        ),
        ("openclaw", "{mcp: {servers: {omoide: {command: 'omoide', env: {PAT: 'LEAK', n: 1}}}}, x: 'LEAK'}"),
        ("codex", '[mcp_servers.omoide]\ncommand = "omoide"\nargs = ["LEAK"] # LEAK\nenv = { A = "LEAK" }\n'),
        (
            "hermes",
            "mcp_servers:\n  omoide:\n    command: omoide\n    env:\n      A: LEAK LEAK\n      B: |\n        LEAK\n",
        ),
        ("hermes", "mcp_servers:\n  omoide: {command: omoide, env: {A: LEAK, B: 'LEAK'}, args: [--key=LEAK]}\n"),
    ],
)
def test_nothing_of_others_is_shown(agent: str, text: str, install: Install, tmp_path: Path) -> None:
    path = tmp_path / FILES[agent][0]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    for options in (("--dry-run", *URL), ("--yes", *URL), ("--yes",), ("--yes", "--remove")):
        done = install(agent, *options)
        assert done.exit_code == 0, done.stderr
        assert done.stdout.startswith("---")
        assert "LEAK" not in done.stdout


def test_the_change_is_shown_without_secrets_and_written_only_when_asked(install: Install, tmp_path: Path) -> None:
    path = tmp_path / ".cursor" / "mcp.json"
    path.parent.mkdir()
    secrets = '{"env": {"MY_TOKEN": "hidden1"}, "headers": {"Authorization": "Bearer hidden2"}}'
    text = f'{{\n  "mcpServers": {{\n    "a": {secrets}\n  }}\n}}\n'
    path.write_text(text)
    shown = install("cursor", *URL, "--dry-run")
    assert shown.exit_code == 0
    assert '+      "url": "http://localhost:8000/mcp/demo"' in shown.stdout
    assert "hidden" not in shown.stdout
    asked = install("cursor", *URL)  # nothing to read: the answer is no
    assert asked.exit_code == 1
    assert path.read_text() == text


def test_a_project_has_a_file_of_its_own_that_others_can_share(install: Install, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    done = install("claude-code", "--project", "--yes", folder=project)
    assert done.exit_code == 0, done.stderr
    document = json.loads((project / ".mcp.json").read_text())
    assert document["mcpServers"]["omoide"]["command"] == "omoide"
    assert (project / ".mcp.json").stat().st_mode & 0o044
    assert install("hermes", "--project", folder=project).exit_code == 2


def test_what_to_paste_is_printed_for_any_agent(install: Install, tmp_path: Path) -> None:
    printed = json.loads(install("--print", *URL).stdout)
    assert printed == {"mcpServers": {"omoide": {"url": "http://localhost:8000/mcp/demo"}}}
    assert tomllib.loads(install("--print", "--format", "toml", *URL).stdout)["mcp_servers"]["omoide"]
    assert yaml.safe_load(install("hermes", "--print").stdout)["mcp_servers"]["omoide"]["command"]
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("cursor", "--key-env", "sk-12345678"),
        ("cursor", "--url", "localhost:8000"),
        ("cursor", "--url", "http://ines:secret@localhost:8000"),
        ("cursor", "--url", "http://localhost:8000?key=secret"),
        ("claude-code", "--hooks", "--url", "http://localhost:8000/mcp/demo"),
        ("cursor", "--workspace", "a/b"),
        ("cursor", "--name", "a.b"),
        ("cursor", "--hooks"),
        ("codex", "--key-env", "MY_KEY"),
        (),
    ],
)
def test_wrong_options_are_refused_and_nothing_is_written(
    arguments: tuple[str, ...], install: Install, tmp_path: Path
) -> None:
    done = install(*arguments, "--yes")
    assert done.exit_code in (1, 2)
    assert [*tmp_path.iterdir()] == []


def test_hooks_join_those_of_others_and_go_alone(install: Install, tmp_path: Path) -> None:
    path = tmp_path / ".claude" / "settings.json"
    path.parent.mkdir()
    group = '{"hooks": [{"type": "command", "command": "say done"}]}'
    text = f'{{\n  "model": "opus",\n  "hooks": {{\n    "Stop": [\n      {group}\n    ]\n  }}\n}}\n'
    path.write_text(text)
    done = install("claude-code", "--hooks", *URL, "--key-env", "MY_KEY", "--yes")
    assert done.exit_code == 0, done.stderr
    hooks = json.loads(path.read_text())["hooks"]
    ours, others = (group["hooks"][0]["command"] for group in hooks["Stop"])
    where = "--workspace demo --url http://localhost:8000 --key-env MY_KEY"
    assert ours.endswith(f"omoide hook claude-code stop {where}")
    assert others == "say done"
    assert hooks["SessionStart"][0]["hooks"][0]["command"].endswith(f"omoide hook claude-code session-start {where}")
    assert install("claude-code", "--hooks", "--yes").exit_code == 0
    updated = json.loads(path.read_text())["hooks"]
    assert {event: len(groups) for event, groups in updated.items()} == {"SessionStart": 1, "Stop": 2, "SessionEnd": 1}
    assert "MY_KEY" not in path.read_text()
    assert install("claude-code", "--remove", "--yes").exit_code == 0
    assert path.read_text() == text
    assert not (tmp_path / ".claude.json").exists()


def test_our_hook_leaves_a_group_that_it_shares(install: Install, tmp_path: Path) -> None:
    path = tmp_path / ".claude" / "settings.json"
    path.parent.mkdir()
    command = {"type": "command", "command": "/usr/bin/omoide hook claude-code stop"}
    other = {"type": "command", "command": "say done"}
    path.write_text(json.dumps({"hooks": {"Stop": [{"hooks": [command, other]}], "SessionStart": []}}))
    assert install("claude-code", "--remove", "--yes").exit_code == 0
    assert json.loads(path.read_text()) == {"hooks": {"Stop": [{"hooks": [other]}], "SessionStart": []}}
