"""Turns by lane: who has used little time goes before who has used much, whoever came first.

A lane is a workspace and a caller in it. Workspaces take turns with one another, and callers with the others of their
workspace. This is start-time fair queueing (Goyal, Vin and Cheng, 1996): each member of a level has a virtual time that
advances by the seconds its work took, and the waiting member with the lowest one is next. Work is charged when it is
taken, with the mean of what work of this member took, and corrected when it is done. The virtual time of a level is
that of the member served last; it also advances with the work done, so that no member waits forever, however many new
ones come. Who comes after a rest is put `CREDIT_SECONDS` before it at most: ahead of those that use all they can get.

Members that used about the same lately are served by age where items have one: with equal shares for all, whatever a
caller asks in several workspaces would in the end wait in the one whose work takes a little longer than in the others.
"""

from __future__ import annotations

import asyncio
import contextlib
from bisect import bisect_right
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any, Generic, NamedTuple, TypeVar

from omoide.lanes import Lane, current_work

T = TypeVar("T")

CREDIT_SECONDS = 0.1
"""Work that a member may have done at once after a rest."""

FLOOR_SHARE = 4
"""Where new members keep coming, one that used much waits until the others have used so many times as much each."""

FIRST_COST_SECONDS = 0.002
"""What is charged for work of a member that has done none before, until it is known."""

ALIKE = 1.25
"""Members are alike if one used at most so many times as much lately as the other."""

HALF_LIFE_SECONDS = 2.0
"""What a member used counts half after so many seconds of work in its level."""

LEAST_COST_SECONDS = 0.000_05
"""What the shortest work is charged: members that use nearly no time alternate."""

COST_WEIGHT = 0.25
"""The weight of the latest work in the mean that the next one is charged with."""

MOST_REMEMBERED = 4_096
"""Lanes of which is known what they used; beyond that, only what those have used that wait is known."""


class _Member(Generic[T]):
    """One that takes turns with the others of its level: a workspace, or a caller in one."""

    __slots__ = ("cost", "held", "time", "used", "used_at")

    def __init__(self, time: float, held: T) -> None:
        self.used = 0.0
        """Seconds, of which those before `used_at` count less; see `_Level.used_by`."""
        self.used_at = 0.0
        self.time = time
        """Virtual time, in seconds."""
        self.cost = FIRST_COST_SECONDS
        """What its work takes on average, in seconds."""
        self.held = held


class _Level(Generic[T]):
    """Members that take turns; each holds something, which `make` makes, and whose first item has the rank `first`."""

    def __init__(self, make: Callable[[], T], first: Callable[[T], float] | None = None) -> None:
        self._first = first
        self._worked = 0.0
        """Seconds of work done in this level."""
        self.members: dict[str, _Member[T]] = {}
        self.waiting: dict[str, _Member[T]] = {}
        """In the order in which they began to wait."""
        self._now = 0.0
        self._make = make

    def join(self, name: str) -> T:
        """The member waits for a turn; what it holds."""
        member = self.waiting.get(name)
        if member is None:
            member = self._member(name)
            member.time = max(member.time, self._now - CREDIT_SECONDS)
            self.waiting[name] = member
        return member.held

    def leave(self, name: str) -> None:
        """The member waits no longer."""
        del self.waiting[name]

    def begin(self) -> tuple[str, T, float]:
        """Whose turn it is: its name, what it holds, and the seconds charged for its next work. One must wait."""
        name, member = min(self.waiting.items(), key=_time)
        if self._first is not None and len(self.waiting) > 1:
            name, member = self._older_if_alike(name, member, self._first)
        self._now = max(self._now, member.time)
        member.time += member.cost
        return name, member.held, member.cost

    def _older_if_alike(self, name: str, member: _Member[T], first: Callable[[T], float]) -> tuple[str, _Member[T]]:
        """Who waits with the oldest item, if it used about as much as the given member, whose turn it is; else that."""
        older_name, older = min(self.waiting.items(), key=lambda entry: first(entry[1].held))
        if older is member or self.used_by(older) > ALIKE * self.used_by(member):
            return name, member
        older.time = min(older.time, member.time + CREDIT_SECONDS)  # as it goes before those with less, often
        return older_name, older

    def first_rank(self) -> float:
        """The lowest rank of what the waiting members hold; one must wait."""
        assert self._first is not None
        return min(self._first(member.held) for member in self.waiting.values())

    def used_by(self, member: _Member[T]) -> float:
        """Seconds that a member used lately."""
        age = self._worked - member.used_at
        if age > 0:
            member.used *= 0.5 ** (age / HALF_LIFE_SECONDS)
            member.used_at = self._worked
        return member.used

    def end(self, name: str, seconds: float, charged: float) -> T:
        """Charge the member what its work took, of which `charged` was charged before; what it holds."""
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
        """Know a member whose work takes `cost` seconds on average; what it holds.

        It was charged so many seconds for what runs; None for one that has not worked and has all its credit.
        """
        member = self._member(name)
        member.cost = cost
        if charged is not None:
            member.time = self._now + charged
        return member.held

    def forget_resting(self) -> None:
        """Remember only the members that wait."""
        self.members = dict(self.waiting)

    def _member(self, name: str) -> _Member[T]:
        member = self.members.get(name)
        if member is None:
            member = self.members[name] = _Member(self._now - CREDIT_SECONDS, self._make())
        return member


def _time(entry: tuple[str, _Member[Any]]) -> float:
    return entry[1].time


