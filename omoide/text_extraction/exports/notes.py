"""Notes in Markdown, as the vault of Obsidian is: what their owner wrote. A session is a note."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any

import yaml

from omoide.text_extraction import charsets
from omoide.text_extraction.chats import times
from omoide.text_extraction.chats.turn import OWNER, ChatTurn
from omoide.text_extraction.exports.conversation import Conversation, LeftOut, Report
from omoide.text_extraction.exports.files import DAMAGED, ExportFile, visible

NOTE_CHARACTERS = 25_000
"""A longer note is split at its headings: maximum length of a message made from a file."""

BLANK = LeftOut("note", " without text")
TEMPLATE = LeftOut("template")
OTHER = LeftOut("file", " of other kinds (attachments, drawings)")

_ENDINGS = frozenset({".md", ".markdown"})
_TEMPLATE_FOLDERS = frozenset({"templates", "template", "_templates"})
_TEMPLATE_SETTINGS = {
    ".obsidian/templates.json": "folder",
    ".obsidian/plugins/templater-obsidian/data.json": "templates_folder",
}
_TIME_KEYS = (
    *("created", "created_at", "created-at", "date created", "date_created", "creation date", "creation_date"),
    *("date", "datetime", "timestamp"),
)
_EARLIEST = 10**8
"""Smaller numbers are no seconds since 1970: those of 1973."""
_DRAWINGS = "excalidraw-plugin"

_front_matter = re.compile(r"\A---[ \t]*\n(.*?\n)??(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_property = re.compile(r"^([\w -]+):[ \t]+([^\n]+?)[ \t]*$", re.MULTILINE)
_fence = re.compile(r"[ \t]*(`{3,}|~{3,})[ \t]*([\w-]*)")
_QUERIES = frozenset({"dataview", "dataviewjs", "tasks", "query", "button", "base"})
"""Languages of fenced blocks that are programs of plugins."""
_COMMENT = "%%"
_comment = re.compile(r"<!--.*?-->", re.DOTALL)
_picture = re.compile(r"!\[\[[^\[\]\n]*\]\]|!\[[^\[\]\n]*\]\([^()\n]*\)")
_link = re.compile(r"\[\[([^\[\]|\n]*)(?:\|([^\[\]\n]*))?\]\]")
_emphasis = re.compile(r"(\*\*|__|==)(?=\S)([^\n]+?)(?<=\S)\1|(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])")
_block_id = re.compile(r"[ \t]+\^[\w-]+[ \t]*$", re.MULTILINE)
_blank_lines = re.compile(r"\n(?:[ \t]*\n){2,}")
_heading = re.compile(r"#{1,6}[ \t]+\S")
_day = re.compile(r"(?<!\d)(\d{4})([-_./]?)(\d{2})\2(\d{2})(?:[ T_-]?(\d{2})[:.h-]?(\d{2}))?(?!\d)")


def notes(files: Iterable[ExportFile], report: Report) -> Iterator[Conversation]:
    found = [*files]
    templates = _template_folders(found)
    if not any(_is_note(each) for each in found):
        return
    for file in visible(found):
        path = PurePosixPath(*file.name.parts[1:]) if len(file.name.parts) > 1 else file.name
        if not _is_note(file):
            report.left_out[OTHER] += 1
        elif any(path.is_relative_to(each) for each in templates) or _is_template(path):
            report.left_out[TEMPLATE] += 1
        else:
            yield from _note(file, path, report)


def _is_note(file: ExportFile) -> bool:
    return file.name.suffix.lower() in _ENDINGS


def _template_folders(files: Sequence[ExportFile]) -> list[str]:
    """The folders of templates that the settings of the vault name."""
    named = []
    for file in files:
        key = next((key for end, key in _TEMPLATE_SETTINGS.items() if str(file.name).endswith(end)), None)
        if key is None:
            continue
        try:
            folder = json.loads(file.read()).get(key)
        except (*DAMAGED, AttributeError):
            continue
        if isinstance(folder, str) and folder.strip("/ "):
            named.append(folder.strip("/ "))
    return named


def _is_template(path: PurePosixPath) -> bool:
    return any(part.lower() in _TEMPLATE_FOLDERS for part in path.parent.parts)


def _note(file: ExportFile, path: PurePosixPath, report: Report) -> Iterator[Conversation]:
    try:
        raw = charsets.decode(file.read(), None).replace("\r\n", "\n")
    except DAMAGED:
        report.unreadable.append(str(file.name))
        return
    properties, body = _split_front_matter(raw.removeprefix("\ufeff"))
    if _DRAWINGS in properties:
        report.left_out[OTHER] += 1
        return
    text, title = _plain(body), path.stem
    if not text:
        report.left_out[BLANK] += 1
        return
    if not (_heading.match(text) or title.isdigit() or _named_day(title)):
        text = f"{title}\n\n{text}"
    at = _written_at(properties, path) or ((file.modified, 0) if file.modified is not None else ())
    turns = [ChatTurn(OWNER, True, part, *at) for part in sections(text, NOTE_CHARACTERS)]
    yield Conversation("--".join(path.with_suffix("").parts), title, turns, has_own_times=False)


def _split_front_matter(text: str) -> tuple[Mapping[str, Any], str]:
    """The properties of a note, with names in lower case, and the text below them."""
    match = _front_matter.match(text)
    if match is None:
        return {}, text
    try:
        found = yaml.load(match[1] or "", _Loader)  # a safe one
    except (yaml.YAMLError, ValueError, RecursionError):
        found = dict(_property.findall(match[1] or ""))
    return {str(name).lower(): value for name, value in found.items()} if isinstance(found, dict) else {}, text[
        match.end() :
    ]


_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _written_at(properties: Mapping[str, Any], path: PurePosixPath) -> times.Instant | None:
    for key in _TIME_KEYS:
        if (found := _instant(properties.get(key))) is not None:
            return found
    return _named_day(path.stem) or _named_day("/".join(path.with_suffix("").parts[-3:]))


def _instant(value: object) -> times.Instant | None:
    if isinstance(value, datetime):
        return times.from_datetime(value)
    if isinstance(value, date):  # at noon, so that it is this day in most zones
        return times.from_datetime(datetime.combine(value, time(12)))
    if isinstance(value, str) or (isinstance(value, int) and value < _EARLIEST):  # 20240305
        return times.from_value(value) if _is_precise(str(value)) else _named_day(str(value))
    return times.from_value(value)


def _is_precise(value: str) -> bool:
    """Whether it is more than a day and a minute: ISO 8601 with an offset or seconds, or seconds since 1970."""
    return times.from_value(value) is not None and _day.fullmatch(value) is None


def _named_day(name: str) -> times.Instant | None:
    """The day in a name, as "2024-03-05 Plans", and the time in one like "202403051030"."""
    match = _day.search(name)
    if match is None:
        return None
    year, _, month, day, hour, minute = match.groups()
    try:
        return times.from_datetime(datetime(int(year), int(month), int(day), int(hour or 12), int(minute or 0)))
    except ValueError:
        return None


def _plain(body: str) -> str:
    """The text without comments, pictures, queries and the marks of links; code stays as it is."""
    parts = (_unmarked(text) if language is None else _code(text, language) for text, language in _visible_blocks(body))
    return _blank_lines.sub("\n\n", "".join(parts)).strip()


def _visible_blocks(body: str) -> Iterator[tuple[str, str | None]]:
    """The blocks that are not within a comment; such a one may enclose fenced blocks, as the settings of a board."""
    is_comment = False
    for block, language in _blocks(body):
        if language is not None:
            if not is_comment:
                yield block, language
            continue
        pieces = block.split(_COMMENT)
        yield "".join(pieces[is_comment::2]), None
        is_comment ^= len(pieces) % 2 == 0


def _unmarked(text: str) -> str:
    text = _picture.sub("", _comment.sub("", text))
    text = _emphasis.sub(lambda match: match[2] or match[3], text)
    return _block_id.sub("", _link.sub(lambda match: match[2] or match[1].strip("#").replace("#", " > "), text))


def _code(text: str, language: str) -> str:
    return "" if language.lower() in _QUERIES else text


def _blocks(text: str) -> Iterator[tuple[str, str | None]]:
    """Blocks of text, and fenced blocks with their language."""
    block: list[str] = []
    fence, language = "", ""
    for line in text.splitlines(keepends=True):
        match = _fence.match(line)
        if fence:
            block.append(line)
            if match and match[1].startswith(fence) and not match[2]:
                yield "".join(block), language
                block, fence = [], ""
        elif match:
            yield "".join(block), None
            block, fence, language = [line], match[1], match[2]
        else:
            block.append(line)
    yield "".join(block), language if fence else None


def sections(text: str, limit: int) -> list[str]:
    """The text, split at headings into as few parts of at most `limit` characters as possible in their order.

    A section that is longer stays whole.
    """
    if len(text) <= limit:
        return [text]
    starts, at = [0], 0
    for block, language in _blocks(text):
        for line in block.splitlines(keepends=True):
            if language is None and at and _heading.match(line):
                starts.append(at)
            at += len(line)
    parts: list[str] = []
    for start, end in pairwise([*starts, len(text)]):
        if parts and len(parts[-1]) + end - start <= limit:
            parts[-1] += text[start:end]
        else:
            parts.append(text[start:end])
    return [part.strip() for part in parts if part.strip()]
