"""The heavy tenants: each uses as much of one resource as the server allows."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
from dataclasses import dataclass

import orjson

from benchmarks.fairness.heavy_tenant import Heavy, Load
from benchmarks.fill_database import speech
from benchmarks.http_client import upload
from benchmarks.recall.dataset import questions
from benchmarks.workloads import LARGEST_BATCH, batch

CONNECTIONS = 32
FILLED_MESSAGES = 102_000
SESSION_MESSAGES = 100_000
"""Messages in the largest session of the filled database."""
DEEPEST_PAGE = SESSION_MESSAGES // 100
FILE_BYTES = 5_000_000
HANGING_CHATS = 1_000
LOADING_SECONDS = 6.0
METADATA_BYTES = 19_000_000
"""The largest metadata tried: its request is just below the default limit of a body."""
METADATA_STEP = 1.05
METADATA_TOTAL_BYTES = 120_000_000
METADATA_MESSAGES = 200
"""Limits on the metadata stored, so that a server without limits does not exhaust the machine."""
METADATA_CONNECTIONS = 4
SEED = 17
IDS = range(200, 300)

EVERYTHING = ("chat", "search", "add", "get or create", "list", "context", "/health")
WITHOUT_MODEL = (*(name for name in EVERYTHING if name != "chat"), "/ready", "/metrics")


@dataclass(frozen=True)
class Scenario:
    """A heavy load, and the concurrent operations of the light tenant."""

    name: str
    says: str
    play: Load
    filled: bool = False
    """Whether the heavy tenant's workspace initially has FILLED_MESSAGES."""
    operations: tuple[str, ...] = EVERYTHING
    hanging_model: bool = False
    """Whether the server's model is a provider that never answers."""


