"""Import the statements of another memory as conclusions that each peer holds about itself.

They are dated as in the source, supersede each other in that order, and are found by search at once. Each has a key in
its details, so that a repeated import stores nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from omoide.core import clock
from omoide.core.lazy_import import lazy_import
from omoide.core.offload import offload
from omoide.core.records import Change, Json, NewConclusion, SessionChange
from omoide.services import conclusion_edits
from omoide.services.container import Services
from omoide.storage import Transaction, imported_statements, peers, sessions
from omoide.storage.imported_messages import KEY
from omoide.text_extraction import extractor
from omoide.text_extraction.chats import speakers
from omoide.text_extraction.chats.statements import HeldStatement

with lazy_import("omoide.reasoner.extractive.statement_subject"):
    from omoide.reasoner.extractive import statement_subject

BATCH = 200
"""Conclusions that a write stores at most."""
CONTENT_CHARACTERS = 25_000
"""Maximum length of an imported conclusion; a longer statement becomes several."""


class StatementPlan(NamedTuple):
    conclusions: list[NewConclusion]
    """Oldest first."""
    names: Mapping[str, str]
    """Peer id → its name in the source, or the id itself."""
    is_owner_found: bool


def plan(kind: str, statements: Sequence[HeldStatement], me: Sequence[str]) -> StatementPlan:
    """The conclusions of the statements of another memory; `me` as in `conversation_import.plan`."""
    names = {each.about for each in statements if each.about is not None}
    own, ids = speakers.owned_ids(me, names, {})
    planned = []
    for each in sorted(statements, key=lambda each: each.said_at or 0):
        peer_id = own if each.about is None else ids[each.about]
        called = {*me} if peer_id == own else set[str]()
        subject = statement_subject.with_subject(each.text, called | ({each.about} if each.about else set()), peer_id)
        session = f"{kind}-{speakers.peer_id(each.run)}" if each.run else None
        for number, text in enumerate(extractor.split(extractor.storable(subject), CONTENT_CHARACTERS)):
            offset: Json = {"utc_offset": each.utc_offset} if each.utc_offset else {}
            details = {"source": kind, KEY: f"{each.source_key}-{number}", "metadata": {**each.metadata}, **offset}
            planned.append(NewConclusion(text, peer_id, peer_id, session, said_at=each.said_at, details=details))
    by_id = {own: own, **{ids[name]: name for name in names if ids[name] != own}}
    return StatementPlan(planned, by_id, own in {each.observed_id for each in planned})


async def missing(services: Services, workspace_id: str, planned: Sequence[NewConclusion]) -> list[NewConclusion]:
    """The conclusions that the workspace does not have yet."""
    known = await services.store.read(imported_statements.keys, workspace_id)
    return [each for each in planned if each.details[KEY] not in known]


async def run(
    services: Services, kind: str, workspace_id: str, planned: StatementPlan, shown: Callable[[int, int], None]
) -> int:
    """Store what is missing; returns the number of conclusions. `shown` is told those done and in total."""
    new = await missing(services, workspace_id, planned.conclusions)
    stored = 0
    for first in range(0, len(new), BATCH):
        batch = await offload(conclusion_edits.with_topics, services.reasoner, new[first : first + BATCH], clock.now())
        stored += await services.store.write(_store, services, kind, workspace_id, planned.names, batch)
        shown(min(first + BATCH, len(new)), len(new))
    return stored


def _store(
    db: Transaction,
    services: Services,
    kind: str,
    workspace_id: str,
    names: Mapping[str, str],
    batch: Sequence[NewConclusion],
) -> int:
    now = clock.now()
    known = imported_statements.keys(db, workspace_id)  # another import may have stored some since
    new = [each for each in batch if each.details[KEY] not in known]
    ids = {}
    for peer_id in dict.fromkeys(each.observed_id for each in new):
        found = peers.find(db, workspace_id, peer_id)
        if found is None:
            name = names.get(peer_id, peer_id)
            change = Change(metadata={"name": name} if name != peer_id else None)
            found, _ = peers.get_or_create(db, workspace_id, peer_id, change, now)
        ids[peer_id] = found.id
    for session in dict.fromkeys(each.session_id for each in new if each.session_id is not None):
        if sessions.find(db, workspace_id, session) is None:
            sessions.get_or_create(db, workspace_id, session, SessionChange(metadata={"source": kind}), now)
    resolved = [conclusion_edits.of_peer(each, ids[each.observed_id]) for each in new]
    conclusion_edits.store(db, workspace_id, resolved, services.reasoner)
    return len(new)
