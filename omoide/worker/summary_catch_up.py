"""Summarize a session that has been quiet, so that one below the interval of summaries has one too.

Called in the transaction that finishes a unit of reasoning, which waits for the quiet. It costs nothing while messages
are added.
"""

from __future__ import annotations

from omoide.core.config_resolution import ResolvedConfig
from omoide.core.job_payloads import InvalidPayload, JobKind, SummaryPayload, WorkUnit
from omoide.core.jobs import NewJob
from omoide.storage import Transaction, queue, sessions, summaries

FEWEST_BEHIND = 4
"""Messages after the last summary that are worth another one."""
FEWEST_BEHIND_MODEL = 8
"""The same where a summary costs a request to a model."""
PART_OF_INTERVAL = 5
"""With long intervals it takes more: one in this many of the interval."""


def catch_up(db: Transaction, workspace: int, unit: WorkUnit, config: ResolvedConfig, now: int, *, cheap: bool) -> None:
    """Enqueue a short summary of the unit's session through its last message, if enough of it has none."""
    if not config.summary_enabled:
        return
    count = sessions.message_count(db, unit.session_pk)
    if count < summaries.FEWEST_MESSAGES:
        return
    behind = count - max(summaries.reached(db, unit.session_pk, summaries.SHORT), _ordered(db, unit.session_pk))
    fewest = FEWEST_BEHIND if cheap else FEWEST_BEHIND_MODEL
    if behind >= max(fewest, config.messages_per_short_summary // PART_OF_INTERVAL):
        payload = SummaryPayload(unit.session, unit.session_pk, count, ["short"], config.summary_instructions)
        queue.add(db, NewJob(JobKind.SUMMARY, payload.to_json(), key=str(unit.session_pk), workspace=workspace), now)


def _ordered(db: Transaction, session: int) -> int:
    """The position through which pending jobs will summarize."""
    through = [0]
    for stored in queue.pending(db, JobKind.SUMMARY, str(session)):
        try:
            payload = SummaryPayload.from_json(stored)
        except InvalidPayload:
            continue
        if "short" in payload.kinds:
            through.append(payload.through)
    return max(through)
