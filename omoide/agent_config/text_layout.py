"""What the editors of all formats share."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence


def newline_of(text: str) -> str:
    """How the lines of a text end."""
    return "\r\n" if "\r\n" in text else "\n"


def wrapped(path: Sequence[str | int], value: object) -> object:
    """The value within the objects that lead to it."""
    for key in reversed(path):
        value = {key: value}
    return value


def on_one_line(value: object) -> str:
    """JSON, which is YAML too."""
    return json.dumps(value, ensure_ascii=False)


def dotted(path: Iterable[str | int]) -> str:
    """A path for messages."""
    return ".".join(map(str, path)) or "the document"
