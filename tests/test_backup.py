"""`omoide backup`, `omoide restore` and `omoide check`: whole copies, taken and put back, and what is wrong named."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import sqlite_utils
from click.testing import CliRunner, Result

from omoide.cli.main import main
from omoide.core.atomic_write import atomic_write
from omoide.core.errors import Conflict, OmoideError
from omoide.storage.sqlite import backup
from omoide.storage.sqlite.engine import Store
from omoide.storage.sqlite.leader_lock import LeaderLock
from omoide.storage.sqlite.migrations import migrations
from tests import sql
from tests.handlers.workspace import WorkspaceClient
from tests.server_process import Server

Invoke = Callable[..., Result]


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """The command line within this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(main, [str(each) for each in arguments])


class AddingThread(threading.Thread):
    """Adds messages until it is told to stop, and knows which of them were acknowledged."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.acknowledged = 0
        self.begun = threading.Event()
        self.told_to_stop = threading.Event()

    def run(self) -> None:
        with httpx.Client(base_url=self.url, timeout=60) as http:
            place = WorkspaceClient(http, "w")
            while not self.told_to_stop.is_set():
                self.acknowledged += len(place.say("s", *[f"Number {self.acknowledged + n}." for n in range(10)]))
                self.begun.set()


def contents(path: Path) -> list[str]:
    with sqlite3.connect(f"file:{path}?immutable=1", uri=True) as db:
        found = sql.column(db, "SELECT content FROM messages ORDER BY seq")
    db.close()
    return found


def files(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_a_backup_is_taken_while_the_server_writes_and_restored_once_it_has_stopped(
    invoke: Invoke, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    server = Server(home / "omoide.db", debounce_seconds="3600")
    writer = AddingThread(server.url)
    writer.start()
    writer.begun.wait()
    before = writer.acknowledged
    done = invoke("backup", "copy.db", "--db", server.db)
    refused = invoke("restore", "copy.db", "--db", server.db)
    after = writer.acknowledged + 10
    writer.told_to_stop.set()
    writer.join()
    assert done.exit_code == 0, done.output
    assert done.output.startswith(f"Backed up {server.db} to copy.db: ")
    assert files(tmp_path) == ["copy.db", "home"], "one file, and no journal beside it"
    said = contents(tmp_path / "copy.db")
    assert said == [f"Number {n}." for n in range(len(said))]
    assert before <= len(said) <= after
    assert (refused.exit_code, refused.output) == (
        1,
        f"Error: {server.db} is in use: stop the server and its workers first\n",
    )
    server.kill()  # so that it leaves a journal, of which nothing may get into the backup
    assert "omoide.db-wal" in files(home)
    restored = invoke("restore", "copy.db", "--db", server.db)
    assert restored.exit_code == 0, restored.output
    assert not [name for name in files(home) if name.endswith(("-wal", "-shm", ".partial"))]
    (former,) = home.glob("omoide.db.before-*")
    assert str(former) in restored.output
    assert len(contents(former)) == writer.acknowledged, "what was there is kept, its journal taken in"
    server.start()
    with server.client() as http:
        assert WorkspaceClient(http, "w").say("s", "Once more.")
        assert http.post("/v3/workspaces/w/sessions/s/messages/list", json={}).json()["total"] == len(said) + 1
    assert server.stop() == -signal.SIGTERM
    assert invoke("check", "--db", server.db).exit_code == 0


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "omoide.db"
    Store.open(path).close()
    return path


def test_a_backup_replaces_no_file_unless_told_to(invoke: Invoke, database: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_text("mine")
    done = invoke("backup", "copy.db")
    assert (done.exit_code, done.output) == (1, "Error: copy.db already exists: use --force to replace it\n")
    assert (tmp_path / "copy.db").read_text() == "mine"
    assert invoke("backup", "copy.db", "--force").exit_code == 0
    assert backup.check(tmp_path / "copy.db").is_current
    assert "is the database itself" in invoke("backup", "omoide.db", "--force").output
    assert "is the database itself" in invoke("restore", "omoide.db").output


def test_copies_are_for_those_who_could_read_what_was_copied(invoke: Invoke, database: Path, tmp_path: Path) -> None:
    database.chmod(0o640)
    assert invoke("backup", "copy.db").exit_code == 0
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o640
    (tmp_path / "copy.db").chmod(0o600)
    assert invoke("restore", "copy.db").exit_code == 0
    assert database.stat().st_mode & 0o777 == 0o640


def test_a_backup_that_is_interrupted_leaves_everything_as_it_was(database: Path, tmp_path: Path) -> None:
    class StopCopying(Exception):
        pass

    def shown(done: int, of: int) -> None:
        raise StopCopying

    copy = tmp_path / "copy.db"
    before = files(tmp_path)
    with pytest.raises(StopCopying):
        backup.back_up(database, copy, replace=False, busy_timeout=0, shown=shown)
    assert files(tmp_path) == before
    copy.write_text("the one of yesterday")
    with pytest.raises(StopCopying):
        backup.back_up(database, copy, replace=True, busy_timeout=0, shown=shown)
    assert copy.read_text() == "the one of yesterday"
    with pytest.raises(StopCopying):
        backup.restore(_backup_of(database, tmp_path), database, former=None, shown=shown)
    assert backup.check(database).is_current


def _backup_of(database: Path, folder: Path) -> Path:
    copy = folder / "backup.db"
    backup.back_up(database, copy, replace=True, busy_timeout=0, shown=lambda *_: None)
    return copy


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_makes_is_not(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        with atomic_write(tmp_path / "a", replace=False) as partial:
            partial.write_text("half")
            Path(f"{partial}-journal").write_text("of what is half done")
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    left = [*tmp_path.iterdir()]
    assert len(left) == 2
    alive = tmp_path / f"a.{os.getppid()}.partial"
    alive.write_text("somebody else's")
    with atomic_write(tmp_path / "a", replace=False) as partial:
        partial.write_text("whole")
        assert not any(each.exists() for each in left)
    assert files(tmp_path) == ["a", alive.name]
    assert (tmp_path / "a").read_text() == "whole"


def test_what_was_left_under_the_number_of_this_very_process_is_removed(tmp_path: Path) -> None:
    for end in ("", "-journal"):
        (tmp_path / f"a.{os.getpid()}.partial{end}").write_text("left by a container that was killed")
    with atomic_write(tmp_path / "a", replace=False) as partial:
        assert files(tmp_path) == []
        partial.write_text("whole")
    assert files(tmp_path) == ["a"]


@pytest.mark.parametrize("end", ["-wal", "-journal"])
def test_no_copy_is_put_beside_a_journal_that_would_spoil_it(
    end: str, invoke: Invoke, database: Path, tmp_path: Path
) -> None:
    copy = _backup_of(database, tmp_path)
    before = copy.read_bytes()
    Path(f"{copy}{end}").write_text("what a program left that worked on the copy")
    refused = invoke("backup", copy.name, "--force")
    assert refused.exit_code == 1
    assert f"{copy.name}{end} exists" in refused.output
    assert copy.read_bytes() == before
    copy.unlink()
    assert invoke("backup", copy.name).exit_code == 1
    assert not copy.exists()


def test_no_copy_is_put_beside_a_journal_that_came_meanwhile(database: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"

    def shown(done: int, of: int) -> None:
        Path(f"{copy}-wal").touch()

    with pytest.raises(Conflict, match=r"copy\.db-wal exists"):
        backup.back_up(database, copy, replace=False, busy_timeout=0, shown=shown)
    assert not copy.exists()


def test_a_file_that_came_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    def make() -> None:
        with atomic_write(tmp_path / "a", replace=False) as partial:
            partial.write_text("ours")
            (tmp_path / "a").write_text("theirs")

    with pytest.raises(Conflict):
        make()
    assert (tmp_path / "a").read_text() == "theirs"


def test_what_is_no_file_is_never_replaced(invoke: Invoke, database: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link"):
        done = invoke("backup", name, "--db", database, "--force")
        assert (done.exit_code, done.output) == (1, f"Error: {name} exists and is not a regular file\n")
        assert (tmp_path / name).is_fifo()


def test_a_folder_that_is_not_there_is_named(invoke: Invoke, database: Path) -> None:
    copy = invoke("backup", "nowhere/copy.db", "--db", database)
    back = invoke("restore", database, "--db", "nowhere/omoide.db")
    assert (copy.exit_code, copy.output) == (1, "Error: nowhere: no such directory\n")
    assert (back.exit_code, back.output) == (1, "Error: There is no folder nowhere\n")


def test_what_makes_a_database_unfit_for_a_backup_is_said_of_it_and_not_of_the_copy(
    invoke: Invoke, database: Path
) -> None:
    with sql.opened(database) as db:
        sql.change(db, "INSERT INTO _sqlite_migrations (migration_set, name) VALUES ('omoide', 'm9999_later')")
    done = invoke("backup", "copy.db", "--db", database)
    assert (done.exit_code, done.output) == (1, f"Error: {database} was made by a newer version of Omoide\n")


def _damage(path: Path) -> None:
    """Overwrite what lies in the middle of the file."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.write(random.Random(3).randbytes(size // 4))


