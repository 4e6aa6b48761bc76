"""Say what was derived from a message, or why nothing was.

What is stored of a message is whether it was excluded from reasoning, its work until that is done, and the conclusions
that rest on it. What was read without a result leaves no trace: that, and whether its author is observed, is worked out
from the message and from the present configuration, so it may differ from what was so when the message came.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from omoide.core import clock
from omoide.core.clock import from_micros
from omoide.core.config_resolution import reasoning_enabled
from omoide.core.formatting import first_line, pluralize
from omoide.core.lazy_import import lazy_import
from omoide.core.offload import offload
from omoide.core.records import Conclusion, PendingJob
from omoide.reasoner.protocol import Batch
from omoide.scheduling.enqueue import memberships
from omoide.scheduling.observers import observers_of, observes_me
from omoide.services.container import Services
from omoide.storage import message_work
from omoide.storage.conclusion_reach import Reach
from omoide.storage.engine import leader_lock
from omoide.storage.message_work import MessageKey, MessageWork, Unit
from omoide.storage.messages import WindowSize

with lazy_import("omoide.reasoner.extractive.left_out"):
    from omoide.reasoner.extractive import left_out

DerivationStatus = Literal["derived", "waiting", "failed", "nothing_found", "not_observed", "disabled"]

_ENDED = {"superseded": "superseded by a later statement", "invalid": "corrected", "merged": "merged into another"}
_KEPT = "Search and chat find it all the same, and a conclusion can be written by hand."
_NOT_READ_LATER = "What was stored while it was off is not read later."


@dataclass(frozen=True, slots=True)
class Derivation:
    """`reason` is for a user. `observers` are the peers that learn from the message."""

    status: DerivationStatus
    reason: str
    conclusions: Sequence[Conclusion]
    job: PendingJob | None
    observers: Sequence[str]


async def of_message(
    services: Services, workspace_id: str, session_id: str, message_id: str, reach: Reach
) -> Derivation:
    """What was derived from a message, as far as `reach` goes. Raises NotFound if there is no such message."""
    now = clock.now()
    key, size = MessageKey(workspace_id, session_id, message_id), WindowSize(services.settings.batch_tokens)
    work = await services.store.read_offloaded(message_work.read, key, reach, now, size)
    status, reason = _stored(services, work, now) or ("nothing_found", await _why_nothing(services, work))
    job = None if work.unit is None else _job(work.unit, work.paused_until)
    return Derivation(status, reason, work.conclusions, job, _observers(work))


def _stored(services: Services, work: MessageWork, now: int) -> tuple[DerivationStatus, str] | None:
    """Status and reason, unless the message was read without a result."""
    if work.total:
        return "derived", _what_became(work)
    if work.unit is not None:
        if work.unit.job.state == "failed":
            return "failed", _why_failed(work.unit.job)
        return "waiting", _why_waiting(services, work.unit, work, now)
    if work.is_muted:
        return "disabled", _why_disabled(services, work)
    if reason := _why_not_observed(work):
        return "not_observed", reason
    return None


def _what_became(work: MessageWork) -> str:
    if not work.conclusions:
        return "Something was concluded from it that this key may not read."
    count = len(work.conclusions)
    shown = f"{pluralize(count, 'conclusion')} {'rests' if count == 1 else 'rest'} on it"
    ended = Counter(each.ended_as for each in work.conclusions if each.ended_as is not None)
    if not ended:
        return f"{shown}."
    if count == 1:
        return f"{shown}; it was {_ENDED[next(iter(ended))]}."
    told = [f"{number} {'was' if number == 1 else 'were'} {_ENDED[ending]}" for ending, number in ended.items()]
    return f"{shown}; {', '.join(told)}."


def _job(unit: Unit, paused_until: int | None) -> PendingJob:
    """The job as the API shows it: due when its workspace may reason again."""
    job = replace(unit.job, error=unit.job.error and first_line(unit.job.error))
    if paused_until is None or job.state not in {"waiting", "paused"}:
        return job
    return replace(job, state="paused", due_at=max(job.due_at, paused_until))


def _why_failed(job: PendingJob) -> str:
    why = first_line(job.error) if job.error else "an unknown error"
    tries = pluralize(job.attempts, "attempt")
    return f"Reading it was given up after {tries}: {why}. Job {job.pk} can be retried (`omoide queue retry {job.pk}`)."


def _why_waiting(services: Services, unit: Unit, work: MessageWork, now: int) -> str:
    job = unit.job
    if job.state == "running":
        return "It is being read now."
    if work.paused_until is not None:
        until = _time(max(job.due_at, work.paused_until))
        return (
            f"The workspace has spent its budget of tokens: it is read from {until} on, or once the budget is raised."
        )
    if not leader_lock.has_leader(services.store.location):
        return "No worker is running. Start `omoide serve` or `omoide worker`, and it will be read."
    if job.error:
        tries = f"attempt {job.attempts + 1} of {services.settings.reasoning_attempts}"
        return f"The last attempt failed: {first_line(job.error)}. It is tried again at {_time(job.due_at)} ({tries})."
    if unit.is_behind:
        return f"What {work.message.peer_id} said before in this session is read first."
    if job.due_at > now:
        return (
            f"It is gathered with what {work.message.peer_id} says next, until {_time(job.due_at)}, or longer if more "
            "is said. Flush the queue to have it read at once (`omoide queue flush`)."
        )
    return "It is due, and the worker is busy with other jobs."


def _why_disabled(services: Services, work: MessageWork) -> str:
    workspace, session = work.configurations
    levels = {"session": reasoning_enabled(session or {}), "workspace": reasoning_enabled(workspace)}
    name, is_on = next(((name, value) for name, value in levels.items() if value is not None), ("", None))
    if is_on is False:
        return f"Reasoning is switched off in the configuration of the {name}. {_NOT_READ_LATER}"
    if is_on is None and not services.settings.reasoning_enabled:
        return f"Reasoning is switched off on this server (OMOIDE_REASONING_ENABLED). {_NOT_READ_LATER}"
    return (
        "Reasoning was switched off when it was stored: in the message's own configuration, or in one that has changed "
        f"since. {_NOT_READ_LATER}"
    )


def _why_not_observed(work: MessageWork) -> str | None:
    """None if the author is observed."""
    peer_id = work.message.peer_id
    author = memberships(work.members).get(peer_id)
    if author is None or observes_me(author):
        return None
    where = "in this session" if author.observe_me is False else "in the configuration of the peer"
    return (
        f"Nobody learns from what {peer_id} says: observe_me is false {where}. It is context for what others say; what "
        "was stored before a change is not read later."
    )


def _observers(work: MessageWork) -> Sequence[str]:
    """Those of waiting work as they were recorded with it, else those of a message that came now."""
    if work.unit is not None:
        return work.unit.observers
    members = memberships(work.members)
    author = members.get(work.message.peer_id)
    if author is None or work.is_muted:
        return ()
    return [each.peer_id for each in observers_of(author, [*members.values()])]


async def _why_nothing(services: Services, work: MessageWork) -> str:
    message = work.message
    if services.settings.model:
        return f"{services.reasoner.name} read it and found nothing new in it. {_KEPT}"
    batch = Batch(message.workspace_id, message.session_id, message.peer_id, work.window)
    facts = await services.embedded.derive(batch)
    content = next((each.content for each in facts if message.id in each.message_ids), None)
    if content is not None:
        return (
            f"No conclusion rests on it, although it says something (\u201c{content}\u201d): that was deleted, or the "
            "message was read under other rules or settings, or together with words like those of an assistant."
        )
    why = await offload(left_out.why_nothing, batch, message, services.settings.assistant_ids)
    return f"{why} {_KEPT}"


def _time(at: int) -> str:
    return f"{from_micros(at):%Y-%m-%d %H:%M:%S} UTC"
