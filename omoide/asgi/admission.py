"""Admission control for API requests: a limit per caller, and a fair order of starting between lanes.

A fixed limit per caller would be too low for a server with one caller and too high for one with hundreds. So the limit
is the free capacity: a caller may have as many requests in one workspace as the server could still accept. One caller
can use half of the server, two a third each, and `n` callers `1/(n+1)` each. This is the dynamic threshold by which
switches share a buffer between ports (Choudhury and Hahne, "Dynamic Queue Length Thresholds", 1998).

Each process counts separately, as for connections.
"""

from __future__ import annotations

from collections import Counter

from starlette.types import Scope

from omoide.asgi.callers import Callers
from omoide.contract.errors import Problem
from omoide.core.offload import thread_pool
from omoide.fairness.lanes import Work, current_work
from omoide.fairness.loop_scheduler import FEW, FairLoopScheduler

WORKSPACES = 8
"""The limit for a caller over all its workspaces, as a multiple of the free capacity. A caller may itself be a service
with several workspaces, which should not block each other."""

CHAT_SHARE = 0.75
"""The share of the capacity for chats. They wait for a provider for up to a minute; other requests take seconds."""

QUESTION_LEAD_SECONDS = 1.0
"""Chats are ranked in their lane as if they had arrived this much earlier: a user waits for the answer, which takes
several pieces of work in sequence."""

RETRY_AFTER_SECONDS = 1


class ConcurrencyShares:
    """The requests in progress, at most `room`. `most` is a fixed limit per caller; 0 for none."""

    def __init__(self, room: int, most: int = 0) -> None:
        self._room = self.free = max(1, room)
        self._ample = self._room - min(self._room // 2, most or self._room)
        """While more than this are free, no caller can exceed its limit."""
        self._most = most or self._room
        self._in_progress: set[Work] = set()

    def in_progress(self) -> int:
        """The number of requests in progress."""
        return self._room - self.free

    def begin(self, work: Work) -> bool:
        """Add a request unless its caller has reached its limit; returns whether it was added."""
        if self.free <= self._ample and not self._may_begin(work):
            return False
        self.free -= 1
        self._in_progress.add(work)
        return True

    def _may_begin(self, work: Work) -> bool:
        of_caller = Counter(each.lane for each in self._in_progress if each.lane.caller == work.lane.caller)
        in_all = of_caller.total()
        return of_caller[work.lane] < self.free and in_all < self._most and in_all < WORKSPACES * self.free

    def end(self, work: Work) -> None:
        """Remove a request that was added."""
        self.free += 1
        self._in_progress.remove(work)


class Admission:
    """Admission for one process. `room` limits the requests in progress, `most` those of one caller; 0 for no limit.

    Chats are the requests whose response may be a stream. `begin` sets `current_work` in the request's context.
    """

    def __init__(self, callers: Callers, room: int, most: int = 0) -> None:
        self._all = ConcurrencyShares(room, most)
        self._chats = ConcurrencyShares(int(room * CHAT_SHARE), most)
        self._lane = callers.lane
        self._resume = FairLoopScheduler(self._all.in_progress, lambda: thread_pool().asked).admit
        self._calm = self._all.free - FEW
        """While at least this many are free, requests start immediately."""

    def begin(self, scope: Scope, may_stream: bool, /) -> Work:
        """Add a request. Raises Problem 429 if its caller has too many in progress."""
        work = Work(self._lane(scope), self._resume)
        requests = self._all
        if not requests.begin(work):
            raise _refusal("requests")
        if may_stream:
            work.began -= QUESTION_LEAD_SECONDS
            if not self._chats.begin(work):
                requests.end(work)
                raise _refusal("chats")
        current_work.set(work)
        if requests.free < self._calm:
            work.turn = self._resume(work.lane)
        return work

    def end(self, work: Work, may_stream: bool, /) -> None:
        """Remove a request that has ended."""
        self._all.end(work)
        if may_stream:
            self._chats.end(work)


def _refusal(what: str) -> Problem:
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return Problem(f"Too many {what} of this caller are in progress", status=429, headers=headers)
