"""The readiness check: status of each component, without requests to providers.

It reads the database and waits for a write, so that a lock is noticed. The status of models and embedders comes from
their recent requests (`metrics`). The response is public, so it contains no stored data and no text of a provider.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from omoide.core import clock
from omoide.core.clock import SECOND
from omoide.core.database_location import DatabaseLocation
from omoide.core.errors import OmoideError
from omoide.core.formatting import format_size, pluralize
from omoide.core.metrics import ExternalCallStats, Metrics
from omoide.core.settings import Settings
from omoide.storage import Store, Transaction, database_stats, embeddings
from omoide.storage.engine import leader_lock
from omoide.storage.job_stats import JobStats, job_stats

Status = Literal["ok", "degraded", "down"]
_WORST: tuple[Status, ...] = ("down", "degraded", "ok")


@dataclass(frozen=True, slots=True)
class Part:
    """The status of a component, with an explanation."""

    status: Status
    detail: str


@dataclass(frozen=True, slots=True)
class ReadinessReport:
    """All components by name; `status` is the worst of theirs."""

    parts: Mapping[str, Part]

    @property
    def status(self) -> Status:
        return next(status for status in _WORST if any(part.status == status for part in self.parts.values()))

    @property
    def is_ready(self) -> bool:
        return self.status != "down"


async def check_readiness(
    store: Store, settings: Settings, metrics: Metrics, embedder: str, reasoner: str
) -> ReadinessReport:
    """Check all components; `embedder` and `reasoner` are their names. Takes at most twice `ready_seconds`."""
    database = await _database(store, settings)
    parts = {"database": database, "wal": _wal(*store.log_size()), "worker": _worker(store.location, settings, metrics)}
    if database.status == "down":
        unknown = Part("degraded", "unknown while the database is down")
        return ReadinessReport(
            {**parts, "embedder": unknown, "reasoner": _reasoner(metrics, reasoner), "backlog": unknown}
        )
    try:
        async with asyncio.timeout(settings.ready_seconds):
            progress, jobs = await store.read_at_once(_read, clock.now())
    except (TimeoutError, OmoideError):
        unknown = Part("degraded", "unknown: the read timed out or failed")
        return ReadinessReport(
            {**parts, "embedder": unknown, "reasoner": _reasoner(metrics, reasoner), "backlog": unknown}
        )
    return ReadinessReport(
        {
            **parts,
            "embedder": _embedder(metrics.embedder_seen(), embedder, progress),
            "reasoner": _reasoner(metrics, reasoner),
            "backlog": _backlog(jobs, settings.ready_backlog_seconds),
        }
    )


def _read(db: Transaction, now: int) -> tuple[embeddings.EmbeddingProgress | None, JobStats]:
    return embeddings.progress(db), job_stats(db, now)


async def _database(store: Store, settings: Settings) -> Part:
    try:
        async with asyncio.timeout(settings.ready_seconds):
            await store.read_at_once(database_stats.touch)
            await store.write(
                database_stats.touch if store.takes_writes and store.is_writable() else database_stats.change
            )
    except TimeoutError:
        return Part("down", f"no write succeeded within {settings.ready_seconds:g} s")
    except OmoideError as error:
        return Part("down", error.detail)
    if not isinstance(store.location, Path):
        return Part("ok", "reads and writes")
    try:
        free = shutil.disk_usage(store.path.parent).free
    except OSError:  # the open files still accept writes, but these are lost
        return Part("down", "its directory is gone")
    shown = f"reads and writes, {format_size(free)} free"
    return Part("degraded" if free < settings.ready_free_bytes else "ok", shown)


def _wal(size: int, limit: int) -> Part:
    if size <= limit:
        return Part("ok", format_size(size))
    return Part("degraded", f"{format_size(size)}, more than {format_size(limit)}: a long read blocks checkpoints")


def _worker(location: DatabaseLocation, settings: Settings, metrics: Metrics) -> Part:
    if not leader_lock.has_leader(location):
        return Part("down", "no worker is running")
    beats = [process.beat_at for process in metrics.processes_seen() if process.beat_at]
    if not beats:
        return Part("ok", "a worker of another server is running")
    ago = time.time() - max(beats)
    shown = f"last heartbeat {max(0.0, ago):.1f} s ago"
    return Part("down" if ago > settings.ready_worker_seconds else "ok", shown)


def _embedder(asked: ExternalCallStats, name: str, progress: embeddings.EmbeddingProgress | None) -> Part:
    if progress is not None and progress.name != name:
        return Part("degraded", f"the stored vectors are for {progress.name}, not for {name}")
    if _fails([asked]):
        return Part("degraded", f"{name}, {_last_failure([asked])}")
    return Part("ok", f"{name}, in use")


def _reasoner(metrics: Metrics, name: str) -> Part:
    asked = metrics.models_seen()
    if not any(each.answered or each.failed for each in asked):
        return Part("ok", f"{name}, not used yet" if ":" in name else f"{name}, embedded")
    if _fails(asked):
        return Part("degraded", f"{name}, {_last_failure(asked)}")
    return Part("ok", f"{name}, answered {time.time() - max(each.answered_at for each in asked):.0f} s ago")


def _backlog(jobs: JobStats, limit: float) -> Part:
    due, failed, oldest = jobs.count("due"), jobs.count("failed"), jobs.oldest / SECOND
    shown = f"{pluralize(due, 'job')} {'is' if due == 1 else 'are'} due, the oldest for {oldest:.0f} s"
    if not due:
        shown = "nothing is due"
    if failed:
        shown += f"; {failed} failed: see omoide queue --failed"
    return Part("degraded" if oldest > limit or failed else "ok", shown)


def _fails(asked: list[ExternalCallStats]) -> bool:
    """Whether the last request failed."""
    return max(each.failed_at for each in asked) > max(each.answered_at for each in asked)


def _last_failure(asked: list[ExternalCallStats]) -> str:
    last = max(asked, key=lambda each: each.failed_at)
    why = f": the provider {last.fault}" if last.fault else ""
    return f"failed {time.time() - last.failed_at:.0f} s ago and has not answered since{why}"
