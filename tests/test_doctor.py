"""`omoide doctor` finds what is wrong with an installation, says so in a line, and leaves everything as it was."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from omoide.core import clock
from omoide.core.formatting import format_duration, format_size
from omoide.core.jobs import NewJob
from omoide.core.records import Change
from omoide.core.settings import Settings
from omoide.doctor.check_jobs import MOST_LATE, check_access, check_jobs
from omoide.doctor.check_result import CheckResult
from omoide.doctor.check_storage import MOST_JOURNAL_BYTES, check_database
from omoide.doctor.run_checks import run_checks
from omoide.storage import embeddings, queue, webhooks, workspaces
from omoide.storage.job_stats import JobGroup, JobStats
from omoide.storage.sqlite import inspection
from omoide.storage.sqlite.engine import Connection, Store
from tests import sql
from tests.fork_server import fork_server
from tests.handlers.workspace import WorkspaceClient, until
from tests.inference.completions import error, saying
from tests.inference.fault_proxy import Fault, answering, fault_proxy, hanging_up, stalling
from tests.server_process import Server
from tests.test_cli import Run, run
from tests.worker.worker_fixture import EMBEDDER

__all__ = ["run"]

KEY = "sk-a-key-that-nobody-may-see"
NOW = 1_790_000_000_000_000


def prepared(path: Path, *works: Any) -> Path:
    """A database as a server leaves it, on which each of `works` has written."""

    def begin(db: Connection) -> None:
        workspaces.get_or_create(db, "w", Change(), NOW)
        embeddings.adopt(db, EMBEDDER.name, EMBEDDER.dimensions, NOW)

    store = Store.open(path)
    for work in (begin, *works):
        asyncio.run(store.write(work))
    store.close()
    return path


def verdicts(path: Path, *, seconds: float = 10.0, **options: Any) -> dict[str, CheckResult]:
    settings = Settings.model_validate({"db": path, "cross_encoder": False, **options})
    found = asyncio.run(run_checks(settings, is_local=True, seconds=seconds))
    assert len({verdict.name for verdict in found}) >= 6
    assert not [verdict for verdict in found if KEY in str(verdict)]
    return {verdict.name: verdict for verdict in found}


@contextmanager
def endpoint(fault: Fault) -> Iterator[str]:
    """The address of a provider that always does the same."""
    with httpx.Client() as nobody, fault_proxy(nobody) as proxy:
        proxy.fault = fault
        yield f"{proxy.url}/v1"


def model_at(url: str) -> dict[str, str]:
    return {"model": "openai:toy", "model_base_url": url, "model_api_key": KEY}


def as_it_is(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {each.name: (each.stat().st_mtime_ns, each.read_bytes()) for each in folder.iterdir()}


def test_a_healthy_installation_ends_with_zero_while_its_server_runs(tmp_path: Path, run: Run) -> None:
    server = Server(tmp_path / "omoide.db", debounce_seconds="0")
    with server.client() as http:
        place = WorkspaceClient(http, "w")
        place.say("s", "I live in Lisbon.")
        until(lambda: place.ok("GET", "/queue/status")["completed_work_units"] == 1)
        until(lambda: verdicts(server.db)["embedder"].state == "good")
        done = run("doctor")
        assert place.say("s", "I like figs."), "the server goes on"
    assert server.stop() < 0
    assert (done.returncode, done.stderr) == (0, "")
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert [*lines] == [
        "database",
        "disk",
        "clock",
        "embedder",
        "cross-encoder",
        "reasoner",
        "jobs",
        "usage",
        "webhooks",
        "access",
    ]
    assert {name for name, line in lines.items() if line.split()[1] == "off"} == {"usage", "webhooks", "access"}
    assert "\x1b" not in done.stdout, "what is not read on a terminal has no colours"


def test_the_cross_encoder_is_loaded_and_asked_unless_it_is_off(tmp_path: Path) -> None:
    assert verdicts(tmp_path / "none.db")["cross-encoder"].state == "off"
    verdict = verdicts(tmp_path / "none.db", cross_encoder=True)["cross-encoder"]
    assert verdict.state == "good"
    assert verdict.text.startswith("ms-marco-minilm:l12-v2-int8, loaded in ")


def test_a_machine_that_cannot_run_the_models_is_told_what_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omoide.inference.onnx_model.PACKAGE", "not_installed_here")
    found = verdicts(prepared(tmp_path / "omoide.db"), embedder="bge-small", cross_encoder=True)
    assert found["embedder"].state == "notice"
    assert found["embedder"].text == (
        "wordllama:l2_supercat, 256 dimensions, in place of bge-small, which cannot run here: The package "
        "not_installed_here is not installed. Every text has a vector."
    )
    assert found["cross-encoder"].state == "notice"
    assert found["cross-encoder"].text.startswith("Texts are ranked by words and vectors only.")


@pytest.mark.parametrize("is_killed", [False, True])
def test_nothing_is_changed(is_killed: bool, tmp_path: Path) -> None:
    server = Server(tmp_path / "omoide.db", debounce_seconds="3600")
    with server.client() as http:
        WorkspaceClient(http, "w").say("s", "I live in Lisbon.")
    server.kill() if is_killed else server.stop()
    (tmp_path / "omoide.db-shm").unlink(missing_ok=True)
    before = as_it_is(tmp_path)
    found = verdicts(server.db)
    assert found["database"].state == "good"
    assert found["jobs"].figures["queued"] != 0, "what is in the journal counts"
    after = as_it_is(tmp_path)
    after.pop("omoide.db-shm", None)  # the index of a journal; whoever reads one needs it
    assert after == before


def test_a_missing_database_is_not_made(run: Run, tmp_path: Path) -> None:
    done = run("doctor", "--db", "none.db", embedder="none")
    assert done.returncode == 1
    assert "There is no database none.db." in done.stdout
    assert [*tmp_path.iterdir()] == []


def test_a_damaged_file_is_found(tmp_path: Path) -> None:
    path = prepared(tmp_path / "omoide.db")
    page = 4_096
    whole = path.read_bytes()
    path.write_bytes(whole[: 3 * page] + os.urandom(4 * page) + whole[7 * page :])
    verdict = verdicts(path)["database"]
    assert verdict.state == "wrong"
    assert "\n" not in verdict.text
    path.write_bytes(whole[: 5 * page])
    assert verdicts(path)["database"].state == "wrong"


@pytest.mark.parametrize(
    ("content", "said"), [(b"no database, whatever its name says" * 200, "not a database"), (b"", "is empty")]
)
def test_what_is_no_database_of_ours_is_said(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "omoide.db").write_bytes(content)
    verdict = verdicts(tmp_path / "omoide.db")["database"]
    assert (verdict.state, said in verdict.text) == ("wrong", True)


def test_a_schema_of_a_newer_version_is_wrong_and_of_an_older_one_worth_knowing(tmp_path: Path) -> None:
    def step(db: Connection) -> None:
        sql.change(db, "INSERT INTO _sqlite_migrations (migration_set, name) VALUES ('omoide', 'm9999_tomorrow')")

    verdict = verdicts(prepared(tmp_path / "newer.db", step))["database"]
    assert (verdict.state, "newer version" in verdict.text) == ("wrong", True)
    older = prepared(tmp_path / "older.db", lambda db: sql.change(db, "DELETE FROM _sqlite_migrations WHERE id > 1"))
    verdict = verdicts(older)["database"]
    assert (verdict.state, verdict.figures["schema"]) == ("notice", 1)


def test_a_journal_that_does_not_shrink_is_noticed(tmp_path: Path) -> None:
    path = prepared(tmp_path / "omoide.db")
    with inspection.opened(path, busy_timeout=1) as db, Path(f"{path}-wal").open("wb") as journal:
        journal.truncate(MOST_JOURNAL_BYTES + 1)  # a hole: it takes no room
        assert check_database(db, path).state == "notice"


def test_an_embedder_other_than_that_of_the_vectors_is_wrong(tmp_path: Path) -> None:
    path = prepared(tmp_path / "omoide.db", lambda db: embeddings.adopt(db, EMBEDDER.name, 7, NOW))
    verdict = verdicts(path)["embedder"]
    assert (verdict.state, verdict.figures["kept_dimensions"]) == ("wrong", 7)


def test_an_embedding_endpoint_is_asked_for_vectors_of_its_length(tmp_path: Path) -> None:
    answer = json.dumps({"data": [{"index": 0, "embedding": [1.0, 0.0, 0.0]}]}).encode()
    with endpoint(answering(200, answer)) as url:
        choice: dict[str, Any] = {"embedder": "openai:mine", "embedder_base_url": url, "embedder_api_key": KEY}
        assert verdicts(tmp_path / "none.db", **choice, embedder_dimensions=3)["embedder"].state == "good"
        verdict = verdicts(tmp_path / "none.db", **choice, embedder_dimensions=4)["embedder"]
    assert (verdict.state, "3 dimensions instead of 4" in verdict.text) == ("wrong", True)
    with endpoint(stalling) as url:
        choice["embedder_base_url"] = url
        verdict = verdicts(tmp_path / "none.db", seconds=0.1, **choice, embedder_dimensions=3)["embedder"]
    assert (verdict.state, verdict.text) == ("wrong", "openai:mine did not answer within 0.1 s.")


def test_texts_without_a_vector_are_counted(tmp_path: Path) -> None:
    server = Server(tmp_path / "omoide.db", embedder="openai:m", embedder_base_url="http://127.0.0.1:9/v1",
                    embedder_dimensions="3")  # fmt: skip
    with server.client() as http:
        WorkspaceClient(http, "w").say("s", "I live in Lisbon.", "I like figs.")
    server.stop()
    verdict = verdicts(server.db)["embedder"]
    assert verdict.figures["messages_without"] == 2


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (answering(401, error(f"Incorrect API key provided: {KEY}", "invalid_api_key")), "refused the key (HTTP 401)"),
        (answering(404, error("no such model", "model_not_found")), "does not know this model or address (HTTP 404)"),
        (answering(429, error("You exceeded your current quota", "insufficient_quota")), "has no quota"),
        (answering(500, b"oops"), "failed (HTTP 500)"),
        (answering(200, b"<html>"), "gave no answer that can be read"),
        (hanging_up, "could not be reached, or broke off"),
        (stalling, "did not answer"),
    ],
)
def test_a_model_that_does_not_answer_is_one_line_with_the_reason(fault: Fault, reason: str, tmp_path: Path) -> None:
    with endpoint(fault) as url:
        verdict = verdicts(tmp_path / "none.db", seconds=0.5 if fault is stalling else 30, **model_at(url))["reasoner"]
    assert verdict.state == "wrong"
    assert verdict.text.startswith("The provider of openai:toy ")
    assert reason in verdict.text
    assert "\n" not in verdict.text


def test_an_unreachable_model_ends_with_one(tmp_path: Path, run: Run) -> None:
    prepared(tmp_path / "omoide.db")
    done = run("doctor", **model_at("http://127.0.0.1:9/v1"))
    assert done.returncode == 1
    (line,) = [line for line in done.stdout.splitlines() if " wrong " in line]
    assert "The provider of openai:toy could not be reached" in line
    assert KEY not in done.stdout + done.stderr


def test_every_model_is_asked_once_and_named_with_what_it_does(tmp_path: Path) -> None:
    with endpoint(saying("Yes.")) as url:
        settings = Settings.model_validate(
            {
                "db": tmp_path / "none.db",
                **model_at(url),
                "model_answer": "openai:big",
                "model_fallback": "openai:spare",
            }
        )
        found = asyncio.run(run_checks(settings, is_local=True, seconds=10))
    models = [verdict for verdict in found if verdict.name == "reasoner"]
    assert [verdict.state for verdict in models] == ["good"] * 3
    assert [verdict.figures["used_for"] for verdict in models] == ["derive, summary, card, dream", "answer", "fallback"]


def test_settings_that_name_no_model_or_embedder_are_found_wrong(tmp_path: Path) -> None:
    found = verdicts(tmp_path / "none.db", model="parrot:polly", embedder="word2vec")
    assert "OMOIDE_MODEL" in found["reasoner"].text
    assert "OMOIDE_EMBEDDER" in found["embedder"].text
    assert verdicts(tmp_path / "none.db", embedder="word2vec")["reasoner"].state == "wrong"


def test_a_job_that_failed_for_good_is_wrong_and_says_what_to_do(tmp_path: Path) -> None:
    def fail(db: Connection) -> None:
        queue.add(db, NewJob("dream", {}, workspace=1), 0)
        job = queue.claim(db, NOW, lease=1)
        assert job is not None
        queue.give_up(db, job, NOW, "ZeroDivisionError: oops")

    verdict = verdicts(prepared(tmp_path / "omoide.db", fail))["jobs"]
    assert (verdict.state, "omoide queue" in verdict.text, "oops" in verdict.text) == ("wrong", True, True)
    assert (verdict.figures["queued"], verdict.figures["failed"]) == (0, 1)


def test_jobs_that_nobody_does_or_that_wait_for_a_reason_are_noticed() -> None:
    def checked(*groups: JobGroup) -> CheckResult:
        return check_jobs(JobStats(groups))

    assert checked().state == "good"
    assert checked(JobGroup("dream", "due", 8, MOST_LATE), JobGroup("dream", "running", 1, NOW)).state == "good"
    assert checked(JobGroup("dream", "due", 9, NOW)).state == "notice"
    waiting = checked(JobGroup("dream", "waiting", 9, 0, "ProviderFailed: away"))
    assert (waiting.state, "away" in waiting.text) == ("notice", True)
    paused = checked(JobGroup("representation", "paused", 3, 0))
    assert (paused.state, paused.figures["queued"], "3 paused" in paused.text) == ("good", 3, True)
    unread = checked(JobGroup("representation", "waiting", 9, 0, "UnreadableOutput: no facts.\nIt began: I am"))
    assert "UnreadableOutput: no facts. It began: I am" in unread.text


def test_a_job_that_goes_first_is_late_only_since_it_was_added(tmp_path: Path, run: Run) -> None:
    added = clock.now()
    path = prepared(tmp_path / "omoide.db", lambda db: embeddings.enqueue(db, added))
    verdict = verdicts(path)["jobs"]
    assert (verdict.state, verdict.figures["queued"]) == ("good", 1)
    assert 0 <= verdict.figures["late_seconds"] < 3_600  # type: ignore[operator]
    (listed,) = [json.loads(line) for line in run("queue", "--json").stdout.splitlines()]
    assert listed["due_at"] == listed["created_at"]
    later = check_jobs(JobStats((JobGroup("embed", "due", 1, MOST_LATE + 1_000_000),)))
    assert (later.state, "has been due for 10 min" in later.text) == ("notice", True)


def test_endpoints_without_a_secret_are_noticed(tmp_path: Path) -> None:
    path = prepared(tmp_path / "omoide.db", lambda db: webhooks.get_or_create(db, "w", "http://example.org/", NOW))
    assert verdicts(path)["webhooks"].state == "notice"
    assert verdicts(path, webhook_secret=KEY)["webhooks"].state == "good"


@pytest.mark.parametrize(
    ("options", "is_local", "state"),
    [
        ({}, True, "off"),
        ({}, False, "wrong"),
        ({"public_without_auth": True}, False, "notice"),
        ({"auth": True, "jwt_secret": KEY * 2}, False, "good"),
    ],
)
def test_who_may_call(options: dict[str, Any], is_local: bool, state: str) -> None:
    verdict = check_access(Settings.model_validate(options), is_local=is_local)
    assert (verdict.state, KEY in str(verdict)) == (state, False)


def pieces(terminal: int) -> Iterator[bytes]:
    """All that was written to the other end, which is closed."""
    with suppress(OSError):  # which is how a terminal says that there is no more
        while piece := os.read(terminal, 65_536):
            yield piece


@pytest.mark.parametrize(("no_color", "is_coloured"), [("", True), ("1", False)])
def test_a_terminal_sees_colours_unless_it_wants_none(no_color: str, is_coloured: bool, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "NO_COLOR": no_color, "TERM": "xterm", "OMOIDE_EMBEDDER": "none"}
    with tempfile.TemporaryFile() as errors:
        doctor = fork_server().start(["doctor"], cwd=tmp_path, env=environment, stdout=theirs, stderr=errors.fileno())
        os.close(theirs)
        assert doctor.wait() == 1
    shown = b"".join(pieces(ours)).decode()
    os.close(ours)
    assert "There is no database" in shown
    assert ("\x1b[31mwrong" in shown) is is_coloured


def test_figures_are_shown_as_people_read_them() -> None:
    assert [format_size(count) for count in (0, 999, 1_500, 2_000_000)] == ["0 B", "999 B", "1.5 kB", "2.0 MB"]
    assert [format_duration(seconds) for seconds in (0, 59, 60, 7_200, 200_000)] == [
        "0 s",
        "59 s",
        "1 min",
        "2 h",
        "2 d",
    ]
