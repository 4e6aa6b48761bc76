"""A message → its sentences, as said. Pure, and in linear time for whatever arrives.

What is not the speaker's own prose goes away here: fenced code, quoted lines, tables, the marks of Markdown. White
space becomes single spaces. Which sentences state something is for `statements` to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sentencex import segment  # type: ignore[import-untyped]

from omoide.text_cache import text_cache

CHUNK = 2_000
"""Characters that are segmented at once. Longer paragraphs are taken in pieces, cut at a space where there is one, for
the segmenter's time grows with the square of some texts."""
CACHED_TEXTS = 8_192
"""Of how many texts the sentences are kept: a message is looked at when facts are drawn
from it and for summaries, and so is each line of a summary for the next one."""

SHORT_ITEM_WORDS = 4
"""A list's items up to this many words are told together with the line that introduces the list."""

_FENCE = ("```", "~~~")
_NOT_PROSE = (">", "|")
_MARKER = re.compile(r"^(?:[-*+•◦▪‣·]|\d{1,3}[.)]|[a-z]\)|#{1,6}|\[[ xX]?\])\s+(?:\[[ xX]?\]\s+)?")
_ITEM = re.compile(r"(?:[-*+•◦▪‣·]|\d{1,3}[.)]|[a-z]\)|\[[ xX]?\])\s+")
_EMPHASIS = re.compile(
    r"\*{1,3}(?=\S)([^*\n]{1,500})(?<=\S)\*{1,3}|(?<!\w)_{1,3}(?=\S)([^_\n]{1,500})(?<=\S)_{1,3}(?!\w)"
)
_ATTRIBUTION = re.compile(r"On .{4,80} wrote:$")
_BESIDE_EMOJI = re.compile(r"(?<=[\u2600-\u27bf\ufe0f\U0001f300-\U0001faff])\s+(?=[A-Z¿¡])(?![^\"“”]*[\"”])")
"""Where an emoji stands for a stop, outside quotations."""
_END = re.compile(r"[.!?…:;。！？؟।]['\"”’»)\]]*$")


def sentences(content: str) -> list[str]:
    """The sentences in the order in which they were said, none of them empty, with single spaces and no Markdown."""
    return [*_known(content)]


def _found(content: str) -> list[str]:
    text = content.encode("utf-8", "ignore").decode()  # lone surrogates, which the segmenter cannot take
    return [
        sentence
        for block in _blocks(_prose(text))
        for chunk in _chunks(block)
        for segmented in segment("en", chunk)
        for sentence in map(str.strip, _BESIDE_EMOJI.split(segmented))
        if sentence
    ]


_known = text_cache(maxsize=CACHED_TEXTS)(_found)


def _prose(text: str) -> Iterator[str]:
    """The lines that are the speaker's own, white space and emphasis taken away; "" between paragraphs."""
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
    """Paragraphs: lines that run on are joined, and short items with the line that introduces them."""
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
        if text := line if parts else _MARKER.sub("", line):
            parts.append(text)
    if parts:
        yield " ".join(parts)


def _is_short(item: str) -> bool:
    return len(item.split()) <= SHORT_ITEM_WORDS + 1 and not _END.search(item)


def _runs_on(before: str, line: str) -> bool:
    """Whether a line goes on with the sentence before it: that has not ended, and this begins small."""
    return line[:1].islower() and not _END.search(before) and not line.startswith(("i ", "i'", "i’", "my "))


def _chunks(text: str) -> Iterator[str]:
    start = 0
    while len(text) - start > CHUNK:
        cut = text.rfind(" ", start + CHUNK // 2, start + CHUNK)
        end = cut if cut > start else start + CHUNK
        yield text[start:end]
        start = end
    yield text[start:]
