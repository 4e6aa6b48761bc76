"""Metrics of several processes in shared memory, and their format for Prometheus."""

from __future__ import annotations

import os
import signal
import threading
import warnings
from collections.abc import Callable
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from omoide.core.metrics import LEFT, OTHER, REQUEST_SECONDS, STATUSES, Metrics
from omoide.core.usage import Counts
from omoide.health.prometheus import Facts, text
from omoide.storage.database_stats import DatabaseStats
from omoide.storage.job_stats import JobGroup, JobStats
from omoide.storage.model_usage import TotalUsage

SECOND = 1_000_000
JOBS = JobStats((JobGroup("embed", "due", 2, 3 * SECOND), JobGroup("embed", "failed", 1, 9 * SECOND)))
VITALS = DatabaseStats(JOBS, 4, 5, 6)


def metrics(*processes: str) -> Metrics:
    made = Metrics(processes=processes or ("server",), operations=["get", "put"], kinds=["embed"], tasks=["derive"])
    made.enter(made.processes[0])
    return made


def forked(work: Callable[[], None]) -> None:
    """Run the work in a forked process, which is killed at the end."""
    with warnings.catch_warnings(
        action="ignore", category=DeprecationWarning
    ):  # other tests have threads, but not this one
        pid = os.fork()
    if pid == 0:
        work()
        os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


def samples(counted: Metrics, vitals: DatabaseStats | None = VITALS) -> dict[tuple[str, ...], float]:
    """Every sample of the page: name and label values → value."""
    page = text(counted, Facts(vitals, {"database": 10, "wal": 20}, "extractive", "wordllama", "3.50"))
    found = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            found[sample.name, *(value for _, value in sorted(sample.labels.items()))] = sample.value
    return found


def test_counts_of_forked_processes_are_summed_alive_or_dead() -> None:
    counted = metrics("api-1", "api-2", "worker")
    counted.own.request("get", 200, 0.001)
    forked(lambda: counted.enter("api-2").request("get", 200, 0.002))
    forked(lambda: counted.enter("worker").job("embed", "done", 0.5))
    found = samples(counted)
    assert found["omoide_requests_total", "get", "200"] == 2
    assert found["omoide_request_seconds_sum", "get"] == pytest.approx(0.003)
    assert found["omoide_job_attempts_total", "embed", "done"] == 1
    assert [process.name for process in counted.processes_seen()] == ["api-1", "api-2", "worker"]


def test_a_successor_continues_the_counts_of_a_dead_process() -> None:
    counted = metrics("api-1", "worker")
    for _ in range(3):
        forked(lambda: counted.enter("worker").job("embed", "retried", 0.1))
    assert samples(counted)["omoide_job_attempts_total", "embed", "retried"] == 3


def test_a_duration_is_counted_in_its_bucket_and_all_larger_ones() -> None:
    counted = metrics()
    for seconds in (0.0001, 0.0005, 0.3, 1_000.0):
        counted.own.request("put", 201, seconds)
    found = samples(counted)
    assert found["omoide_request_seconds_bucket", "0.0005", "put"] == 2
    assert found["omoide_request_seconds_bucket", "0.25", "put"] == 2
    assert found["omoide_request_seconds_bucket", "0.5", "put"] == 3
    assert found["omoide_request_seconds_bucket", str(REQUEST_SECONDS[-1]), "put"] == 3
    assert found["omoide_request_seconds_bucket", "+Inf", "put"] == found["omoide_request_seconds_count", "put"] == 4


def test_statuses_are_counted_separately_and_unknown_names_together() -> None:
    counted = metrics()
    for times, status in enumerate([*STATUSES, 418], 1):
        for _ in range(times):
            counted.own.request("get", status, 0.001)
    counted.own.request("nowhere", 404, 0.001)
    counted.own.job("unheard of", "lost", 0.001)
    found = samples(counted)
    assert [found["omoide_requests_total", "get", str(status)] for status in STATUSES] == [*range(1, len(STATUSES) + 1)]
    assert found["omoide_requests_total", "get", "other"] == len(STATUSES) + 1
    assert found["omoide_requests_total", OTHER, "404"] == 1
    assert found["omoide_job_attempts_total", OTHER, "lost"] == 1
    assert ("omoide_requests_total", "put", "200") not in found
    assert str(LEFT) == "499"


