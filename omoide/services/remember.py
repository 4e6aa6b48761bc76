"""Store messages, and facts about peers as conclusions of these about themselves, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from omoide.core import acting, clock
from omoide.core.offload import offload
from omoide.core.records import Change, Message, MessageBatch, NewConclusion
from omoide.reasoner.protocol import Reasoner
from omoide.services import conclusion_edits, ingest
from omoide.services.container import Services
from omoide.storage import Transaction, conclusion_links, conclusions, peers
from omoide.storage.content_hash import content_hash


@dataclass(frozen=True, slots=True)
class RememberRequest:
    """What to store, and for whom (see `auth.name_of`)."""

    workspace_id: str
    batch: MessageBatch | None
    facts: Sequence[NewConclusion]
    by: str


class Remembered(NamedTuple):
    """The messages, and the id of the conclusion of each fact."""

    messages: list[Message]
    conclusion_ids: list[str]


async def remember(services: Services, request: RememberRequest) -> Remembered:
    """Store the messages as `ingest.add_messages` does, and the facts that the peers do not hold yet.

    Creates the peers of facts. Raises as `ingest.add_messages`.
    """
    batch = request.batch and request.batch._replace(
        messages=await ingest.counted(services.tokens, request.batch.messages)
    )
    facts = await offload(conclusion_edits.with_topics, services.reasoner, request.facts, clock.now())
    stored = await services.store.write(
        acting.on_behalf, request.by, _store, services, request.workspace_id, batch, facts
    )
    services.wake_worker()
    return stored


def _store(
    db: Transaction,
    services: Services,
    workspace_id: str,
    batch: MessageBatch | None,
    facts: Sequence[NewConclusion],
) -> Remembered:
    messages: list[Message] = []
    if batch is not None:
        limit = services.settings.max_observers
        messages = ingest.store_batch(db, batch, clock.now(), services.policy, max_observers=limit)
    return Remembered(messages, _note(db, workspace_id, facts, services.reasoner) if facts else [])


def _note(db: Transaction, workspace_id: str, facts: Sequence[NewConclusion], reasoner: Reasoner) -> list[str]:
    named = dict.fromkeys(new.observed_id for new in facts)
    holders = {id: peers.get_or_create(db, workspace_id, id, Change(), clock.now())[0].id for id in named}
    facts = [  # the id of a merged peer stands for another
        replace(new, observer_id=holders[new.observer_id], observed_id=holders[new.observed_id]) for new in facts
    ]
    ids: dict[tuple[str, str], str] = {}
    missing: dict[tuple[str, str], NewConclusion] = {}
    for new in facts:
        pair = conclusions.pair(db, workspace_id, new.observer_id, new.observed_id)
        assert pair is not None
        if held := conclusion_links.with_text(db, pair, [content_hash(new.content)]):
            ids[new.observed_id, new.content] = held[0].id
        else:
            missing[new.observed_id, new.content] = new
    stored = conclusion_edits.store(db, workspace_id, [*missing.values()], reasoner) if missing else []
    ids |= {key: record.id for key, record in zip(missing, stored, strict=True)}
    return [ids[new.observed_id, new.content] for new in facts]
