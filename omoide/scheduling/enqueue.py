"""Enqueue reasoning and summary jobs for messages that are about to be stored.

Runs inside the transaction that stores the messages, so no message is ever stored without its jobs. Configuration and
observers are frozen into the jobs; later changes do not affect them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from omoide.core import config_resolution
from omoide.core.config_resolution import Defaults, ResolvedConfig, defaults_of
from omoide.core.job_payloads import JobKind, SummaryPayload, WorkUnit
from omoide.core.jobs import NewJob
from omoide.core.records import NewMessage
from omoide.core.settings import Settings
from omoide.scheduling.flush_policy import FlushPolicy, flush_policy
from omoide.scheduling.observers import Membership, observers_of, peer_flag
from omoide.storage import Transaction, observer_queries, queue
from omoide.storage.messages import AppendPoint
from omoide.storage.observer_queries import MemberRow


@dataclass(frozen=True, slots=True)
class EnqueuePolicy:
    """The operator's settings for enqueueing."""

    defaults: Defaults
    pace: FlushPolicy


def enqueue_policy(settings: Settings) -> EnqueuePolicy:
    return EnqueuePolicy(defaults_of(settings), flush_policy(settings))


def enqueue_jobs(db: Transaction, point: AppendPoint, batch: Sequence[NewMessage], rules: EnqueuePolicy) -> list[int]:
    """Enqueue the jobs of a batch before it is appended. Returns the positions of the messages that are excluded from
    reasoning by their configuration: these are not even context. Messages of unobserved peers are."""
    levels = (point.ground.workspace_configuration, point.ground.configuration)
    general = config_resolution.resolve(*levels, None, rules.defaults)
    terms = _Terms(db, point)
    muted: list[int] = []
    runs_of: dict[str, list[_MessageRun]] = {}
    usual = {peer_id: terms.of(peer_id, general) for peer_id in point.authors}
    for seq, (peer_id, _, _, tokens, _, configuration, _) in enumerate(batch, point.first):
        own, unit = general, usual[peer_id]
        if configuration:
            own = config_resolution.resolve(*levels, configuration, rules.defaults)
            unit = terms.of(peer_id, own)
        if not own.reasoning_enabled:
            muted.append(seq)
        elif unit is not None:
            if (runs := runs_of.get(peer_id)) is None:
                runs_of[peer_id] = [_MessageRun(unit, seq, seq, tokens)]
            elif (run := runs[-1]).terms is unit:
                run.through, run.tokens, run.count = seq, run.tokens + tokens, run.count + 1
            else:
                runs.append(_MessageRun(unit, seq, seq, tokens))
    for runs in runs_of.values():
        _store(db, point.ground.workspace, [(run.unit(), run.count) for run in runs], point.now, rules.pace)
    if general.summary_enabled:
        _enqueue_summaries(db, point, len(batch), general)
    return muted


class _Terms:
    """Cache of unit templates: observers and configuration, without messages. Equal terms give the same object."""

    def __init__(self, db: Transaction, point: AppendPoint) -> None:
        self._db = db
        self._point = point
        self._known: dict[tuple[str, ResolvedConfig], WorkUnit | None] = {}
        self._members: dict[str, Membership] = {}

    def of(self, peer_id: str, resolved: ResolvedConfig) -> WorkUnit | None:
        """Return the template for a peer's messages; None if there are no observers or reasoning is off."""
        if not resolved.reasoning_enabled:
            return None
        key = peer_id, resolved
        if key not in self._known:
            self._known[key] = self._unit(peer_id, resolved)
        return self._known[key]

    def _unit(self, peer_id: str, resolved: ResolvedConfig) -> WorkUnit | None:
        if not self._members:
            point = self._point
            found = observer_queries.members(self._db, point.ground.session, point.authors.values())
            self._members = memberships(found)
        sender = self._members[peer_id]
        observers = observers_of(sender, [*self._members.values()])
        if not observers:
            return None
        return WorkUnit(
            self._point.session_id,
            self._point.ground.session,
            sender.peer_id,
            sender.peer_pk,
            [observer.peer_id for observer in observers],
            [observer.peer_pk for observer in observers],
            config_resolution.as_json(resolved),
            0,
            0,
            0,
        )


def memberships(rows: Iterable[MemberRow]) -> dict[str, Membership]:
    """Return the memberships by peer id."""
    return {
        id: Membership(
            id,
            pk,
            None if me is None else bool(me),
            peer_flag(peer),
            None if others is None else bool(others),
            active,
            kind == "scope",
        )
        for pk, id, kind, peer, me, others, active in rows
    }


@dataclass(slots=True)
class _MessageRun:
    """Consecutive messages of one peer with the same observers and configuration."""

    terms: WorkUnit
    first: int
    through: int
    tokens: int
    count: int = 1

    def unit(self) -> WorkUnit:
        return self.terms.spanning(self.first, self.through, self.tokens)


def _store(db: Transaction, workspace: int, units: list[tuple[WorkUnit, int]], now: int, pace: FlushPolicy) -> None:
    """Enqueue the units of one peer in one session; the first is appended to the open job, if possible."""
    key = units[0][0].key
    if open_job := queue.open_job(db, JobKind.REPRESENTATION, key):
        pk, payload, begun_at = open_job
        if joined := units[0][0].joined_to(payload):
            queue.append_units(db, pk, joined.to_json(), pace.due_at(joined, begun_at, now), units=units[0][1])
            units = units[1:]
    for unit, count in units:
        # A job with other terms cannot be appended to any more, so it need not wait.
        queue.expedite(db, JobKind.REPRESENTATION, key, now)
        queue.add(
            db,
            NewJob(
                JobKind.REPRESENTATION,
                unit.to_json(),
                key=key,
                workspace=workspace,
                coalesce=False,
                due_at=pace.due_at(unit, now, now),
                units=count,
                grows=True,
            ),
            now,
        )


def _enqueue_summaries(db: Transaction, point: AppendPoint, count: int, resolved: ResolvedConfig) -> None:
    intervals = {"short": resolved.messages_per_short_summary, "long": resolved.messages_per_long_summary}
    kinds: dict[int, list[str]] = {}
    for kind, interval in intervals.items():
        for seq in range(point.first + -point.first % interval, point.first + count, interval):
            kinds.setdefault(seq, []).append(kind)
    session = point.ground.session
    payloads = [
        SummaryPayload(point.session_id, session, seq, kinds[seq], resolved.summary_instructions).to_json()
        for seq in sorted(kinds)
    ]
    queue.add_all(db, JobKind.SUMMARY, payloads, point.now, key=str(session), workspace=point.ground.workspace)
