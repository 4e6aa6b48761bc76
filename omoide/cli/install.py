"""`omoide install`: connect agents to the memory, by their configuration files."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from omoide.agent_config import claude_hooks, toml_editor, yaml_editor
from omoide.agent_config.agents import AGENTS, KEY_INPUT, KEY_QUESTION, Agent, McpConnection, config_file, other
from omoide.agent_config.edits import lookup, shown_texts, texts
from omoide.agent_config.errors import Uneditable
from omoide.agent_config.file_change import FileChange
from omoide.agent_config.file_draft import FileDraft
from omoide.agent_config.text_layout import wrapped
from omoide.cli.mcp import endpoint
from omoide.cli.progress import report_errors
from omoide.core.identifiers import check_id
from omoide.core.lazy_import import package_folder
from omoide.mcp.address import path_to

UVX = ("uvx", "--from", "omoide[mcp]", "omoide")


@dataclass(frozen=True, slots=True)
class InstallTarget:
    """What is installed, and where."""

    agent: Agent
    name: str
    project: Path | None
    is_removed: bool

    @property
    def path(self) -> tuple[str, ...]:
        """Where the entry is in the document."""
        return (*self.agent.servers, self.name)


@click.command()
@click.argument("agent", required=False, type=click.Choice([*AGENTS]))
@click.option("--url", help="A running server, such as http://localhost:8000. [default: start omoide mcp]")
@click.option("--workspace", default="default", show_default=True, help="The workspace of the memory.")
@click.option("--db", type=click.Path(dir_okay=False), help="Without --url: the database file of omoide mcp.")
@click.option("--key-env", metavar="NAME", help="The variable with the server's key, usually OMOIDE_KEY.")
@click.option("--name", default="omoide", show_default=True, help="What the agent calls the server.")
@click.option("--project", is_flag=True, help="Write the file of the project in this folder, not the user's.")
@click.option("--uvx", is_flag=True, help="Start omoide mcp by uvx, not by this installation.")
@click.option("--hooks", is_flag=True, help="claude-code: also store turns, and start sessions with memory.")
@click.option("--remove", is_flag=True, help="Take back what install wrote, hooks included.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show the change.")
@click.option("--print", "is_printed", is_flag=True, help="Print what to paste, for AGENT or any other.")
@click.option("--format", "language", type=click.Choice(["json", "toml", "yaml"]), help="With --print, without AGENT.")
def install(*, agent: str | None, **options: Any) -> None:
    """Connect AGENT to the memory: show the change of its configuration file, ask, and write it.

    Without --url the agent starts omoide mcp, which needs no server. Nothing else in the file changes. Repeat the
    command to change the connection.
    """
    connection = _connection(agent, options)
    if options["is_printed"]:
        click.echo(_snippet(agent, options["language"] or "json", options["name"], connection).rstrip("\n"))
        return
    if agent is None:
        raise click.UsageError(f"Say for which agent ({', '.join(AGENTS)}), or --print what to paste.")
    if options["hooks"] and agent != "claude-code":
        raise click.UsageError("--hooks is for claude-code.")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,63}", options["name"]):
        raise click.UsageError("--name takes letters, digits, - and _.")
    target = InstallTarget(
        AGENTS[agent], options["name"], Path.cwd() if options["project"] else None, options["remove"]
    )
    with report_errors():
        changes, own = _changes(agent, target, connection, options)
        if not _apply(target, changes, own, is_asked=not options["yes"], is_dry=options["dry_run"]):
            return
    if connection.url is None and not target.is_removed and package_folder("mcp") is None:
        click.echo("omoide mcp needs the extra mcp: pip install 'omoide[mcp]'")
    click.echo(f"Restart {target.agent.title}.")


def _connection(agent: str | None, options: dict[str, Any]) -> McpConnection:
    with report_errors():
        check_id("Workspace", options["workspace"])
    variable = options["key_env"]
    if variable is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable):
        raise click.UsageError("--key-env takes the name of a variable, not the key itself.")
    if options["url"] and (options["db"] or options["uvx"]):
        raise click.UsageError("--db and --uvx are for omoide mcp: leave out --url.")
    if options["url"] and re.search(r"[@?#]", options["url"]):
        raise click.UsageError("--url takes no password and no query: the key belongs in the variable of --key-env.")
    if options["url"]:
        base, path = endpoint(options["url"], path_to(options["workspace"], None))
        if options["hooks"] and not path:
            raise click.UsageError("--hooks needs the URL of the server, without /mcp, and --workspace.")
        return McpConnection(f"{base}{path}", (), variable)
    if agent == "codex" and variable not in (None, "OMOIDE_KEY"):
        raise click.UsageError("Codex hands variables on under their own names: use OMOIDE_KEY.")
    return McpConnection(None, (*_program(options), "mcp", *_where(options)), variable)


def _where(options: dict[str, Any]) -> list[str]:
    db = ["--db", str(Path(options["db"]).expanduser().absolute())] if options["db"] else []
    return ["--workspace", options["workspace"], *db]


def _program(options: dict[str, Any]) -> tuple[str, ...]:
    """The command that starts this installation; in files of projects, which others share, by its name only."""
    if options["uvx"]:
        return UVX
    if options["project"]:
        return ("omoide",)
    called = Path(shutil.which(sys.argv[0]) or sys.argv[0]).absolute()
    for program in (called, Path(sys.executable).with_name("omoide")):
        if program.stem == "omoide" and program.is_file():
            is_temporary = "uv" in program.parts and "archive-v0" in program.parts
            return UVX if is_temporary else (str(program),)
    return (sys.executable, "-m", "omoide")


def _hook_commands(connection: McpConnection, options: dict[str, Any]) -> dict[str, str]:
    where = [
        "--workspace",
        options["workspace"],
        *(["--url", options["url"]] if options["url"] else _where(options)[2:]),
    ]
    key = ["--key-env", connection.key_variable] if connection.key_variable else []
    return {
        event: shlex.join([*_program(options), "hook", "claude-code", name, *where, *key])
        for event, name in claude_hooks.EVENTS.items()
    }


def _changes(
    agent: str, target: InstallTarget, connection: McpConnection, options: dict[str, Any]
) -> tuple[list[FileChange], list[str]]:
    """The changes, and the texts in them that may be shown."""
    file = config_file(target.agent, target.project)
    if file is None:
        raise click.UsageError(f"{target.agent.title} has no configuration of projects.")
    draft = FileDraft(file, target.agent.language)
    drafts, hooks = [draft], _hook_commands(connection, options)
    own = [*texts([target.agent.entry(connection), KEY_QUESTION, *map(claude_hooks.group_of, hooks.values())])]
    own += shown_texts(lookup(draft.document(), target.path))
    try:
        _edit(agent, target, draft, connection)
        if agent == "claude-code" and (options["hooks"] or target.is_removed):
            drafts.append(FileDraft(claude_hooks.settings_file(target.project), "jsonc"))
            own += claude_hooks.commands_of(drafts[-1])
            if target.is_removed:
                claude_hooks.drop_hooks(drafts[-1])
            else:
                claude_hooks.set_hooks(drafts[-1], hooks)
    except Uneditable as error:
        snippet = "" if target.is_removed else f"\nTo paste instead:\n{_snippet(agent, '', target.name, connection)}"
        raise Uneditable(f"{drafts[-1].path}: {error.detail}. Nothing was changed.{snippet}") from error
    return [change for each in drafts if not (change := each.change()).is_empty], own


def _edit(agent: str, target: InstallTarget, draft: FileDraft, connection: McpConnection) -> None:
    if target.is_removed:
        draft.take_out(target.path)
    else:
        draft.set_entry(target.path, target.agent.entry(connection))
    if agent == "vscode":
        _edit_input(draft, is_wanted=bool(connection.key_variable) and not target.is_removed)


def _edit_input(draft: FileDraft, *, is_wanted: bool) -> None:
    """Add the question for the key, or take it out."""
    document = draft.document()
    inputs = document.get("inputs", []) if isinstance(document, dict) else []
    ids = [each.get("id") if isinstance(each, dict) else None for each in inputs]
    if is_wanted and KEY_INPUT not in ids:
        draft.add(("inputs",), KEY_QUESTION)
    elif not is_wanted and KEY_INPUT in ids:
        draft.drop_element(("inputs",), ids.index(KEY_INPUT))


def _apply(target: InstallTarget, changes: list[FileChange], own: list[str], *, is_asked: bool, is_dry: bool) -> bool:
    """Show the changes, ask, and write them; returns whether they were written."""
    if not changes:
        click.echo(f"{target.agent.title}: nothing to {'remove' if target.is_removed else 'change'}.")
        return False
    for change in changes:
        click.echo(change.diff(own))
    if is_dry:
        click.echo("Nothing was changed.")
        return False
    if is_asked and not click.confirm("Write this?", default=True):
        raise click.ClickException("Nothing was changed.")
    for change in changes:
        change.check_writable()
    for change in changes:
        change.write(is_private=target.project is None)
        click.echo(f"{'Removed' if change.after is None else 'Wrote'} {change.path}.")
    return True


def _snippet(agent: str | None, language: str, name: str, connection: McpConnection) -> str:
    """What to paste into a configuration file."""
    known = AGENTS.get(agent or "")
    servers = known.servers if known else ("mcp_servers",) if language in ("toml", "yaml") else ("mcpServers",)
    entry = known.entry(connection) if known else other(connection)
    language = known.language if known else language
    if language == "toml":
        return toml_editor.put("", (*servers, name), entry)
    if language == "yaml":
        return yaml_editor.put("", (*servers, name), entry)
    return json.dumps(wrapped((*servers, name), entry), indent=2, ensure_ascii=False)
