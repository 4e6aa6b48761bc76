"""Import the conversations of another program: plan their sessions and messages, and store what is not there yet.

Each message has a key in its metadata, derived from what was said when. A repeated or resumed import skips what the
session has; batches also have idempotency keys, so that two imports at once store nothing twice.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from omoide.core import clock
from omoide.core.records import Change, Idempotency, Json, MessageBatch, NewMessage, SessionChange
from omoide.core.settings import Settings
from omoide.inference.tokens import TokenCounter
from omoide.scheduling.enqueue import enqueue_policy
from omoide.services import ingest
from omoide.services.spoken_messages import MESSAGE_CHARACTERS, spoken_messages
from omoide.storage import Store, Transaction, imported_messages, peer_aliases, peers, sessions
from omoide.text_extraction import extractor
from omoide.text_extraction.chats import speakers
from omoide.text_extraction.exports.conversation import Conversation, Export

BATCH, TOGETHER = 500, 16
"""Messages that a write stores at most, and sessions that are written at once, so that writes share a transaction."""


class PlannedSession(NamedTuple):
    id: str
    metadata: Json
    messages: list[NewMessage]


class Plan(NamedTuple):
    sessions: list[PlannedSession]
    names: Mapping[str, str]
    """Peer id → the name of its first speaker, or the id itself."""
    is_owner_found: bool
    """Whether any speaker is the owner of the export."""


def plan(kind: str, export: Export, me: Sequence[str]) -> Plan:
    """The sessions and messages of an export; `me` are names, mail addresses, or the peer id, of its owner."""
    names = {turn.speaker: turn.is_role for each in export.conversations for turn in each.turns}
    own, ids = speakers.owned_ids(me, names, export.report.aliases)
    planned: dict[str, PlannedSession] = {}
    for each in export.conversations:
        if each.turns:
            session = _planned(kind, each, own, ids)
            if session.id in planned:  # of ids that differ in signs only, as "C" and "C++"
                session = session._replace(id=f"{session.id}-{_hash(each.id)[:8]}")
            planned[session.id] = session
    by_id: dict[str, str] = {}
    for name, is_role in names.items():
        by_id.setdefault(ids[name], ids[name] if is_role else name)
    return Plan([*planned.values()], by_id, own in by_id)


def _planned(kind: str, conversation: Conversation, own: str, ids: Mapping[str, str]) -> PlannedSession:
    pieces = extractor.of_turns(conversation.turns, MESSAGE_CHARACTERS)
    times = Counter[tuple[object, ...]]()
    messages = []
    for piece, message in zip(pieces, spoken_messages(NewMessage(own, "", {}, 0, None), pieces, ids), strict=True):
        turn = piece.turn
        at = turn.said_at if turn and conversation.has_own_times else None
        said = (at, piece.text)  # not the speaker, whose name changes with the address book
        times[said] += 1
        metadata = {"source": kind, imported_messages.KEY: _hash(*said, times[said])}
        messages.append(message._replace(metadata=metadata))
    title = {"title": conversation.title} if conversation.title else {}
    return PlannedSession(f"{kind}-{speakers.peer_id(conversation.id)}", {"source": kind, **title}, messages)


def _hash(*values: object) -> str:
    return hashlib.blake2b(repr(values).encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class ConversationImport:
    """Stores planned sessions in a workspace."""

    store: Store
    settings: Settings
    tokens: TokenCounter
    workspace_id: str
    names: Mapping[str, str]

    async def run(self, planned: Sequence[PlannedSession], shown: Callable[[int, int], None]) -> int:
        """Store what is missing; returns the number of messages. `shown` is told the messages done and in total."""
        total = sum(len(each.messages) for each in planned)
        done = 0

        def advanced(messages: int) -> None:
            nonlocal done
            done += messages
            shown(done, total)

        stored = 0
        for first in range(0, len(planned), TOGETHER):
            group = planned[first : first + TOGETHER]
            stored += sum(await asyncio.gather(*(self._session(each, advanced) for each in group)))
        return stored

    async def missing(self, session: PlannedSession) -> list[NewMessage]:
        """The messages that the session does not have yet."""
        known = await self.store.read(imported_messages.keys, self.workspace_id, session.id)
        return [each for each in session.messages if each.metadata[imported_messages.KEY] not in known]

    async def _session(self, session: PlannedSession, advanced: Callable[[int], None]) -> int:
        new = await self.missing(session)
        advanced(len(session.messages) - len(new))
        for first in range(0, len(new), BATCH):
            batch = new[first : first + BATCH]
            keep = int(self.settings.idempotency_hours * clock.HOUR)
            key = _hash(*(each.metadata[imported_messages.KEY] for each in batch))
            once = Idempotency(f"import-{key}", key.encode(), keep)
            counted = await ingest.counted(self.tokens, batch)
            await self.store.write(self._store, session, MessageBatch(self.workspace_id, session.id, counted, once))
            advanced(len(batch))
        return len(new)

    def _store(self, db: Transaction, session: PlannedSession, batch: MessageBatch) -> None:
        now = clock.now()
        if sessions.find(db, self.workspace_id, session.id) is None:
            change = SessionChange(metadata=session.metadata)
            sessions.get_or_create(db, self.workspace_id, session.id, change, now)
        for peer_id in dict.fromkeys(message.peer_id for message in batch.messages):
            if (name := self.names[peer_id]) != peer_id and not self._is_known(db, peer_id):
                peers.get_or_create(db, self.workspace_id, peer_id, Change(metadata={"name": name}), now)
        policy, most = enqueue_policy(self.settings), self.settings.max_observers
        ingest.store_batch(db, batch, now, policy, max_observers=most)

    def _is_known(self, db: Transaction, peer_id: str) -> bool:
        """Whether there is such a peer, or one that it was merged into, whose metadata is its own."""
        if peers.find(db, self.workspace_id, peer_id) is not None:
            return True
        return bool(peer_aliases.resolved(db, self.workspace_id, [peer_id]))
