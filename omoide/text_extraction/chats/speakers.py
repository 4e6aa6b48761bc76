"""Choose the peers of an exported conversation's speakers. Pure.

Whoever uploads the file is the human of a conversation with an assistant, or the one speaker whose name fits the
uploader's id. Others become peers of their own, so that nothing that they say is taken for what the uploader said.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence

from omoide.text_extraction.chats.turn import ASSISTANT, OWNER

MOST_CHARACTERS = 100
"""Maximum length of a peer id that is made from a name."""

_LATIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "ı": "i"})
"""Letters that are no letter with an accent, in lower case."""

_words = re.compile(r"[^\W_]+").findall
_other = re.compile(r"[^a-z0-9_-]+")


def peer_ids(uploader: str, names: Collection[str]) -> Mapping[str, str]:
    """Speaker, or role, → peer id."""
    own = _own(uploader, [name for name in names if name not in (OWNER, ASSISTANT)])
    found = {name: uploader if name == own else peer_id(name) for name in names}
    is_assistant = uploader.lower() == ASSISTANT
    roles = {OWNER: OWNER, ASSISTANT: uploader} if is_assistant else {OWNER: uploader, ASSISTANT: ASSISTANT}
    return {**found, **roles}


def owned_ids(
    me: Sequence[str], names: Collection[str], aliases: Mapping[str, Collection[str]]
) -> tuple[str, Mapping[str, str]]:
    """The peer id of the owner of an export, and speaker, or role, → peer id.

    The owner is every speaker whose name is one of `me`, or who has one of these as an address or another name. An
    address as the only one of `me` stands for the name that belongs to it.
    """
    given = {each.casefold() for each in me}
    owned = [name for name in names if not given.isdisjoint(aliases.get(name, ()))]
    owned += [found for each in me if (found := _own(each, names)) is not None]
    first = me[0]
    own = peer_id(next(iter(owned), first) if "@" in first else first)
    return own, {name: own if name in owned or id == first else id for name, id in peer_ids(first, names).items()}


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
    letters = unicodedata.normalize("NFKD", name.casefold().translate(_LATIN))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def peer_id(name: str) -> str:
    """A valid id made from a name; a name that is one in lower case is its own.

    If letters are lost, digits take their place, so that other names have other ids.
    """
    plain = _plain(name)
    made = _other.sub("-", plain).strip("-_")
    if made and len(made) <= MOST_CHARACTERS and "".join(_words(plain)).isascii():
        return made
    digits = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{made[: MOST_CHARACTERS - len(digits) - 1].rstrip('-_') or 'speaker'}-{digits}"
