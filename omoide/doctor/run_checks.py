"""Run all checks of an installation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from omoide.core import clock
from omoide.core.database_location import DatabaseUrl
from omoide.core.errors import OmoideError
from omoide.core.settings import Settings
from omoide.doctor.check_jobs import check_access, check_connections, check_jobs, check_webhooks
from omoide.doctor.check_models import Missing, check_cross_encoder, check_embedder, check_reasoner, missing_vectors
from omoide.doctor.check_result import CheckResult
from omoide.doctor.check_storage import check_clock, check_database, check_disk
from omoide.doctor.check_usage import check_usage, usage
from omoide.storage import Transaction
from omoide.storage.budgets import BudgetState
from omoide.storage.embeddings import EmbeddingProgress
from omoide.storage.engine import open_store
from omoide.storage.job_stats import JobStats, job_stats
from omoide.storage.model_usage import TotalUsage
from omoide.storage.sqlite import inspection


@dataclass(frozen=True, slots=True)
class Contents:
    """Values read from the database for the checks."""

    newest: int | None
    jobs: JobStats
    endpoints: int
    kept: EmbeddingProgress | None
    missing: Missing
    usage: tuple[Sequence[TotalUsage], Sequence[BudgetState]]


async def run_checks(settings: Settings, *, is_local: bool, seconds: float) -> list[CheckResult]:
    """All verdicts in display order. `is_local`: only this machine can reach the server's address. `seconds` is the
    timeout of each provider."""
    now = clock.now()
    if isinstance(settings.db, DatabaseUrl):
        database, contents = await _look_into_server(settings, settings.db, now)
    else:
        database, contents = _look_into(settings, settings.db, now)
    disk = [check_disk(settings.db)] if isinstance(settings.db, Path) else []
    verdicts = [database, *disk, check_clock(now, contents.newest if contents else None)]
    kept, missing = (contents.kept, contents.missing) if contents else (None, {})
    verdicts.append(await check_embedder(settings, kept, missing, seconds))
    verdicts.append(check_cross_encoder(settings))
    verdicts += await check_reasoner(settings, seconds)
    if contents:
        verdicts.append(check_jobs(contents.jobs))
        verdicts.append(check_usage(settings, *contents.usage))
    verdicts.append(check_webhooks(settings, contents.endpoints if contents else 0))
    verdicts.append(check_access(settings, is_local=is_local))
    verdicts += check_connections(settings)
    return verdicts


def _look_into(settings: Settings, path: Path, now: int) -> tuple[CheckResult, Contents | None]:
    """The verdict on the database, and its contents if this version can read them."""
    try:
        with inspection.opened(path, busy_timeout=settings.busy_timeout_seconds) as db:
            verdict = check_database(db, path)
            if verdict.state == "wrong" or not inspection.schema(db).is_current:
                return verdict, None
            return verdict, _contents(db, settings, now)
    except OmoideError as error:
        return CheckResult("database", "wrong", error.detail, {"path": str(path)}), None


async def _look_into_server(settings: Settings, url: DatabaseUrl, now: int) -> tuple[CheckResult, Contents | None]:
    try:
        store = open_store(url, busy_timeout=settings.busy_timeout_seconds)
        try:
            contents = await store.read(_contents, settings, now)
        finally:
            store.close()
    except OmoideError as error:
        return CheckResult("database", "wrong", error.detail, {}), None
    return CheckResult("database", "good", "PostgreSQL", {}), contents


def _contents(db: Transaction, settings: Settings, now: int) -> Contents:
    kept, missing = missing_vectors(db)
    return Contents(
        inspection.newest(db), job_stats(db, now), inspection.endpoints(db), kept, missing, usage(db, settings, now)
    )
