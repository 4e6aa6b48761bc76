"""Run all checks of an installation."""

from __future__ import annotations

from dataclasses import dataclass

from omoide import clock
from omoide.diagnosis.storage import check_clock, check_database, check_disk
from omoide.diagnosis.thinking import Missing, check_embedder, check_reasoner, missing_vectors
from omoide.diagnosis.verdict import Verdict
from omoide.diagnosis.work import check_access, check_connections, check_jobs, check_webhooks
from omoide.errors import OmoideError
from omoide.settings import Settings
from omoide.store import examination
from omoide.store.embeddings import Progress
from omoide.store.examination import Owed


@dataclass(frozen=True, slots=True)
class Contents:
    """Values read from the database for the checks."""

    newest: int | None
    owed: Owed
    endpoints: int
    kept: Progress | None
    missing: Missing


async def examine(settings: Settings, *, is_local: bool, seconds: float) -> list[Verdict]:
    """All verdicts in display order. `is_local`: only this machine can reach the server's address. `seconds` is the
    timeout of each provider."""
    now = clock.now()
    database, contents = _look_into(settings, now)
    verdicts = [database, check_disk(settings.db), check_clock(now, contents.newest if contents else None)]
    kept, missing = (contents.kept, contents.missing) if contents else (None, {})
    verdicts.append(await check_embedder(settings, kept, missing, seconds))
    verdicts += await check_reasoner(settings, seconds)
    if contents:
        verdicts.append(check_jobs(contents.owed, now))
    verdicts.append(check_webhooks(settings, contents.endpoints if contents else 0))
    verdicts.append(check_access(settings, is_local=is_local))
    verdicts += check_connections(settings)
    return verdicts


def _look_into(settings: Settings, now: int) -> tuple[Verdict, Contents | None]:
    """The verdict on the database, and its contents if this version can read them."""
    try:
        with examination.opened(settings.db, busy_timeout=settings.busy_timeout_seconds) as db:
            verdict = check_database(db, settings.db)
            if verdict.state == "wrong" or not examination.schema(db).is_current:
                return verdict, None
            kept, missing = missing_vectors(db)
            return verdict, Contents(
                examination.newest(db), examination.owed(db, now), examination.endpoints(db), kept, missing
            )
    except OmoideError as error:
        return Verdict("database", "wrong", error.detail, {"path": str(settings.db)}), None
