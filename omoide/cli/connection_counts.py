"""Connection counts of all processes in shared memory, to balance the connections between them.

The processes accept from one listening socket. Its backlog survives the death of a process, unlike the backlogs of
separate sockets (SO_REUSEPORT). Those would also balance only statistically: of 32 connections on two sockets, one gets
more than 18 in nearly four of ten cases.
"""

from __future__ import annotations

import mmap

_OPEN, _ACCEPTED, _BEATS, _WIDTH = 0, 1, 2, 3
TOLERANCE = 16
"""A process may have one connection more than another, or a share of `1 / TOLERANCE` more."""


class ConnectionCounts:
    """The counts of `processes` processes. Create it before forking."""

    def __init__(self, processes: int = 1) -> None:
        self.processes = processes
        self._values = memoryview(mmap.mmap(-1, processes * _WIDTH * 8)).cast("Q")

    def enter(self, process: int) -> ProcessCount:
        """Take over the row of this process number, resetting the count of a predecessor that died."""
        own = ProcessCount(self._values, process)
        own.begin()
        return own


class ProcessCount:
    """The count of one process, and its comparison with the others."""

    def __init__(self, values: memoryview[int], process: int) -> None:
        self._values = values
        self._own = process * _WIDTH
        self._others = [at for at in range(0, len(values), _WIDTH) if at != self._own]
        self._silent: dict[int, int] = {}
        self.to_release = 0
        """Number of connections to move to other processes; see `release`."""

    @property
    def open(self) -> int:
        return self._values[self._own + _OPEN]

    def begin(self) -> None:
        """Reset the count."""
        self._values[self._own + _OPEN] = 0
        self.beat()

    def beat(self) -> None:
        """Record a heartbeat."""
        self._values[self._own + _BEATS] += 1

    def accepted(self) -> None:
        """Count an accepted connection."""
        self._values[self._own + _OPEN] += 1
        self._values[self._own + _ACCEPTED] += 1

    def closed(self) -> None:
        """Uncount a closed connection."""
        self._values[self._own + _OPEN] -= 1

    @property
    def accepted_by_others(self) -> int:
        return sum(self._values[at + _ACCEPTED] for at in self._others)

    def may_accept(self) -> bool:
        """Whether this process may accept: no other live process has fewer connections."""
        least = min(self._held_by_others(), default=None)
        return least is None or self.open <= least + _tolerated(least)

    def stop_waiting(self) -> None:
        """Treat each other process as dead until its next heartbeat."""
        self._silent = {at: self._values[at + _BEATS] for at in self._others}

    def plan_releases(self) -> None:
        """Compute how many connections to move to other processes, if this one has more than its share."""
        others = self._held_by_others()
        share = -(-(self.open + sum(others)) // (1 + len(others)))
        surplus = self.open - share
        self.to_release = surplus if surplus > _tolerated(share) else 0

    def release(self) -> bool:
        """Whether the calling connection should close, so that its client reconnects to another process."""
        if not self.to_release:
            return False
        self.to_release -= 1
        return True

    def _held_by_others(self) -> list[int]:
        """The numbers of connections of the other live processes."""
        values, silent = self._values, self._silent
        return [values[at + _OPEN] for at in self._others if values[at + _BEATS] != silent.get(at)]


def _tolerated(count: int) -> int:
    return max(1, count // TOLERANCE)
