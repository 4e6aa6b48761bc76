"""The files of an export: in a folder, in a ZIP archive, or one file."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePath, PurePosixPath
from typing import IO, Any, NamedTuple

from omoide.text_extraction import charsets
from omoide.text_extraction.exports.conversation import Report


class ExportFile(NamedTuple):
    name: PurePosixPath
    """Its path in the export, below the name of the folder or archive."""
    open: Callable[[], IO[bytes]]
    modified: int | None
    """When it was last changed, in microseconds since 1970; local times count as UTC."""

    def read(self) -> bytes:
        with self.open() as file:
            return file.read()


DAMAGED = (ValueError, RecursionError, RuntimeError, zipfile.BadZipFile, EOFError)
"""What reading a damaged, an encrypted or a truncated file raises."""


def files(path: Path, endings: tuple[str, ...]) -> list[ExportFile]:
    """The files with these endings, or all if there are none, by name; a file that is given itself may have any."""
    if path.is_dir():
        inner = sorted(each for each in path.rglob("*") if _ends(each, endings) and each.is_file())
        return [_plain(PurePosixPath(path.name, *each.relative_to(path).parts), each) for each in inner]
    if zipfile.is_zipfile(path):
        archive = zipfile.ZipFile(path)
        packed = sorted(archive.infolist(), key=lambda each: each.filename)
        return [
            _packed(path.stem, archive, each)
            for each in packed
            if not each.is_dir() and _ends(PurePosixPath(each.filename), endings)
        ]
    return [_plain(PurePosixPath(path.name), path)]


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
        return io.BufferedReader(archive.open(info))  # type: ignore[type-var]  # typed as IO, not as raw

    try:
        modified = int(datetime(*info.date_time, tzinfo=UTC).timestamp() * 1e6)
    except ValueError:
        modified = None
    return ExportFile(PurePosixPath(folder, info.filename), opened, modified)
