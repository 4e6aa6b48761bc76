"""Recognize text that a program wrote: logs, tool output, code, stack traces, tables. Pure.

Lines are judged alone. What people write about programs ("I run Postgres 14 on RDS") is prose.
"""

from __future__ import annotations

import re

from omoide.core.text_cache import text_cache
from omoide.reasoner.extractive.word_lists import word_lists

CACHED_LINES = 4_096
MOST_SYMBOLS = 0.12
"""A line with a larger share of programming symbols is not prose."""
MOST_CODE_WORDS = 0.34
"""A line with a larger share of identifiers, paths and options is not prose."""
MACHINE_SHARE = 0.6
"""A text with at least this share of lines that a program wrote is machine text as a whole."""

_URL = re.compile(r"(?:https?|ftp)://\S+|www\.\S+")
_STARTS = [line for line in word_lists("machine_text").lines("line_starts") if line]
_START = re.compile(rf"\s*(?:{'|'.join(_STARTS)})")
_I = re.compile(r"\b(?:I|I'm|I've|my|we|our)\b")
_SYMBOLS = re.compile(r"[{}\[\]<>=;\\|_`$#@^~*&+]")
_CODE_WORD = re.compile(
    r"^[\"'(\[]*(?:(?:\.{0,2}/)?[\w.-]+/[\w./-]+|[A-Za-z]:\\\S+|--?[a-z][\w-]*(?:=\S+)?|[a-z]\w*_\w+|[a-z]+[A-Z]\w*\(?"
    r"|\w+\(.*\)?|\w+(?:\.\w+){2,}|\w+==\S+|0x[0-9a-f]+|[0-9a-f]{12,}|[\w-]+\.(?:py|js|ts|go|rs|c|h|cpp|java|rb|sh|json|ya?ml"
    r"|toml|lock|txt|log|md|html|css|sql|whl|gz|zip)|[A-Z]+_[A-Z_]+(?:=\S*)?|\w+=\S+|\d+(?:\.\d+)+(?:[kKMG]?B)?)[\"')\],:;]*$"
)


def is_machine_text(content: str) -> bool:
    """Whether a program wrote most of the lines."""
    lines = [line for line in content.splitlines() if line.strip()]
    prose = [line for line in lines if not is_machine_line(line)]
    return len(prose) <= (1 - MACHINE_SHARE) * len(lines) and not any(map(_I.search, prose))


def without_machine_lines(content: str) -> str:
    """The text with empty lines for those that a program wrote; fences of code stay."""
    if "\n" not in content:
        return "" if is_machine_line(content) else content
    return "\n".join("" if is_machine_line(line) else line for line in content.splitlines())


@text_cache(maxsize=CACHED_LINES)
def is_machine_line(line: str) -> bool:
    """Whether a program wrote the line."""
    if line.lstrip().startswith(("```", "~~~")):
        return False
    if _START.match(line):
        return True
    plain = _URL.sub(" ", line)
    words = plain.split()
    if len(words) > 60 or not words:
        return False
    solid = "".join(words)
    symbols = len(_SYMBOLS.findall(solid))
    if symbols >= 3 and symbols > MOST_SYMBOLS * len(solid) and not solid.startswith(("**", "__", "#")):
        return True
    code = sum(_CODE_WORD.match(word) is not None for word in words if not _is_plain(word))
    return code >= 2 and code > MOST_CODE_WORDS * len(words)


def _is_plain(word: str) -> bool:
    """Whether it has letters only, as words in prose are written. Fast."""
    return word.isalpha() and (word.islower() or word[1:].islower() or word.isupper())