async def metadata(heavy: Heavy) -> None:
    """Store metadata as large as the server accepts, then read it in lists, contexts and searches."""
    size = await largest_metadata(heavy)
    count = max(1, min(METADATA_MESSAGES, METADATA_TOTAL_BYTES // max(1, size)))
    value = {"large": "x" * size}
    for number in range(count):
        said = [{"peer_id": f"p{number % 8}", "content": f"Report {number} is done.", "metadata": value}]
        await heavy.send(heavy.tenant.post("/sessions/large/messages", {"messages": said}))
        if number < count // 4:
            await heavy.send(heavy.tenant.post("/peers", {"id": f"large-{number}", "metadata": value}))
    tried = "the largest tried" if size == METADATA_BYTES else "more is refused"
    heavy.note(f"{count} messages with {size:,} bytes of metadata each ({tried})")
    heavy.begun()
    post, get = heavy.tenant.post, heavy.tenant.get
    reads = [
        post("/sessions/large/messages/list?size=100", {}),
        get("/sessions/large/context?tokens=100000"),
        post("/search", {"query": "Which report is done?", "limit": 100}),
        post("/peers/list?size=100", {}),
    ]
    await heavy.repeat(itertools.cycle(reads), METADATA_CONNECTIONS)


async def largest_metadata(heavy: Heavy) -> int:
    """The largest accepted metadata of a message in bytes, within a factor of METADATA_STEP; at most METADATA_BYTES."""
    if await _accepts(heavy, METADATA_BYTES):
        return METADATA_BYTES
    accepted, refused = 1, METADATA_BYTES
    while refused > METADATA_STEP * accepted + 1:
        middle = int((accepted * refused) ** 0.5) + 1
        if await _accepts(heavy, middle):
            accepted = middle
        else:
            refused = middle
    return accepted


async def _accepts(heavy: Heavy, size: int) -> bool:
    said = [{"peer_id": "p", "content": "How much may it be?", "metadata": {"large": "x" * size}}]
    answer = await heavy.send(heavy.tenant.post("/sessions/tried/messages", {"messages": said}))
    return answer is not None and answer.status in IDS


async def uploads(heavy: Heavy) -> None:
    """Upload three text files of 5 MB; the resulting work of the worker is the load."""
    for number in range(3):
        sent = upload(f"{heavy.tenant.base}/sessions/files/messages/upload", {"peer_id": f"p{number}"},
                      _text(number), key=heavy.tenant.key)  # fmt: skip
        answer = await heavy.send(sent)
        heavy.note(f"file {number + 1}: {'no answer' if answer is None else answer.status}")
    heavy.begun()


def _text(number: int) -> bytes:
    """A conversation of FILE_BYTES, one turn per line."""
    lines, size = [], 0
    for _, turn in speech(SEED + number):
        lines.append(turn)
        size += len(turn.encode()) + 1
        if size > FILE_BYTES:
            return "\n".join(lines).encode()[:FILE_BYTES]
    raise AssertionError("the speech ended")


async def searches(heavy: Heavy) -> None:
    """Search the workspace, a session and a peer."""
    heavy.begun()
    paths = ("/search", "/sessions/s0/search", "/peers/idris/search")
    asked = [heavy.tenant.post(path, {"query": each.question, "limit": 100}) for each in questions() for path in paths]
    await heavy.repeat(itertools.cycle(asked), CONNECTIONS)


async def chats(heavy: Heavy) -> None:
    """Ask the embedded reasoner about a peer with many conclusions."""
    heavy.begun()
    asked = [heavy.tenant.post("/peers/idris/chat", {"query": each.question}) for each in questions()]
    await heavy.repeat(itertools.cycle(asked), CONNECTIONS)


async def waiting(heavy: Heavy) -> None:
    """Start chats that are never answered, every second one streamed, and retry refused ones."""
    await heavy.pool.expect(heavy.tenant.post("/peers", {"id": "p"}), 200, 201)
    with contextlib.suppress(TimeoutError):  # the first one loads the provider's packages
        async with asyncio.timeout(LOADING_SECONDS):
            await heavy.pool.exchange(heavy.tenant.post("/peers/p/chat", {"query": "Who?", "stream": True}))
    heavy.begun()
    heavy.rest_seconds = 5.0  # faster retries on so many connections would be an additional load
    asked = [heavy.tenant.post("/peers/p/chat", {"query": "Who?", "stream": stream}) for stream in (True, False)]
    await heavy.repeat(itertools.cycle(asked), HANGING_CHATS)


async def binaries(heavy: Heavy) -> None:
    """Upload random bytes as text."""
    heavy.begun()
    path = f"{heavy.tenant.base}/sessions/files/messages/upload"
    sent = upload(path, {"peer_id": "p"}, os.urandom(FILE_BYTES), key=heavy.tenant.key)
    await heavy.repeat(itertools.repeat(sent), 4)


async def batches(heavy: Heavy) -> None:
    """Add messages in batches of the maximum size."""
    heavy.begun()
    sent = [heavy.tenant.post(f"/sessions/b{number}/messages", batch(LARGEST_BATCH)) for number in range(CONNECTIONS)]
    await heavy.repeat(itertools.cycle(sent), CONNECTIONS)


async def lists(heavy: Heavy) -> None:
    """Read filtered lists deep in a session of 100,000 messages, and contexts of maximum size."""
    heavy.begun()
    chance = random.Random(SEED)
    alternatives = [{"peer_id": "idris"}, {"NOT": [{"content": {"icontains": "weather"}}]}]
    filters = {"AND": [{"OR": alternatives}, {"NOT": [{"metadata": {"unknown": 1}}]}]}
    reads = []
    for _ in range(100):
        page = chance.randint(DEEPEST_PAGE // 2, DEEPEST_PAGE)
        reads.append(heavy.tenant.post(f"/sessions/s0/messages/list?size=100&page={page}", {"filters": filters}))
        reads.append(heavy.tenant.get("/sessions/s0/context?tokens=100000"))
        reads.append(
            heavy.tenant.post(f"/conclusions/list?size=100&page={page // 5}", {"filters": {"observed_id": "idris"}})
        )
    await heavy.repeat(itertools.cycle(reads), CONNECTIONS)


async def deletions(heavy: Heavy) -> None:
    """Clone and delete a session of 100,000 messages, then its clone, and so on."""
    heavy.begun()
    session, cloned = "s0", 0
    while True:
        answer = await heavy.send(heavy.tenant.post(f"/sessions/{session}/clone", None), keep_body=True)
        await heavy.send(heavy.tenant.delete(f"/sessions/{session}"))
        if answer is None or answer.status not in IDS:
            heavy.note(f"{cloned} clones, then {'no answer' if answer is None else answer.status}")
            return
        session, cloned = orjson.loads(answer.body)["id"], cloned + 1


SCENARIOS = {
    each.name: each
    for each in (
        Scenario("metadata", "lists, contexts and searches of the largest metadata", metadata),
        Scenario("uploads", "three text files of 5 MB, read by the worker", uploads),
        Scenario("searches", f"{CONNECTIONS} connections search {FILLED_MESSAGES:,} messages", searches, filled=True),
        Scenario("chats", f"{CONNECTIONS} connections chat about a well-known peer", chats, filled=True),
        Scenario(
            "waiting",
            f"{HANGING_CHATS:,} chats wait for a provider that never answers",
            waiting,
            operations=WITHOUT_MODEL,
            hanging_model=True,
        ),
        Scenario("binaries", "four clients upload random bytes as text files of 5 MB", binaries),
        Scenario("batches", f"{CONNECTIONS} connections add batches of {LARGEST_BATCH}", batches),
        Scenario("lists", f"{CONNECTIONS} connections read deep filtered lists and large contexts", lists, filled=True),
        Scenario(
            "deletions", f"a session of {SESSION_MESSAGES:,} messages is cloned and deleted", deletions, filled=True
        ),
    )
}
