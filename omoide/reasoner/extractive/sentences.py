"""Split a message into sentences. Pure, in linear time for any input.

Removes text that is not the speaker's own prose (fenced code, quoted lines, tables) and Markdown markup, and collapses
white space. `statements` decides which sentences state something.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sentencex import segment  # type: ignore[import-untyped]

from omoide.core.text_cache import text_cache

CHUNK = 2_000
"""Maximum characters segmented at once. Longer paragraphs are split, at a space if possible, because the segmenter
takes quadratic time for some texts."""
CACHED_TEXTS = 8_192
"""Size of the cache: a message is split for facts and for summaries, and each summary line for the next summary."""

SHORT_ITEM_WORDS = 4
"""List items of up to this many words are joined with the line that introduces the list."""

_FENCE = ("```", "~~~")
_NOT_PROSE = (">", "|")
_MARKER = re.compile(r"^(?:[-*+•◦▪‣·]|\d{1,3}[.)]|[a-z]\)|#{1,6}|\[[ xX]?\])\s+(?:\[[ xX]?\]\s+)?")
_ITEM = re.compile(r"(?:[-*+•◦▪‣·]|\d{1,3}[.)]|[a-z]\)|\[[ xX]?\])\s+")
_EMPHASIS = re.compile(
    r"\*{1,3}(?=\S)([^*\n]{1,500})(?<=\S)\*{1,3}|(?<!\w)_{1,3}(?=\S)([^_\n]{1,500})(?<=\S)_{1,3}(?!\w)"
)
_ATTRIBUTION = re.compile(r"On .{4,80} wrote:$")
_UNMARKED_END = re.compile(
    r"(?:(?<=[\u2600-\u27bf\ufe0f\U0001f300-\U0001faff])\s+(?=[A-Z¿¡])|(?<=[!?][!?])\s+(?=\w))(?![^\"“”]*[\"”])"
)
"""Position after an emoji that replaces a full stop, or after several marks, outside quotations."""
_ENUMERATION = re.compile(r"(?<!\S)(?P<open>\(?)1(?P<close>[.)])\s\D.*?\s(?P=open)2(?P=close)\s")
_END = re.compile(r"[.!?…:;。！？؟।]['\"”’»)\]]*$")


def sentences(content: str) -> list[str]:
    """Return the non-empty sentences in order, with single spaces and without Markdown."""
    return [*_known(content)]


def _found(content: str) -> list[str]:
    text = content.encode("utf-8", "ignore").decode()  # drop lone surrogates, which the segmenter rejects
    return [
        sentence
        for block in _blocks(_prose(text))
        for chunk in _chunks(block)
        for segmented in ([chunk] if is_enumeration(chunk) else segment("en", chunk))
        for sentence in map(str.strip, _UNMARKED_END.split(segmented))
        if sentence
    ]


def is_enumeration(text: str) -> bool:
    """Whether the text is a numbered list in one line: "1. Painting 2. Climbing"."""
    return _ENUMERATION.search(text) is not None


_known = text_cache(maxsize=CACHED_TEXTS)(_found)


def _prose(text: str) -> Iterator[str]:
    """Yield the speaker's own lines without extra white space and emphasis; "" between paragraphs."""
    fence = ""
    for raw in text.splitlines():
        line = " ".join(raw.split())
        if line.startswith(_FENCE):
            mark = line[:3]
            if not fence and mark not in line[3:]:
                fence = mark
            elif fence == mark:
                fence = ""
            yield ""
        elif fence or line.startswith(_NOT_PROSE) or _ATTRIBUTION.match(line):
            yield ""
        else:
            yield _EMPHASIS.sub(r"\1\2", line) if "*" in line or "_" in line else line


def _blocks(lines: Iterator[str]) -> Iterator[str]:
    """Yield paragraphs: continuation lines are joined, and short list items with the line that introduces them."""
    parts: list[str] = []
    interrupted = False
    for line in lines:
        is_lead = bool(parts) and parts[0].endswith((":", "："))
        is_item = bool(_ITEM.match(line))
        if is_lead and not line:
            interrupted = True
            continue
        if is_lead and is_item and _is_short(line):
            parts.append(line)
            continue
        if parts and (interrupted or is_item or not _runs_on(parts[-1], line)):
            yield " ".join(parts)
            parts = []
        interrupted = False
        if text := line if parts or is_enumeration(line) else _MARKER.sub("", line):
            parts.append(text)
    if parts:
        yield " ".join(parts)


def _is_short(item: str) -> bool:
    return len(item.split()) <= SHORT_ITEM_WORDS + 1 and not _END.search(item)


def _runs_on(before: str, line: str) -> bool:
    """Whether a line continues the previous sentence: that has no end mark, and the line starts in lower case."""
    return line[:1].islower() and not _END.search(before) and not line.startswith(("i ", "i'", "i’", "my "))


def _chunks(text: str) -> Iterator[str]:
    start = 0
    while len(text) - start > CHUNK:
        cut = text.rfind(" ", start + CHUNK // 2, start + CHUNK)
        end = cut if cut > start else start + CHUNK
        yield text[start:end]
        start = end
    yield text[start:]
