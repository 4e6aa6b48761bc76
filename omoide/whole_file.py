"""A file that appears whole or not at all, however its making ends.

It is made beside its place, under another name, brought to the disk, and only then put there. What a process that was
killed left behind is removed by the next that makes the same file.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

from omoide.errors import Conflict

_PARTIAL = re.compile(r"(?P<name>.+)\.(?P<process>[0-9]{1,10})\.partial(-journal|-wal|-shm)?", re.DOTALL)


@contextlib.contextmanager
def whole_file(path: Path, *, replace: bool) -> Iterator[Path]:
    """Where to make the file that is to stand at `path` once the block has ended well; there is nothing there yet.

    Raises Conflict if there is a file already, unless it is to be replaced, or what is no file (a device, a pipe), and
    OSError where none can be made.
    """
    if path.exists() and not path.is_file():
        raise Conflict(f"{path} is there already, and is no file")
    if not replace and os.path.lexists(path):
        raise _taken(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no such folder", str(path.parent))
    for left in path.parent.glob(f"{_escaped(path.name)}.*.partial*"):  # a database's journal too
        found = _PARTIAL.fullmatch(left.name)
        if found and found["name"] == path.name and not _is_running(int(found["process"])):
            left.unlink(missing_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        flush(partial)
        if replace:
            partial.replace(path)
        else:
            _put(partial, path)
        flush(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def is_partial(path: Path) -> bool:
    """Whether this is the name of a file that is not finished yet, or was left unfinished."""
    return _PARTIAL.fullmatch(path.name) is not None


def flush(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _put(partial: Path, path: Path) -> None:
    """Give the file its name, unless another has come to bear it meanwhile."""
    try:
        os.link(partial, path)
    except FileExistsError:
        raise _taken(path) from None
    except OSError:  # a file system without links
        partial.replace(path)


def _is_running(process: int) -> bool:
    if process == os.getpid():  # in a container, where every run may have the same number
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


def _taken(path: Path) -> Conflict:
    return Conflict(f"{path} is there already: --force replaces it")
