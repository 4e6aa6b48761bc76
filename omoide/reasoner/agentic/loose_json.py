"""Parse JSON as language models write it: bare keys, other quotes, trailing commas. Pure."""

from __future__ import annotations

import json
import re
from typing import Any

MOST_CHARACTERS, MOST_DEPTH = 8_000, 32
"""Characters and depth of a value that is not JSON."""

_STRICT = json.JSONDecoder(strict=False)
_TOKEN = re.compile(
    r"""(?P<double>"(?:[^"\\]|\\.)*")|(?P<single>'(?:[^'\\]|\\.)*')|<escape>(?P<escaped>.*?)<escape>"""
    r"""|(?P<sign>[{}\[\]:,])|(?P<bare>[^\s{}\[\]:,"'<>]+)|\s+""",
    re.DOTALL,
)
_PAIRS = {"{": "}", "[": "]"}
_WORDS = {"true": "true", "false": "false", "null": "null", "none": "null", "undefined": "null"}
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?")


def decode(text: str, start: int = 0) -> tuple[Any, int]:
    """Return the object or list that begins at `start`, and where it ends. Raises ValueError."""
    try:
        return _STRICT.raw_decode(text, start)
    except (ValueError, RecursionError):
        written, end = _strictly(text, start)
    try:
        return _STRICT.decode(written), end
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _strictly(text: str, start: int) -> tuple[str, int]:
    """Return the value that begins at `start` as JSON, and where it ends."""
    parts: list[str] = []
    closing: list[str] = []
    position, most = start, start + MOST_CHARACTERS
    while match := _TOKEN.match(text, position, most):
        position = match.end()
        sign = match["sign"]
        if sign in _PAIRS:
            closing.append(_PAIRS[sign])
            if len(closing) > MOST_DEPTH:
                break
        elif sign in ("}", "]"):
            if not closing or closing.pop() != sign:
                break
            if parts[-1] == ",":
                parts.pop()
        if not match[0].isspace():
            parts.append(sign or _literal(match, text[position:].lstrip()[:1] == ":"))
        if not closing:
            return "".join(parts), position
    raise ValueError("there is no JSON")


def _literal(match: re.Match[str], is_key: bool) -> str:
    if match["double"]:
        return match[0]
    bare = match["bare"]
    if bare and not is_key and (_NUMBER.fullmatch(bare) or bare.casefold() in _WORDS):
        return _WORDS.get(bare.casefold(), bare)
    quoted = match["single"][1:-1].replace("\\'", "'") if match["single"] else None
    return json.dumps(quoted if quoted is not None else bare or match["escaped"] or "")
