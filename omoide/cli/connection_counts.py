"""How many connections each process holds, in memory that all of them share, so that every one holds its share.

The processes accept from one listening socket. What waits there survives the death of any of them, which it would not
in sockets of their own (SO_REUSEPORT). Those would also share by chance: of 32 connections on two sockets more than 18
come to one of them in nearly four of ten cases.
"""

from __future__ import annotations

import mmap

_OPEN, _ACCEPTED, _BEATS, _WIDTH = 0, 1, 2, 3
TOLERANCE = 16
"""A process may hold one more than another, or a part of `1 / TOLERANCE` more where they hold many."""


class ConnectionCounts:
    """The counts of `processes` processes. Make it before they are forked."""

    def __init__(self, processes: int = 1) -> None:
        self.processes = processes
        self._values = memoryview(mmap.mmap(-1, processes * _WIDTH * 8)).cast("Q")

    def enter(self, process: int) -> OwnCount:
        """Be the process of this number from now on; one that was it before has died, and its connections with it."""
        own = OwnCount(self._values, process)
        own.begin()
        return own


class OwnCount:
    """What one process counts, and how that compares with the others."""

    def __init__(self, values: memoryview[int], process: int) -> None:
        self._values = values
        self._own = process * _WIDTH
        self._others = [at for at in range(0, len(values), _WIDTH) if at != self._own]
        self._silent: dict[int, int] = {}
        self.to_release = 0
        """Connections that should go to other processes; see `release`."""

    @property
    def open(self) -> int:
        return self._values[self._own + _OPEN]

    def begin(self) -> None:
        """Hold no connections."""
        self._values[self._own + _OPEN] = 0
        self.beat()

    def beat(self) -> None:
        """Give a sign of life."""
        self._values[self._own + _BEATS] += 1

    def accepted(self) -> None:
        """Count a connection that was accepted."""
        self._values[self._own + _OPEN] += 1
        self._values[self._own + _ACCEPTED] += 1

    def closed(self) -> None:
        """Count a connection no more."""
        self._values[self._own + _OPEN] -= 1

    @property
    def accepted_by_others(self) -> int:
        return sum(self._values[at + _ACCEPTED] for at in self._others)

    def may_accept(self) -> bool:
        """Whether this process may accept: no other that is alive holds fewer connections."""
        least = min(self._held_by_others(), default=None)
        return least is None or self.open <= least + _tolerated(least)

    def stop_waiting(self) -> None:
        """Take the others for dead until each gives another sign of life."""
        self._silent = {at: self._values[at + _BEATS] for at in self._others}

    def plan_releases(self) -> None:
        """Find out how many connections should go to other processes, because this one holds more than its share."""
        others = self._held_by_others()
        share = -(-(self.open + sum(others)) // (1 + len(others)))
        surplus = self.open - share
        self.to_release = surplus if surplus > _tolerated(share) else 0

    def release(self) -> bool:
        """Whether the connection that asks should go to another process."""
        if not self.to_release:
            return False
        self.to_release -= 1
        return True

    def _held_by_others(self) -> list[int]:
        """How many connections each other process holds that is not taken for dead."""
        values, silent = self._values, self._silent
        return [values[at + _OPEN] for at in self._others if values[at + _BEATS] != silent.get(at)]


def _tolerated(count: int) -> int:
    return max(1, count // TOLERANCE)
