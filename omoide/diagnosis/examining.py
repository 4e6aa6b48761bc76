"""All checks of one installation, in the order in which they are read."""

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
    """What the checks want to know of a database that can be read."""

    newest: int | None
    owed: Owed
    endpoints: int
    kept: Progress | None
    missing: Missing


async def examine(settings: Settings, *, is_local: bool, seconds: float) -> list[Verdict]:
    """All verdicts. `is_local`: only this machine reaches the address. Each provider may take `seconds` to answer."""
    now = clock.now()
    database, contents = _look_into(settings, now)
    found = [database, check_disk(settings.db), check_clock(now, contents.newest if contents else None)]
    kept, missing = (contents.kept, contents.missing) if contents else (None, {})
    found.append(await check_embedder(settings, kept, missing, seconds))
    found += await check_reasoner(settings, seconds)
    if contents:
        found.append(check_jobs(contents.owed, now))
    found.append(check_webhooks(settings, contents.endpoints if contents else 0))
    found.append(check_access(settings, is_local=is_local))
    found += check_connections(settings)
    return found


def _look_into(settings: Settings, now: int) -> tuple[Verdict, Contents | None]:
    """The verdict about the database, and its contents if they can be read by this program."""
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
