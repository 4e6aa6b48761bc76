"""A removed or replaced database file takes no more writes, and no other file is damaged."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from omoide.core.errors import Unavailable
from omoide.storage.sqlite.engine import Store
from omoide.storage.sqlite.leader_lock import LeaderLock
from omoide.storage.sqlite.open_files import NO_INDEX, NO_LOG, REMOVED, REPLACED, identity
from tests.read_now import read_now
from tests.storage.row_factories import kinds, put
from tests.storage.thread_assertions import answering_nobody

Change = Callable[[Path], None]


@pytest.fixture(autouse=True, params=["that answers", "that only works"])
def process(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run every test in both kinds of process."""
    if request.param == "that only works":
        answering_nobody(monkeypatch)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder of the database."""
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    opened = Store.open(home / "omoide.db", busy_timeout=0.05)
    asyncio.run(opened.write(put, "before"))
    yield opened
    opened.close()


def away(path: Path) -> Path:
    return path.parent.parent / "away.db"


def move_away(path: Path) -> None:
    path.rename(away(path))


def put_copy_in_place(path: Path) -> None:
    shutil.copyfile(path, copy := path.with_name("copy"))
    path.rename(away(path))
    copy.rename(path)


def put_empty_file_in_place(path: Path) -> None:
    move_away(path)
    path.touch()


def put_folder_in_place(path: Path) -> None:
    move_away(path)
    path.mkdir()


def put_link_in_place(path: Path) -> None:
    move_away(path)
    path.symlink_to(away(path))


def rename_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("renamed"))


def end(suffix: str, change: Change) -> Change:
    return lambda path: change(Path(f"{path}{suffix}"))


def replace_with_empty_file(path: Path) -> None:
    path.unlink()
    path.touch()


CHANGES = [
    pytest.param(Path.unlink, REMOVED, id="removed"),
    pytest.param(move_away, REMOVED, id="moved"),
    pytest.param(rename_folder, REMOVED, id="folder renamed"),
    pytest.param(put_copy_in_place, REPLACED, id="copy"),
    pytest.param(put_empty_file_in_place, REPLACED, id="empty file"),
    pytest.param(put_folder_in_place, REPLACED, id="folder"),
    pytest.param(put_link_in_place, REPLACED, id="link"),
    pytest.param(end("-wal", Path.unlink), NO_LOG, id="log removed"),
    pytest.param(end("-wal", replace_with_empty_file), NO_LOG, id="log replaced"),
    pytest.param(end("-shm", Path.unlink), NO_INDEX, id="index removed"),
]


@pytest.mark.parametrize(("change", "reason"), CHANGES)
def test_writes_are_refused_once_the_file_is_displaced(change: Change, reason: str, store: Store) -> None:
    assert asyncio.run(store.read_offloaded(kinds)) == ["before"]
    change(store.path)
    for _ in range(2):
        with pytest.raises(Unavailable) as refusal:
            asyncio.run(store.write(put, "lost"))
        assert refusal.value.detail == reason
    assert not store.takes_writes
    assert read_now(store, kinds) == asyncio.run(store.read_offloaded(kinds)) == ["before"]


@pytest.mark.parametrize(("change", "reason"), CHANGES)
def test_displacement_is_detected_in_a_folder_unchanged_for_long(change: Change, reason: str, store: Store) -> None:
    os.utime(store.path.parent, (0, 0))
    for kind in ("first", "second"):  # the paths are not checked for the second
        asyncio.run(store.write(put, kind))
    change(store.path)
    with pytest.raises(Unavailable) as refusal:
        asyncio.run(store.write(put, "lost"))
    assert refusal.value.detail == reason


def put_back(path: Path) -> None:
    if path.is_dir():
        path.rmdir()
    away(path).replace(path)


@pytest.mark.parametrize("change", [move_away, put_copy_in_place, put_empty_file_in_place, put_folder_in_place])
def test_writes_resume_once_the_file_is_restored(change: Change, store: Store) -> None:
    change(store.path)
    with pytest.raises(Unavailable):
        asyncio.run(store.write(put, "refused"))
    put_back(store.path)
    asyncio.run(store.write(put, "after"))
    assert read_now(store, kinds) == ["before", "after"]


@pytest.mark.parametrize("is_noticed", [True, False])
def test_a_replacing_file_is_unchanged_and_the_original_is_complete(is_noticed: bool, home: Path) -> None:
    path = home / "omoide.db"
    store = Store.open(home / "omoide.db")
    asyncio.run(store.write(put, "in the file"))
    store.close()
    store = Store.open(path)
    asyncio.run(store.write(put, "in the log"))
    put_copy_in_place(path)
    replaced = path.read_bytes()
    if is_noticed:
        with pytest.raises(Unavailable):
            asyncio.run(store.write(put, "refused"))
    store.close()
    assert path.read_bytes() == replaced
    for file, found in ((path, ["in the file"]), (away(path), ["in the file", "in the log"])):
        again = Store.open(file)
        assert read_now(again, kinds) == found
        again.close()


def test_committed_data_is_kept_when_the_log_is_removed(home: Path) -> None:
    store = Store.open(home / "omoide.db")
    asyncio.run(store.write(put, "in the log"))
    Path(f"{store.path}-wal").unlink()
    with pytest.raises(Unavailable):
        asyncio.run(store.write(put, "refused"))
    saved = shutil.copyfile(store.path, home / "as a crash would leave it.db")
    store.close()
    for path in (saved, store.path):
        again = Store.open(path)
        assert read_now(again, kinds) == ["in the log"]
        asyncio.run(again.write(put, "after"))
        again.close()


@pytest.mark.parametrize("change", [move_away, put_copy_in_place, put_empty_file_in_place])
def test_no_process_opens_a_different_file_than_the_running_server(change: Change, store: Store) -> None:
    leader = LeaderLock(store.path)
    assert leader.take()
    Store.prepare(store.path)
    change(store.path)
    left = identity(store.path)
    with pytest.raises(Unavailable):
        Store.prepare(store.path)
    assert identity(store.path) == left
    leader.close()


def test_a_removed_log_is_not_recreated_while_a_server_uses_it(store: Store) -> None:
    leader = LeaderLock(store.path)
    assert leader.take()
    log = Path(f"{store.path}-wal")
    log.unlink()
    with pytest.raises(Unavailable, match="log of the database was removed"):
        Store.open(store.path)
    assert not log.exists()
    leader.close()


def test_a_database_behind_a_link_is_checked_at_both_ends(home: Path) -> None:
    real = home / "real.db"
    Store.prepare(real)
    (home / "omoide.db").symlink_to(real)
    store = Store.open(home / "omoide.db")
    asyncio.run(store.write(put, "it"))
    assert store.log.size() > 0
    Store.prepare(home / "other.db")
    (home / "omoide.db").unlink()
    (home / "omoide.db").symlink_to(home / "other.db")
    with pytest.raises(Unavailable, match="replaced"):
        asyncio.run(store.write(put, "refused"))
    store.close()


@pytest.mark.parametrize("change", [move_away, put_copy_in_place, put_empty_file_in_place])
def test_a_process_that_starts_later_opens_only_the_known_file(change: Change, home: Path) -> None:
    path = home / "omoide.db"
    known = Store.prepare(path)
    change(path)
    left = identity(path)
    with pytest.raises(Unavailable):
        Store.open(path, known=known)
    assert identity(path) == left
    assert not Path(f"{path}-wal").exists()
