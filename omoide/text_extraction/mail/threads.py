"""Group mails into threads, by what they answer, and name their senders. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from omoide.text_extraction.chats.turn import ChatTurn
from omoide.text_extraction.mail.message import Mail


def threads(mails: Iterable[Mail]) -> dict[str, list[Mail]]:
    """Id → the mails of a thread, oldest first. The id is that of the first mail, also if that is missing."""
    groups = _Groups()
    by_time = sorted(mails, key=lambda each: each.said_at or 0)
    for mail in by_time:
        for other in mail.references:
            groups.join(mail.id, other)
    found: dict[str, list[Mail]] = defaultdict(list)
    for mail in by_time:
        found[groups.of(mail.id)].append(mail)
    return {next(iter(each[0].references), each[0].id): each for each in found.values()}


class _Groups:
    """Disjoint sets of ids."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}

    def of(self, id: str) -> str:
        while (parent := self._parents.get(id, id)) != id:
            self._parents[id] = self._parents.get(parent, parent)
            id = parent
        return id

    def join(self, one: str, other: str) -> None:
        self._parents[self.of(one)] = self.of(other)


def speakers(mails: Sequence[Mail]) -> Mapping[str, str]:
    """Address → the name of its owner: several addresses with one full name are one speaker."""
    names: dict[str, Counter[str]] = defaultdict(Counter)
    for mail in mails:
        names[mail.address][mail.name] += bool(mail.name)
    usual = {address: counts.most_common(1)[0][0] for address, counts in names.items()}
    shared = Counter(usual.values())
    return {address: _speaker(address, name, shared[name]) for address, name in usual.items()}


def _speaker(address: str, name: str, owners: int) -> str:
    """One word, as "Support", may be the name of several."""
    if not name:
        return address or "unknown"
    return f"{name} ({address})" if owners > 1 and len(name.split()) == 1 else name


def aliases(mails: Iterable[Mail], named: Mapping[str, str]) -> dict[str, set[str]]:
    """Speaker → addresses and names, in lower case."""
    found: dict[str, set[str]] = defaultdict(set)
    for mail in mails:
        found[named[mail.address]] |= {mail.address, mail.name.casefold()} - {""}
    return found


def turn(mail: Mail, named: Mapping[str, str]) -> ChatTurn:
    return ChatTurn(named[mail.address], False, mail.text, mail.said_at, mail.utc_offset)


def uploaded(mails: Sequence[Mail]) -> list[ChatTurn]:
    """The turns of mails that were chosen for an upload, oldest first; if all only quote, with all of their text."""
    named = speakers(mails)
    whole = mails if any(mail.text for mail in mails) else [mail._replace(text=mail.quoted) for mail in mails]
    return sorted((turn(mail, named) for mail in whole), key=lambda each: each.said_at or 0)
