"""Which requests of the API may begin, and when: not too many of a caller, and lanes in turn.

There is no fixed number of requests that a caller may have in progress, because a server that only one caller uses
should not be left idle, and one that hundreds use has little for each. Instead what may be in progress depends on what
is free: a caller may have as many requests in one workspace as the server could still take. So one caller may fill half
of the server, two a third each, and `n` an equal share that leaves the same for the next. It is the rule by which
switches share their buffers among ports (Choudhury and Hahne, "Dynamic Queue Length Thresholds", 1998).

Every process counts for itself, as it does for connections.
"""

from __future__ import annotations

from collections import Counter

from starlette.types import Scope

from omoide.aside import threads
from omoide.contract.errors import Problem
from omoide.lanes import Work, current_work
from omoide.loop_turns import FEW, LoopTurns
from omoide.middleware.callers import Callers

WORKSPACES = 8
"""A caller may have this many times what is free in all its workspaces together: it may serve several itself, and they
should not hurt one another."""

CHAT_SHARE = 0.75
"""Which part of all may be chats. They wait for a provider for up to a minute; all else is done within seconds."""

QUESTION_LEAD_SECONDS = 1.0
"""A question goes before what came so many seconds earlier in its lane: somebody waits for its answer, which takes
several pieces of work one after the other."""

RETRY_AFTER_SECONDS = 1


class Shares:
    """Requests in progress, of `room` in all. `most` is a fixed limit for a caller; 0 is none."""

    def __init__(self, room: int, most: int = 0) -> None:
        self._room = self.free = max(1, room)
        self._ample = self._room - min(self._room // 2, most or self._room)
        """While so many are free no caller can have too many."""
        self._most = most or self._room
        self._in_progress: set[Work] = set()

    def in_progress(self) -> int:
        """How many requests are in progress now."""
        return self._room - self.free

    def begin(self, work: Work) -> bool:
        """Take one more request in, if its caller may have it. Says whether it may."""
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
        """One that had begun has ended."""
        self.free += 1
        self._in_progress.remove(work)


class Admission:
    """For one process. `room` is how many requests may be in progress, `most` how many of one caller; 0 is no limit.

    Chats are the requests whose answer may come as a stream. Whose work a request is, is noted in its context.
    """

    def __init__(self, callers: Callers, room: int, most: int = 0) -> None:
        self._all = Shares(room, most)
        self._chats = Shares(int(room * CHAT_SHARE), most)
        self._lane = callers.lane
        self._resume = LoopTurns(self._all.in_progress, lambda: threads().asked).admit
        self._calm = self._all.free - FEW
        """While so many are free, requests begin at once."""

    def begin(self, scope: Scope, may_stream: bool, /) -> Work:
        """Count a request. Raises Problem 429 if its caller has too many in progress."""
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
        """The request is over."""
        self._all.end(work)
        if may_stream:
            self._chats.end(work)


def _refusal(what: str) -> Problem:
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return Problem(f"Too many {what} of this caller are in progress", status=429, headers=headers)
