"""Scripted reasoners, and the application served with one on a loopback socket."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from omoide.asgi.app import create_app
from omoide.core import clock
from omoide.core.auth import ADMIN, Keyring, Principal
from omoide.core.records import Fact
from omoide.core.settings import Settings
from omoide.reasoner.memory_view import MemoryView
from omoide.reasoner.protocol import Batch, CardTask, Dreamed, DreamTask, Question, SummaryTask
from tests.conftest import SECRET
from tests.handlers.workspace import WorkspaceClient
from tests.postgresql import location

Say = Callable[[Question, MemoryView], AsyncIterator[str]]


async def everything(question: Question, memory: MemoryView) -> AsyncIterator[str]:
    """Answers with everything that it can read, one item per line, sorted."""
    known = await memory.search_memory(question.semantic_query or question.query, 40)
    said = await memory.search_messages(question.query, 20)
    lines = {each.content for each in known} | {each.content for snippet in said for each in snippet.messages}
    for line in sorted(lines):
        yield f"{line}\n"


class QuestionRecorder:
    """Answers as `say` does, and records questions. It learns nothing."""

    name = "told"
    keeps_cards = False
    reads_known = False

    def __init__(self) -> None:
        self.say: Say = everything
        self.asked: list[Question] = []

    def answer(self, question: Question, memory: MemoryView) -> AsyncIterator[str]:
        self.asked.append(question)
        return self.say(question, memory)

    async def prepare(self) -> None:
        """Do nothing."""

    async def derive(self, batch: Batch) -> Sequence[Fact]:
        return ()

    def judge(self, newer: str, older: str, peer_id: str) -> None:
        return None

    def as_fact(self, content: str, peer_id: str, said_at: int) -> Fact:
        return Fact(content, (), said_at)

    async def summarize(self, task: SummaryTask) -> str:
        return ""

    async def card(self, task: CardTask) -> Sequence[str]:
        return task.current

    async def dream(self, task: DreamTask, memory: MemoryView) -> Dreamed:
        return Dreamed()

    async def aclose(self) -> None: ...


class Waiting:
    """Sends some pieces, then hangs until it is released or cancelled."""

    def __init__(self, *pieces: str) -> None:
        self.pieces = pieces
        self.is_silent = threading.Event()
        self.has_ended = threading.Event()
        self.was_cancelled = False
        self._released = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, question: Question, memory: MemoryView) -> AsyncIterator[str]:
        self._loop = asyncio.get_running_loop()
        try:
            for piece in self.pieces:
                yield piece
            self.is_silent.set()
            await self._released.wait()
            yield "at last"
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise
        finally:
            self.has_ended.set()

    def release(self) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._released.set)


def failing(error: Exception, *pieces: str) -> Say:
    """Sends some pieces, then fails."""

    async def say(question: Question, memory: MemoryView) -> AsyncIterator[str]:
        for piece in pieces:
            yield piece
        raise error

    return say


def saying(*pieces: str) -> Say:
    async def say(question: Question, memory: MemoryView) -> AsyncIterator[str]:
        for piece in pieces:
            yield piece

    return say


class _Server(uvicorn.Server):
    """Signals when it serves."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()


@contextmanager
def served(
    db: Path, reasoner: QuestionRecorder | None, *, grace_seconds: int | None = None, **settings: Any
) -> Iterator[str]:
    """Serve the application with authentication on, and yield its URL; keys are signed with SECRET.

    Without a `reasoner`, the one of the settings answers. At the end of the block, open requests may finish within
    `grace_seconds` (None: no limit).
    """
    given = {"db": location(db), "auth": True, "jwt_secret": SECRET, "durability": "normal", **settings}
    app = create_app(Settings.model_validate(given), reasoner=reasoner)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(
            app, log_level="critical", ws="none", access_log=False, timeout_graceful_shutdown=grace_seconds
        )
        server = _Server(config)
        running = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        running.start()
        server.is_up.wait()
        yield "http://{}:{}".format(*listening.getsockname())
        server.should_exit = True
        running.join()


def events(body: bytes) -> list[Any]:
    """The JSON of a stream's events."""
    lines = body.decode().splitlines()
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]


def key(principal: Principal = ADMIN) -> dict[str, str]:
    return {"Authorization": f"Bearer {Keyring(SECRET).mint(principal, now=clock.now())}"}


def chat_client(api: httpx.Client, told: QuestionRecorder, workspace_id: str) -> WorkspaceClient:
    """A new workspace with the peer alice, whose questions are answered with everything."""
    told.say = everything
    told.asked.clear()
    client = WorkspaceClient(api, workspace_id)
    client.peer("alice")
    return client


def ask(workspace_client: WorkspaceClient, path: str = "/peers/alice/chat", query: str = "tea", **body: Any) -> Any:
    """The chat's answer."""
    return workspace_client.ok("POST", path, {"query": query, **body})


def refused(workspace_client: WorkspaceClient, path: str = "/peers/alice/chat", **body: Any) -> tuple[int, str]:
    response = workspace_client.call("POST", path, {"query": "tea", **body})
    return response.status_code, str(response.json()["detail"])
