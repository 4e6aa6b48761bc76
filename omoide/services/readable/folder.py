"""Write a workspace into a folder of Markdown pages."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from omoide.services.readable import pages
from omoide.services.readable.file_names import file_name
from omoide.storage.export.contents import WorkspaceContents

BUFFER_BYTES = 1 << 16


class PageCount(NamedTuple):
    peers: int
    sessions: int


def write(
    contents: WorkspaceContents, folder: Path, exported_at: int, assistants: Collection[str], done: Callable[[], None]
) -> PageCount:
    """Write all pages into an empty folder; `done` is called after each."""
    for name in (pages.PEERS, pages.SESSIONS):
        (folder / name).mkdir()
    peers = sessions = 0
    for peer in contents.peers():
        _page(folder / pages.PEERS / file_name(peer["id"]), pages.peer(contents, peer))
        peers += 1
        done()
    for session in contents.sessions():
        _page(folder / pages.SESSIONS / file_name(session["id"]), pages.session(contents, session, assistants))
        sessions += 1
        done()
    _page(folder / pages.INDEX, pages.index(contents, exported_at))
    return PageCount(peers, sessions)


def _page(path: Path, lines: Iterable[str]) -> None:
    with path.open("xb", BUFFER_BYTES) as file:
        for line in lines:
            file.write(f"{line}\n".encode())


def is_written(folder: Path) -> bool:
    """Whether the folder holds an export and nothing else, so that it may be replaced."""
    entries = {entry.name for entry in folder.iterdir()}
    if not entries <= {pages.INDEX, pages.PEERS, pages.SESSIONS} or pages.INDEX not in entries:
        return False
    with (folder / pages.INDEX).open("rb") as index:
        is_marked = index.readline(1_000).strip() == pages.MARK.encode()
    inner = [
        each for name in (pages.PEERS, pages.SESSIONS) if (folder / name).is_dir() for each in (folder / name).iterdir()
    ]
    return is_marked and all(each.is_file() and each.suffix == ".md" for each in inner)
