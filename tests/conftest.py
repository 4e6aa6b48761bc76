"""What many tests share: a server for the whole run, a client for it, and names that no other test uses."""

from __future__ import annotations

import gc
import itertools
import signal
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import hypothesis
import pytest

from tests.file_scheduler import FilesAsItems, SlowestFirst
from tests.postgresql import ENGINE, IS_USED, copied, open_store
from tests.server_process import CommandServer, Server

if TYPE_CHECKING:
    from omoide.storage import Store  # loaded once tests.postgresql has selected the engine

hypothesis.settings.register_profile(
    "busy", hypothesis.settings.default, deadline=None
)  # how long an example takes is no rule
hypothesis.settings.load_profile("busy")

# Also where PYTHONDONTWRITEBYTECODE is set: each process would rewrite the assertions of all tests in each run.
sys.dont_write_bytecode = False

SECRET = "a secret for tests that is long enough for HS256"
_numbers = itertools.count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", default="3", help="how often the crash test kills the server")
    parser.addoption("--change-seconds", default="1", help="how long clients change what is remembered at random")
    parser.addoption("--all-damage", action="store_true", help="damage every column in every way, for half an hour")
    parser.addoption("--schemathesis-examples", help="how many cases of each operation schemathesis makes up a phase")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With another engine, tests of SQLite itself are skipped: those in files that import what only it has."""
    if not IS_USED:
        return
    for item in items:
        if "omoide.storage.sqlite" in _source(item.path) or item.get_closest_marker("sqlite"):
            item.add_marker(pytest.mark.skip(reason="about SQLite"))


@cache
def _source(path: Path) -> str:
    return path.read_text()


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()  # thousands of tests, which every full collection would look through


def _distributes_files(config: pytest.Config) -> bool:
    chosen = config.getoption("keyword") or config.getoption("markexpr") or any("::" in each for each in config.args)
    return config.getoption("dist") == "loadfile" and not chosen


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> SlowestFirst | None:
    return SlowestFirst(config, log) if _distributes_files(config) else None


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_configure_node(node: Any) -> None:
    node.workerinput["files_as_items"] = _distributes_files(node.config)


def pytest_configure(config: pytest.Config) -> None:
    if getattr(config, "workerinput", {}).get("files_as_items"):
        config.pluginmanager.register(FilesAsItems())


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMOIDE_AUTH", "OMOIDE_DB", "OMOIDE_JWT_SECRET", "OMOIDE_HOST", "OMOIDE_PORT", "HONCHO_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ENGINE.items():  # settings without a database are refused for another engine
        monkeypatch.setenv(name, value)


@pytest.fixture(autouse=True, scope="session")
def _fast_embedder() -> Iterator[None]:
    """The default one takes longer to load, and for each text; tests about it name it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMOIDE_EMBEDDER", "wordllama")
        yield


@pytest.fixture(autouse=True, scope="session")
def _no_certificates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Loopback needs none, and reading the system's takes longer than most tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SSL_CERT_FILE", raising=False)
        patch.setenv("SSL_CERT_DIR", str(tmp_path_factory.mktemp("certificates")))
        yield


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with authentication off, shared by all tests: use names of your own (`fresh`).

    It does not reason about the little that most of them say, which nobody would look at.
    """
    running = CommandServer(tmp_path_factory.mktemp("server") / "omoide.db", debounce_seconds="86400")
    yield running
    assert running.stop() == -signal.SIGTERM, "".join(running.log)


@pytest.fixture(scope="session")
def restless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that reasons about messages at once, for tests of derived memory."""
    running = Server(tmp_path_factory.mktemp("restless") / "omoide.db", debounce_seconds="0")
    yield running
    assert running.stop() == -signal.SIGTERM, "".join(running.log)


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with authentication on; its keys are signed with SECRET."""
    running = Server(tmp_path_factory.mktemp("guarded") / "omoide.db", auth="true", jwt_secret=SECRET)
    yield running
    assert running.stop() == -signal.SIGTERM, "".join(running.log)


@pytest.fixture
def http(server: Server) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


@pytest.fixture
def fresh() -> Callable[[str], str]:
    """`fresh("workspace")` is an id that nothing else in the run has."""
    return lambda kind: f"{kind}-{next(_numbers)}"


@pytest.fixture
def db_path(tmp_path: Path) -> Path:
    return tmp_path / "omoide.db"


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file to copy: migrating a new one takes longer than most tests of a store."""
    path = tmp_path_factory.mktemp("empty") / "omoide.db"
    open_store(path, durability="normal").close()
    return path


@pytest.fixture
def store(db_path: Path, empty_database: Path) -> Iterator[Store]:
    """A store on its own file, which does not wait for the disk."""
    copied(empty_database, db_path)
    opened = open_store(db_path, durability="normal")
    yield opened
    opened.close()
