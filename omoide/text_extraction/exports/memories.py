"""Exports of other memories: statements, not talk."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from omoide.core.errors import Unprocessable
from omoide.text_extraction.chats import statements
from omoide.text_extraction.chats.statements import HeldStatement
from omoide.text_extraction.exports.conversation import Report
from omoide.text_extraction.exports.files import DAMAGED, files, visible


class MemoryExport(NamedTuple):
    statements: Sequence[HeldStatement]
    report: Report


def read(kind: str, path: Path) -> MemoryExport:
    """The statements of an export. Raises Unprocessable if it has none or is damaged, and OSError."""
    report = Report()
    found: dict[str, HeldStatement] = {}
    for file in visible(files(path, (".json", ".jsonl", ".ndjson"))):
        try:
            document = _parsed(file.read().decode("utf-8-sig"))
        except DAMAGED:
            report.unreadable.append(str(file.name))
        else:
            found |= {each.source_key: _dated(each, file.modified) for each in KINDS[kind](document)}
    if not found:
        reason = f"{report.unreadable[0]} is damaged" if report.unreadable else "it holds no such statement"
        raise Unprocessable(f"{path} is no export of {kind}: {reason}")
    return MemoryExport([*found.values()], report)


def _dated(statement: HeldStatement, modified: int | None) -> HeldStatement:
    """The statement with a time: it was known when the file was written."""
    return statement if statement.said_at is not None else statement._replace(said_at=modified)


def _parsed(text: str) -> object:
    """A document, or the list of the documents on its lines."""
    try:
        return json.loads(text)
    except ValueError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]


def _mcp_memory(document: object) -> list[HeldStatement]:
    return statements.of_graph(statements.graph_records(document))


KINDS: dict[str, Callable[[object], list[HeldStatement]]] = {"mem0": statements.of_mem0, "mcp-memory": _mcp_memory}
