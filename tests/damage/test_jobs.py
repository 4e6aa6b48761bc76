"""A damaged job does not block others: it is marked as failed with a reason, and the others run."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from omoide.core import clock
from omoide.core.errors import OmoideError
from omoide.core.job_payloads import PAYLOADS
from omoide.core.jobs import NewJob
from omoide.core.metrics import Metrics
from omoide.storage import job_stats, queue
from omoide.storage.sqlite.engine import Store
from omoide.worker.loop import OutageLogger
from omoide.worker.tasks import TASKS
from tests import sql
from tests.read_now import read_now
from tests.worker.loop_fixture import Diary, add, at_work, worker_on


async def done(store: Store) -> list[str]:
    """The notes that a worker processes, in order."""
    diary = Diary()
    worker = worker_on(store, {"note": diary})
    while await worker.run_one():
        pass
    return [await diary.next() for _ in range(diary.notes.qsize())]


@pytest.mark.parametrize(
    "damage",
    [
        "payload = 'none'",
        "payload = x'00ff'",
        "payload = '[1]'",
        "payload = ''",
        "payload = CAST(x'ff' AS TEXT)",
        "due_at = 'tomorrow'",
        "due_at = x'00'",
        "due_at = 9223372036854775807",
        "kind = 'unheard of'",
        "kind = x'ff'",
    ],
)
def test_a_damaged_job_fails_with_a_reason_and_others_are_done(damage: str, store: Store) -> None:
    async def scene() -> list[str]:
        for name in ("bad", "good", "better"):
            await add(store, "note", name, key="k")
        await store.write(sql.change, f"UPDATE jobs SET {damage} WHERE pk = 1")
        return await done(store)

    assert asyncio.run(scene()) == ["good", "better"]
    (left,) = read_now(store, job_stats.listed, clock.now(), failed_only=True, limit=9)
    assert left.pk == 1
    assert str(left.error).startswith("damaged: ")


@pytest.mark.parametrize(
    "damage",
    [
        "leased_until = 'for ever'",
        "leased_until = 9223372036854775807",
        "leased_until = 7258118400000000",
        "attempts = 'often'",
        "attempts = -9223372036854775808",
        "attempts = 9223372036854775807",
        "units = 'many'",
        "units = 9e999",
        "grows = 'yes'",
        "led = x'00'",
        "due_at = -1",
        "created_at = 'once'",
        "error = x'ff'",
    ],
)
def test_a_job_with_damaged_state_is_still_done(damage: str, store: Store) -> None:
    async def scene() -> list[str]:
        await add(store, "note", "bad", key="k")
        await add(store, "note", "good", key="k")
        await store.write(sql.change, f"UPDATE jobs SET {damage} WHERE pk = 1")
        await store.read(job_stats.listed, clock.now(), failed_only=False, limit=9)
        return sorted(await done(store))

    assert asyncio.run(scene()) == ["bad", "good"]


@pytest.mark.parametrize("kind", sorted(TASKS))
def test_an_invalid_payload_fails_at_once(kind: str, store: Store) -> None:
    async def scene() -> str | None:
        await store.write(lambda db: queue.add(db, NewJob(kind, {"session": [None], "workspace": "x"}), clock.now()))
        worker = worker_on(store, {**TASKS, "embed": Diary(), "erase": Diary(), "purge_conclusions": Diary()})
        await worker.run_one()
        found = await store.read(job_stats.listed, clock.now(), failed_only=True, limit=9)
        return found[0].error if found else None

    error = asyncio.run(scene())
    assert (error is None) == (kind in {"embed", "erase", "purge_conclusions"})  # kinds that ignore their payload
    assert error is None or error.startswith("damaged: ")


def test_every_kind_of_job_has_a_payload_check() -> None:
    difference = TASKS.keys() ^ PAYLOADS.keys()
    assert not difference, (
        f"list these both in worker/tasks.py and in omoide/core/job_payloads.py (PAYLOADS): {difference}"
    )


def test_a_worker_that_cannot_claim_sends_no_heartbeat(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> float:
        failed: asyncio.Queue[OmoideError] = asyncio.Queue()

        def note(self: Any, error: OmoideError) -> None:
            failed.put_nowait(error)

        monkeypatch.setattr(OutageLogger, "goes_on", note)
        await store.write(sql.change, "ALTER TABLE jobs RENAME TO jobs_elsewhere")
        metrics = Metrics()
        async with at_work(store, {}, poll=0.01) as worker:
            worker.meter = metrics.enter("server")
            await failed.get()
            await failed.get()
        return metrics.processes_seen()[0].beat_at

    assert asyncio.run(scene()) == 0
