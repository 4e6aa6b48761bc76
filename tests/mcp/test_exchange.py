"""Which requests a cancellation stops: those of the same session and id, until their answer is complete."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from omoide.mcp.exchange import Exchanges

CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}


class Requests:
    """Requests to exchanges whose work waits for `release`, before or after it has answered."""

    def __init__(self, *, answers_first: bool) -> None:
        self.answers_first = answers_first
        self.working, self.release = asyncio.Event(), asyncio.Event()
        self.has_ended = False
        self.exchanges = Exchanges(self._handle, self._handle, 1_000)

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if json.loads((await receive())["body"])["method"] == "tools/call":
            if self.answers_first:
                await self._answer(send)
            self.working.set()
            await self.release.wait()
            self.has_ended = True
        if not self.answers_first:
            await self._answer(send)

    async def _answer(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    async def sent(self, message: Any, session: str, leave: asyncio.Event | None = None) -> list[Message]:
        """The answer to one request."""
        answer: list[Message] = []
        unread = [json.dumps(message).encode()]

        async def receive() -> Message:
            if unread:
                return {"type": "http.request", "body": unread.pop()}
            await (leave or asyncio.Event()).wait()
            return {"type": "http.disconnect"}

        async def send(part: Message) -> None:
            answer.append(part)

        scope = {"type": "http", "headers": [(b"mcp-session-id", session.encode())]}
        await self.exchanges.answer(scope, receive, send)
        return answer

    async def cancel(self, session: str, id: Any) -> None:
        await self.sent({"method": "notifications/cancelled", "params": {"requestId": id}}, session)


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(10):
            await test()

    asyncio.run(limited())


def test_only_its_own_session_cancels_a_request() -> None:
    async def test() -> None:
        requests = Requests(answers_first=False)
        answering = asyncio.create_task(requests.sent(CALL, "a"))
        await requests.working.wait()
        for session, id in (("b", 1), ("a", 2), ("a", "1"), ("a", None)):
            await requests.cancel(session, id)
        requests.release.set()
        assert (await answering)[0]["status"] == 200

    run(test)


def test_a_cancelled_request_is_answered_with_nothing() -> None:
    async def test() -> None:
        requests = Requests(answers_first=False)
        answering = asyncio.create_task(requests.sent(CALL, "a"))
        await requests.working.wait()
        await requests.cancel("a", 1)
        start, body = await answering
        assert (start["status"], body["body"]) == (202, b"")
        assert not requests.has_ended

    run(test)


def test_what_follows_a_complete_answer_is_not_interrupted() -> None:
    async def test() -> None:
        requests, leave = Requests(answers_first=True), asyncio.Event()
        answering = asyncio.create_task(requests.sent(CALL, "a", leave))
        await requests.working.wait()
        await requests.cancel("a", 1)
        leave.set()
        requests.release.set()
        await answering
        assert requests.has_ended

    run(test)
