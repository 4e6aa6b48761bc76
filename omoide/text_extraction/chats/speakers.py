"""Choose the peers of an exported conversation's speakers. Pure.

Whoever uploads the file is the human of a conversation with an assistant, or the one speaker whose name fits the
uploader's id. Others become peers of their own, so that nothing that they say is taken for what the uploader said.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection, Mapping

from omoide.text_extraction.chats.turn import ASSISTANT, OWNER

MOST_CHARACTERS = 100
"""Maximum length of a peer id that is made from a name."""

_words = re.compile(r"[^\W_]+").findall
_other = re.compile(r"[^a-z0-9_-]+")


def peer_ids(uploader: str, names: Collection[str]) -> Mapping[str, str]:
    """Speaker, or role, → peer id."""
    own = _own(uploader, [name for name in names if name not in (OWNER, ASSISTANT)])
    found = {name: uploader if name == own else peer_id(name) for name in names}
    is_assistant = uploader.lower() == ASSISTANT
    roles = {OWNER: OWNER, ASSISTANT: uploader} if is_assistant else {OWNER: uploader, ASSISTANT: ASSISTANT}
    return {**found, **roles}


def _own(uploader: str, names: Collection[str]) -> str | None:
    """The only name that is the uploader's: equal, or else with the same words, more or fewer."""
    sought = _parts(uploader)
    parts = {name: found for name in names if (found := _parts(name)) and sought}
    equal = [name for name in parts if parts[name] == sought]
    fitting = equal or [name for name in parts if parts[name] <= sought or sought <= parts[name]]
    return fitting[0] if len(fitting) == 1 else None


def _parts(name: str) -> set[str]:
    return {*_words(_plain(name))}


def _plain(name: str) -> str:
    """The name in lower case, without accents."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def peer_id(name: str) -> str:
    """A valid id made from a name; a name that is one in lower case is its own."""
    made = _other.sub("-", _plain(name)).strip("-_")[:MOST_CHARACTERS]
    return made or f"speaker-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
