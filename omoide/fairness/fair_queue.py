"""Fair queuing by lane: lanes that have used little time go before lanes that have used much.

A lane is a workspace and a caller in it. Time is shared between workspaces, and within a workspace between its callers.
This is start-time fair queuing (Goyal, Vin and Cheng, 1996): each member of a level has a virtual time that advances by
the seconds its work took, and the waiting member with the lowest virtual time is next. Work is charged in advance with
the member's mean cost, which is corrected when the work is done. The virtual time of a level is that of the member
served last; it also advances with the work done, so that a steady arrival of new members starves none. A member that
was idle is placed at most `CREDIT_SECONDS` before it: ahead of members that are always busy.

With `by_age`, members with similar recent usage are served by age. With strictly equal shares, the requests of a caller
with several workspaces would all end up waiting in the workspace whose work takes slightly longer.
"""

from __future__ import annotations

import asyncio
import contextlib
from bisect import bisect_right
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any, Generic, NamedTuple, TypeVar

from omoide.fairness.lanes import Lane, current_work

T = TypeVar("T")

CREDIT_SECONDS = 0.1
"""The maximum credit of a member that was idle: work that may be done at once."""

FLOOR_SHARE = 4
"""While new members keep arriving, a member waits at most until the others have each used this many times as much."""

FIRST_COST_SECONDS = 0.002
"""The assumed mean cost of a member that has done no work yet."""

ALIKE = 1.25
"""Two members are similar if the recent usage of one is at most this multiple of the other's."""

HALF_LIFE_SECONDS = 2.0
"""Half-life of recent usage, in seconds of work done in the level."""

LEAST_COST_SECONDS = 0.000_05
"""The minimum charge for a piece of work, so that members with negligible cost alternate."""

COST_WEIGHT = 0.25
"""Weight of the latest piece of work in a member's mean cost (exponential moving average)."""

MOST_REMEMBERED = 4_096
"""Maximum number of lanes with an account; beyond it, only waiting lanes keep theirs."""


class _Member(Generic[T]):
    """A member of a level: a workspace, or a caller in one."""

    __slots__ = ("cost", "held", "time", "used", "used_at")

    def __init__(self, time: float, held: T) -> None:
        self.used = 0.0
        """Recent usage in seconds as of `used_at`; see `_Level.used_by`."""
        self.used_at = 0.0
        self.time = time
        """Virtual time, in seconds."""
        self.cost = FIRST_COST_SECONDS
        """Mean cost of its work, in seconds."""
        self.held = held


class _Level(Generic[T]):
    """Members that take turns. Each holds a value that `make` creates; `first` returns the rank of its first item."""

    def __init__(self, make: Callable[[], T], first: Callable[[T], float] | None = None) -> None:
        self._first = first
        self._worked = 0.0
        """Seconds of work done in this level."""
        self.members: dict[str, _Member[T]] = {}
        self.waiting: dict[str, _Member[T]] = {}
        """In order of arrival."""
        self._now = 0.0
        self._make = make

    def join(self, name: str) -> T:
        """Mark the member as waiting; returns the value it holds."""
        member = self.waiting.get(name)
        if member is None:
            member = self._member(name)
            member.time = max(member.time, self._now - CREDIT_SECONDS)
            self.waiting[name] = member
        return member.held

    def leave(self, name: str) -> None:
        """Mark the member as no longer waiting."""
        del self.waiting[name]

    def begin(self) -> tuple[str, T, float]:
        """Select the next member: its name, its value, and the seconds charged in advance. One must be waiting."""
        name, member = min(self.waiting.items(), key=_time)
        if self._first is not None and len(self.waiting) > 1:
            name, member = self._older_if_alike(name, member, self._first)
        self._now = max(self._now, member.time)
        member.time += member.cost
        return name, member.held, member.cost

    def _older_if_alike(self, name: str, member: _Member[T], first: Callable[[T], float]) -> tuple[str, _Member[T]]:
        """The member with the oldest item if its recent usage is similar to the given member's; else the given one."""
        older_name, older = min(self.waiting.items(), key=lambda entry: first(entry[1].held))
        if older is member or self.used_by(older) > ALIKE * self.used_by(member):
            return name, member
        # Limits the debt of a member that is often served out of order.
        older.time = min(older.time, member.time + CREDIT_SECONDS)
        return older_name, older

    def first_rank(self) -> float:
        """The lowest rank among the items of the waiting members. One must be waiting."""
        assert self._first is not None
        return min(self._first(member.held) for member in self.waiting.values())

    def used_by(self, member: _Member[T]) -> float:
        """The member's recent usage in seconds."""
        age = self._worked - member.used_at
        if age > 0:
            member.used *= 0.5 ** (age / HALF_LIFE_SECONDS)
            member.used_at = self._worked
        return member.used

    def end(self, name: str, seconds: float, charged: float) -> T:
        """Charge the member for its work, minus `charged`, the advance charge; returns its value."""
        member = self._member(name)
        if seconds:
            seconds = max(seconds, LEAST_COST_SECONDS)
            member.cost += COST_WEIGHT * (seconds - member.cost)
            self._now += seconds / (FLOOR_SHARE * max(1, len(self.waiting)))
            self._worked += seconds
            member.used = self.used_by(member) + seconds
        member.time += seconds - charged
        return member.held

    def member(self, name: str, cost: float, charged: float | None) -> T:
        """Register a member with a mean cost of `cost` seconds; returns its value.

        charged: seconds charged in advance for its running work; None if it has not worked and keeps its full credit.
        """
        member = self._member(name)
        member.cost = cost
        if charged is not None:
            member.time = self._now + charged
        return member.held

    def forget_resting(self) -> None:
        """Drop the members that are not waiting."""
        self.members = dict(self.waiting)

    def _member(self, name: str) -> _Member[T]:
        member = self.members.get(name)
        if member is None:
            member = self.members[name] = _Member(self._now - CREDIT_SECONDS, self._make())
        return member


