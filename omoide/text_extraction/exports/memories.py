"""Exports of other memories: statements, not talk."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from omoide.text_extraction.chats import statements
from omoide.text_extraction.chats.statements import HeldStatement
from omoide.text_extraction.exports.conversation import DAMAGED_LINE, LeftOut, NotSuchExport, Report
from omoide.text_extraction.exports.files import DAMAGED, files, visible

NO_STATEMENT = LeftOut("item", " without a statement (deleted, empty)")


class MemoryExport(NamedTuple):
    statements: Sequence[HeldStatement]
    report: Report


def read(kind: str, path: Path) -> MemoryExport:
    """The statements of an export. Raises NotSuchExport if it has none or is damaged, and OSError."""
    report = Report()
    found: dict[str, HeldStatement] = {}
    of_document, total = KINDS[kind]
    for file in visible(files(path, (".json", ".jsonl", ".ndjson"))):
        try:
            document, damaged = _parsed(file.read().decode("utf-8-sig"))
        except DAMAGED:
            report.unreadable.append(str(file.name))
            continue
        held = of_document(document)
        if damaged and not held:
            report.unreadable.append(str(file.name))
        elif held:
            found |= {each.source_key: _dated(each, file.modified) for each in held}
            report.left_out += Counter({NO_STATEMENT: total(document) - len(held), DAMAGED_LINE: damaged})
    if not found:
        reason = f"{report.unreadable[0]} is damaged" if report.unreadable else "it holds no such statement"
        raise NotSuchExport(f"{path} is no export of {kind}: {reason}")
    return MemoryExport([*found.values()], report)


def _dated(statement: HeldStatement, modified: int | None) -> HeldStatement:
    """The statement with a time: it was known when the file was written."""
    return statement if statement.said_at is not None else statement._replace(said_at=modified)


def _parsed(text: str) -> tuple[object, int]:
    """A document, or the list of the documents on its lines, and the number of damaged lines."""
    try:
        return json.loads(text), 0
    except ValueError:
        lines = [line for line in text.splitlines() if line.strip()]
        found = [document for line in lines if (document := _document(line)) is not None]
        return found, len(lines) - len(found)


def _document(line: str) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _graph(document: object) -> list[HeldStatement]:
    return statements.of_graph(statements.graph_records(document))


def _graph_total(document: object) -> int:
    return statements.graph_total(statements.graph_records(document))


KINDS: dict[str, tuple[Callable[[object], list[HeldStatement]], Callable[[object], int]]] = {
    "mem0": (statements.of_mem0, statements.mem0_total),
    "mcp-memory": (_graph, _graph_total),
}
"""The statements of a document, and the number of its items."""