def _newer(path: Path) -> None:
    db = sqlite_utils.Database(str(path))
    db.execute("UPDATE _sqlite_migrations SET name = 'm9999_of_tomorrow' WHERE name LIKE 'm0003%'")
    db.conn.commit()
    db.close()


def _foreign(path: Path) -> None:
    path.unlink()
    db = sqlite_utils.Database(str(path))
    db.execute("CREATE TABLE cakes (name TEXT)")
    db.close()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_damage, "is damaged: "),
        (_newer, "was made by a newer version of Omoide"),
        (_foreign, "is a database, but not one of Omoide's"),
        (lambda path: path.write_bytes(b"no database at all " * 99), "Cannot read the database backup.db"),
        (Path.unlink, "There is no database backup.db"),
    ],
)
def test_a_backup_that_is_not_fit_is_refused_and_nothing_changes(
    spoil: Callable[[Path], object], said: str, invoke: Invoke, database: Path, tmp_path: Path
) -> None:
    spoil(_backup_of(database, tmp_path))
    before = files(tmp_path), database.read_bytes()
    done = invoke("restore", "backup.db")
    assert done.exit_code == 1
    named, *counted = done.output.splitlines()
    assert said in named
    assert all(line.startswith("rows: 1 ") for line in counted), "the same, counted by rule"
    assert (files(tmp_path), database.read_bytes()) == before


