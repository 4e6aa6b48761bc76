"""`omoide worker --metrics-port`: metrics of additional workers, protected like the server's."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from omoide.core import clock
from omoide.core.auth import ADMIN, Keyring, Principal
from omoide.core.jobs import NewJob
from omoide.storage import queue
from omoide.storage.sqlite.engine import Connection, Store
from tests.conftest import SECRET
from tests.fork_server import fork_server
from tests.handlers.workspace import until
from tests.server_process import Server
from tests.test_cli import Run, run

__all__ = ["run"]

PAGE = re.compile(r"metrics on (http://[^ ]+)")
DEPLOY = Path(__file__).parents[2] / "deploy"
KIND = "purge_session"
AUTH = {"OMOIDE_AUTH": "true", "OMOIDE_JWT_SECRET": SECRET}


@contextlib.contextmanager
def working(db: Path, *flags: str, **settings: str) -> Iterator[str]:
    """Run an additional worker within the block; yields the URL of its page. It must stop cleanly."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OMOIDE_")}
    arguments = ["worker", "--db", str(db), "--metrics-port", "0", *flags]
    process = fork_server().start(arguments, cwd=db.parent, env={**environment, **settings})
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if "Omoide worker: " in line:
            break
    found = PAGE.search(said)
    assert found, said
    try:
        yield f"{found[1]}/metrics"
    finally:
        process.terminate()
        rest = process.stderr.read()
        process.stderr.close()
        assert process.wait(timeout=30) == 0, rest


def bearer(principal: Principal) -> dict[str, str]:
    return {"Authorization": f"Bearer {Keyring(SECRET).mint(principal, now=clock.now())}"}


def counted(url: str, name: str, **labels: str) -> float:
    page = httpx.get(url)
    assert page.status_code == 200, page.text
    assert page.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    samples = [sample for family in text_string_to_metric_families(page.text) for sample in family.samples]
    return sum(each.value for each in samples if each.name == name and labels.items() <= each.labels.items())


def enqueue(db: Path, count: int) -> None:
    """Add a number of quick jobs that are due now."""

    def added(db: Connection) -> None:
        for number in range(count):
            queue.add(db, NewJob(KIND, {"session": 1_000 + number}), clock.now())

    store = Store.open(db)
    asyncio.run(store.write(added))
    store.close()


def done(url: str) -> float:
    return counted(url, "omoide_job_attempts_total", kind=KIND, result="done")


def test_a_workers_page_has_its_own_metrics_but_not_the_databases(tmp_path: Path) -> None:
    enqueue(tmp_path / "omoide.db", 3)
    with working(tmp_path / "omoide.db", OMOIDE_METRICS="open", **AUTH) as page:
        until(lambda: done(page) == 3)
        assert counted(page, "omoide_process_resident_bytes", process="worker") > 10_000_000
        text = httpx.get(page).text
        assert not [name for name in ("omoide_messages", "omoide_database_up", "omoide_file_bytes") if name in text]


def test_the_pages_of_server_and_worker_add_up_to_all_attempts(tmp_path: Path) -> None:
    server = Server(tmp_path / "omoide.db", debounce_seconds="60", job_poll_seconds="0.1")
    try:
        with working(server.db, OMOIDE_JOB_POLL_SECONDS="0.1") as page:
            both = (page, f"{server.url}/metrics")
            enqueue(server.db, 60)
            until(lambda: sum(map(done, both)) == 60)
            enqueue(server.db, 1)
            until(lambda: sum(map(done, both)) != 60)
            assert sum(map(done, both)) == 61, "each attempt is on one page"
            assert httpx.get(page, headers={"Origin": "https://elsewhere.example"}).status_code == 403
    finally:
        server.kill()


def test_with_authentication_the_page_requires_an_admin_key(tmp_path: Path) -> None:
    with working(tmp_path / "omoide.db", **AUTH) as page:
        assert httpx.get(page).status_code == 401
        refused = httpx.get(page, headers=bearer(Principal(workspace="w")))
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
        assert httpx.get(page, headers=bearer(ADMIN)).status_code == 200
        assert httpx.post(page, headers=bearer(ADMIN)).status_code == 405
        assert httpx.get(page.removesuffix("/metrics"), headers=bearer(ADMIN)).status_code == 404


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"metrics": "off"}, "OMOIDE_METRICS is off"),
        ({"host": "0.0.0.0"}, "authentication is off: anyone could read the metrics"),
        ({"host": "192.0.2.1", "metrics": "open"}, "Cannot listen on 192.0.2.1:0"),
    ],
)
def test_a_page_that_cannot_be_served_is_reported_in_one_line(settings: dict[str, str], said: str, run: Run) -> None:
    done = run("worker", "--until-empty", "--metrics-port", "0", **settings)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: ")
    assert said in line


def test_the_health_check_of_compose_accepts_a_worker_until_it_stops(tmp_path: Path) -> None:
    services = yaml.safe_load((DEPLOY / "compose.postgresql.yaml").read_text())["services"]
    *_, program = services["worker"]["healthcheck"]["test"]
    assert services["worker"]["command"] == ["worker", "--metrics-port", "8000"]
    with working(tmp_path / "omoide.db", **AUTH) as url:
        here = program.replace("8000", str(urlsplit(url).port))
        assert subprocess.run([sys.executable, "-c", here], check=False).returncode == 0
    stopped = subprocess.run([sys.executable, "-c", here], capture_output=True, check=False)
    assert stopped.returncode != 0
