"""Streamed responses: what is sent when, and how work is cancelled when the client disconnects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest

from omoide.contract.streams import send_stream, while_connected


class StreamClient:
    """The client side of a connection."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.has_left = asyncio.Event()

    async def receive(self) -> Any:
        await self.has_left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.append(message)


def run(story: Awaitable[None]) -> None:
    async def told() -> None:
        await story

    asyncio.run(told())


def test_nothing_is_sent_before_the_first_bytes_are_available() -> None:
    async def broken(*, is_ready: bool = False) -> AsyncIterator[bytes]:
        if not is_ready:
            raise ValueError("too early")
        yield b""

    async def story() -> None:
        peer = StreamClient()
        with pytest.raises(ValueError, match="too early"):
            await send_stream(broken(), 200, peer.send)
        assert peer.sent == []

    run(story())


@pytest.mark.parametrize(("chunks", "bodies"), [((), [b"", b""]), ((b"a", b"b"), [b"a", b"b", b""])])
def test_a_stream_is_started_and_completed(chunks: tuple[bytes, ...], bodies: list[bytes]) -> None:
    async def given() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    async def story() -> None:
        peer = StreamClient()
        await send_stream(given(), 200, peer.send)
        start, *rest = peer.sent
        assert (start["status"], dict(start["headers"])[b"content-type"]) == (200, b"text/event-stream")
        assert [message["body"] for message in rest] == bodies
        assert [message.get("more_body", False) for message in rest] == [True] * (len(rest) - 1) + [False]

    run(story())


def test_a_stream_that_cannot_be_sent_is_closed() -> None:
    closed = []

    async def given() -> AsyncIterator[bytes]:
        try:
            yield b"a"
        finally:
            closed.append(True)

    async def refuse(_: Any) -> None:
        raise OSError

    async def story() -> None:
        with pytest.raises(OSError):  # noqa: PT011  # any
            await send_stream(given(), 200, refuse)
        assert closed == [True]

    run(story())


def test_work_is_cancelled_when_the_client_disconnects() -> None:
    async def story() -> None:
        peer, has_begun = StreamClient(), asyncio.Event()
        ended: list[str] = []

        async def work() -> None:
            has_begun.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                ended.append("cancelled")
                raise

        serving = asyncio.create_task(while_connected(peer.receive, work()))
        await has_begun.wait()
        peer.has_left.set()
        await serving
        assert ended == ["cancelled"]

    run(story())


def test_finished_work_returns_at_once() -> None:
    async def story() -> None:
        peer = StreamClient()

        async def work() -> None:
            await peer.send("done")

        await while_connected(peer.receive, work())
        assert peer.sent == ["done"]

    run(story())


def test_an_exception_of_the_work_propagates() -> None:
    async def work() -> None:
        raise ValueError("wrong")

    async def story() -> None:
        with pytest.raises(ValueError, match="wrong"):
            await while_connected(StreamClient().receive, work())

    run(story())


def test_work_is_cancelled_when_the_server_stops() -> None:
    async def story() -> None:
        has_begun, ended = asyncio.Event(), asyncio.Event()

        async def work() -> None:
            has_begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        serving = asyncio.create_task(while_connected(StreamClient().receive, work()))
        await has_begun.wait()
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving
        assert ended.is_set()

    run(story())