def test_a_backup_replaces_a_damaged_database_whose_journal_is_kept_with_it(
    invoke: Invoke, database: Path, tmp_path: Path
) -> None:
    _backup_of(database, tmp_path)
    database.write_bytes(b"what a failing disk gives back" * 999)
    Path(f"{database}-wal").write_bytes(b"more of it")
    Path(f"{database}-shm").write_bytes(b"and more")
    assert invoke("restore", "backup.db").exit_code == 0
    (former,) = tmp_path.glob("omoide.db.before-*[0-9]")
    assert former.read_bytes().startswith(b"what a failing disk")
    assert Path(f"{former}-wal").read_bytes() == b"more of it"
    assert not Path(f"{database}-wal").exists()
    assert backup.check(database).is_current


def test_the_former_database_is_discarded_when_told_so_and_none_is_needed(
    invoke: Invoke, database: Path, tmp_path: Path
) -> None:
    _backup_of(database, tmp_path)
    assert invoke("restore", "backup.db", "--discard").exit_code == 0
    assert files(tmp_path) == ["backup.db", "omoide.db", "omoide.db.lock"]
    assert invoke("restore", "backup.db", "--db", "new.db").exit_code == 0
    assert not [*tmp_path.glob("new.db.before-*")]
    assert backup.check(tmp_path / "new.db").is_current


def test_a_backup_of_an_older_version_is_brought_up_to_date_at_the_next_start(invoke: Invoke, tmp_path: Path) -> None:
    old = sqlite_utils.Database(str(tmp_path / "old.db"))
    migrations.apply(old, stop_before="m0003_reasoning")
    old.close()
    done = invoke("restore", "old.db", "--db", "new.db")
    assert "It has schema 2 and will be migrated to " in done.output
    assert not backup.check(tmp_path / "new.db").is_current
    Store.open(tmp_path / "new.db").close()
    assert backup.check(tmp_path / "new.db").is_current


def test_a_restore_waits_for_nobody_who_has_the_database_open(invoke: Invoke, database: Path, tmp_path: Path) -> None:
    _backup_of(database, tmp_path)
    store = Store.open(database)  # idle, and yet it would go on writing to a file that nobody sees any more
    assert "is in use" in invoke("restore", "backup.db").output
    store.close()
    assert invoke("restore", "backup.db").exit_code == 0


def test_a_restore_waits_for_nobody_who_leads_even_where_no_database_is_left(
    invoke: Invoke, database: Path, tmp_path: Path
) -> None:
    _backup_of(database, tmp_path)
    database.write_bytes(b"what a failing disk gives back" * 999)
    leader = LeaderLock(database)
    assert leader.take()
    assert "is in use" in invoke("restore", "backup.db").output
    leader.close()
    assert invoke("restore", "backup.db").exit_code == 0


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (
            "INSERT INTO peers VALUES (7, 99, 'p', '000000000000000000000', '{}', '{}', 1, 'peer')",
            "reference: row 7 of peers refers to row 99 of workspaces (workspace), which does not exist",
        ),
        (
            "INSERT INTO message_words (rowid, place, text) VALUES (5, 'w1', 'x')",
            "words: row 5 of messages is indexed but does not exist",
        ),
        (
            "INSERT INTO conclusion_words (rowid, text) VALUES (5, 'x')",
            "words: row 5 of conclusions is indexed but does not exist",
        ),
        ("INSERT INTO conclusion_vectors VALUES (5, x'00')", "reference: row 5 of conclusion_vectors refers to"),
        (
            "UPDATE _sqlite_migrations SET name = 'm9' WHERE name LIKE 'm0003%'",
            "this database was written by a newer version of Omoide",
        ),
    ],
)
def test_a_check_names_what_is_wrong_and_ends_with_1(damage: str, said: str, invoke: Invoke, database: Path) -> None:
    assert invoke("check").output.startswith("omoide.db is sound: ")
    with sql.opened(database) as db:
        sql.change(db, damage)
    done = invoke("check")
    assert done.exit_code == 1
    named, *counted = done.output.splitlines()
    assert said in named
    assert all(line.startswith("rows: 1 ") for line in counted), "the same, counted by rule"


def test_a_check_sees_damage_of_the_file_itself(invoke: Invoke, database: Path) -> None:
    _damage(database)
    done = invoke("check")
    assert done.exit_code == 1
    assert done.output.startswith("structure: ")
    assert "Traceback" not in done.output


def test_a_disk_that_is_full_leaves_no_half_backup(database: Path, tmp_path: Path) -> None:
    full = Path("/dev/full/copy.db")
    with pytest.raises((OmoideError, OSError)):
        backup.back_up(database, full, replace=False, busy_timeout=0, shown=lambda *_: None)
