"""Compute how many connections fit within the limit of open files (RLIMIT_NOFILE), and raise the limit.

Above the limit, the operating system drops new connections and the database cannot be opened. So the soft limit is
raised up to the hard limit; where that is too low, the number of connections is reduced.
"""

from __future__ import annotations

import resource
from dataclasses import dataclass

CONNECTIONS_IN_RESERVE = 16
"""Connections above the limit that a process accepts for /health, /ready and /metrics."""

RESERVED = 96 + CONNECTIONS_IN_RESERVE
"""Open files other than regular connections: about 30 for the database, its readers and the event loop, the rest for
models, embedders, webhooks and uploads, and for reserve connections."""

BACKLOG = 2_048
"""The listen backlog: connections that wait while every process is busy or being replaced."""

LEAST_BACKLOG = 32


@dataclass(frozen=True, slots=True)
class Capacity:
    """The connections and backlog that fit within `limit` open files."""

    limit: int
    connections: int
    backlog: int

    def shortage(self, requested: int) -> str | None:
        """A warning for the operator if fewer connections fit than `requested`; else None."""
        if self.connections >= requested:
            return None
        return (
            f"only {self.limit:,} files may be open (ulimit -n): at most {self.connections:,} connections are accepted "
            f"instead of OMOIDE_MAX_CONNECTIONS={requested:,}, which needs {_least(requested):,}"
        )


def capacity(connections: int, limit: int | None = None) -> Capacity:
    """The capacity for a requested number of connections; `limit` defaults to the highest that the process can set."""
    limit = _reachable(connections) if limit is None else limit
    held = max(1, min(connections, limit - RESERVED - 2 * LEAST_BACKLOG))
    # A full backlog may be accepted at once, and fill up again before these connections are closed.
    backlog = min(BACKLOG, max(LEAST_BACKLOG, (limit - RESERVED - held) // 2))
    return Capacity(limit, held, backlog)


def raise_limit(connections: int) -> Capacity:
    """Raise the soft limit of open files as far as these connections need and the hard limit allows."""
    reachable = _reachable(connections)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < reachable:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (reachable, hard))
        except (OSError, ValueError):  # some systems enforce a limit lower than the hard one
            return capacity(connections, soft)
    return capacity(connections, reachable)


def _reachable(connections: int) -> int:
    """The highest limit that this process can set, capped at the number of files it can use."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = connections + RESERVED + 2 * BACKLOG
    allowed = enough if hard == resource.RLIM_INFINITY else min(hard, enough)
    return enough if soft == resource.RLIM_INFINITY else max(soft, allowed)


def _least(connections: int) -> int:
    return connections + RESERVED + 2 * LEAST_BACKLOG
