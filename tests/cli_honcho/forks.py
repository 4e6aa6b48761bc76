"""Commands of honcho-cli, each in a process of its own that a warm one forks: importing the client takes a second.

`python forks.py` reads one JSON object a line, {"arguments": [...], "environment": {...}}, runs the command as the
installed script would, and answers {"code": n, "out": "...", "err": "..."} in a line.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from typing import Any

import httpx
import typer
from honcho_cli.main import app

COMMAND = typer.main.get_command(app)
httpx.Client().close()  # imports what it needs


def answer(arguments: list[str], environment: dict[str, str]) -> dict[str, Any]:
    """What the command answers."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = os.fork()
        if child == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            os._exit(run(arguments, environment))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        out.seek(0)
        err.seek(0)
        return {"code": code, "out": out.read(), "err": err.read()}


def run(arguments: list[str], environment: dict[str, str]) -> int:
    os.environ.update(environment)
    sys.argv = ["honcho", *arguments]
    try:
        COMMAND()
        return 0
    except SystemExit as exit:
        return exit.code if isinstance(exit.code, int) else 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


if __name__ == "__main__":
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(answer(asked["arguments"], asked["environment"])), flush=True)
