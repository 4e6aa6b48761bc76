"""Overwrite the free space inside a database file, which SQLite never reads.

`PRAGMA secure_delete` zeroes cells and pages when they are freed. It does not zero the copies of cells that remain in
the unallocated part of a page when SQLite rebuilds that page, nor space that was freed before the pragma was set. This
module parses the pages of the file (https://www.sqlite.org/fileformat2.html) and zeroes free pages, the unused tails of
freelist trunk pages, free blocks, and the gap between a page's cell pointers and its cells.

The caller must make sure that no other process writes to the file meanwhile. Readers may continue: only bytes without
content change.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from struct import unpack_from

from omoide.core.errors import Unavailable

MAGIC = b"SQLite format 3\0"
"""The first bytes of every SQLite database."""

POINTERS = {0x02: 12, 0x05: 12, 0x0A: 8, 0x0D: 8}
"""First byte of a b-tree page (index or table, interior or leaf) → offset of its cell pointers."""

MOST_PAGES = 0x02000000 - 1
"""With more pages (128 GiB at 4 KiB), an overflow page could begin with the type byte of a b-tree page."""

PAGES_AT_A_TIME = 2_048
"""Pages that one call of `overwrite` processes, in about ten milliseconds."""

FREE_BLOCK = 4
"""Bytes of the header of a free block, which is also its minimum size."""

Span = tuple[int, int]
"""Start and end of a range of bytes in a page."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The relevant values of the file header."""

    page_size: int
    usable: int
    """Page size without the reserved bytes at the end."""
    pages: int
    first_trunk: int
    """The first freelist trunk page; 0 if there is none."""


def layout(file: int) -> Layout:
    """Read the header. Raises Unavailable for a file that is not supported."""
    header = os.pread(file, 100, 0)
    if not header.startswith(MAGIC):
        raise Unavailable("Cannot overwrite free space: not an SQLite database")
    size = int.from_bytes(header[16:18], "big")
    page_size = 65_536 if size == 1 else size
    pages, first_trunk = unpack_from(">II", header, 28)
    vacuums_itself = header[52:56] != b"\0\0\0\0"
    if vacuums_itself or pages > MOST_PAGES or pages * page_size > os.fstat(file).st_size:
        raise Unavailable("Cannot overwrite free space: the layout of the file is not supported")
    return Layout(page_size, page_size - header[20], pages, first_trunk)


@dataclass(frozen=True, slots=True)
class OverwriteProgress:
    """The result of one call of `overwrite`."""

    following: int | None
    """The next page to process; None after the last one."""
    overwritten: int
    """Number of byte ranges that were not zero."""


def overwrite(file: int, first: int, count: int) -> OverwriteProgress:
    """Overwrite the free space of up to `count` pages, from the page `first` on (the first one is 1).

    Raises Unavailable as `layout` does, and OSError.
    """
    of_file = layout(file)
    size = of_file.page_size
    last = min(first + count - 1, of_file.pages)
    free = _free_spans(file, of_file)
    pages = os.pread(file, (last - first + 1) * size, (first - 1) * size)
    zeros = bytes(size)
    overwritten = 0
    for number in range(first, last + 1):
        page = pages[(number - first) * size : (number - first + 1) * size]
        spans = [free[number]] if number in free else _unallocated(page, 100 if number == 1 else 0, of_file.usable)
        for begin, end in spans:
            if page[begin:end] != zeros[: end - begin]:
                os.pwrite(file, zeros[: end - begin], (number - 1) * size + begin)
                overwritten += 1
    return OverwriteProgress(last + 1 if last < of_file.pages else None, overwritten)


def overwrite_all(path: Path) -> None:
    """Overwrite the free space of a database that no process has open, without a journal.

    Raises as `overwrite` does.
    """
    file = os.open(path, os.O_RDWR)
    try:
        following: int | None = 1
        while following is not None:
            following = overwrite(file, following, PAGES_AT_A_TIME).following
    finally:
        os.close(file)


def _free_spans(file: int, of_file: Layout) -> dict[int, Span]:
    """Number of each free page → its unused range."""
    found: dict[int, Span] = {}
    trunk = of_file.first_trunk
    while trunk and trunk not in found and trunk <= of_file.pages:
        page = os.pread(file, of_file.page_size, (trunk - 1) * of_file.page_size)
        following, count = unpack_from(">II", page)
        if 8 + 4 * count > of_file.usable:
            raise Unavailable("Cannot overwrite free space: the list of free pages is damaged")
        found[trunk] = (8 + 4 * count, of_file.usable)
        found.update(dict.fromkeys(unpack_from(f">{count}I", page, 8), (0, of_file.usable)))
        trunk = following
    return found


def _unallocated(page: bytes, header: int, usable: int) -> Iterator[Span]:
    """The gap and the free blocks of a b-tree page; nothing for other and for inconsistent pages."""
    pointers = POINTERS.get(page[header])
    if pointers is None:
        return
    block, cells, content = unpack_from(">HHH", page, header + 1)
    content = content or 65_536
    gap = header + pointers + 2 * cells
    if not gap <= content <= usable:
        return
    yield gap, content
    reached = content
    while block:
        if not reached <= block <= usable - FREE_BLOCK:
            return
        following, size = unpack_from(">HH", page, block)
        if size < FREE_BLOCK or block + size > usable:
            return
        yield block + FREE_BLOCK, block + size
        reached, block = block + size, following
