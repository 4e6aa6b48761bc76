"""Conditions under which each component is degraded or down."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omoide import clock
from omoide.errors import StorageFull, Unavailable
from omoide.inference.provider_failed import FAULTS
from omoide.metrics import Metrics
from omoide.readiness import Verdict, judge
from omoide.settings import Settings
from omoide.store import Connection, Store, embeddings, queue
from omoide.store.leadership import Leadership
from omoide.store.open_files import REMOVED, REPLACED
from tests.crash.faults import unwritable
from tests.handlers.place import until
from tests.store.test_wal import reading

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
        self.leader = Leadership(path)
        assert self.leader.take()
        asyncio.run(self.store.write(embeddings.adopt, EMBEDDER, 256, 0))

    def judge(self, reasoner: str = "extractive", embedder: str = EMBEDDER, **settings: Any) -> Verdict:
        given = Settings.model_validate({"db": self.path, **settings})
        return asyncio.run(judge(self.store, given, self.metrics, embedder, reasoner))

    def owe(self, seconds_ago: float, *, fail: bool = False) -> None:
        def add(db: Connection) -> None:
            due = clock.now() - int(seconds_ago * SECOND)
            queue.add(db, "kind", {}, due)
            if fail:
                job = queue.claim(db, clock.now(), lease=SECOND)
                assert job is not None
                queue.give_up(db, job, clock.now(), "a secret reason")

        asyncio.run(self.store.write(add))


def written(place: Place) -> int:
    """Size of the write-ahead log."""
    return Path(f"{place.path}-wal").stat().st_size


@pytest.fixture
def place(db_path: Path) -> Iterator[Place]:
    made = Place(db_path)
    yield made
    made.leader.close()
    made.store.close()


def test_everything_is_ok_at_first(place: Place) -> None:
    verdict = place.judge()
    assert verdict.is_ready
    assert {part.status for part in verdict.parts.values()} == {"ok"}


def test_without_a_worker_the_server_is_not_ready(place: Place) -> None:
    place.leader.close()
    verdict = place.judge()
    place.leader = Leadership(place.path)
    assert not verdict.is_ready
    assert verdict.parts["worker"].detail == "no worker is running"


def test_a_worker_of_another_server_suffices(place: Place) -> None:
    place.metrics.enter("server")  # which resets its heartbeat
    assert place.judge().parts["worker"].detail == "a worker of another server is running"


def test_a_full_disk_degrades_the_database_before_it_is_full(place: Place) -> None:
    part = place.judge(ready_free_bytes=2**62).parts["database"]
    assert part.status == "degraded"
    assert part.detail.endswith(" free")


def test_a_write_ahead_log_beyond_its_limit_is_degraded_until_it_is_small_again(place: Place) -> None:
    assert place.judge().parts["wal"].status == "ok"
    with reading(place.path):  # which prevents the store from emptying it
        place.store.log.limit_bytes = written(place) - 1
        part = place.judge().parts["wal"]
        assert (part.status, "more than" in part.detail) == ("degraded", True)
    asyncio.run(place.store.write(lambda _: None))
    until(lambda: place.judge().parts["wal"].status == "ok")


def test_a_database_that_was_removed_is_down_until_it_is_back(place: Place) -> None:
    away = place.path.rename(place.path.with_name("away.db"))
    part = place.judge().parts["database"]
    assert (part.status, part.detail) == ("down", REMOVED)
    place.path.touch()
    part = place.judge().parts["database"]
    assert (part.status, part.detail) == ("down", REPLACED)
    away.replace(place.path)
    assert place.judge().parts["database"].status == "ok"


def test_an_unwritable_log_makes_the_database_down_before_a_write_fails(place: Place) -> None:
    assert place.judge().parts["database"].status == "ok"
    with unwritable(Path(f"{place.path}-wal")):
        part = place.judge().parts["database"]
        assert (part.status, "reads and writes" in part.detail) == ("down", False)
    assert place.judge().parts["database"].status == "ok"


def test_a_database_whose_folder_was_moved_is_down_although_it_is_open(place: Place) -> None:
    folder = place.path.parent
    assert place.judge().is_ready
    moved = folder.rename(folder.with_name(f"{folder.name}-moved"))
    part = place.judge().parts["database"]
    moved.rename(folder)
    assert part.status == "down"
    assert place.judge().is_ready


def test_a_damaged_database_is_down_and_other_components_are_reported(place: Place) -> None:
    asyncio.run(place.store.write(lambda db: db.execute("DROP TABLE jobs")))
    verdict = place.judge()
    assert {name: part.status for name, part in verdict.parts.items()} == {
        "database": "down",
        "wal": "ok",
        "worker": "ok",
        "embedder": "degraded",
        "reasoner": "ok",
        "backlog": "degraded",
    }


def test_after_a_failed_write_only_a_real_write_makes_the_database_ready(place: Place) -> None:
    def fail(_: Connection) -> None:
        raise StorageFull("There is no room left to store this")

    with pytest.raises(Unavailable):
        asyncio.run(place.store.write(fail))
    failed = written(place)
    assert place.judge().parts["database"].status == "ok"
    assert written(place) > failed
    recovered = written(place)
    assert place.judge().is_ready
    assert written(place) == recovered, "a server whose writes succeed does not need it"


def test_vectors_of_another_model_degrade_the_embedder(place: Place) -> None:
    part = place.judge(embedder="openai:other").parts["embedder"]
    assert (part.status, part.detail) == ("degraded", f"the stored vectors are for {EMBEDDER}, not for openai:other")


def test_an_embedder_is_degraded_from_its_last_failure_to_its_next_answer(place: Place) -> None:
    place.meter.embedded(1)
    place.meter.embedding_failed()
    part = place.judge().parts["embedder"]
    assert part.status == "degraded"
    assert part.detail.startswith(f"{EMBEDDER}, failed ")
    place.meter.embedded(1)
    assert place.judge().parts["embedder"].status == "ok"


def test_a_model_is_degraded_from_its_last_failure_to_its_next_answer(place: Place) -> None:
    name = "openai:gpt"
    assert place.judge(name).parts["reasoner"].detail == f"{name}, not used yet"
    place.meter.model_answered("answer", 1, 0, 1)
    assert place.judge(name).parts["reasoner"].status == "ok"
    place.meter.model_failed("derive")
    verdict = place.judge(name)
    assert (verdict.parts["reasoner"].status, verdict.is_ready) == ("degraded", True)
    assert verdict.parts["reasoner"].detail.endswith(" and has not answered since")
    place.meter.model_failed("answer", "refused the key")
    assert place.judge(name).parts["reasoner"].detail.endswith(" has not answered since: the provider refused the key")
    place.meter.model_answered("derive", 1, 0, 1)
    assert place.judge(name).parts["reasoner"].status == "ok"


def test_work_that_waits_too_long_degrades_the_backlog(place: Place) -> None:
    place.owe(100)
    place.owe(-100)
    assert place.judge().parts["backlog"].detail == "1 job is due, the oldest for 100 s"
    verdict = place.judge(ready_backlog_seconds=99)
    assert (verdict.parts["backlog"].status, verdict.is_ready) == ("degraded", True)


def test_failed_jobs_degrade_the_backlog_without_disclosing_the_reason(place: Place) -> None:
    place.owe(0, fail=True)
    part = place.judge().parts["backlog"]
    assert (part.status, part.detail) == ("degraded", "nothing is due; 1 failed: see omoide queue --failed")
