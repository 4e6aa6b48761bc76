"""Leave out of a mail's text what its sender did not write then: quotations, forwarded mail, and the signature.

The words that mail programs write above a quotation, in 14 languages, are those of `mailparser_reply`. Its own split
would lose answers below a quotation, and every text after a line that begins with "Thanks,".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain

from omoide.core.lazy_import import lazy_import

with lazy_import("mailparser_reply.parser", "mailparser_reply.constants"):
    from mailparser_reply import constants, parser

LONGEST_HEAD = 300
"""Characters of a line that are searched; the patterns take quadratic time."""
MOST_LINES = 5_000
"""Lines in which quotations are looked for."""
SIGNATURE_LINES, SIGNATURE_CHARACTERS = 8, 80
"""Non-blank lines after a closing phrase, and the length of each."""

_forwarded = re.compile(
    r"""\s*(?:-{2,}\ ?(?:original\ message|forwarded\ (?:message|by)|ursprüngliche\ nachricht|weitergeleitete\ nachricht
    |message\ d['’]origine|message\ transféré|mensaje\ original|mensaje\ reenviado|mensagem\ original
    |messaggio\ originale|messaggio\ inoltrato|oorspronkelijk\ bericht|doorgestuurd\ bericht).*
    |begin\ forwarded\ message:|anfang\ der\ weitergeleiteten\ nachricht:|début\ du\ message\ réexpédié\ ?:
    |inicio\ del\ mensaje\ reenviado:)\s*$""",
    re.IGNORECASE | re.VERBOSE,
)
_blank_lines = re.compile(r"\n(?:[ \t]*\n){2,}")
_sure = re.compile(r"\d|@")
_rule = re.compile(r"[_\-=*]{20,}")


def spoken(text: str) -> str:
    """What the sender wrote; empty if everything is quoted."""
    lines = text.splitlines()
    dropped, end = _attributions(lines[:MOST_LINES])
    end = len(lines) if end == MOST_LINES else end
    kept = [line for number, line in enumerate(lines[:end]) if number not in dropped and not _is_quoted(line)]
    while kept and (not kept[-1].strip() or _rule.fullmatch(kept[-1].strip())):
        kept.pop()
    return _blank_lines.sub("\n\n", "\n".join(_unsigned(kept))).strip()


def _is_quoted(line: str) -> bool:
    return line.lstrip().startswith(">")


def _attributions(lines: Sequence[str]) -> tuple[set[int], int]:
    """The lines that introduce a quotation with marks, and the line from which on everything is quoted without."""
    dropped: set[int] = set()
    for first, last in _heads(lines):
        if _is_quoted(lines[first]) or first in dropped:
            continue
        below = next((line for line in lines[last + 1 :] if line.strip()), "")
        if not _is_quoted(below):
            if first == last and _forwarded.match(lines[first]) is None and not _sure.search(lines[first]):
                continue  # "On Monday I wrote:"
            return dropped, first
        dropped.update(range(first, last + 1))
    return dropped, len(lines)


def _heads(lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    """First and last line of what introduces quotations, in their order."""
    short = [line.strip()[:LONGEST_HEAD] for line in lines]
    text, starts = "\n".join(short), [0]
    for line in short:
        starts.append(starts[-1] + len(line) + 1)
    found = [(number, number) for number, line in enumerate(short) if _forwarded.match(line)]
    at = 0
    for match in _introductions().finditer(text):
        start = match.start() + len(match[0]) - len(match[0].lstrip("\n"))
        while starts[at + 1] <= start:
            at += 1
        found.append((at, at + match[0].strip("\n").count("\n")))
    return iter(sorted(found))


@cache
def _introductions() -> re.Pattern[str]:
    found: re.Pattern[str] = parser.EmailMessage(text="", languages=[*constants.MAIL_LANGUAGES]).HEADER_REGEX
    return found


def _unsigned(lines: Sequence[str]) -> Sequence[str]:
    """The lines without a signature at their end."""
    marked = (n for n, line in enumerate(lines) if line.strip() == "--" or (n and _rule.fullmatch(line.strip())))
    lines = lines[: next(marked, len(lines))]
    written = [(number, text) for number, line in enumerate(lines) if (text := line.strip())]
    if written and _from_phone().match(written[-1][1]):
        lines = lines[: written.pop()[0]]
    for number, text in written[-SIGNATURE_LINES - 1 :]:
        below = (len(each) for each_number, each in written if each_number > number)
        if (
            len(text) <= SIGNATURE_CHARACTERS
            and _closing().fullmatch(text)
            and max(below, default=0) <= SIGNATURE_CHARACTERS
        ):
            return lines[:number]
    return lines


@cache
def _closing() -> re.Pattern[str]:
    return re.compile(rf"(?:{_alternatives('signatures')})[\s,.!]*", re.IGNORECASE)


@cache
def _from_phone() -> re.Pattern[str]:
    return re.compile(rf"(?:{_alternatives('sent_from')})\b", re.IGNORECASE)


def _alternatives(key: str) -> str:
    given = (each[key] for each in constants.MAIL_LANGUAGES.values() if each.get(key))
    return "|".join(chain.from_iterable([each] if isinstance(each, str) else each for each in given))
