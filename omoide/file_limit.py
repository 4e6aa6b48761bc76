"""How many connections the process's limit of open files leaves room for.

Beyond the limit the operating system closes new connections without an answer, and the database cannot be opened. So
the soft limit is raised as far as the hard one allows, and where that is too low, fewer connections are held.
"""

from __future__ import annotations

import resource
from dataclasses import dataclass

CONNECTIONS_IN_RESERVE = 16
"""Connections beyond the limit that a process takes for /health, /ready and /metrics."""

RESERVED = 96 + CONNECTIONS_IN_RESERVE
"""Files besides connections within the limit: about 30 for the database, its readers and the event loop, the rest for
models, embedders, webhooks and uploads, and for connections in reserve."""

BACKLOG = 2_048
"""Connections that wait while no process takes them, because it is busy or being replaced."""

LEAST_BACKLOG = 32


@dataclass(frozen=True, slots=True)
class Capacity:
    """What fits into `limit` open files."""

    limit: int
    connections: int
    backlog: int

    def shortage(self, wanted: int) -> str | None:
        """What to tell the operator if these are fewer connections than `wanted`."""
        if self.connections >= wanted:
            return None
        return (
            f"only {self.limit:,} files may be open (ulimit -n): {self.connections:,} connections are held at a time "
            f"instead of OMOIDE_MAX_CONNECTIONS={wanted:,}, which takes {_least(wanted):,}"
        )


def capacity(connections: int, limit: int | None = None) -> Capacity:
    """What fits if so many connections are wanted; `limit` is the limit, or that which the process can have."""
    limit = _reachable(connections) if limit is None else limit
    held = max(1, min(connections, limit - RESERVED - 2 * LEAST_BACKLOG))
    # As many may come at once, and as many again before the first of them are closed.
    backlog = min(BACKLOG, max(LEAST_BACKLOG, (limit - RESERVED - held) // 2))
    return Capacity(limit, held, backlog)


def raise_limit(connections: int) -> Capacity:
    """Let this process and its children open the files that so many connections take, as far as possible."""
    reachable = _reachable(connections)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < reachable:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (reachable, hard))
        except (OSError, ValueError):  # some systems have a lower limit besides the hard one
            return capacity(connections, soft)
    return capacity(connections, reachable)


def _reachable(connections: int) -> int:
    """The limit that this process has or can give itself; no more than is of use."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = connections + RESERVED + 2 * BACKLOG
    allowed = enough if hard == resource.RLIM_INFINITY else min(hard, enough)
    return enough if soft == resource.RLIM_INFINITY else max(soft, allowed)


def _least(connections: int) -> int:
    return connections + RESERVED + 2 * LEAST_BACKLOG
