"""Normalize a JSON document: same key order, one space after `,` and `:`, no unnecessary escapes.

Python's parser and writer hold the GIL throughout: up to a second for a document of a few megabytes, with fifty times
its memory. Large documents are normalized in a subprocess, which takes some 20 ms more and returns its memory. The
subprocess runs this file, so it imports only the standard library.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from typing import NoReturn

LARGE_CHARACTERS = 131_072
"""Documents of this size and more use a subprocess; a smaller one holds the GIL for at most some 30 ms."""

_INVALID = 3
"""Exit status for an invalid document."""


class Interrupted(Exception):
    """The subprocess was killed or ran out of memory."""


def normalize(text: str) -> str:
    """The normalized document; an escaped lone surrogate is a lone surrogate in the result.

    Raises ValueError for invalid JSON (NaN, Infinity and numbers beyond the range of a double included), for integers
    of more than 4,300 digits and for values that are nested too deeply. Raises Interrupted.
    """
    if len(text) < LARGE_CHARACTERS:
        return _normalize(text)
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", __file__],
            input=text.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    except OSError:  # the subprocess cannot be started
        return _normalize(text)
    if done.returncode == _INVALID:
        raise ValueError("not a JSON document")
    if done.returncode:
        raise Interrupted
    return done.stdout.decode("utf-8", "surrogatepass")


def _normalize(text: str) -> str:
    try:
        value = json.loads(text, parse_float=_finite, parse_constant=_refuse)
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _finite(written: str) -> float:
    number = float(written)
    if number in (float("inf"), float("-inf")):
        _refuse(written)
    return number


def _refuse(written: str) -> NoReturn:
    # Python reads and writes NaN and Infinity; other JSON parsers reject them.
    raise ValueError(f"{written} is not a JSON number")


def _main() -> None:
    with contextlib.suppress(OSError):
        os.nice(5)
    try:
        written = _normalize(sys.stdin.buffer.read().decode())
    except ValueError:
        sys.exit(_INVALID)
    sys.stdout.buffer.write(written.encode("utf-8", "surrogatepass"))


if __name__ == "__main__":
    _main()
