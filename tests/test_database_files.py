"""No command writes over a file of a database, whatever it is called by."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from omoide.cli.main import main
from omoide.core.atomic_write import atomic_write
from omoide.core.errors import Conflict
from omoide.core.records import Change
from omoide.core.settings import Settings
from omoide.storage import workspaces
from omoide.storage.sqlite import backup
from omoide.storage.sqlite.database_files import COMPANIONS, companion
from omoide.storage.sqlite.engine import Connection, Store
from omoide.storage.sqlite.leader_lock import LeaderLock
from tests.handlers.workspace import WorkspaceClient
from tests.server_process import COMMAND, Server

Invoke = Callable[..., Result]
ENDS = ("", *COMPANIONS)


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """The command line within this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(main, [str(each) for each in arguments])


def with_workspace(db: Connection) -> None:
    workspaces.get_or_create(db, "w", Change(), 1)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Store]:
    """A database that is in use, as a server and its worker use it."""
    store = Store.open(tmp_path / "omoide.db")
    asyncio.run(store.write(with_workspace))
    leader = LeaderLock(store.path)
    assert leader.take()
    yield store
    leader.close()
    store.close()


def names_of(db: Path, folder: Path) -> list[Path]:
    """Other names for each file of a database that is in use: relative ones, and links of both kinds."""
    (folder / "sub").mkdir()
    (folder / "elsewhere").symlink_to(db.parent)
    found = []
    for number, end in enumerate(ENDS):
        file = companion(db, end)
        symbolic, hard = folder / f"symbolic-{number}", folder / f"hard-{number}"
        symbolic.symlink_to(file)
        found += [file, folder / "sub" / ".." / file.name, folder / "elsewhere" / file.name, symbolic]
        if file.exists():
            hard.hardlink_to(file)
            found.append(hard)
    return found


def inodes(db: Path) -> dict[str, int]:
    return {end: companion(db, end).stat().st_ino for end in ENDS if companion(db, end).exists()}


def test_no_command_writes_over_a_file_of_the_database_that_a_server_works_on(invoke: Invoke, tmp_path: Path) -> None:
    server = Server(tmp_path / "omoide.db", debounce_seconds="3600")
    with server.client() as http:
        place = WorkspaceClient(http, "w")
        place.say("s", *[f"Number {n}." for n in range(9)])
        before = inodes(server.db)
        assert {"", "-wal", "-shm", ".lock", ".leader"} <= before.keys()
        for target in names_of(server.db, tmp_path):
            for command in (["export", "w", target, "--force"], ["backup", target, "--force"], ["restore", target]):
                done = invoke(*command)
                assert done.exit_code == 1, command
                assert "is the database itself" in done.output or "belongs to the database" in done.output, command
        assert inodes(server.db) == before
        assert place.say("s", "And on.")
    server.kill()
    server.start()
    with server.client() as http:
        assert http.post("/v3/workspaces/w/sessions/s/messages/list", json={}).json()["total"] == 10
    server.stop()


@pytest.mark.parametrize("end", ENDS)
def test_no_command_writes_over_a_file_of_another_database_in_use(
    end: str, invoke: Invoke, opened: Store, tmp_path: Path
) -> None:
    mine = Store.open(tmp_path / "mine.db")
    asyncio.run(mine.write(with_workspace))
    mine.close()
    backup.back_up(tmp_path / "mine.db", tmp_path / "copy.db", replace=False, busy_timeout=0, shown=lambda *_: None)
    before = inodes(opened.path)
    (tmp_path / "link").symlink_to(f"omoide.db{end}")
    for target in (f"omoide.db{end}", "link"):
        for command in (
            ["export", "w", target, "--force", "--db", "mine.db"],
            ["backup", target, "--force", "--db", "mine.db"],
            ["restore", "copy.db", "--db", target],
        ):
            done = invoke(*command)
            assert (done.exit_code, "omoide.db" in done.output) == (1, True), command
    assert inodes(opened.path) == before


@pytest.mark.parametrize("end", [".lock", ".leader", "-wal", "-journal"])
@pytest.mark.parametrize("command", [["queue"], ["check", "--rebuild-segments"], ["import", "lines.jsonl"]])
def test_no_database_is_made_of_a_file_that_belongs_to_another(
    command: list[str], end: str, invoke: Invoke, opened: Store, tmp_path: Path
) -> None:
    target = companion(opened.path, end)
    target.touch()
    (tmp_path / "lines.jsonl").write_text("{}\n")
    before = sorted(tmp_path.iterdir()), target.read_bytes()
    done = invoke(*command, "--db", target.name)
    assert done.exit_code == 1
    assert "belongs to the database" in done.output or f"{target.name} is empty" in done.output
    assert (sorted(tmp_path.iterdir()), target.read_bytes()) == before


def test_no_database_is_made_of_output_that_is_being_written(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "copy.db", replace=False) as partial:
        partial.touch()
        with pytest.raises(Conflict, match="unfinished"):
            Store.open(partial)
        assert partial.read_bytes() == b""


def test_lines_are_not_appended_to_a_file_of_the_database(opened: Store, tmp_path: Path) -> None:
    lock = companion(opened.path, ".leader")
    environment = {**os.environ, "OMOIDE_DB": str(opened.path)}
    before = lock.read_bytes()
    with lock.open("ab") as out:
        command = [str(COMMAND), "export", "w", "-"]
        done = subprocess.run(command, env=environment, stdout=out, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, "belongs to the database" in done.stderr) == (1, True)
    assert lock.read_bytes() == before


def test_a_database_by_a_symbolic_link_has_its_locks_next_to_the_file(invoke: Invoke, opened: Store) -> None:
    folder = opened.path.parent / "elsewhere"
    folder.mkdir()
    link = folder / "omoide.db"
    link.symlink_to(opened.path)
    assert Settings.model_validate({"db": link}).db == opened.path
    copy = folder / "copy.db"
    assert invoke("backup", copy, "--db", link).exit_code == 0
    assert "is in use" in invoke("restore", copy, "--db", link).output
    opened.close()
    assert "is in use" in invoke("restore", copy, "--db", link).output, "the leader is left"
    assert sorted(each.name for each in folder.iterdir()) == ["copy.db", "omoide.db"]
    assert link.is_symlink()


def test_output_replaces_a_symbolic_link_and_never_what_it_leads_to(invoke: Invoke, tmp_path: Path) -> None:
    Store.open(tmp_path / "omoide.db").close()
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "link").symlink_to("precious")
    assert invoke("backup", "link").exit_code == 1
    assert invoke("backup", "link", "--force").exit_code == 0
    assert (tmp_path / "precious").read_text() == "mine"
    assert backup.check(tmp_path / "link").is_current


@pytest.mark.parametrize(
    "name", ["copy.of.partial.db", "copy.tuesday.partial", "copy.x.1.partial", "copy.1.partial.gz"]
)
def test_only_what_this_program_left_unfinished_is_removed(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("mine")
    with atomic_write(tmp_path / "copy", replace=False) as partial:
        partial.write_text("whole")
    assert (tmp_path / name).read_text() == "mine"
