"""Split a mailbox file (mbox) into its messages, however large it is.

The standard library needs a file on disk, and splits at any line that begins with "From ".
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator

START = b"From "
_separator = re.compile(rb"From .*\d{1,2}:\d{2}").match
_escaped = re.compile(rb">+From ").match
_apple_length = re.compile(rb"\s*(\d+)\s*\n").match


def messages(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The messages of an mbox file. A separator has a time, and follows a blank line."""
    message: list[bytes] = []
    is_after_blank = True
    for number, line in enumerate(lines):
        if line.startswith(START) and (number == 0 or (is_after_blank and _separator(line))):
            if message:
                yield b"".join(message)
            message = []
            continue
        is_after_blank = not line.strip()
        message.append(line[1:] if _escaped(line) else line)
    if message:
        yield b"".join(message)


def files_messages(data: bytes) -> Iterator[bytes]:
    """The messages of a file, which is a mailbox or one message."""
    is_box = data.startswith(START)
    return messages(io.BytesIO(data)) if is_box else iter((without_apple_frame(data),))


def without_apple_frame(data: bytes) -> bytes:
    """The message in a file of Apple Mail (.emlx), which has its length before it and a property list after it."""
    match = _apple_length(data)
    return data[match.end() : match.end() + int(match[1])] if match else data
