"""Conditions under which each component is degraded or down."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omoide.core import clock
from omoide.core.errors import StorageFull, Unavailable
from omoide.core.jobs import NewJob
from omoide.core.metrics import Metrics
from omoide.core.settings import Settings
from omoide.core.usage import Counts
from omoide.health.readiness import ReadinessReport, check_readiness
from omoide.inference.errors import FAULTS
from omoide.storage import embeddings, queue
from omoide.storage.sqlite.engine import Connection, Store
from omoide.storage.sqlite.leader_lock import LeaderLock
from omoide.storage.sqlite.open_files import REMOVED, REPLACED
from tests import sql
from tests.crash.faults import unwritable
from tests.handlers.workspace import until
from tests.storage.test_wal import reading

SECOND = 1_000_000
EMBEDDER = "wordllama"


class Place:
    """A database with a leading worker, and metrics."""

    def __init__(self, path: Path) -> None:
        self.store = Store.open(path)
        self.path = path
        self.metrics = Metrics(tasks=["derive", "answer"], faults=FAULTS)
        self.meter = self.metrics.enter("server")
        self.meter.beat()
        self.leader = LeaderLock(path)
        assert self.leader.take()
        asyncio.run(self.store.write(embeddings.adopt, EMBEDDER, 256, 0))

    def judge(self, reasoner: str = "extractive", embedder: str = EMBEDDER, **settings: Any) -> ReadinessReport:
        given = Settings.model_validate({"db": self.path, **settings})
        return asyncio.run(check_readiness(self.store, given, self.metrics, embedder, reasoner))

    def enqueue(self, seconds_ago: float, *, fail: bool = False) -> None:
        def add(db: Connection) -> None:
            due = clock.now() - int(seconds_ago * SECOND)
            queue.add(db, NewJob("kind", {}), due)
            if fail:
                job = queue.claim(db, clock.now(), lease=SECOND)
                assert job is not None
                queue.give_up(db, job, clock.now(), "a secret reason")

        asyncio.run(self.store.write(add))


def written(workspace_client: Place) -> int:
    """Size of the write-ahead log."""
    return Path(f"{workspace_client.path}-wal").stat().st_size


@pytest.fixture
def workspace_client(db_path: Path) -> Iterator[Place]:
    made = Place(db_path)
    yield made
    made.leader.close()
    made.store.close()


def test_everything_is_ok_at_first(workspace_client: Place) -> None:
    verdict = workspace_client.judge()
    assert verdict.is_ready
    assert {part.status for part in verdict.parts.values()} == {"ok"}


def test_without_a_worker_the_server_is_not_ready(workspace_client: Place) -> None:
    workspace_client.leader.close()
    verdict = workspace_client.judge()
    workspace_client.leader = LeaderLock(workspace_client.path)
    assert not verdict.is_ready
    assert verdict.parts["worker"].detail == "no worker is running"


def test_a_worker_of_another_server_suffices(workspace_client: Place) -> None:
    workspace_client.metrics.enter("server")  # which resets its heartbeat
    assert workspace_client.judge().parts["worker"].detail == "a worker of another server is running"


def test_a_full_disk_degrades_the_database_before_it_is_full(workspace_client: Place) -> None:
    part = workspace_client.judge(ready_free_bytes=2**62).parts["database"]
    assert part.status == "degraded"
    assert part.detail.endswith(" free")


def test_a_write_ahead_log_beyond_its_limit_is_degraded_until_it_is_small_again(workspace_client: Place) -> None:
    assert workspace_client.judge().parts["wal"].status == "ok"
    with reading(workspace_client.path):  # which prevents the store from emptying it
        workspace_client.store.log.limit_bytes = written(workspace_client) - 1
        part = workspace_client.judge().parts["wal"]
        assert (part.status, "more than" in part.detail) == ("degraded", True)
    asyncio.run(workspace_client.store.write(lambda _: None))
    until(lambda: workspace_client.judge().parts["wal"].status == "ok")


def test_a_database_that_was_removed_is_down_until_it_is_back(workspace_client: Place) -> None:
    away = workspace_client.path.rename(workspace_client.path.with_name("away.db"))
    part = workspace_client.judge().parts["database"]
    assert (part.status, part.detail) == ("down", REMOVED)
    workspace_client.path.touch()
    part = workspace_client.judge().parts["database"]
    assert (part.status, part.detail) == ("down", REPLACED)
    away.replace(workspace_client.path)
    assert workspace_client.judge().parts["database"].status == "ok"


def test_an_unwritable_log_makes_the_database_down_before_a_write_fails(workspace_client: Place) -> None:
    assert workspace_client.judge().parts["database"].status == "ok"
    with unwritable(Path(f"{workspace_client.path}-wal")):
        part = workspace_client.judge().parts["database"]
        assert (part.status, "reads and writes" in part.detail) == ("down", False)
    assert workspace_client.judge().parts["database"].status == "ok"


def test_a_database_whose_folder_was_moved_is_down_although_it_is_open(workspace_client: Place) -> None:
    folder = workspace_client.path.parent
    assert workspace_client.judge().is_ready
    moved = folder.rename(folder.with_name(f"{folder.name}-moved"))
    part = workspace_client.judge().parts["database"]
    moved.rename(folder)
    assert part.status == "down"
    assert workspace_client.judge().is_ready


def test_a_damaged_database_is_down_and_other_components_are_reported(workspace_client: Place) -> None:
    asyncio.run(workspace_client.store.write(sql.change, "DROP TABLE jobs"))
    verdict = workspace_client.judge()
    assert {name: part.status for name, part in verdict.parts.items()} == {
        "database": "down",
        "wal": "ok",
        "worker": "ok",
        "embedder": "degraded",
        "reasoner": "ok",
        "backlog": "degraded",
    }


def test_after_a_failed_write_only_a_real_write_makes_the_database_ready(workspace_client: Place) -> None:
    def fail(_: Connection) -> None:
        raise StorageFull("There is no room left to store this")

    with pytest.raises(Unavailable):
        asyncio.run(workspace_client.store.write(fail))
    failed = written(workspace_client)
    assert workspace_client.judge().parts["database"].status == "ok"
    assert written(workspace_client) > failed
    recovered = written(workspace_client)
    assert workspace_client.judge().is_ready
    assert written(workspace_client) == recovered, "a server whose writes succeed does not need it"


def test_vectors_of_another_model_degrade_the_embedder(workspace_client: Place) -> None:
    part = workspace_client.judge(embedder="openai:other").parts["embedder"]
    assert (part.status, part.detail) == ("degraded", f"the stored vectors are for {EMBEDDER}, not for openai:other")


def test_an_embedder_is_degraded_from_its_last_failure_to_its_next_answer(workspace_client: Place) -> None:
    workspace_client.meter.embedded(1)
    workspace_client.meter.embedding_failed()
    part = workspace_client.judge().parts["embedder"]
    assert part.status == "degraded"
    assert part.detail.startswith(f"{EMBEDDER}, failed ")
    workspace_client.meter.embedded(1)
    assert workspace_client.judge().parts["embedder"].status == "ok"


def test_a_model_is_degraded_from_its_last_failure_to_its_next_answer(workspace_client: Place) -> None:
    name = "openai:gpt"
    assert workspace_client.judge(name).parts["reasoner"].detail == f"{name}, not used yet"
    workspace_client.meter.model_answered("answer", "openai:gpt", Counts(1))
    assert workspace_client.judge(name).parts["reasoner"].status == "ok"
    workspace_client.meter.model_failed("derive")
    verdict = workspace_client.judge(name)
    assert (verdict.parts["reasoner"].status, verdict.is_ready) == ("degraded", True)
    assert verdict.parts["reasoner"].detail.endswith(" and has not answered since")
    workspace_client.meter.model_failed("answer", "refused the key")
    assert (
        workspace_client.judge(name)
        .parts["reasoner"]
        .detail.endswith(" has not answered since: the provider refused the key")
    )
    workspace_client.meter.model_answered("derive", "openai:gpt", Counts(1))
    assert workspace_client.judge(name).parts["reasoner"].status == "ok"


def test_work_that_waits_too_long_degrades_the_backlog(workspace_client: Place) -> None:
    workspace_client.enqueue(100)
    workspace_client.enqueue(-100)
    assert workspace_client.judge().parts["backlog"].detail == "1 job is due, the oldest for 100 s"
    verdict = workspace_client.judge(ready_backlog_seconds=99)
    assert (verdict.parts["backlog"].status, verdict.is_ready) == ("degraded", True)


def test_failed_jobs_degrade_the_backlog_without_disclosing_the_reason(workspace_client: Place) -> None:
    workspace_client.enqueue(0, fail=True)
    part = workspace_client.judge().parts["backlog"]
    assert (part.status, part.detail) == ("degraded", "nothing is due; 1 failed: see omoide queue --failed")
