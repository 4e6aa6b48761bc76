"""Select the observers of a message's sender. Pure.

A peer that may be observed always observes itself; its own conclusions are the complete set. Scopes observe all
members but are excluded here, because they are looked up when conclusions are written. Membership is evaluated when
the message is stored. All observers receive the same conclusions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from omoide.core.records import Json


@dataclass(frozen=True, slots=True)
class Membership:
    """A peer and its flags in a session. Not `active` if it left or never joined. A flag that is not set is None."""

    peer_id: str
    peer_pk: int
    observe_me: bool | None = None
    """From the session."""
    peer_observe_me: bool | None = None
    """From the peer's own configuration."""
    observe_others: bool | None = None
    active: bool = True
    is_scope: bool = False


def peer_flag(configuration: Json) -> bool | None:
    """Return `observe_me` of a peer's own configuration; None if it is not a boolean."""
    value = configuration.get("observe_me")
    return value if isinstance(value, bool) else None


def observes_me(member: Membership) -> bool:
    """Whether the member may be observed: the session's flag, else the peer's flag, else True."""
    if member.is_scope:
        return False
    for flag in (member.observe_me, member.peer_observe_me):
        if flag is not None:
            return flag
    return True


def observers_of(sender: Membership, members: Sequence[Membership]) -> list[Membership]:
    """Return the observers of the sender: itself first, then the observing members in the order given.

    Empty if the sender may not be observed. `members` may contain the sender, peers that left, and scopes.
    """
    if not observes_me(sender):
        return []
    return [sender, *(member for member in members if member.peer_pk != sender.peer_pk and _observes(member))]


def _observes(member: Membership) -> bool:
    return member.active and not member.is_scope and member.observe_others is True