def test_models_and_the_embedder_are_counted_with_the_time() -> None:
    counted = metrics()
    counted.own.model_answered("derive", "openai:toy", Counts(1))
    counted.own.model_answered("derive", "openai:toy", Counts(1))
    counted.own.model_failed("derive")
    counted.own.embedded(64)
    found = samples(counted)
    assert found["omoide_model_requests_total", "answered", "derive"] == 2
    assert found["omoide_model_requests_total", "failed", "derive"] == 1
    assert (found["omoide_embedder_texts_total",], found["omoide_embedder_requests_total", "answered"]) == (64, 1)
    derive = counted.models_seen()[0]
    assert 0 < derive.answered_at <= derive.failed_at
    assert counted.embedder_seen().failed_at == 0


def test_refused_lines_of_cards_are_counted() -> None:
    counted = metrics()
    counted.own.card_lines_refused(2)
    counted.own.card_lines_refused(1)
    assert samples(counted)["omoide_card_lines_refused_total",] == 3


def test_the_database_is_described_and_omitted_if_it_cannot_be_read() -> None:
    found = samples(metrics())
    assert found["omoide_jobs", "embed", "due"] == 2
    assert found["omoide_jobs", "embed", "running"] == 0
    assert found["omoide_job_oldest_due_seconds",] == 3, "failed jobs are not due"
    assert (found["omoide_sessions",], found["omoide_messages",], found["omoide_unembedded_texts",]) == (4, 5, 6)
    assert (found["omoide_database_up",], found["omoide_file_bytes", "wal"]) == (1, 20)
    without = samples(metrics(), vitals=None)
    assert without["omoide_database_up",] == 0
    assert ("omoide_messages",) not in without


def test_usage_is_what_is_stored_by_task_and_model() -> None:
    used = [TotalUsage("derive", "openai:toy", Counts(3, 1, 101, 8, 40, 2)), TotalUsage("summary", "x", Counts(1))]
    found = samples(metrics(), replace(VITALS, usage=used, paused=1))
    kinds = ("input", "output", "cached", "thinking")
    of_derive = [found["omoide_model_tokens_total", kind, "openai:toy", "derive"] for kind in kinds]
    assert of_derive == [101, 8, 40, 2]
    assert found["omoide_model_calls_total", "openai:toy", "derive", "reported"] == 2
    assert found["omoide_model_calls_total", "openai:toy", "derive", "estimated"] == 1
    assert found["omoide_paused_workspaces",] == 1
    assert found["omoide_jobs", "embed", "paused"] == 0


def test_living_processes_report_their_resource_usage() -> None:
    counted = metrics("api-1", "worker")
    forked(lambda: counted.enter("worker").beat())
    found = samples(counted)
    assert found["omoide_process_resident_bytes", "api-1"] > 1_000_000
    assert found["omoide_process_open_files", "api-1"] >= 3
    assert ("omoide_process_resident_bytes", "worker") not in found
    assert found["omoide_process_start_time_seconds", "worker"] > 0


def test_the_page_can_be_rendered_while_others_count() -> None:
    counted = metrics("api-1", "api-2")
    stop = threading.Event()

    def count() -> None:
        while not stop.is_set():
            counted.own.request("get", 200, 0.001)

    counting = threading.Thread(target=count)
    counting.start()
    seen: list[float] = []
    while len(seen) < 20 or seen[-1] == seen[0]:  # also while the thread is blocked
        seen.append(samples(counted).get(("omoide_requests_total", "get", "200"), 0))
    stop.set()
    counting.join()
    assert seen == sorted(seen)


def test_the_page_of_background_work_has_jobs_but_no_requests_and_processes() -> None:
    counted = metrics()
    counted.own.request("get", 200, 0.001)
    counted.own.job("embed", "done", 0.1)
    facts = Facts(VITALS, {"database": 10, "wal": 20}, "extractive", "wordllama", "3.50")
    names = [
        {family.name for family in text_string_to_metric_families(text(counted, facts, of_api=each))}
        for each in (True, False)
    ]
    assert {"omoide_job_attempts", "omoide_jobs", "omoide_embedder_texts"} <= names[1]
    assert names[0] - names[1] == {name for name in names[0] if name.startswith(("omoide_request", "omoide_process_"))}
    assert names[1] < names[0]
