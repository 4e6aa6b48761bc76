"""Checks of jobs, webhooks, access and connections."""

from __future__ import annotations

from omoide.core import clock
from omoide.core.fd_limit import capacity
from omoide.core.formatting import format_duration, pluralize
from omoide.core.settings import Settings
from omoide.doctor.check_result import CheckResult, Figures
from omoide.storage.job_stats import JobStats

MOST_LATE = 10 * clock.MINUTE
"""Microseconds that a job may be due without running; less is normal on a busy server."""


def check_jobs(jobs: JobStats) -> CheckResult:
    """Check that no job has failed permanently and that due jobs are processed."""
    failed, running, error = jobs.count("failed"), jobs.count("running"), jobs.error
    paused = jobs.count("paused")
    queued = running + paused + jobs.count("waiting") + jobs.count("due")
    figures: Figures = {
        "queued": queued,
        "running": running,
        "failed": failed,
        "paused": paused,
        "late_seconds": jobs.oldest // clock.SECOND if jobs.count("due") else None,
        "last_error": error,
    }
    waiting = f", {paused:,} paused" if paused else ""
    text = f"{queued:,} in the queue, {running:,} of them running{waiting}, {failed:,} failed."
    if error:
        text += f" Latest error of a job to be retried: {' '.join(error.splitlines())}"
    if failed:
        if jobs.failure:
            text += f" Error of a failed job: {' '.join(jobs.failure.splitlines())}"
        text += " `omoide queue --failed` shows why."
        return CheckResult("jobs", "wrong", text, figures)
    if jobs.oldest > MOST_LATE:
        late = format_duration(jobs.oldest / clock.SECOND)
        text += f" The oldest has been due for {late}: is a server or a worker running?"
        return CheckResult("jobs", "notice", text, figures)
    return CheckResult("jobs", "notice" if error else "good", text, figures)


def check_webhooks(settings: Settings, endpoints: int) -> CheckResult:
    """Check that events are sent to registered endpoints."""
    figures: Figures = {"endpoints": endpoints, "private_targets": settings.webhook_private_targets}
    registered = pluralize(endpoints, "endpoint")
    if settings.webhook_secret.get_secret_value():
        return CheckResult("webhooks", "good", f"On: {registered}.", figures)
    if endpoints:
        text = f"{registered} registered, but no events are sent: OMOIDE_WEBHOOK_SECRET is not set."
        return CheckResult("webhooks", "notice", text, figures)
    return CheckResult("webhooks", "off", "OMOIDE_WEBHOOK_SECRET is not set: no events are sent.", figures)


def check_access(settings: Settings, *, is_local: bool) -> CheckResult:
    """Check who may call the API. `is_local`: only this machine can reach the address."""
    address = f"{settings.host}:{settings.port}"
    figures: Figures = {"address": address, "auth": settings.auth, "local": is_local}
    if settings.auth:
        return CheckResult("access", "good", f"{address}, authentication is on.", figures)
    if is_local:
        return CheckResult(
            "access", "off", f"{address}, reachable from this machine only; authentication is off.", figures
        )
    if settings.public_without_auth:
        text = f"{address} is reachable from other machines without authentication: anyone can read and delete data."
        return CheckResult("access", "notice", text, figures)
    text = f"{address} is reachable from other machines and authentication is off: the server will refuse to start."
    return CheckResult("access", "wrong", text, figures)


def check_connections(settings: Settings) -> list[CheckResult]:
    """Check that the limit of open files allows the configured connections. No verdict if it does."""
    requested = settings.max_connections
    fits = capacity(requested)
    shortage = fits.shortage(requested)
    if shortage is None:
        return []
    figures: Figures = {"open_files": fits.limit, "connections": fits.connections, "max_connections": requested}
    return [CheckResult("connections", "notice", f"If started from this shell, {shortage}.", figures)]