def _time(entry: tuple[str, _Member[Any]]) -> float:
    return entry[1].time


class Turn(NamedTuple, Generic[T]):
    """An item to process now. Pass it to `FairQueue.done` when its work is done."""

    lane: Lane
    item: T
    charged: tuple[float, float]
    """The seconds charged in advance to the workspace and to the caller."""


class _LaneQueue(Generic[T]):
    """The waiting items of a lane, ordered by rank, then by arrival."""

    __slots__ = ("_items", "_ranks")

    def __init__(self) -> None:
        self._items: deque[T] = deque()
        self._ranks: deque[float] = deque()

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T, rank: float) -> None:
        if not self._ranks or self._ranks[-1] <= rank:
            self._items.append(item)
            self._ranks.append(rank)
        else:
            index = bisect_right(self._ranks, rank)
            self._items.insert(index, item)
            self._ranks.insert(index, rank)

    def take(self) -> T:
        """Remove and return the first item. Raises IndexError if there is none."""
        self._ranks.popleft()
        return self._items.popleft()

    def take_all(self, line: _LaneQueue[T]) -> None:
        """Take over the items of another line. This one must be empty."""
        self._items, self._ranks = line._items, line._ranks

    def first_rank(self) -> float:
        """The rank of the first item. Raises IndexError if there is none."""
        return self._ranks[0]

    def remove(self, item: T) -> bool:
        """Remove an item; returns whether it was waiting."""
        if item not in self._items:
            return False
        index = self._items.index(item)
        del self._items[index]
        del self._ranks[index]
        return True


class _SingleLane(Generic[T]):
    """The only active lane. It needs no account until a second lane becomes active, only a mean cost."""

    __slots__ = ("cost", "has_worked", "lane", "line")

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.line: _LaneQueue[T] = _LaneQueue()
        self.cost = FIRST_COST_SECONDS
        """Mean cost of its work, in seconds."""
        self.has_worked = False


