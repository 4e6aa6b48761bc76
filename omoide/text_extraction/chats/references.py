"""Remove the marks of references from texts of ChatGPT. Only the standard library: see `json_chats`."""

from __future__ import annotations

import json
import re

_reference = re.compile(r"([ \t]?)\ue200(\w*)\ue202?([^\ue200\ue201]*)\ue201")
"""A mark of a kind and its arguments, as "cite" and "turn0search3"."""
_source = re.compile(r"[ \t]?【\d+(?::\d+)?†[^【】\n]*】")
"""A mark as 【4:0†guide.pdf】."""
_span = re.compile("[\ue203-\ue206]")


def removed(text: str) -> str:
    """The text without marks of references; the names of things and the titles of links stay."""
    if "\ue200" in text:
        text = _span.sub("", _reference.sub(_shown, text))
    return _source.sub("", text) if "†" in text else text


def _shown(match: re.Match[str]) -> str:
    space, kind, arguments = match.groups()
    shown = _entity(arguments) if kind == "entity" else arguments.split("\ue202")[0] if kind == "url" else ""
    return f"{space}{shown}" if shown else ""


def _entity(arguments: str) -> str:
    """The name of a thing, as of ["city", "Graz", "Austria"]."""
    try:
        found = json.loads(arguments)
    except (ValueError, RecursionError):
        return ""
    is_named = isinstance(found, list) and len(found) > 1 and isinstance(found[1], str)
    return found[1] if is_named else ""
