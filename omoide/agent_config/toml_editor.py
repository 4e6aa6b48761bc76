"""Change one table of a TOML text, or a key of it.

Python's parser tells where statements end: what precedes the header of a table is a valid document, and what precedes
a bracket within a string or an array is not.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from omoide.agent_config.errors import InvalidFile, Uneditable
from omoide.agent_config.text_layout import dotted, newline_of, on_one_line

Path = Sequence[str]
_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class TomlTable:
    """A table from its header to the next one; `body` is where its keys begin."""

    path: tuple[str, ...]
    start: int
    body: int
    end: int


@dataclass(frozen=True, slots=True)
class KeyStatement:
    """A key and its value, without what follows in its last line."""

    key: str
    start: int
    end: int


def read(text: str) -> object:
    """The document as Python's own types; floats as text. Raises InvalidFile."""
    try:
        return tomllib.loads(text.removeprefix(_BOM), parse_float=str)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidFile(str(error)) from error


def put(text: str, path: Path, value: object) -> str:
    """Set a table or one of its keys; a new table goes to the end. Raises InvalidFile and Uneditable."""
    if isinstance(value, dict):
        return _appended(text, tuple(path), value)
    table = next((each for each in _tables(text) if each.path == tuple(path[:-1])), None)
    if table is None:
        raise Uneditable(f"{dotted(path[:-1])} is not written as a table of its own")
    statement = next((each for each in _statements(text, table) if each.key == path[-1]), None)
    line = f"{_key(path[-1])} = {_inline(value)}"
    if statement is not None:
        return text[: statement.start] + line + text[statement.end :]
    newline = newline_of(text)
    if table.body == len(text) and not text.endswith("\n"):
        return f"{text}{newline}{line}"
    return f"{text[: table.body]}{line}{newline}{text[table.body :]}"


def drop(text: str, path: Path) -> str:
    """Take out a table with those below it, or a key. Raises InvalidFile and Uneditable."""
    given = tuple(path)
    tables = [each for each in _tables(text) if each.path[: len(given)] == given]
    parent = next((each for each in _tables(text) if each.path == given[:-1]), None)
    statements = [each for each in _statements(text, parent) if each.key == given[-1]] if parent else []
    if not tables and not statements:
        raise Uneditable(f"{dotted(path)} is not written as a table of its own")
    for table in reversed(tables):
        text = _cut_lines(text, table.start, _content_end(text, table), with_blank=True)
    for statement in reversed(statements):
        text = _cut_lines(text, statement.start, statement.end, with_blank=False)
    return text


def _tables(text: str) -> list[TomlTable]:
    """The tables, not those of arrays, in order."""
    headers: list[tuple[int, int, tuple[str, ...]]] = []
    for line in re.finditer(r"(?m)^[ \t]*\[.*(?:\n|\Z)", text):
        if not _is_complete(text[: line.start()]):
            continue
        path = () if line[0].lstrip().startswith("[[") else _header_path(line[0])
        headers.append((line.start(), line.end(), path))
    ends = [*(start for start, _, _ in headers), len(text)][1:]
    return [TomlTable(path, start, body, end) for (start, body, path), end in zip(headers, ends, strict=True) if path]


def _header_path(line: str) -> tuple[str, ...]:
    node, path = tomllib.loads(line), []
    while node:
        key, node = next(iter(node.items()))
        path.append(key)
    return tuple(path)


def _statements(text: str, table: TomlTable) -> Iterator[KeyStatement]:
    start = position = table.body
    while position < table.end:
        line_end = text.find("\n", position, table.end)
        position = table.end if line_end < 0 else line_end + 1
        statement = text[start:position]
        if not _is_complete(statement):
            continue
        content = tomllib.loads(statement)
        if content:
            yield KeyStatement(next(iter(content)), start + _blanks(statement), start + _value_end(statement))
        start = position


def _value_end(statement: str) -> int:
    """Where the value ends, before blanks and a comment."""
    meaning = tomllib.loads(statement)
    for mark in re.finditer("#", statement):
        before = statement[: mark.start()]
        if _is_complete(before) and tomllib.loads(before) == meaning:
            return len(before.rstrip())
    return len(statement.rstrip())


def _blanks(text: str) -> int:
    return len(text) - len(text.lstrip(" \t"))


def _content_end(text: str, table: TomlTable) -> int:
    """Where a table's last key ends: what follows may be a comment on the next table."""
    return max((each.end for each in _statements(text, table)), default=len(text[: table.body].rstrip("\r\n")))


def _is_complete(text: str) -> bool:
    try:
        tomllib.loads(text.removeprefix(_BOM))
    except tomllib.TOMLDecodeError:
        return False
    return True


def _cut_lines(text: str, start: int, end: int, *, with_blank: bool) -> str:
    """Take out whole lines; `with_blank`: and the blank line before them."""
    start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", end)
    blank = re.search(r"(?:\A|(?<=\n))\r?\n\Z", text[:start]) if with_blank else None
    before = text[: blank.start() if blank else start]
    if line_end < 0:
        return before.removesuffix("\n").removesuffix("\r")
    return before + text[line_end + 1 :]


def _appended(text: str, path: tuple[str, ...], value: dict[str, object]) -> str:
    newline = newline_of(text)
    lines = [f"[{dotted(map(_key, path))}]", *(f"{_key(key)} = {_inline(each)}" for key, each in value.items())]
    block = newline.join(lines)
    if not text.strip(_BOM):
        return f"{text}{block}{newline}"
    return f"{text}{newline}{block}{newline}" if text.endswith("\n") else f"{text}{newline * 2}{block}"


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _inline(key)


def _inline(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_inline(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(map(_inline, value))}]"
    return on_one_line(value).replace("\x7f", "\\u007f")