class Turn(NamedTuple, Generic[T]):
    """An item whose turn has come. Pass it to `Turns.done` when its work is done."""

    lane: Lane
    item: T
    charged: tuple[float, float]
    """The seconds charged in advance to the workspace and to the caller."""


class _Line(Generic[T]):
    """Items that wait in a lane, by rank, and those of the same rank in the order in which they came."""

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
        """The first; there must be one."""
        self._ranks.popleft()
        return self._items.popleft()

    def take_all(self, line: _Line[T]) -> None:
        """Let the items of another line wait in this one, which is empty."""
        self._items, self._ranks = line._items, line._ranks

    def first_rank(self) -> float:
        """The rank of the first; there must be one."""
        return self._ranks[0]

    def remove(self, item: T) -> bool:
        """Let an item wait no longer; whether it did."""
        if item not in self._items:
            return False
        index = self._items.index(item)
        del self._items[index]
        del self._ranks[index]
        return True


class _Sole(Generic[T]):
    """The only lane that has anything to do: its items need no account, only how it begins once there is another."""

    __slots__ = ("cost", "has_worked", "lane", "line")

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.line: _Line[T] = _Line()
        self.cost = FIRST_COST_SECONDS
        """What its work takes on average, in seconds."""
        self.has_worked = False


class Turns(Generic[T]):
    """Items that wait, each in its lane. `by_age`: ranks are times, and lanes that used the same are served by them.

    Not thread-safe. What is kept is bounded by the items that wait and by `MOST_REMEMBERED`.
    """

    def __init__(self, *, by_age: bool = False) -> None:
        self._by_age = by_age
        self._sole: _Sole[T] | None = None
        """As long as there is one lane alone; then `_workspaces` is empty."""
        self._workspaces = self._fresh()
        self._waiting = 0
        self._running = 0
        self._lanes = 0

    def __len__(self) -> int:
        """How many items wait."""
        return self._waiting

    def put(self, lane: Lane, item: T, rank: float = 0.0) -> None:
        """Let an item wait in its lane, where a lower rank goes first."""
        self._waiting += 1
        sole = self._sole
        if sole is None and self._lanes == 0:
            sole = self._sole = _Sole(lane)
        if sole is not None and sole.lane == lane:
            line = sole.line
        else:
            if sole is not None:
                self._open_accounts(sole)
            line = self._join(lane)
        line.put(item, rank)
        if self._lanes > MOST_REMEMBERED:
            self._forget_resting()

    def _join(self, lane: Lane) -> _Line[T]:
        """Where the items of a lane wait that takes turns."""
        callers = self._workspaces.join(lane.workspace)
        if lane.caller not in callers.members:
            self._lanes += 1
        return callers.join(lane.caller)

    def _open_accounts(self, sole: _Sole[T]) -> None:
        """Let the lane that was alone take turns with another."""
        self._sole = None
        charged = self._running * sole.cost if sole.has_worked or self._running else None
        callers = self._workspaces.member(sole.lane.workspace, sole.cost, charged)
        callers.member(sole.lane.caller, sole.cost, charged)
        self._lanes = 1
        if sole.line:
            self._join(sole.lane).take_all(sole.line)

    def remove(self, lane: Lane, item: T) -> bool:
        """Let an item of this lane wait no longer; whether it did."""
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
        """The item whose turn it is, which waits no longer; None if none waits."""
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

    def _taken(self, lane: Lane, callers: _Level[_Line[T]], line: _Line[T]) -> None:
        self._waiting -= 1
        if not line:
            callers.leave(lane.caller)
            if not callers.waiting:
                self._workspaces.leave(lane.workspace)

    def done(self, turn: Turn[T], seconds: float) -> None:
        """The work took so many seconds; 0 for an item that was dropped."""
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
        if not self._waiting and not self._running:  # no lane waits for another, so nothing is held against any
            self._sole = None
            if self._lanes:
                self._workspaces, self._lanes = self._fresh(), 0

    def _forget_resting(self) -> None:
        self._workspaces.forget_resting()
        for workspace in self._workspaces.members.values():
            workspace.held.forget_resting()
        self._lanes = sum(len(workspace.held.members) for workspace in self._workspaces.members.values())

    def _fresh(self) -> _Level[_Level[_Line[T]]]:
        if not self._by_age:
            return _Level(lambda: _Level(_Line))
        return _Level(lambda: _Level(_Line, _Line.first_rank), _Level.first_rank)


class Gate:
    """A semaphore whose permits are given to lanes in turn, for one event loop. The time that one is held counts."""

    def __init__(self, permits: int) -> None:
        self._free = permits
        self._turns: Turns[asyncio.Future[Turn[Any]]] = Turns()

    @property
    def waiting(self) -> int:
        """How many callers wait."""
        return len(self._turns)

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold one permit for the lane of this context."""
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
            else:  # given in the same moment
                self._take_back(given.result(), 0.0)
            raise
        began = loop.time()
        try:
            yield
        finally:
            self._take_back(turn, max(loop.time() - began, LEAST_COST_SECONDS))

    def _give(self) -> None:
        while self._free and (turn := self._turns.take()):
            if turn.item.done():  # cancelled, which its caller does not know yet
                self._turns.done(turn, 0.0)
            else:
                self._free -= 1
                turn.item.set_result(turn)

    def _take_back(self, turn: Turn[Any], seconds: float) -> None:
        self._turns.done(turn, seconds)
        self._free += 1
        self._give()
