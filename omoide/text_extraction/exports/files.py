"""The files of an export: in a folder, in a ZIP archive, or one file."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePath, PurePosixPath
from typing import IO, Any, NamedTuple

from omoide.core.errors import Unprocessable
from omoide.text_extraction import charsets
from omoide.text_extraction.exports.conversation import NotSuchExport, Report


class ExportFile(NamedTuple):
    name: PurePosixPath
    """Its path in the export, below the name of the folder or archive."""
    open: Callable[[], IO[bytes]]
    modified: int | None
    """When it was last changed, in microseconds since 1970; local times count as UTC."""

    def read(self) -> bytes:
        with self.open() as file:
            return file.read()


_ZIP = ".zip"

DAMAGED = (ValueError, RecursionError, RuntimeError, zipfile.BadZipFile, zlib.error, EOFError, Unprocessable)
"""What reading a damaged, an encrypted or a truncated file raises, or one that is no text."""


def files(path: Path, endings: tuple[str, ...]) -> list[ExportFile]:
    """The files with these endings, or all if there are none, by name; a file that is given itself may have any.

    Raises NotSuchExport for a damaged archive.
    """
    if path.is_dir():
        inner = sorted(each for each in path.rglob("*") if each.is_file())
        return [file for each in inner for file in _inner(path, each, endings)]
    if zipfile.is_zipfile(path) or path.suffix.lower() == _ZIP:
        try:
            return _archived(path, endings)
        except DAMAGED:
            raise NotSuchExport(f"{path} is a damaged archive: download or copy it again") from None
    return [_plain(PurePosixPath(path.name), path)]


def _inner(folder: Path, path: Path, endings: tuple[str, ...]) -> list[ExportFile]:
    """A file of a folder, or the files of an archive in it, if endings say which."""
    name = PurePosixPath(folder.name, *path.relative_to(folder).parts)
    if endings and path.suffix.lower() == _ZIP:
        try:
            return [each._replace(name=name.parent / each.name) for each in _archived(path, endings)]
        except DAMAGED:
            return [ExportFile(name, _refuse, None)]
    return [_plain(name, path)] if _ends(path, endings) else []


def _refuse() -> IO[bytes]:
    raise zipfile.BadZipFile("the archive is damaged")


def _archived(path: Path, endings: tuple[str, ...]) -> list[ExportFile]:
    archive = zipfile.ZipFile(path)
    packed = sorted(archive.infolist(), key=lambda each: each.filename)
    return [
        _packed(path.stem, archive, each)
        for each in packed
        if not each.is_dir() and _ends(PurePosixPath(each.filename), endings)
    ]


def _ends(path: PurePath, endings: tuple[str, ...]) -> bool:
    return not endings or path.suffix.lower() in endings


def visible(found: Iterable[ExportFile]) -> Iterator[ExportFile]:
    """The files that are not in hidden folders, or hidden."""
    return (each for each in found if not any(part.startswith((".", "__MACOSX")) for part in each.name.parts[1:]))


def contents(found: Iterable[ExportFile], report: Report) -> Iterator[tuple[PurePosixPath, Any]]:
    """The parsed JSON, or the text, of each visible file."""
    for file in visible(found):
        try:
            data = file.read()
            is_text = file.name.suffix == ".txt"
            yield file.name, charsets.decode(data, None) if is_text else json.loads(data.decode("utf-8-sig"))
        except DAMAGED:
            report.unreadable.append(str(file.name))


def _plain(name: PurePosixPath, path: Path) -> ExportFile:
    return ExportFile(name, lambda: path.open("rb"), int(path.stat().st_mtime * 1e6))


def _packed(folder: str, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> ExportFile:
    def opened() -> IO[bytes]:
        try:
            return io.BufferedReader(archive.open(info))  # type: ignore[type-var]  # typed as IO, not as raw
        except OSError as error:  # an offset that no file has
            raise zipfile.BadZipFile(str(error)) from error

    try:
        modified = int(datetime(*info.date_time, tzinfo=UTC).timestamp() * 1e6)
    except ValueError:
        modified = None
    return ExportFile(PurePosixPath(folder, info.filename), opened, modified)
