"""The operations of the tag `conclusions`."""

from __future__ import annotations

from omoide.core import clock
from omoide.core.records import PageRequest
from omoide.generated import models, parameters
from omoide.handlers import conclusion_search, pagination, provenance, request_parsing, serializers
from omoide.handlers.context import Context
from omoide.services import conclusion_edits, consequences
from omoide.storage import conclusion_history, conclusion_sources, conclusions, deletion_cascade
from omoide.storage.conclusion_search import ConclusionSearch
from omoide.storage.conclusion_sources import Bounds


async def create_conclusions(
    context: Context, *, workspace_id: str, body: models.ConclusionBatchCreate
) -> list[models.Conclusion]:
    """Store conclusions; return them in the order of the request."""
    batch = await request_parsing.new_conclusions(context, body.conclusions)
    stored = await conclusion_edits.create(context.services, workspace_id, batch)
    return [serializers.conclusion(record) for record in stored]


async def list_conclusions(
    context: Context,
    *,
    workspace_id: str,
    query: parameters.ListConclusionsQuery,
    body: models.ConclusionGet | None = None,
) -> models.PageConclusion:
    """Return a page of the workspace's conclusions."""
    request = PageRequest(query.page, query.size, bool(query.reverse))
    moment = request_parsing.moment(body)
    return serializers.conclusions_page(
        await pagination.read_offloaded(context, body, conclusions.page, workspace_id, request, moment)
    )


async def query_conclusions(
    context: Context, *, workspace_id: str, body: models.ConclusionQuery
) -> list[models.FoundConclusion]:
    """Return the conclusions nearest to the query."""
    request = ConclusionSearch(
        workspace_id,
        body.query,
        body.top_k,
        filters=body.filters,
        max_distance=body.distance,
        moment=request_parsing.moment(body),
    )
    return await conclusion_search.search_conclusions(context, request, rerank=body.rerank, explain=body.explain)


async def get_conclusion(context: Context, *, workspace_id: str, conclusion_id: str) -> models.Conclusion:
    """Return one conclusion."""
    return serializers.conclusion(await context.store.read(conclusions.get, workspace_id, conclusion_id))


async def correct_conclusion(
    context: Context, *, workspace_id: str, conclusion_id: str, body: models.ConclusionUpdate
) -> models.Conclusion:
    """Replace one conclusion by what is true instead."""
    content, reason = await request_parsing.correction(context, body)
    asked = (workspace_id, conclusion_id, content, reason)
    return serializers.conclusion(await conclusion_edits.correct(context.services, *asked))


async def delete_conclusion(
    context: Context, *, workspace_id: str, conclusion_id: str, query: parameters.DeleteConclusionQuery
) -> None:
    """Hide one conclusion and what rests on it; a job removes them."""
    pair = (query.observer_id, query.observed_id)
    await context.store.write(deletion_cascade.delete_conclusion, workspace_id, conclusion_id, clock.now(), *pair)
    context.services.wake_worker()


async def get_conclusion_history(
    context: Context,
    *,
    workspace_id: str,
    conclusion_id: str,
    query: parameters.GetConclusionHistoryQuery,
) -> models.ConclusionHistory:
    """Return the versions of a conclusion, newest first."""
    asked = (workspace_id, conclusion_id, provenance.reach(context), query.max_versions)
    return provenance.history(await context.store.read_offloaded(conclusion_history.history, *asked))


async def get_conclusion_sources(
    context: Context,
    *,
    workspace_id: str,
    conclusion_id: str,
    query: parameters.GetConclusionSourcesQuery,
) -> models.ConclusionSources:
    """Return the tree of everything that a conclusion comes from."""
    asked = (workspace_id, conclusion_id, provenance.reach(context), Bounds(query.max_nodes, query.max_depth))
    return provenance.sources(await context.store.read_offloaded(conclusion_sources.tree, *asked))


async def get_conclusion_consequences(
    context: Context,
    *,
    workspace_id: str,
    conclusion_id: str,
    query: parameters.GetConclusionConsequencesQuery,
) -> models.ConclusionConsequences:
    """Return the tree of everything that follows from a conclusion."""
    asked = (workspace_id, conclusion_id, provenance.reach(context), Bounds(query.max_nodes, query.max_depth))
    return provenance.consequences(*await consequences.of_conclusion(context.services, *asked))
