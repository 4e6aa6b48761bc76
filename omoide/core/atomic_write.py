"""Atomic creation of files and folders: each appears complete or not at all.

It is written to a temporary file in the same directory, synced, and then renamed. Temporary files of killed processes
are removed by the next process that writes the same file.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from omoide.core.errors import Conflict

_PARTIAL = re.compile(r"(?P<name>.+)\.(?P<process>[0-9]{1,10})\.partial(-journal|-wal|-shm)?", re.DOTALL)


@contextlib.contextmanager
def atomic_write(path: Path, *, replace: bool) -> Iterator[Path]:
    """Yield the path of a temporary file, not yet created, which becomes `path` if the block succeeds.

    Raises Conflict if `path` exists and is not to be replaced, or is not a regular file (a device, a pipe), and OSError
    if the file cannot be created.
    """
    if path.exists() and not path.is_file():
        raise Conflict(f"{path} exists and is not a regular file")
    if not replace and os.path.lexists(path):
        raise _exists_error(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such directory", str(path.parent))
    for stale in path.parent.glob(f"{_escaped(path.name)}.*.partial*"):  # a database's journal too
        match = _PARTIAL.fullmatch(stale.name)
        if match and match["name"] == path.name and not _is_running(int(match["process"])):
            stale.unlink(missing_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        fsync(partial)
        if replace:
            partial.replace(path)
        else:
            _publish(partial, path)
        fsync(path.parent)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: Path, *, may_replace: Callable[[Path], bool]) -> Iterator[Path]:
    """Yield a new temporary folder beside `path`, which becomes `path` if the block succeeds.

    An empty folder is replaced, any other only if `may_replace` it; else Conflict is raised. One that is replaced is
    moved aside before, and moved back if the process is killed in between and the command is repeated.
    """
    partial, aside = _beside(path, "partial"), _beside(path, "replaced")
    _recover(path)
    _refuse_folder(path, may_replace)
    partial.mkdir()
    try:
        yield partial
        _refuse_folder(path, may_replace)  # again: time has passed
        if path.exists():
            path.rename(aside)
        partial.rename(path)
        fsync(path.parent)
        shutil.rmtree(aside, ignore_errors=True)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        if aside.exists() and not path.exists():
            aside.rename(path)


def _beside(path: Path, end: str) -> Path:
    return path.with_name(f"{path.name}.{os.getpid()}.{end}")


def _recover(path: Path) -> None:
    """Remove what killed processes left, and move back a folder that one had moved aside."""
    for left in [
        *path.parent.glob(f"{_escaped(path.name)}.*.replaced"),
        *path.parent.glob(f"{_escaped(path.name)}.*.partial"),
    ]:
        number, end = left.name.removeprefix(f"{path.name}.").split(".", 1)
        if not number.isdecimal() or _is_running(int(number)) or not left.is_dir():
            continue
        if end == "replaced" and not path.exists():
            left.rename(path)
        else:
            shutil.rmtree(left)


def _refuse_folder(path: Path, may_replace: Callable[[Path], bool]) -> None:
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise Conflict(f"{path} exists and is not a folder")
    if path.exists() and any(path.iterdir()) and not may_replace(path):
        raise Conflict(f"{path} is not empty: --force replaces what an earlier export wrote, and nothing else")


def is_partial(path: Path) -> bool:
    """Whether this is the name of a temporary file, in use or left over."""
    return _PARTIAL.fullmatch(path.name) is not None


def fsync(path: Path) -> None:
    """Sync a file or directory to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _publish(partial: Path, path: Path) -> None:
    """Rename the temporary file without replacing one created meanwhile. Raises Conflict."""
    try:
        os.link(partial, path)
    except FileExistsError:
        raise _exists_error(path) from None
    except OSError:  # a file system without hard links
        partial.replace(path)


def _is_running(process: int) -> bool:
    if process == os.getpid():  # in a container, every run may have the same pid
        return False
    try:
        os.kill(process, 0)
    except (OverflowError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


def _escaped(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _exists_error(path: Path) -> Conflict:
    return Conflict(f"{path} already exists: use --force to replace it")
