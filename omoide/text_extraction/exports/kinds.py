"""The kinds of exports, and the reader of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from omoide.text_extraction.exports import assistants, mailboxes, messengers, notes
from omoide.text_extraction.exports.conversation import Conversation, Export, NotSuchExport, Report
from omoide.text_extraction.exports.files import ExportFile, files


class ExportKind(NamedTuple):
    read: Callable[[Iterable[ExportFile], Report], Iterator[Conversation]]
    endings: tuple[str, ...] = (".json",)
    """Of its files in a folder or an archive, in lower case; none: its files may have any."""


KINDS = {
    "chatgpt": ExportKind(assistants.chatgpt),
    "claude": ExportKind(assistants.claude),
    "sillytavern": ExportKind(assistants.sillytavern, (".jsonl",)),
    "whatsapp": ExportKind(messengers.whatsapp, (".txt",)),
    "telegram": ExportKind(messengers.telegram),
    "slack": ExportKind(messengers.slack),
    "discord": ExportKind(messengers.discord),
    "mail": ExportKind(mailboxes.mail, ()),
    "markdown": ExportKind(notes.notes, ()),
    "obsidian": ExportKind(notes.notes, ()),
}


def read(kind: str, path: Path) -> Export:
    """The conversations of an export. Raises NotSuchExport if it has none or is damaged, and OSError."""
    report = Report()
    parts: dict[str, Conversation] = {}
    for part in KINDS[kind].read(files(path, KINDS[kind].endings), report):
        first = parts.get(part.id)
        parts[part.id] = _joined(first, part) if first else part
    if not parts and not report.left_out:
        reason = f"{report.unreadable[0]} is damaged" if report.unreadable else "it holds no such conversation"
        raise NotSuchExport(f"{path} is no export of {kind}: {reason}")
    return Export([*parts.values()], report)


def _joined(first: Conversation, part: Conversation) -> Conversation:
    left_out = Counter(first.left_out) + Counter(part.left_out)
    return first._replace(turns=[*first.turns, *part.turns], left_out=left_out)
