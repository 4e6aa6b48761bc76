"""Concurrent uploads: few are processed at a time, callers take turns, the others wait on disk."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from omoide.handlers import uploads as handler
from omoide.text_extraction import extractor
from tests.security.in_process import application


class Desk:
    """Blocks the reading of files until it is opened. `at_a_time` is the maximum concurrency seen."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.at_a_time = 0
        self.opened = threading.Event()
        self._busy = 0
        self._lock = threading.Lock()

    def pieces(self, data: bytes, *args: Any, **options: Any) -> list[extractor.Piece]:
        with self._lock:
            self.order.append(data.decode())
            self._busy += 1
            self.at_a_time = max(self.at_a_time, self._busy)
        self.opened.wait()
        try:
            return READ(data, *args, **options)
        finally:
            with self._lock:
                self._busy -= 1


READ = extractor.pieces


async def upload(client: httpx.AsyncClient, workspace: str, text: str) -> httpx.Response:
    path = f"/v3/workspaces/{workspace}/sessions/s/messages/upload"
    return await client.post(path, data={"peer_id": "a"}, files={"file": ("a.txt", text, "text/plain")})


async def waiting(count: int) -> None:
    """Return once a number of uploads wait for their turn."""
    while handler._turns.waiting < count:  # noqa: ASYNC110
        await asyncio.sleep(0)


def test_uploads_of_different_workspaces_alternate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    monkeypatch.setattr(extractor, "pieces", desk.pieces)

    async def story(client: httpx.AsyncClient) -> list[httpx.Response]:
        posted = [asyncio.ensure_future(upload(client, "heavy", f"heavy {number}")) for number in range(12)]
        await waiting(10)
        posted.append(asyncio.ensure_future(upload(client, "light", "light")))
        await waiting(11)
        desk.opened.set()
        return await asyncio.gather(*posted)

    with application(tmp_path / "omoide.db") as app:
        answers = app.run(story)
    assert [answer.status_code for answer in answers] == [201] * 13
    assert desk.order.index("light") <= handler.AT_A_TIME
    assert desk.at_a_time <= handler.AT_A_TIME
    assert [text for text in desk.order if text != "light"] == [f"heavy {number}" for number in range(12)]


def test_a_refused_upload_releases_its_slot(tmp_path: Path) -> None:
    async def story(client: httpx.AsyncClient) -> list[httpx.Response]:
        texts = ["\0" * 100, "fine"] * (3 * handler.AT_A_TIME)
        return await asyncio.gather(*(upload(client, f"w{at % 3}", text) for at, text in enumerate(texts)))

    with application(tmp_path / "omoide.db") as app:
        answers = app.run(story)
    assert [answer.status_code for answer in answers] == [422, 201] * (3 * handler.AT_A_TIME)
