"""Sessions as messages of OpenAI's API: one line of JSON for each, `{"messages": [{"role", "name", "content"}, …]}`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterator

import orjson

from omoide.core.records import Json
from omoide.storage.export.contents import WorkspaceContents

MOST_CHARACTERS = 64
"""Of a name, by the rule of the API."""

END = b"]}\n"
"""The last piece of a line."""

_line_ends = re.compile(rb"\xc2\x85|\xe2\x80[\xa8\xa9]")
"""What JSON allows in a text, but some programs take for the end of a line."""

_other = re.compile(r"[^a-zA-Z0-9_-]")


def name(peer_id: str) -> str:
    """The name of a peer by the rule of the API: letters, digits, _ and -. One that is not its id has a part of its
    hash."""
    made = _other.sub("_", peer_id)
    if made == peer_id and 0 < len(made) <= MOST_CHARACTERS:
        return peer_id
    digest = hashlib.sha256(peer_id.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{made[: MOST_CHARACTERS - 9]}-{digest}"


def lines(contents: WorkspaceContents, are_assistants: Collection[str], done: Callable[[], None]) -> Iterator[bytes]:
    """The lines in pieces, a message each; `done` is called after each session. Sessions without messages have none."""
    for session in contents.sessions():
        between = b'{"messages":['
        for message in contents.messages(session["id"]):
            yield between
            yield _line_ends.sub(_escaped, orjson.dumps(_message(message, are_assistants)))
            between = b","
        if between == b",":
            yield END
        done()


def _escaped(found: re.Match[bytes]) -> bytes:
    return f"\\u{ord(found[0].decode()):04x}".encode()


def _message(message: Json, are_assistants: Collection[str]) -> Json:
    role = "assistant" if message["peer"] in are_assistants else "user"
    return {"role": role, "name": name(message["peer"]), "content": message["content"]}
