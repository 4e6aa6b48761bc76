"""Fixtures that run a story in its own home."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.postgresql import copied
from tests.worker.worker_fixture import Home, HookedReasoner

Play = Callable[..., Any]


@pytest.fixture
def play(db_path: Path, empty_database: Path) -> Play:
    """`play(story, reasoner=…, debounce_seconds=…)` runs `async def story(home)` in a new home."""

    def played(story: Callable[[Home], Any], reasoner: type[HookedReasoner] = HookedReasoner, **options: Any) -> None:
        if not db_path.exists():  # a story may go on where another ended
            copied(empty_database, db_path)

        async def run() -> None:
            home = Home(db_path, reasoner, **options)
            try:
                await home.open()
                await story(home)
            finally:
                home.store.close()

        asyncio.run(run())

    return played
