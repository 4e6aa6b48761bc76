"""Find the turns of an exported conversation in the text of a file."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from itertools import compress, pairwise
from pathlib import Path

from omoide.core.errors import Unprocessable
from omoide.text_extraction.chats import json_chats, line_chats, tables
from omoide.text_extraction.chats.turn import ChatTurn

LARGE_CHARACTERS = 131_072
"""Documents of this size and more are parsed in a subprocess, as in `json_normalization`."""

SECONDS = 60

_json_start = re.compile(r"\{|\[\s*\{").match

_PROGRAM = """
import json, sys
sys.path.insert(0, sys.argv[1])
from omoide.core.errors import Unprocessable
from omoide.text_extraction.chats import json_chats
found = json_chats.turns(json.loads(sys.stdin.buffer.read()))
sys.stdout.buffer.write(json.dumps(found).encode())
"""
_ROOT = Path(__file__).parents[3]


def of_json(document: str) -> list[ChatTurn]:
    """The turns of the conversations in a JSON document, oldest first; empty if it is none, or invalid."""
    return oldest_first(_in_json(document))


def _in_json(document: str) -> list[ChatTurn]:
    if json_chats.MENTIONS.search(document) is None:
        return []
    if len(document) < LARGE_CHARACTERS:
        return _parsed(document)
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _PROGRAM, str(_ROOT)],
            input=document.encode("utf-8", "surrogatepass"),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [] if done.returncode else [ChatTurn(*each) for each in json.loads(done.stdout)]


def of_text(text: str) -> list[ChatTurn]:
    """The turns of the conversation in lines of text, in a table, in JSON or lines of it; empty if it is none.

    Raises Unprocessable for lines of JSON of which some are damaged.
    """
    start = text.lstrip("\ufeff \t\r\n")
    if _json_start(start) and (found := of_json(start)):
        return found
    if start.startswith("{"):
        return _of_json_lines(start.splitlines())
    if (table := tables.rows(start)) is not None:
        return oldest_first(json_chats.turns(table))
    return oldest_first(line_chats.turns(start))


def _of_json_lines(lines: Sequence[str]) -> list[ChatTurn]:
    if found := of_json(_as_list(lines)):
        return found
    intact = [not line.strip() or _is_json(line) for line in lines]
    if all(intact) or not of_json(_as_list([*compress(lines, intact)])):
        return []
    raise Unprocessable(f"Line {intact.index(False) + 1:,} of the conversation is damaged: nothing was stored")


def _as_list(lines: Sequence[str]) -> str:
    return f"[{','.join(line for line in lines if line.strip())}]"


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _parsed(document: str) -> list[ChatTurn]:
    try:
        return json_chats.turns(json.loads(document))
    except (ValueError, RecursionError):
        return []


def oldest_first(turns: list[ChatTurn]) -> list[ChatTurn]:
    """Some programs export the newest message first."""
    known = [turn.said_at for turn in turns if turn.said_at is not None]
    back = sum(later < earlier for earlier, later in pairwise(known))
    return turns[::-1] if 2 * back > len(known) - 1 > 0 else turns
