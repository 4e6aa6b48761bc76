"""Show what changes in a configuration file, and nothing else that is in it: such files hold keys of other servers."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Sequence
from difflib import SequenceMatcher

from omoide.agent_config.edits import REFERENCE
from omoide.core.redaction import REDACTED

LONGEST_LINE = 160
"""Of a longer line that is replaced only the part that differs is shown."""
SHORTEST_KEPT = 8
"""Shorter texts of our own are shown where they are a whole value only: they may be parts of a secret."""
_TOKEN = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[^\s,{}\[\]\"':=]+(?:[:=][^\s,{}\[\]\"']+)*")
_HARMLESS = re.compile(r"true|false|null|[-+]?\d{1,9}|[^\w\0]+|(?:\0\d+\0)+")
_HEADER = re.compile(r"\s*\[+[\w.\"' -]+\]+\s*")
"""The header of a TOML table."""


def shown_diff(path: str, before: str | None, after: str | None, own: Collection[str]) -> str:
    """A unified diff without context. Values are hidden, except those in `own`, and what refers to variables."""
    lines = [f"--- {path if before is not None else os.devnull}", f"+++ {path if after is not None else os.devnull}"]
    old, new = (before or "").splitlines(), (after or "").splitlines()
    for start, end, new_start, new_end in _hunks(old, new):
        taken, given = _without_rest(old[start:end], new[new_start:new_end])
        places = (start + (end > start), end - start, new_start + (new_end > new_start), new_end - new_start)
        lines.append("@@ -{},{} +{},{} @@".format(*places))
        lines += [f"-{_redacted(line, own)}" for line in taken] + [f"+{_redacted(line, own)}" for line in given]
    return "\n".join(lines)


def _hunks(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
    """Which lines are replaced by which. What both start and end with is left out: comparing long files takes long."""
    start = _common(old, new)
    rest = _common(old[start:][::-1], new[start:][::-1])
    matcher = SequenceMatcher(None, old[start : len(old) - rest], new[start : len(new) - rest])
    for tag, *bounds in matcher.get_opcodes():
        if tag != "equal":
            first, last, new_first, new_last = (start + each for each in bounds)
            yield first, last, new_first, new_last


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    pairs = zip(one, other, strict=False)
    return next((count for count, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _without_rest(taken: Sequence[str], given: Sequence[str]) -> tuple[list[str], list[str]]:
    """The lines without the other items of a container that is written on one line."""
    old, new = "\n".join(taken), "\n".join(given)
    if not old or not new or max(map(len, (*taken, *given))) <= LONGEST_LINE:
        return [*taken], [*given]
    start = _common(old, new)
    end = _common(old[start:][::-1], new[start:][::-1])
    head = max(old.rfind(mark, 0, start) for mark in "{[,\n") + 1
    tail = min((place for mark in "}],\n" if (place := old.find(mark, len(old) - end)) >= 0), default=len(old))
    before, after = ("…" if head and old[head - 1] != "\n" else ""), ("…" if old[tail:].strip("}] \n") else old[tail:])
    shown = [f"{before}{text[head : len(text) - len(old) + tail]}{after}" for text in (old, new)]
    return shown[0].split("\n"), shown[1].split("\n")


def _redacted(line: str, own: Collection[str]) -> str:
    kept = sorted({text for text in own if len(text) >= SHORTEST_KEPT}, key=len, reverse=True)
    kept += [match[0] for match in REFERENCE.finditer(line)]
    for number, text in enumerate(kept):
        line = line.replace(text, f"\0{number}\0")
    if not _HEADER.fullmatch(line):
        line = _TOKEN.sub(lambda match: _shown(match, own), line)
    for number, text in enumerate(kept):
        line = line.replace(f"\0{number}\0", text)
    return line


def _shown(match: re.Match[str], own: Collection[str]) -> str:
    """A key, a value of our own or a harmless one as it is."""
    token = match[0]
    quote = token[0] if token[0] in "\"'" else ""
    content = token[1:-1] if quote else token
    is_key = re.match(r"\s*[:=]", match.string[match.end() :]) or token.endswith(":")
    if is_key or content in own or _HARMLESS.fullmatch(content):
        return token
    return f"{quote}{REDACTED}{quote}"
