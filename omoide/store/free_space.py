"""Overwriting the free space inside a database file: what SQLite holds outside of its rows, and never reads.

`PRAGMA secure_delete` zeroes cells and pages when they are freed. It does not zero the copies of cells that stay in the
unallocated part of a page when SQLite rebuilds that page, nor what was freed before the pragma was set. This module
reads the pages of the file itself (https://www.sqlite.org/fileformat2.html) and writes zeros over free pages, the tails
of the pages that list them, free blocks, and the gap between a page's cell pointers and its cells.

The caller makes sure that no other process writes to the file meanwhile. Readers need not stop: only bytes change that
hold no content.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from struct import unpack_from

from omoide.errors import Unavailable

MAGIC = b"SQLite format 3\0"
"""What every SQLite database begins with."""

POINTERS = {0x02: 12, 0x05: 12, 0x0A: 8, 0x0D: 8}
"""First byte of a b-tree page (index or table, interior or leaf) → where its cell pointers begin."""

MOST_PAGES = 0x02000000 - 1
"""With more pages (128 GiB of 4 KiB) an overflow page could begin with the byte of a b-tree page."""

PAGES_AT_A_TIME = 2_048
"""Pages that one call of `overwrite` looks through: some ten milliseconds."""

FREE_BLOCK = 4
"""Bytes of a free block that link it to the next; as many as its least size."""

Span = tuple[int, int]
"""Where a range of bytes begins in a page, and where it ends."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What the header of the file says."""

    page_size: int
    usable: int
    """Bytes of a page without those reserved at its end."""
    pages: int
    first_trunk: int
    """The page that begins the list of free pages; 0 if there is none."""


def layout(file: int) -> Layout:
    """Read the header. Raises Unavailable for a file that this module does not understand."""
    header = os.pread(file, 100, 0)
    if not header.startswith(MAGIC):
        raise Unavailable("Cannot overwrite free space: this is no SQLite database")
    size = int.from_bytes(header[16:18], "big")
    page_size = 65_536 if size == 1 else size
    pages, first_trunk = unpack_from(">II", header, 28)
    vacuums_itself = header[52:56] != b"\0\0\0\0"
    if vacuums_itself or pages > MOST_PAGES or pages * page_size > os.fstat(file).st_size:
        raise Unavailable("Cannot overwrite free space: the layout of the file is not known")
    return Layout(page_size, page_size - header[20], pages, first_trunk)


@dataclass(frozen=True, slots=True)
class Progress:
    """What one call of `overwrite` did."""

    following: int | None
    """The page to go on with; None after the last one."""
    overwritten: int
    """How many ranges of bytes held anything but zeros."""


def overwrite(file: int, first: int, count: int) -> Progress:
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
    return Progress(last + 1 if last < of_file.pages else None, overwritten)


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
    """Number of each free page → what of it holds nothing."""
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
    """The gap and the free blocks of a b-tree page; nothing of any other page, and of one that makes no sense."""
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
