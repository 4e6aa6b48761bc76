"""What the database owes, and whether those who wait for it hear of it."""

from __future__ import annotations

from omoide.diagnosis.verdict import Figures, Verdict, several, span
from omoide.file_limit import capacity
from omoide.settings import Settings
from omoide.store.examination import Owed

MOST_LATE = 600_000_000
"""Microseconds that a job may be due without anybody at work on it; a busy server needs less."""


def check_jobs(owed: Owed, now: int) -> Verdict:
    """That no job failed for good, and that somebody does those that are due."""
    late = 0 if owed.oldest is None else max(0, now - owed.oldest)
    figures: Figures = {
        "owed": owed.owed,
        "running": owed.running,
        "failed": owed.failed,
        "late_seconds": None if owed.oldest is None else late // 1_000_000,
        "last_error": owed.error,
    }
    parts = [f"{owed.owed:,} owed", f"{owed.running:,} running", f"{owed.failed:,} failed"]
    text = f"{', '.join(parts)}."
    if owed.error:
        text += f" One waits because of: {owed.error}"
    if owed.failed:
        text += f" `omoide queue --failed` says why {several(owed.failed, 'job')} failed."
        return Verdict("jobs", "wrong", text, figures)
    if owed.oldest is not None and late > MOST_LATE:
        text += f" The oldest has been due for {span(late / 1_000_000)}: is a server or a worker running?"
        return Verdict("jobs", "notice", text, figures)
    return Verdict("jobs", "notice" if owed.error else "good", text, figures)


def check_webhooks(settings: Settings, endpoints: int) -> Verdict:
    """That endpoints which are registered are told what happens."""
    figures: Figures = {"endpoints": endpoints, "private_targets": settings.webhook_private_targets}
    registered = several(endpoints, "endpoint")
    if settings.webhook_secret.get_secret_value():
        return Verdict("webhooks", "good", f"On: {registered}.", figures)
    if endpoints:
        text = f"{registered} registered, and nothing is sent: OMOIDE_WEBHOOK_SECRET is not set."
        return Verdict("webhooks", "notice", text, figures)
    return Verdict("webhooks", "off", "OMOIDE_WEBHOOK_SECRET is not set: nothing is sent.", figures)


def check_access(settings: Settings, *, is_local: bool) -> Verdict:
    """Who may call. `is_local` says whether only this machine reaches the address."""
    address = f"{settings.host}:{settings.port}"
    figures: Figures = {"address": address, "auth": settings.auth, "local": is_local}
    if settings.auth:
        return Verdict("access", "good", f"{address}, every call needs a key.", figures)
    if is_local:
        return Verdict("access", "off", f"{address}, for this machine only; authentication is off.", figures)
    if settings.public_without_auth:
        text = f"{address} is open to other machines, and anybody may read and delete everything."
        return Verdict("access", "notice", text, figures)
    text = f"{address} is open to other machines and authentication is off: the server will refuse to start."
    return Verdict("access", "wrong", text, figures)


def check_connections(settings: Settings) -> list[Verdict]:
    """That as many connections can be held as the settings say. Nothing is said where that is so."""
    wanted = settings.max_connections
    fits = capacity(wanted)
    shortage = fits.shortage(wanted)
    if shortage is None:
        return []
    figures: Figures = {"open_files": fits.limit, "connections": fits.connections, "max_connections": wanted}
    return [Verdict("connections", "notice", f"Started from here, {shortage}.", figures)]
