"""The transactions of an import from a Honcho server. Each stores what is not here yet, and changes nothing else."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from omoide.core.records import Change, MessageBatch, NewMessage, Observation, SessionChange, Summary
from omoide.scheduling.enqueue import EnqueuePolicy
from omoide.services import ingest
from omoide.storage import (
    Transaction,
    cards,
    imported_messages,
    members,
    messages,
    peer_aliases,
    peers,
    scopes,
    sessions,
    summaries,
    workspaces,
)


class Rules(NamedTuple):
    """How messages are stored. Without `policy`, nothing is derived from them."""

    policy: EnqueuePolicy | None
    max_observers: int


def workspace(db: Transaction, workspace_id: str, given: Change, created_at: int) -> bool:
    """Create the workspace, if it is missing; returns whether it was."""
    return workspaces.get_or_create(db, workspace_id, given, created_at)[1]


def peer(db: Transaction, workspace_id: str, peer_id: str, given: Change, created_at: int) -> bool:
    """Create the peer, unless it exists or was merged into another here."""
    if peers.find(db, workspace_id, peer_id) or peer_aliases.resolved(db, workspace_id, [peer_id]):
        return False
    return peers.get_or_create(db, workspace_id, peer_id, given, created_at)[1]


def session(db: Transaction, workspace_id: str, session_id: str, given: Change, created_at: int) -> bool:
    """Create the session, if it is missing; returns whether it was."""
    if sessions.find(db, workspace_id, session_id):
        return False
    change = SessionChange(metadata=given.metadata, configuration=given.configuration)
    sessions.get_or_create(db, workspace_id, session_id, change, created_at)
    return True


def never_members(db: Transaction, workspace_id: str, session_id: str, peer_ids: Collection[str]) -> list[str]:
    """Those of the peers that have never been in the session."""
    aliases = peer_aliases.resolved(db, workspace_id, peer_ids)
    found = {id: members.configuration(db, workspace_id, session_id, aliases.get(id, id)) for id in peer_ids}
    return [id for id, observed in found.items() if observed is None]


def join(
    db: Transaction, workspace_id: str, session_id: str, joining: Mapping[str, Observation], now: int, limit: int
) -> None:
    """Add peers to a session. Raises BadRequest beyond the limit of observers."""
    aliases = peer_aliases.resolved(db, workspace_id, [*joining])
    change = SessionChange(peers={aliases.get(id, id): each for id, each in joining.items()}, max_observers=limit)
    sessions.get_or_create(db, workspace_id, session_id, change, now)


class ReadPage(NamedTuple):
    """Messages of a page that are not stored, when the session held so many messages, and the members there."""

    messages: Sequence[NewMessage]
    held: int
    members: Collection[str]


def page(db: Transaction, batch: MessageBatch, read: ReadPage, rules: Rules, now: int) -> int:
    """Store messages; returns their number. Their authors are in the session afterwards only if they are there.

    Another import may have stored some of them since they were compared: then they are compared again.
    """
    workspace_id, session_id, new, _ = batch
    held = sessions.find(db, workspace_id, session_id)
    if held is not None and sessions.message_count(db, held.pk) != read.held:
        stored = imported_messages.keys(db, workspace_id, session_id)
        new = [each for each in new if each.metadata[imported_messages.KEY] not in stored]
    if not new:
        return 0
    authors = {each.peer_id for each in new}
    visiting = [id for id in authors - {*read.members} if not members.is_active(db, workspace_id, session_id, id)]
    batch = batch._replace(messages=new)
    if rules.policy is None:
        point = messages.append_point(db, batch, now, max_observers=rules.max_observers)
        messages.append(db, point, point.messages)
    else:
        ingest.store_batch(db, batch, now, rules.policy, max_observers=rules.max_observers)
    if visiting:
        sessions.remove_peers(db, workspace_id, session_id, visiting, now)
    return len(new)


def summary(db: Transaction, workspace_id: str, session_id: str, given: Summary) -> bool:
    """Store the summary, if the session has none of its kind."""
    found = sessions.find(db, workspace_id, session_id)
    if found is None or given.summary_type in summaries.of_session(db, workspace_id, session_id):
        return False
    summaries.put(db, found.pk, given, given.created_at)
    return True


def has_card(db: Transaction, workspace_id: str, pair: tuple[str, str]) -> bool:
    """Whether the observer keeps a card about the observed."""
    aliases = peer_aliases.resolved(db, workspace_id, pair)
    observer, observed = (aliases.get(id, id) for id in pair)
    return peers.find(db, workspace_id, observer) is not None and bool(cards.get(db, workspace_id, observer, observed))


def card(db: Transaction, workspace_id: str, pair: tuple[str, str], lines: Sequence[str], now: int) -> bool:
    """Store the card of a pair of observer and observed, if there is none."""
    if has_card(db, workspace_id, pair):
        return False
    aliases = peer_aliases.resolved(db, workspace_id, pair)
    observer, observed = (aliases.get(id, id) for id in pair)
    cards.put(db, workspace_id, observer, observed, lines, now)
    return True


def scope(
    db: Transaction, workspace_id: str, scope_id: str, given: Change, session_ids: Sequence[str], now: int
) -> bool:
    """Create the scope with those of the sessions that exist, unless there is one; a job fills it."""
    if scopes.find(db, workspace_id, scope_id) is not None:
        return False
    scopes.get_or_create(db, workspace_id, scope_id, given.metadata, now)
    join_scope(db, workspace_id, scope_id, session_ids, now)
    return True


def join_scope(db: Transaction, workspace_id: str, scope_id: str, session_ids: Sequence[str], now: int) -> None:
    """Add those of the sessions that exist to the scope."""
    there = [id for id in session_ids if sessions.find(db, workspace_id, id) is not None]
    scopes.add_sessions(db, workspace_id, scope_id, there, now)
