"""Write conclusions for callers: they supersede others, and are superseded, like those that messages state."""

from __future__ import annotations

from functools import partial

from omoide.core import clock
from omoide.core.errors import Conflict
from omoide.core.offload import offload
from omoide.core.records import Conclusion, Fact
from omoide.services.container import Services
from omoide.services.supersede import Judge, supersede
from omoide.storage import Transaction, conclusion_correction, conclusions, deletion_cascade, workspaces
from omoide.storage.conclusion_correction import Replaced


async def correct(
    services: Services, workspace_id: str, conclusion_id: str, content: str, reason: str | None
) -> Conclusion:
    """Replace a conclusion by what is true instead, and return that; the conclusion itself if its text is the same.

    Raises NotFound, and Conflict if it is not current.
    """
    old = await services.store.read(conclusions.get, workspace_id, conclusion_id)
    fact = await offload(services.reasoner.as_fact, content, old.observed_id, clock.now())
    judge = partial(services.reasoner.judge, peer_id=old.observed_id)
    new = await services.store.write(_correct, workspace_id, conclusion_id, fact, reason, judge)
    services.wake_worker()
    return new


def _correct(
    db: Transaction, workspace_id: str, conclusion_id: str, fact: Fact, reason: str | None, judge: Judge
) -> Conclusion:
    now = clock.now()
    old = conclusions.get(db, workspace_id, conclusion_id)
    if old.ended_as is not None:
        raise Conflict(f"Conclusion {conclusion_id} is {old.ended_as}. Only a current conclusion can be corrected.")
    if old.content == fact.content:
        return old
    workspace = workspaces.pk_of(db, workspace_id)
    assert workspace is not None
    replaced = conclusion_correction.correct(db, old.pk, fact, reason, now)
    for each in replaced:
        _restore(db, each, old.content, fact.content, judge)
    for pair in dict.fromkeys(each.pair for each in replaced):
        endings = supersede(db, pair, [fact], judge, now)
        ended = [*(each.pk for each in replaced), *(each.pk for each in endings)]
        deletion_cascade.follow_endings(db, workspace, pair, ended, now, with_card=True)
    return conclusions.get(db, workspace_id, replaced[0].successor)


def _restore(db: Transaction, replaced: Replaced, wrong: str, right: str, judge: Judge) -> None:
    """Make current again what only the wrong text superseded; what is unsure stays superseded."""
    earlier = conclusion_correction.superseded(db, replaced)
    freed = [pk for pk, text in earlier if text != right and judge(wrong, text) and not judge(right, text)]
    conclusion_correction.restore(db, replaced, freed)
