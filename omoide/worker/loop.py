"""The worker's loop: claim, run and finish jobs. It is independent of what the jobs do.

A running job is held by a lease, which is renewed by a heartbeat and expires if the worker dies. A failed job is
rescheduled with the reason, until its kind's limit of attempts or until its task raises PermanentFailure; then it is
kept as failed and not run again. The loop checks for jobs on `wake`, when a job ends, and every `poll_seconds` for jobs
that other processes enqueued.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from operator import itemgetter

from omoide.core import clock, logging_config
from omoide.core.clock import SECOND
from omoide.core.errors import ConstraintViolation, OmoideError, Unavailable
from omoide.core.job_payloads import REASONING, InvalidPayload, JobKind, workspace_error
from omoide.core.jobs import Job, JobUnfinished, LeaseLost, PermanentFailure, Skipped, retry_delay
from omoide.core.offload import before_steps
from omoide.core.redaction import redact_secrets
from omoide.core.usage import counted_for
from omoide.fairness.lanes import Lane, Work, current_work
from omoide.inference.errors import UnreadableOutput
from omoide.services import spending
from omoide.services.container import Services
from omoide.storage import fair_share, queue
from omoide.storage.engine import leader_lock
from omoide.worker.contention import Contended
from omoide.worker.tasks import TASKS, Task, attempt_limits
from omoide.worker.time_slice import JobSlot

logger = logging.getLogger("omoide.worker")

PREPARE_BELOW = 2 * SECOND
"""If the debounce interval is shorter, the reasoner is loaded at start-up instead of on the first message."""


STAND_BY_SECONDS = 0.2
"""How often a standby worker tries to become the leader."""


MOST_HELD = 8
"""Maximum number of claimed jobs per slot, counting paused jobs, whose slot was given to others."""


SAMPLE = "\nIt began: "
"""Precedes the beginning of an output that cannot be read, on a line of its own: only operators are shown that."""


MOST_DRIFT = SECOND
"""Clock set-backs up to this many microseconds are ignored."""


class OutageLogger:
    """Logs the start and the end of a database outage once each."""

    def __init__(self) -> None:
        self._logged: str | None = None

    def goes_on(self, error: OmoideError) -> None:
        if self._logged != error.detail:
            logger.warning("worker waiting for the database: %s", error.detail)
        self._logged = error.detail

    def is_over(self) -> None:
        if self._logged is not None:
            logger.warning("worker resumed")
        self._logged = None


class Worker:
    """Runs up to `worker_concurrency` jobs at a time until cancelled.

    With a `leadership` it starts when it becomes the leader, and takes over the jobs claimed by the previous one;
    without, it is an additional worker. Neither one kind of job nor one workspace may take the last free slot, so that
    slow jobs, such as deliveries to dead hosts, leave room for others. A job that computes for long is paused after its
    time slice (`time_slice`), and another may use its slot. `rest` gives the back-off in seconds after a number of
    attempts.
    """

    def __init__(
        self,
        deps: Services,
        *,
        leadership: leader_lock.LeaderLock | None = None,
        tasks: Mapping[str, Task] = TASKS,
        rest: Callable[[int], float] = lambda attempts: retry_delay(attempts, random.random()),
    ) -> None:
        self.deps = deps
        self.store = deps.store
        self.tasks = tasks
        self.poll_seconds = deps.settings.job_poll_seconds
        self.lease = int(deps.settings.job_lease_seconds * SECOND)
        self.concurrency = deps.settings.worker_concurrency
        self.leadership = leadership
        self.limits = attempt_limits(deps.settings)
        self.rest = rest
        self._outage = OutageLogger()
        self._looked_at = 0
        self.meter = deps.metrics.own
        self._woken = asyncio.Event()
        self._preparing: asyncio.Task[None] | None = None
        self._running: dict[asyncio.Task[None], JobSlot] = {}
        self._resumes_next = False
        """Whether the next free slot goes to a paused job, if there is one."""
        self._used: Counter[int] = Counter()
        """Microseconds used by the jobs of each workspace since the last claim."""

    def wake(self) -> None:
        """Check for jobs now. Call it from the event loop's thread."""
        self._prepare()
        self._woken.set()

    def _prepare(self) -> None:
        """Load the reasoner once, in the background: the debounce interval of the first message leaves time for it."""
        if self._preparing is None:
            self._preparing = asyncio.create_task(self.deps.reasoner.prepare())

    async def run(self) -> None:
        """Run until cancelled. Database errors are logged, and the loop continues.

        When cancelled, it claims no more jobs, waits up to `shutdown_grace_seconds` for running ones, and releases the
        others.
        """
        if self.deps.policy.pace.quiet < PREPARE_BELOW:
            self._prepare()
        try:
            await self._lead()
            while True:
                self._woken.clear()
                try:
                    await self._limit_times()
                    await self._fill()
                except Unavailable as error:
                    self._outage.goes_on(error)
                except Exception:
                    logger.exception("worker could not claim jobs")
                else:
                    self.meter.beat()
                    self._outage.is_over()
                with contextlib.suppress(TimeoutError):  # Python 3.11's `wait_for` may swallow a cancellation
                    async with asyncio.timeout(await self._until_next()):
                        await self._woken.wait()
        finally:
            await self._stop()

    async def _stop(self) -> None:
        """Wait up to `shutdown_grace_seconds` for running and paused jobs, and release the others."""
        if self._preparing:
            self._preparing.cancel()
        for place in self._running.values():
            place.go_on(to_the_end=True)
        if self._running:
            await asyncio.wait(self._running, timeout=self.deps.settings.shutdown_grace_seconds)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        if self.leadership:
            self.leadership.close()

    async def _lead(self) -> None:
        """Wait until this worker is the leader, and release the jobs claimed by the previous one."""
        if self.leadership is None:
            return
        while True:
            try:
                if self.leadership.take():
                    self.meter.beat()  # or another process would seem to be the leader
                    await self.store.write(queue.take_over, clock.now(), lease=self.lease)
                    await spending.review(self.deps)
                    return
            except OmoideError as error:
                self._outage.goes_on(error)
            await asyncio.sleep(STAND_BY_SECONDS)

    async def _limit_times(self) -> None:
        """Limit the times of jobs if the clock was set back since the last call."""
        now = clock.now()
        if self.leadership and now < self._looked_at - MOST_DRIFT:
            logger.warning("the clock was set back: limiting the due times of jobs")
            await self.store.write(queue.limit_times, now, lease=self.lease)
        self._looked_at = now

    async def _until_next(self) -> float:
        """Seconds until the next job is due or the next poll."""
        try:
            due = await self.store.read(queue.next_due, now := clock.now())
        except OmoideError:
            return self.poll_seconds
        return self.poll_seconds if due is None else min(self.poll_seconds, (due - now) / SECOND)

    async def run_one(self) -> bool:
        """Run the next due job, if any; return whether there was one."""
        job = await self._claim()
        if job is not None:
            await self._do(job)
        return job is not None

    async def _fill(self) -> None:
        """Start new jobs and resume paused ones, alternately, until all slots are taken or no job may run.

        Paused jobs stay claimed, so their number is limited as well.
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

    def _pausing(self) -> list[JobSlot]:
        """Paused jobs, the one paused for the longest first."""
        paused = [(place.paused_at, place) for place in self._running.values() if place.paused_at is not None]
        return [place for _, place in sorted(paused, key=itemgetter(0))]

    def _begin(self, job: Job) -> None:
        place = JobSlot(job, self._woken.set)
        task = asyncio.create_task(self._do(job, place))
        self._running[task] = place
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        kind = self._running.pop(task).job.kind
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Unavailable):  # it runs again after its lease has expired
            logger.warning("result of a job (%s) could not be stored: %s", kind, error)
        elif error:
            logger.error("worker could not finish a job (%s)", kind, exc_info=error)
        self.wake()

    async def _claim(self) -> Job | None:
        most = max(1, self.concurrency - 1)
        places = self._running.values()
        kinds = Counter(place.job.kind for place in places if place.paused_at is None)
        busy = [kind for kind, count in kinds.items() if count >= most]
        # Jobs without a workspace are few, and not limited.
        workspaces = Counter(place.job.workspace for place in places if place.job.workspace is not None)
        full = [workspace for workspace, count in workspaces.items() if count >= most]
        skipped = Skipped(busy, full)
        found = await self.store.read(queue.waiting, clock.now(), skipped=skipped, most=0)
        if found and (job := await self._claimed(skipped)):
            return job
        if not await self.store.read(queue.is_damaged, clock.now()):
            return None
        await self.store.write(queue.relieve, clock.now())
        return await self._claimed(skipped)

    async def _claimed(self, skipped: Skipped) -> Job | None:
        used, self._used = self._used, Counter()
        led = self.leadership is not None
        try:
            return await self.store.write(
                queue.claim, clock.now(), lease=self.lease, skipped=skipped, used=used, led=led
            )
        except OmoideError:
            self._used.update(used)
            raise

    async def _do(self, job: Job, place: JobSlot | None = None) -> None:
        current_work.set(Work(Lane(str(job.workspace or ""), "")))  # for fair queuing at the model gate
        if place:
            before_steps.set(place.step)
        heartbeat = asyncio.create_task(self._hold(job))
        token, began, result = logging_config.job.set((job.pk, job.kind)), time.perf_counter(), "lost"
        try:
            with counted_for({} if job.workspace is None else {job.workspace: 1.0}):
                result = await self._attempt(job)
        except asyncio.CancelledError:
            result = "returned"
            await self.store.write(queue.release, job)
            raise
        finally:
            heartbeat.cancel()
            await spending.settle(self.deps)
            seconds = time.perf_counter() - began
            self._count(job, place.seconds() if place else seconds)
            self.meter.job(job.kind, result, seconds)
            logger.debug("attempt %s of a job: %s", job.attempts, result)
            logging_config.job.reset(token)

    def _count(self, job: Job, seconds: float) -> None:
        """Charge the job's time to its workspace. Deliveries are free: waiting for a host takes nothing from others."""
        cost = 0 if job.kind == JobKind.DELIVER_WEBHOOK else int(seconds * SECOND)
        self._used[job.workspace or fair_share.NO_WORKSPACE] += max(cost, fair_share.LEAST_COST)

    async def _attempt(self, job: Job) -> str:
        """Run the job and store its outcome; return it as one of `metrics.RESULTS`."""
        try:
            if job.kind not in self.tasks:
                raise PermanentFailure(f"damaged: unknown kind of job {job.kind[:50]!r}")
            if fault := workspace_error(job.kind, job.workspace):
                raise PermanentFailure(f"damaged: {fault}")
            await self.tasks[job.kind](self.deps, job)
        except JobUnfinished as turn:
            if await self.store.read(queue.is_held, job):
                remaining = turn.payload.to_json() if turn.payload else None
                await self.store.write(queue.give_back, job, clock.now(), remaining)
            return "continued"
        except InvalidPayload as fault:
            return await self._give_up(job, f"damaged: {fault}")
        except PermanentFailure as end:
            return await self._give_up(job, redact_secrets(end.reason))
        except LeaseLost as loss:
            logger.info("%s", loss)
            return "lost"
        except Exception as error:
            return await self._fail(job, error)
        if await self.store.read(
            queue.is_held, job
        ):  # reasoning jobs finish in the transaction that stores their results
            await self.store.write(queue.finish, job, clock.now())
        return "done"

    async def _fail(self, job: Job, error: Exception) -> str:
        """Reschedule the job, or give it up."""
        if isinstance(error, Contended):  # not a failure: its input kept changing
            logger.info("job %s (%s) postponed: %s", job.pk, job.kind, error)
        else:
            # Our own exceptions need no traceback; anything else is a bug.
            expected = isinstance(error, OmoideError)
            message = "job %s (%s) failed at attempt %s: %s"
            logger.warning(message, job.pk, job.kind, job.attempts, error, exc_info=None if expected else error)
        reason = redact_secrets(f"{type(error).__name__}: {error}")
        sample = f"{SAMPLE}{error.sample}" if isinstance(error, UnreadableOutput) and error.sample else ""
        # Outages do not use up attempts of reasoning jobs: they are retried until the provider is back.
        outage = isinstance(error, Unavailable) and not isinstance(error, ConstraintViolation)
        patient = outage and job.kind in REASONING
        if not patient and job.attempts >= self.limits.get(job.kind, job.attempts + 1):
            return await self._give_up(job, f"{reason} (after {job.attempts} attempts)", sample)
        due = clock.now() + int(self.rest(job.attempts) * SECOND)
        await self.store.write(queue.retry_later, job, due, reason + sample)
        return "retried"

    async def _give_up(self, job: Job, reason: str, sample: str = "") -> str:
        """`sample` is stored for the operator, and kept out of the log, because it may contain what users wrote."""
        logger.warning("job %s (%s) given up: %s", job.pk, job.kind, reason)
        await self.store.write(queue.give_up, job, clock.now(), reason + sample)
        return "given_up"

    async def _hold(self, job: Job) -> None:
        while True:
            await asyncio.sleep(self.lease / SECOND / 3)
            try:
                await self.store.write(queue.renew, job, clock.now(), lease=self.lease)
            except OmoideError as error:  # a busy database may be free at the next heartbeat
                logger.warning("lease of job %s not renewed: %s", job.pk, error)
