"""The operations of the tag `peers`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from typing import Literal

from omoide.core import auth, clock
from omoide.core.records import PageRequest
from omoide.generated import models, parameters
from omoide.handlers import chat as chat_module
from omoide.handlers import inspection, memory_access, message_search, pagination, request_parsing, serializers
from omoide.handlers.context import Context
from omoide.reasoner.representation import render
from omoide.services import card_sources, get_or_create, timeline
from omoide.services.context_builder import peer_context
from omoide.services.selection import select_conclusions
from omoide.services.timeline import TimelineParts
from omoide.storage import cards, peer_deletion, peer_merge, peers
from omoide.storage.message_scope import MessageSearch


async def get_or_create_peer(
    context: Context, *, workspace_id: str, body: models.PeerCreate
) -> tuple[Literal[200, 201], models.Peer]:
    """Return the peer, created if missing; metadata and configuration in the body replace the stored ones."""
    change = request_parsing.peer_change(context, body)
    record, created = await get_or_create.peer(context.services, context.principal, workspace_id, body.id, change)
    return (201 if created else 200), serializers.peer(record)


async def get_peers(
    context: Context,
    *,
    workspace_id: str,
    query: parameters.GetPeersQuery,
    body: models.PeerGet | None = None,
) -> models.PagePeer:
    """Return a page of the workspace's peers."""
    request = PageRequest(query.page, query.size, query.reverse)
    kind = body.kind if body else None
    return serializers.peers_page(await pagination.read(context, body, peers.page, workspace_id, request, kind))


async def update_peer(context: Context, *, workspace_id: str, peer_id: str, body: models.PeerUpdate) -> models.Peer:
    """Update the peer, created if missing."""
    change = request_parsing.peer_change(context, body)
    return serializers.peer(await context.store.write(peers.update, workspace_id, peer_id, change, clock.now()))


async def get_sessions_for_peer(
    context: Context,
    *,
    workspace_id: str,
    peer_id: str,
    query: parameters.GetSessionsForPeerQuery,
    body: models.SessionGet | None = None,
) -> models.PageSession:
    """Return a page of the sessions that the peer is currently in."""
    request = PageRequest(query.page, query.size, query.reverse)
    sessions_of = partial(peers.sessions, only_now=auth.reader(context.principal) is not None)
    return serializers.sessions_page(await pagination.read(context, body, sessions_of, workspace_id, peer_id, request))


async def search_peer(
    context: Context,
    *,
    workspace_id: str,
    peer_id: str,
    body: models.MessageSearchOptions,
) -> list[models.FoundMessage]:
    """Return the peer's messages that match the query best."""
    request = MessageSearch(
        workspace_id,
        body.query,
        body.limit,
        peer_id=peer_id,
        filters=body.filters,
        reader=auth.reader(context.principal),
    )
    return await message_search.search_messages(context, request, rerank=body.rerank, explain=body.explain)


async def chat(
    context: Context,
    *,
    workspace_id: str,
    peer_id: str,
    body: models.DialecticOptions,
) -> models.DialecticResponse | AsyncIterator[bytes]:
    """Answer a question from what the peer knows."""
    return await chat_module.answered(context, await chat_module.about_peer(context, workspace_id, peer_id, body), body)


async def get_representation(
    context: Context, *, workspace_id: str, peer_id: str, body: models.PeerRepresentationGet
) -> models.RepresentationResponse:
    """Return what the peer knows about a target, as text."""
    request = await memory_access.representation(context, workspace_id, peer_id, body)
    return models.RepresentationResponse(representation=render(await select_conclusions(context.services, request)))


async def get_peer_card(
    context: Context, *, workspace_id: str, peer_id: str, query: parameters.GetPeerCardQuery
) -> models.PeerCardResponse:
    """Return the card that the peer keeps about a target."""
    asked = (workspace_id, peer_id, query.target or peer_id)
    card = models.PeerCardResponse(peer_card=await context.store.read(cards.get, *asked))
    if query.sources:
        lines = await card_sources.of_card(context.services, *asked)
        card.lines = [
            models.CardLine(line=each.line, given=each.is_given, conclusion_ids=[*each.sources]) for each in lines
        ]
    return card


async def set_peer_card(
    context: Context, *, workspace_id: str, peer_id: str, query: parameters.SetPeerCardQuery, body: models.PeerCardSet
) -> models.PeerCardResponse:
    """Replace the card that the peer keeps about a target."""
    lines, now = request_parsing.card(context, body.peer_card), clock.now()
    stored = await context.store.write(cards.put, workspace_id, peer_id, query.target or peer_id, lines, now)
    return models.PeerCardResponse(peer_card=stored)


async def get_peer_context(
    context: Context, *, workspace_id: str, peer_id: str, query: parameters.GetPeerContextQuery
) -> models.PeerContext:
    """Return what the peer knows about a target: representation and card."""
    request = await memory_access.peer(context, workspace_id, peer_id, query)
    known = await peer_context(context.services, request, query.tokens)
    return models.PeerContext(
        peer_id=peer_id, target_id=request.observed_id, representation=known.representation, peer_card=known.card
    )


async def delete_peer(context: Context, *, workspace_id: str, peer_id: str) -> models.Accepted:
    """Hide the peer; a job removes it and what came only from it."""
    defaults = context.services.policy.defaults
    await context.store.write(peer_deletion.delete, workspace_id, peer_id, clock.now(), defaults=defaults)
    context.services.wake_worker()
    return models.Accepted(message="Peer deletion accepted")


async def merge_peer(
    context: Context,
    *,
    workspace_id: str,
    peer_id: str,
    body: models.PeerMerge,
) -> tuple[Literal[200, 202], models.PeerMergeProgress]:
    """Begin to merge the peer into another, or report on the merge."""
    merge = (workspace_id, peer_id, body.into)
    found = await context.store.read_offloaded(peer_merge.progress, *merge)
    if body.dry_run or found.state == "completed":
        return 200, serializers.merge_progress(peer_id, body.into, found)
    if found.state == "planned":
        await context.store.write(peer_merge.start, *merge, clock.now(), keep_alias=body.keep_alias)
    context.services.wake_worker()
    return 202, serializers.merge_progress(peer_id, body.into, replace(found, state="running"))


async def get_timeline(
    context: Context,
    *,
    workspace_id: str,
    peer_id: str,
    query: parameters.GetTimelineQuery,
) -> models.Timeline:
    """Return what the peer said, what was learned about it, and what of that ended."""
    since, until = (
        None if given is None else request_parsing.said_at_micros(given, ("query", name))
        for name, given in (("since", query.since), ("until", query.until))
    )
    observer_id = query.observer_id or peer_id
    parts = TimelineParts(since, until, query.buckets, query.limit, query.before or None)
    found = await context.store.read_offloaded(timeline.read, workspace_id, peer_id, observer_id, parts)
    return inspection.timeline(observer_id, found)


async def get_peer(context: Context, *, workspace_id: str, peer_id: str) -> models.Peer:
    """Return the peer."""
    return serializers.peer(await context.store.read(peers.get, workspace_id, peer_id))
