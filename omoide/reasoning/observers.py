"""Who forms a picture of whoever speaks in a session. Pure.

Everybody who may be observed is observed at least by themselves: that is where all that is known about them gathers.
Scopes see what everybody sees, but belong to what is done when conclusions are written, so they are told apart here.
Membership is taken as it is when the message is stored; what is concluded is the same for all observers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from omoide.records import Json


@dataclass(frozen=True, slots=True)
class Membership:
    """A peer in a session, or one that left it or never was in it (not `active`). None is a flag that was not set."""

    peer_id: str
    peer_pk: int
    observe_me: bool | None = None
    """As set in the session."""
    peer_observe_me: bool | None = None
    """As set on the peer."""
    observe_others: bool | None = None
    active: bool = True
    is_scope: bool = False


def peer_flag(configuration: Json) -> bool | None:
    """`observe_me` in a peer's own configuration; None for anything that is not a boolean."""
    found = configuration.get("observe_me")
    return found if isinstance(found, bool) else None


def observes_me(member: Membership) -> bool:
    """Whether anything may be concluded about the member: as the session says, else as the peer says, else yes."""
    if member.is_scope:
        return False
    for flag in (member.observe_me, member.peer_observe_me):
        if flag is not None:
            return flag
    return True


def observers_of(sender: Membership, members: Sequence[Membership]) -> list[Membership]:
    """Whoever learns from what the sender says: itself first, then the observing members in the order given.

    Empty if nothing may be concluded about the sender. `members` may hold the sender, peers that left, and scopes.
    """
    if not observes_me(sender):
        return []
    return [sender, *(member for member in members if member.peer_pk != sender.peer_pk and _observes(member))]


def _observes(member: Membership) -> bool:
    return member.active and not member.is_scope and member.observe_others is True
