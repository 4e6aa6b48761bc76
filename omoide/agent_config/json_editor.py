"""Change one value of a JSON, JSONC or JSON5 text.

What is new becomes the first item of its container, on lines of its own if the container has several: no other line
changes, and taking it out restores the text.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Sequence

from omoide.agent_config.errors import InvalidFile, Uneditable
from omoide.agent_config.json_scanner import JsonItem, JsonNode, JsonScanner, line_breaks
from omoide.agent_config.text_layout import dotted, newline_of, on_one_line, wrapped

Path = Sequence[str | int]


def read(text: str) -> object:
    """The document as Python's own types. A blank text is an empty object. Raises InvalidFile."""
    return _scanned(text).plain() if text.strip("\ufeff \t\r\n") else {}


def read_strictly(text: str) -> object:
    """As `read`, for programs that know neither comments nor commas before a bracket."""
    document = read(text)
    try:
        json.loads(text.strip("\ufeff \t\r\n") or "{}", parse_int=str)
    except json.JSONDecodeError as error:
        where = f"line {text.count(chr(10), 0, text.find(error.doc) + error.pos) + 1}"
        raise InvalidFile(f"{where}: {error.msg} (comments and trailing commas are not allowed here)") from error
    return document


def put(text: str, path: Path, value: object) -> str:
    """Set the value at a path; missing objects on the way to it are created. Raises InvalidFile and Uneditable."""
    if not text.strip("\ufeff \t\r\n"):
        return text + _rendered(wrapped(path, value), "", "  ", "\n") + "\n"
    root = container = _scanned(text)
    for depth, key in enumerate(path):
        if container.opening != "{" and not (container.opening == "[" and isinstance(key, int)):
            raise Uneditable(f"{dotted(path[:depth])} is not an object")
        item = container.find(key)
        if item is None:
            is_nested = depth < len(path) - 1
            return _insert(text, root, container, str(key), wrapped(path[depth + 1 :], value), is_nested=is_nested)
        container = item.node
    indent, unit, newline = _line_indent(text, container.start), _unit(text, root), newline_of(text)
    lines = (
        _rendered(value, indent, unit, newline) if "\n" in text[container.start : container.end] else on_one_line(value)
    )
    return text[: container.start] + lines + text[container.end :]


def add(text: str, path: Path, value: object) -> str:
    """Insert an element into the array at a path, which may be missing. Raises InvalidFile and Uneditable."""
    root = _scanned(text) if text.strip("\ufeff \t\r\n") else JsonNode(0, 0, "{")
    array = _node(root, path)
    if array is None:
        return put(text, path, [value])
    if array.opening != "[":
        raise Uneditable(f"{dotted(path)} is not an array")
    return _insert(text, root, array, None, value)


def drop(text: str, path: Path) -> str:
    """Take out the item at a path, which exists. Raises InvalidFile."""
    container = _node(_scanned(text), path[:-1])
    item = container.find(path[-1]) if container else None
    if container is None or item is None:
        return text
    if item.comma is not None:
        return _cut(text, container, item, item.comma + 1)
    before = _index(container, item) - 1
    text = _cut(text, container, item, item.node.end)
    comma = container.items[before].comma if before >= 0 else None
    return text if comma is None else text[:comma] + text[comma + 1 :]


@functools.lru_cache(maxsize=2)
def _scanned(text: str) -> JsonNode:
    """The document, kept until there are newer texts: files with the history of a year have several megabytes."""
    return JsonScanner(text).document()


def _node(root: JsonNode, path: Path) -> JsonNode | None:
    node = root
    for key in path:
        item = node.find(key)
        if item is None:
            return None
        node = item.node
    return node


def _index(container: JsonNode, item: JsonItem) -> int:
    return next(index for index, each in enumerate(container.items) if each is item)


def _insert(
    text: str, root: JsonNode, container: JsonNode, key: str | None, value: object, *, is_nested: bool = False
) -> str:
    """Make an item the first of its container. `is_nested` if it is an object that was created for what it holds."""
    first = container.items[0].start if container.items else container.end - 1
    line_end = next(line_breaks(text, container.start + 1, first), None)
    label = "" if key is None else f"{on_one_line(key)}: "
    comma = "," if container.items else ""
    unit, newline = _unit(text, root), newline_of(text)
    indent = _line_indent(text, container.start) + unit
    if line_end is None:
        lines = _rendered(value, indent[: -len(unit)], unit, newline) if is_nested else on_one_line(value)
        return f"{text[:first]}{label}{lines}{comma}{' ' if comma else ''}{text[first:]}"
    if container.items:
        indent = _line_indent(text, first)
    lines = _rendered(value, indent, unit, newline)
    return f"{text[:line_end]}{newline}{indent}{label}{lines}{comma}{text[line_end:]}"


def _cut(text: str, container: JsonNode, item: JsonItem, end: int) -> str:
    """Take out an item up to `end`, with its lines if nothing else is in them."""
    start = item.start
    before = re.search(r"(\r?\n)[ \t]*\Z", text[container.start : start])
    if before and re.match(r"[ \t]*\r?\n", text[end:]):
        return text[: container.start + before.start()] + text[end:]
    if item.comma is not None and text[end : end + 1] == " ":
        end += 1
    return text[:start] + text[end:]


def _rendered(value: object, indent: str, unit: str, newline: str) -> str:
    """The value on several lines, short lists on one; `indent` is that of the line on which it starts."""
    if isinstance(value, dict) and value:
        inner = f"{newline}{indent}{unit}"
        members = (
            f"{inner}{on_one_line(str(key))}: {_rendered(each, indent + unit, unit, newline)}"
            for key, each in value.items()
        )
        return f"{{{','.join(members)}{newline}{indent}}}"
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        inner = f"{newline}{indent}{unit}"
        elements = (f"{inner}{_rendered(each, indent + unit, unit, newline)}" for each in value)
        return f"[{','.join(elements)}{newline}{indent}]"
    return on_one_line(value)


def _unit(text: str, root: JsonNode) -> str:
    """What one level is indented by, as for the first member of the document."""
    first = root.items[0].start if root.items else 0
    return _line_indent(text, first) or "  "


def _line_indent(text: str, position: int) -> str:
    """The blanks at the start of the line of a position."""
    match = re.compile(r"[ \t]*").match(text, text.rfind("\n", 0, position) + 1)
    return match[0] if match else ""
