"""Write a JSON document again in one form: keys in their order, one space after `,` and `:`, no escapes without need.

Python's parser and writer keep the whole interpreter busy until they are done: for a document of a few megabytes up to
a second, with fifty times its memory. Large ones are rewritten by a process of their own, which takes some 20 ms more
and leaves nothing behind. It runs this very file, so this imports nothing but the standard library.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from typing import NoReturn

LARGE_CHARACTERS = 131_072
"""From here on a process of its own is used: the largest document below keeps the interpreter busy for some 30 ms."""

_INVALID = 3
"""The exit status for a document that is no JSON."""


class Interrupted(Exception):
    """The process ended before it was done: it was killed, or there was too little memory."""


def rewritten(text: str) -> str:
    """The document in its form; a lone half of a character that it escapes is one in the result.

    Raises ValueError for what is no JSON (NaN, Infinity and numbers beyond the range of a double are not), for integers
    of more than 4,300 digits and for values that are nested too deeply; Interrupted.
    """
    if len(text) < LARGE_CHARACTERS:
        return _rewritten(text)
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", __file__],
            input=text.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    except OSError:  # no process can be started
        return _rewritten(text)
    if done.returncode == _INVALID:
        raise ValueError("not a JSON document")
    if done.returncode:
        raise Interrupted
    return done.stdout.decode("utf-8", "surrogatepass")


def _rewritten(text: str) -> str:
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
    # Python reads NaN and Infinity and writes them again; no other reader of JSON would take them.
    raise ValueError(f"{written} is no JSON number")


def _main() -> None:
    with contextlib.suppress(OSError):
        os.nice(5)
    try:
        written = _rewritten(sys.stdin.buffer.read().decode())
    except ValueError:
        sys.exit(_INVALID)
    sys.stdout.buffer.write(written.encode("utf-8", "surrogatepass"))


if __name__ == "__main__":
    _main()
