"""Claim, run, finish; again. Knows nothing of what jobs do.

A job is held by a lease that is renewed while it runs, so that a worker which dies lets go of it. A job that fails is
given back with its reason and tried again later, until its kind's limit of attempts or until its task says that there
is no use; then it is kept, with the reason, and nobody runs it any more. The loop looks for work when it is told
(`wake`), when a job ends, and every `poll_seconds` besides, for the jobs that other processes leave.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from operator import itemgetter

from omoide import clock, logs
from omoide.addresses import without_secrets
from omoide.aside import before_steps
from omoide.errors import Contradicted, OmoideError, Unavailable
from omoide.jobs import REASONING, GiveUp, Job, LostLease, Unfinished, job_fault, retry_after
from omoide.lanes import Lane, Work, current_work
from omoide.metrics import Meter, Metrics
from omoide.store import queue, shares
from omoide.store.leadership import Leadership
from omoide.store.webhooks import DELIVERY
from omoide.worker.contention import Contended
from omoide.worker.tasks import TASKS, attempt_limits
from omoide.worker.time_slice import Place
from omoide.worker.tools import Task, Tools

logger = logging.getLogger("omoide.worker")
SECOND = 1_000_000

PREPARE_BELOW_SECONDS = 2.0
"""Where less quiet is waited for, the reasoner is loaded at the start and not with the first message."""


STAND_BY_SECONDS = 0.2
"""How often a worker that does not lead looks whether it may."""


MOST_HELD = 8
"""How many jobs a worker holds for each that runs at a time: those that pause, as a place of theirs went to others."""


MOST_DRIFT = SECOND
"""Microseconds by which the clock may be set back before anybody minds."""


class Outage:
    """Tells the log that the database cannot be used, and that it can again: once, however often it is tried."""

    def __init__(self) -> None:
        self._told: str | None = None

    def goes_on(self, error: OmoideError) -> None:
        if self._told != error.detail:
            logger.warning("the worker waits: %s", error.detail)
        self._told = error.detail

    def is_over(self) -> None:
        if self._told is not None:
            logger.warning("the worker goes on")
        self._told = None


class Watch:
    """Notices that the clock was set back, by a second one that cannot be."""

    def __init__(self) -> None:
        self._ahead = self._difference()

    def set_back(self) -> int:
        """By how many microseconds since the last call; 0 if it was not, or hardly."""
        before, self._ahead = self._ahead, self._difference()
        back = before - self._ahead
        return back if back > MOST_DRIFT else 0

    @staticmethod
    def _difference() -> int:
        return clock.now() - time.monotonic_ns() // 1_000


class Worker:
    """Runs up to `concurrency` jobs at a time until cancelled.

    With a `leadership` it begins when it leads, and takes over at once what the leader before it had claimed; without,
    it is an extra hand. No kind takes the last free place, so that jobs of one kind which wait long, as deliveries to
    dead hosts do, leave room for the others; nor does one workspace. A job that computes for long pauses when its turn
    is over (`time_slice`), and another may have its place. `rest` tells for how many seconds a job waits that has
    failed so many times. In `meter` attempts are counted, and signs of life given.
    """

    def __init__(
        self,
        tools: Tools,
        *,
        poll_seconds: float,
        lease_seconds: float,
        concurrency: int = 1,
        leadership: Leadership | None = None,
        tasks: Mapping[str, Task] = TASKS,
        rest: Callable[[int], float] = lambda attempts: retry_after(attempts, random.random()),
        meter: Meter | None = None,
    ) -> None:
        self.tools = tools
        self.store = tools.store
        self.tasks = tasks
        self.poll_seconds = poll_seconds
        self.lease = int(lease_seconds * SECOND)
        self.concurrency = concurrency
        self.leadership = leadership
        self.limits = attempt_limits(tools.settings)
        self.rest = rest
        self._outage = Outage()
        self._watch = Watch()
        self._set_back = 0
        self.meter = meter or Metrics().own
        self._woken = asyncio.Event()
        self._preparing: asyncio.Task[None] | None = None
        self._running: dict[asyncio.Task[None], Place] = {}
        self._resumes_next = False
        """Whether the next free place is for a job that pauses, if there is one, rather than for another."""
        self._used: Counter[int] = Counter()
        """Microseconds that jobs of each workspace took since the last claim."""

    def wake(self) -> None:
        """Look for jobs now. Call it from the loop's own thread."""
        self._prepare()
        self._woken.set()

    def _prepare(self) -> None:
        """Have the reasoner load, once: while it is quiet after the first message, there is time for it."""
        if self._preparing is None:
            self._preparing = asyncio.create_task(self.tools.reasoner.prepare())

    async def run(self) -> None:
        """Work until cancelled. A fault of the database ends nothing: it is logged and the loop goes on.

        Once cancelled, it begins no more jobs, lets those that run go on for a moment (`stop_seconds`), and gives back
        what has not ended by then.
        """
        if self.tools.settings.quiet_seconds < PREPARE_BELOW_SECONDS:
            self._prepare()
        try:
            await self._lead()
            while True:
                self._woken.clear()
                try:
                    await self._keep_time()
                    await self._fill()
                except Unavailable as error:
                    self._outage.goes_on(error)
                except Exception:
                    logger.exception("the worker could not reach its jobs")
                else:
                    self.meter.beat()
                    self._outage.is_over()
                with contextlib.suppress(TimeoutError):  # Python 3.11's `wait_for` may swallow being told to stop
                    async with asyncio.timeout(self._until_next()):
                        await self._woken.wait()
        finally:
            await self._stop()

    async def _stop(self) -> None:
        """Let what runs or pauses go on for a moment, and give back what has not ended by then."""
        if self._preparing:
            self._preparing.cancel()
        for place in self._running.values():
            place.go_on(to_the_end=True)
        if self._running:
            await asyncio.wait(self._running, timeout=self.tools.settings.stop_seconds)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        if self.leadership:
            self.leadership.close()

    async def _lead(self) -> None:
        """Wait to be the leader, and free what the one before left claimed."""
        if self.leadership is None:
            return
        while True:
            try:
                if self.leadership.take():
                    self.meter.beat()  # or the lead would seem to be somebody else's
                    await self.store.write(queue.take_over, clock.now())
                    return
            except OmoideError as error:
                self._outage.goes_on(error)
            await asyncio.sleep(STAND_BY_SECONDS)

    async def _keep_time(self) -> None:
        """After the clock was set back, let what is owed not wait for the time that was shown before to come again."""
        if not self.leadership:
            return
        back = self._watch.set_back()
        if back:
            logger.warning("the clock was set back by %d seconds: what is owed keeps its distance", back // SECOND)
        self._set_back += back  # a write that fails is made up for at the next look
        if self._set_back:
            await self.store.write(queue.set_back, clock.now(), self._set_back, lease=self.lease)
            self._set_back = 0

    def _until_next(self) -> float:
        """Seconds until the next job comes due or it is time to look for those of other processes."""
        try:
            due = self.store.read(queue.next_due, now := clock.now())
        except OmoideError:
            return self.poll_seconds
        return self.poll_seconds if due is None else min(self.poll_seconds, (due - now) / SECOND)

    async def run_one(self) -> bool:
        """Do the job that is due longest, if any; says whether there was one."""
        job = await self._claim()
        if job is not None:
            await self._do(job)
        return job is not None

    async def _fill(self) -> None:
        """Begin jobs, and let those that pause go on, in turn, until every place is taken or none is left that may run.

        Jobs that pause are still held, so their number is limited as well.
        """
        while len(self._running) - len(paused := self._pausing()) < self.concurrency:
            if len(self._running) >= MOST_HELD * self.concurrency or (paused and self._resumes_next):
                job = None
            else:
                job = await self._claim()
            if job is not None:
                self._begin(job)
            elif paused:
                paused[0].go_on()
            else:
                return
            self._resumes_next = job is not None

    def _pausing(self) -> list[Place]:
        """Those that pause, the one that has for the longest first."""
        paused = [(place.paused_at, place) for place in self._running.values() if place.paused_at is not None]
        return [place for _, place in sorted(paused, key=itemgetter(0))]

    def _begin(self, job: Job) -> None:
        place = Place(job, self._woken.set)
        task = asyncio.create_task(self._do(job, place))
        self._running[task] = place
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        kind = self._running.pop(task).job.kind
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Unavailable):  # once its lease has run out, it is done again
            logger.warning("what became of a job (%s) could not be stored: %s", kind, error)
        elif error:
            logger.error("the worker could not finish a job (%s)", kind, exc_info=error)
        self.wake()

    async def _claim(self) -> Job | None:
        most = max(1, self.concurrency - 1)
        places = self._running.values()
        kinds = Counter(place.job.kind for place in places if place.paused_at is None)
        busy = [kind for kind, count in kinds.items() if count >= most]
        # Jobs of no workspace are few, and serve all.
        workspaces = Counter(place.job.workspace for place in places if place.job.workspace is not None)
        full = [workspace for workspace, count in workspaces.items() if count >= most]
        found = self.store.read(queue.waiting, clock.now(), busy=busy, full=full, most=0)
        if found and (job := await self._claimed(busy, full)):
            return job
        if not self.store.read(queue.is_damaged, clock.now()):
            return None
        await self.store.write(queue.relieve, clock.now())
        return await self._claimed(busy, full)

    async def _claimed(self, busy: Collection[str], full: Collection[int]) -> Job | None:
        used, self._used = self._used, Counter()
        led = self.leadership is not None
        try:
            return await self.store.write(
                queue.claim, clock.now(), lease=self.lease, busy=busy, full=full, used=used, led=led
            )
        except OmoideError:
            self._used.update(used)
            raise

    async def _do(self, job: Job, place: Place | None = None) -> None:
        current_work.set(Work(Lane(str(job.workspace or ""), "")))  # by which models are asked in turn
        if place:
            before_steps.set(place.step)
        heartbeat = asyncio.create_task(self._hold(job))
        told, began, result = logs.job.set((job.pk, job.kind)), time.perf_counter(), "lost"
        try:
            result = await self._attempt(job)
        except asyncio.CancelledError:
            result = "returned"
            await self.store.write(queue.release, job)
            raise
        finally:
            heartbeat.cancel()
            seconds = time.perf_counter() - began
            self._count(job, place.seconds() if place else seconds)
            self.meter.job(job.kind, result, seconds)
            logger.debug("attempt %s at a job: %s", job.attempts, result)
            logs.job.reset(told)

    def _count(self, job: Job, seconds: float) -> None:
        """Count what a job took with its workspace; a delivery takes nothing from others while its host is silent."""
        cost = 0 if job.kind == DELIVERY else int(seconds * SECOND)
        self._used[job.workspace or shares.NO_WORKSPACE] += max(cost, shares.LEAST_COST)

    async def _attempt(self, job: Job) -> str:
        """Do the job, and see to what becomes of it; which is one of `metrics.RESULTS`."""
        try:
            if job.kind not in self.tasks:
                raise GiveUp(f"damaged: no job of the kind {job.kind[:50]!r} is known")
            if fault := job_fault(job.kind, job.payload, job.workspace):
                raise GiveUp(f"damaged: {fault}")
            await self.tasks[job.kind](self.tools, job)
        except Unfinished as turn:
            if self.store.read(queue.is_held, job):
                await self.store.write(queue.give_back, job, clock.now(), turn.payload)
            return "continued"
        except GiveUp as end:
            return await self._give_up(job, without_secrets(end.reason))
        except LostLease as loss:
            logger.info("%s", loss)
            return "lost"
        except Exception as error:
            return await self._fail(job, error)
        if self.store.read(queue.is_held, job):  # reasoning ends in the transaction that stores what it found
            await self.store.write(queue.finish, job, clock.now())
        return "done"

    async def _fail(self, job: Job, error: Exception) -> str:
        """Let the job be tried again later, or give it up."""
        if isinstance(error, Contended):  # nothing failed: others are at work on the same
            logger.info("job %s (%s) is done later: %s", job.pk, job.kind, error)
        else:
            # What was foreseen says all in its sentence; anything else is a fault of ours.
            expected = isinstance(error, OmoideError)
            message = "job %s (%s) failed at attempt %s: %s"
            logger.warning(message, job.pk, job.kind, job.attempts, error, exc_info=None if expected else error)
        reason = without_secrets(f"{type(error).__name__}: {error}")
        # Reasoning is not used up by an outage: what a provider could not do is tried until it can.
        outage = isinstance(error, Unavailable) and not isinstance(error, Contradicted)
        patient = outage and job.kind in REASONING
        if not patient and job.attempts >= self.limits.get(job.kind, job.attempts + 1):
            return await self._give_up(job, f"{reason} (after {job.attempts} attempts)")
        due = clock.now() + int(self.rest(job.attempts) * SECOND)
        await self.store.write(queue.postpone, job, due, reason)
        return "retried"

    async def _give_up(self, job: Job, reason: str) -> str:
        logger.warning("job %s (%s) is given up: %s", job.pk, job.kind, reason)
        await self.store.write(queue.give_up, job, clock.now(), reason)
        return "given_up"

    async def _hold(self, job: Job) -> None:
        while True:
            await asyncio.sleep(self.lease / SECOND / 3)
            try:
                await self.store.write(queue.renew, job, clock.now(), lease=self.lease)
            except OmoideError as error:  # a database that is busy now may be free at the next beat
                logger.warning("the lease of job %s was not renewed: %s", job.pk, error)
