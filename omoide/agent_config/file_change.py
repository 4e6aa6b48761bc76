"""A change of one file: shown as a diff, then written atomically, with a record of what it had to create."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from omoide.agent_config.errors import InvalidFile
from omoide.agent_config.shown_diff import shown_diff
from omoide.core.atomic_write import atomic_write
from omoide.core.errors import Conflict
from omoide.core.lazy_import import lazy_import

with lazy_import("platformdirs"):
    import platformdirs

MOST_BYTES = 50_000_000


@dataclass(slots=True)
class Created:
    """What an installation created in a file: all of it (`before` is what it was, if not absent), and objects."""

    is_file: bool = False
    before: str | None = None
    containers: list[tuple[str, ...]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class FileChange:
    """The text of a file before and after; None if it does not exist. `path` is free of symbolic links.

    `created` is the record to keep.
    """

    path: Path
    before: str | None
    after: str | None
    created: Created

    @property
    def is_empty(self) -> bool:
        return self.before == self.after

    def diff(self, own: Collection[str]) -> str:
        """What is shown of the change; the texts in `own` as they are."""
        return shown_diff(str(self.path), self.before, self.after, own)

    def check_writable(self) -> None:
        """Raise Conflict if another program has changed the file meanwhile, and OSError if it is read-only."""
        if read_text(self.path) != self.before:
            raise Conflict(f"{self.path} was changed meanwhile: repeat the command")
        places = [each for each in (self.path, self.path.parent) if each.exists()]
        if not all(each.stat().st_mode & 0o222 and os.access(each, os.W_OK) for each in places):
            raise PermissionError(errno.EACCES, "the file is read-only. Nothing was changed.", str(self.path))

    def write(self, *, is_private: bool) -> None:
        """Write or delete the file, which was checked. Raises OSError."""
        if self.after is None:
            self.path.unlink()
        else:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(self.path, replace=True) as partial:
                partial.touch(mode=0o600)
                partial.write_bytes(self.after.encode("utf-8", "surrogatepass"))
                _copy_owner(self.path, partial, is_private=is_private)
        _remember(self.path, self.created)


def read_text(path: Path) -> str | None:
    """The text of a file, None if it does not exist. Raises InvalidFile if it is not text, Conflict and OSError."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise Conflict(f"{path} is not a regular file. Nothing was changed.")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return None
    if len(content) > MOST_BYTES:
        raise InvalidFile("the file is too long to be a configuration")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InvalidFile(f"line {line} is not UTF-8") from error


def created_in(path: Path) -> Created:
    """What an earlier installation created in a file."""
    record = _records().get(str(path))
    if not isinstance(record, dict):
        return Created()
    before, containers = record.get("before"), record.get("containers")
    return Created(
        record.get("file") is True,
        before if isinstance(before, str) else None,
        [tuple(map(str, each)) for each in containers or [] if isinstance(each, list)],
    )


def _remember(path: Path, created: Created) -> None:
    """Keep the record for `created_in`. Without it, empty objects stay in files; so failures are ignored."""
    records = _records()
    if created == Created():
        if records.pop(str(path), None) is None:
            return
    else:
        records[str(path)] = {"file": created.is_file, "before": created.before, "containers": created.containers}
    with contextlib.suppress(OSError, Conflict):
        file = _records_file()
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with atomic_write(file, replace=True) as partial:
            partial.write_text(json.dumps(records, indent=1))


def _records() -> dict[str, object]:
    try:
        records = json.loads(_records_file().read_bytes())
    except (OSError, ValueError):
        return {}
    return records if isinstance(records, dict) else {}


def _records_file() -> Path:
    return platformdirs.user_state_path("omoide", appauthor=False) / "installed.json"


def _copy_owner(path: Path, partial: Path, *, is_private: bool) -> None:
    """Give a new file the mode and owner of the one that it replaces."""
    try:
        status = path.stat()
    except FileNotFoundError:
        if not is_private:
            mask = os.umask(0)
            os.umask(mask)
            partial.chmod(0o666 & ~mask)
        return
    partial.chmod(status.st_mode & 0o7777)
    if hasattr(os, "chown") and (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
        with contextlib.suppress(PermissionError):
            os.chown(partial, status.st_uid, status.st_gid)
