"""What computes does not hold up callers; where there are none, it is not handed from thread to thread."""

from __future__ import annotations

import asyncio
import threading

import pytest

from omoide.core.offload import offload
from tests.storage.thread_assertions import answering_nobody


def test_a_process_that_answers_computes_beside_its_event_loop() -> None:
    async def story() -> None:
        assert await offload(threading.get_ident) != threading.get_ident()

    asyncio.run(story())


def test_a_process_that_only_works_computes_in_its_event_loop_after_everybody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answering_nobody(monkeypatch)
    done: list[str] = []

    async def story() -> None:
        asyncio.get_running_loop().call_soon(done.append, "another")
        assert await offload(threading.get_ident) == threading.get_ident()
        await offload(done.append, "it")

    asyncio.run(story())
    assert done == ["another", "it"]


def test_what_fails_aside_fails_for_who_asked() -> None:
    with pytest.raises(ZeroDivisionError):
        asyncio.run(offload(lambda: 1 // 0))
