"""`omoide hook`: what agents run by themselves.

A hook never fails its agent: errors go to stderr, and the exit code is 0.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

import click

from omoide.agent_hooks import claude_code
from omoide.agent_hooks.memory_client import MemoryClient, MemoryUnavailable
from omoide.cli.mcp import GRACE_SECONDS, server_locator
from omoide.mcp.server_locator import NoServer

SECONDS = 8.0
"""The longest that a hook takes, a little less than agents wait."""
MOST_INPUT = 10_000_000


class _Harmless(click.Group):
    """Commands that exit with 0 even if the command line is wrong: 2 would tell the agent to go on with its turn."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            click.echo(f"omoide: {error.format_message()}", err=True)
        return None


def _within(seconds: float, step: Callable[[], None]) -> str | None:
    """Run a step, for no longer than this; returns what went wrong."""
    failures = [f"not done within {seconds:g} s"]

    def run() -> None:
        try:
            step()
            failures.clear()
        except (MemoryUnavailable, NoServer, OSError, click.ClickException) as error:
            failures[0] = error.format_message() if isinstance(error, click.ClickException) else str(error)
        except Exception as error:  # the agent's turn matters more than any fault of ours
            failures[0] = f"{type(error).__name__}: {error}"

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    return failures[0] if failures else None


def _store(given: Mapping[str, object], options: Mapping[str, str | None]) -> None:
    claude_code.store_turns(_client(options), given, options["user"] or "user")


def _session_start(given: Mapping[str, object], options: Mapping[str, str | None]) -> None:
    context = claude_code.session_context(_client(options), given, options["user"] or "user")
    if context is not None:
        output = {"hookEventName": "SessionStart", "additionalContext": context}
        click.echo(json.dumps({"hookSpecificOutput": output}))


def _client(options: Mapping[str, str | None]) -> MemoryClient:
    url = options["url"] or server_locator(options["db"] or os.environ.get("OMOIDE_DB"), GRACE_SECONDS).url()
    key = os.environ.get(options["key_env"] or "OMOIDE_KEY")
    return MemoryClient(url, options["workspace"] or "default", key, SECONDS)


def _input() -> Mapping[str, object]:
    """The event. Raises MemoryUnavailable if it is not one."""
    try:
        given = json.loads(sys.stdin.buffer.read(MOST_INPUT))
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise MemoryUnavailable("the event on stdin is not a JSON object")
    return given


EVENTS = {"session-start": _session_start, "stop": _store, "session-end": _store}


@click.group(cls=_Harmless)
def hook() -> None:
    """Commands for the hooks of agents; omoide install --hooks sets them up."""


@hook.command(name="claude-code")
@click.argument("event", type=click.Choice([*EVENTS]))
@click.option("--workspace", default="default", show_default=True, help="The workspace of the memory.")
@click.option("--url", help="The server. [default: that of the database file, started if need be]")
@click.option("--db", help="The database file, as for omoide mcp.")
@click.option("--key-env", default="OMOIDE_KEY", show_default=True, help="The variable with the key, if one is needed.")
@click.option("--user", default="user", show_default=True, help="The id of the user's peer.")
def claude_code_(*, event: str, **options: str | None) -> None:
    """Handle an event of Claude Code, which is on stdin.

    stop and session-end store what was said since the last time; session-start prints what is known about the user.
    """
    gc.enable()
    failure = _within(SECONDS, lambda: EVENTS[event](_input(), options))
    if failure:
        click.echo(f"omoide: {failure}", err=True)
    os._exit(0)  # without waiting for a thread that waits for a server