class FairQueue(Generic[T]):
    """Waiting items by lane. `by_age`: ranks are times, by which lanes with similar usage are served.

    Not thread-safe. Memory is bounded by the waiting items and `MOST_REMEMBERED`.
    """

    def __init__(self, *, by_age: bool = False) -> None:
        self._by_age = by_age
        self._sole: _SingleLane[T] | None = None
        """Set while only one lane is active; `_workspaces` is empty then."""
        self._workspaces = self._fresh()
        self._waiting = 0
        self._running = 0
        self._lanes = 0

    def __len__(self) -> int:
        """The number of waiting items."""
        return self._waiting

    def put(self, lane: Lane, item: T, rank: float = 0.0) -> None:
        """Add an item to its lane, where the lowest rank goes first."""
        self._waiting += 1
        sole = self._sole
        if sole is None and self._lanes == 0:
            sole = self._sole = _SingleLane(lane)
        if sole is not None and sole.lane == lane:
            line = sole.line
        else:
            if sole is not None:
                self._open_accounts(sole)
            line = self._join(lane)
        line.put(item, rank)
        if self._lanes > MOST_REMEMBERED:
            self._forget_resting()

    def _join(self, lane: Lane) -> _LaneQueue[T]:
        """Mark the lane as waiting; returns its line."""
        callers = self._workspaces.join(lane.workspace)
        if lane.caller not in callers.members:
            self._lanes += 1
        return callers.join(lane.caller)

    def _open_accounts(self, sole: _SingleLane[T]) -> None:
        """Open an account for the lane that was the only active one."""
        self._sole = None
        charged = self._running * sole.cost if sole.has_worked or self._running else None
        callers = self._workspaces.member(sole.lane.workspace, sole.cost, charged)
        callers.member(sole.lane.caller, sole.cost, charged)
        self._lanes = 1
        if sole.line:
            self._join(sole.lane).take_all(sole.line)

    def remove(self, lane: Lane, item: T) -> bool:
        """Remove an item of this lane; returns whether it was waiting."""
        if (sole := self._sole) is not None:
            if sole.lane != lane or not sole.line.remove(item):
                return False
            self._waiting -= 1
        else:
            workspace = self._workspaces.waiting.get(lane.workspace)
            caller = workspace and workspace.held.waiting.get(lane.caller)
            if not workspace or not caller or not caller.held.remove(item):
                return False
            self._taken(lane, workspace.held, caller.held)
        self._forget_if_idle()
        return True

    def take(self) -> Turn[T] | None:
        """Remove and return the next item; None if none is waiting."""
        if not self._waiting:
            return None
        self._running += 1
        if (sole := self._sole) is not None:
            self._waiting -= 1
            return Turn(sole.lane, sole.line.take(), (sole.cost, sole.cost))
        workspace, callers, of_workspace = self._workspaces.begin()
        caller, line, of_caller = callers.begin()
        lane, item = Lane(workspace, caller), line.take()
        self._taken(lane, callers, line)
        return Turn(lane, item, (of_workspace, of_caller))

    def _taken(self, lane: Lane, callers: _Level[_LaneQueue[T]], line: _LaneQueue[T]) -> None:
        self._waiting -= 1
        if not line:
            callers.leave(lane.caller)
            if not callers.waiting:
                self._workspaces.leave(lane.workspace)

    def done(self, turn: Turn[T], seconds: float) -> None:
        """Charge the item's lane for its work, in seconds; 0 for an item that was dropped."""
        self._running -= 1
        if (sole := self._sole) is not None:
            if seconds:
                sole.cost += COST_WEIGHT * (max(seconds, LEAST_COST_SECONDS) - sole.cost)
                sole.has_worked = True
        else:
            callers = self._workspaces.end(turn.lane.workspace, seconds, turn.charged[0])
            callers.end(turn.lane.caller, seconds, turn.charged[1])
        self._forget_if_idle()

    def _forget_if_idle(self) -> None:
        if not self._waiting and not self._running:  # accounts matter only between lanes that compete
            self._sole = None
            if self._lanes:
                self._workspaces, self._lanes = self._fresh(), 0

    def _forget_resting(self) -> None:
        self._workspaces.forget_resting()
        for workspace in self._workspaces.members.values():
            workspace.held.forget_resting()
        self._lanes = sum(len(workspace.held.members) for workspace in self._workspaces.members.values())

    def _fresh(self) -> _Level[_Level[_LaneQueue[T]]]:
        if not self._by_age:
            return _Level(lambda: _Level(_LaneQueue))
        return _Level(lambda: _Level(_LaneQueue, _LaneQueue.first_rank), _Level.first_rank)


class FairSemaphore:
    """A semaphore for one event loop with fair queuing by lane. A lane is charged for the time it holds a permit."""

    def __init__(self, permits: int) -> None:
        self._free = permits
        self._turns: FairQueue[asyncio.Future[Turn[Any]]] = FairQueue()

    @property
    def waiting(self) -> int:
        """The number of waiting callers."""
        return len(self._turns)

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold a permit within the block, on behalf of the current lane."""
        loop = asyncio.get_running_loop()
        given: asyncio.Future[Turn[Any]] = loop.create_future()
        own = current_work.get().lane
        self._turns.put(own, given)
        self._give()
        try:
            turn = await given
        except asyncio.CancelledError:
            if given.cancelled():
                self._turns.remove(own, given)
            else:  # granted and cancelled at the same time
                self._take_back(given.result(), 0.0)
            raise
        began = loop.time()
        try:
            yield
        finally:
            self._take_back(turn, max(loop.time() - began, LEAST_COST_SECONDS))

    def _give(self) -> None:
        while self._free and (turn := self._turns.take()):
            if turn.item.done():  # cancelled, but its task has not run since
                self._turns.done(turn, 0.0)
            else:
                self._free -= 1
                turn.item.set_result(turn)

    def _take_back(self, turn: Turn[Any], seconds: float) -> None:
        self._turns.done(turn, seconds)
        self._free += 1
        self._give()
