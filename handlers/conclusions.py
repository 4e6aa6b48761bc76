"""The operations of the tag `conclusions`."""

from __future__ import annotations

from omoide import clock
from omoide.generated import models
from omoide.handlers import pages, requests, shapes
from omoide.handlers.context import Context
from omoide.records import PageRequest
from omoide.search import conclusions as search
from omoide.store import conclusions


async def create_conclusions(
    context: Context, *, workspace_id: str, body: models.ConclusionBatchCreate
) -> list[models.Conclusion]:
    """Store conclusions; return them in the order of the request."""
    batch = await requests.new_conclusions(context, body.conclusions)
    stored = await context.store.write(conclusions.add, workspace_id, batch, clock.now())
    context.wake_worker()
    return [shapes.conclusion(record) for record in stored]


async def list_conclusions(
    context: Context,
    *,
    workspace_id: str,
    reverse: bool | None = False,
    page: int = 1,
    size: int = 50,
    body: models.ConclusionGet | None = None,
) -> models.PageConclusion:
    """Return a page of the workspace's conclusions."""
    request = PageRequest(page, size, bool(reverse))
    return shapes.conclusions_page(await pages.read_aside(context, body, conclusions.page, workspace_id, request))


async def query_conclusions(
    context: Context, *, workspace_id: str, body: models.ConclusionQuery
) -> list[models.Conclusion]:
    """Return the conclusions nearest to the query."""
    await requests.check_query(context, body.query)
    found = await search.query(
        context.store,
        context.finder,
        workspace_id,
        body.query,
        body.filters,
        limit=body.top_k,
        max_distance=body.distance,
        seconds=context.settings.filter_seconds,
    )
    return [shapes.conclusion(record) for record in found]


async def get_conclusion(context: Context, *, workspace_id: str, conclusion_id: str) -> models.Conclusion:
    """Return one conclusion."""
    return shapes.conclusion(context.store.read(conclusions.get, workspace_id, conclusion_id))


async def delete_conclusion(context: Context, *, workspace_id: str, conclusion_id: str) -> None:
    """Hide one conclusion; a job removes it."""
    await context.store.write(conclusions.delete, workspace_id, conclusion_id, clock.now())
