"""The clients: each has one connection and sends random requests one after another."""

from __future__ import annotations

import asyncio
import itertools
import random
import time

import orjson

from benchmarks.child_processes import Control
from benchmarks.fill_database import speech
from benchmarks.http_client import ConnectionLost, Pool, request, upload
from benchmarks.mixed.ledger import Difference, Ledger, Place, compare
from benchmarks.recall.dataset import questions
from benchmarks.servers import Address
from benchmarks.workloads import LARGEST_BATCH

WORKSPACES = tuple(f"mixed-{number}" for number in range(4))
SESSIONS = tuple(f"s{number}" for number in range(16))
PEERS = ("alice", "bob", "carla")
SHORT_LIVED_MESSAGES = 5
UPLOADED_TURNS = 20
PAGE = 100
READERS = 8
PATIENCE_SECONDS = 120
"""Timeout for the last responses."""
REST_SECONDS = 0.1
"""The pause after a lost connection."""
OK = range(200, 300)
SEED = 29

SHARES = {
    "add": 26,
    "batch": 5,
    "list": 14,
    "search": 14,
    "chat": 5,
    "context": 10,
    "get or create": 14,
    "conclusions": 9,
    "upload": 2,
    "delete": 1,
}
"""The frequency of each operation in percent."""


class MixedClient:
    """A client with one connection; all its messages are distinct."""

    def __init__(self, address: Address, number: int, ledger: Ledger) -> None:
        self.pool = Pool(address, 1)
        self.ledger = ledger
        self.chance = random.Random(SEED + number)
        self._turns = speech(SEED + number)
        self._names = (f"{number}-{count}" for count in itertools.count())
        self.actions = {
            "add": self.add, "batch": self.batch, "list": self.list_messages, "search": self.search, "chat": self.chat,
            "context": self.context, "get or create": self.get_or_create, "conclusions": self.conclusions,
            "upload": self.upload, "delete": self.delete,
        }  # fmt: skip

    async def run(self, deadline: float) -> None:
        """Send requests until the deadline (perf_counter)."""
        while time.perf_counter() < deadline:
            (name,) = self.chance.choices([*SHARES], [*SHARES.values()])
            await self.actions[name]()
        self.pool.close()

    async def add(self) -> None:
        await self.say("add", self._place(), 1)

    async def batch(self) -> None:
        await self.say("batch", self._place(), self.chance.randint(2, LARGEST_BATCH))

    async def list_messages(self) -> None:
        workspace, session = self._place()
        path = f"/v3/workspaces/{workspace}/sessions/{session}/messages/list?page={self.chance.randint(1, 5)}"
        await self._ask("list", request("POST", path, {}))

    async def search(self) -> None:
        workspace, session = self._place()
        within = self.chance.choice(("", f"/sessions/{session}", f"/peers/{self.chance.choice(PEERS)}"))
        await self._ask("search", request("POST", f"/v3/workspaces/{workspace}{within}/search", self._question()))

    async def chat(self) -> None:
        workspace, _ = self._place()
        path = f"/v3/workspaces/{workspace}/peers/{self.chance.choice(PEERS)}/chat"
        await self._ask("chat", request("POST", path, self._question()))

    async def context(self) -> None:
        workspace, session = self._place()
        path = f"/v3/workspaces/{workspace}/sessions/{session}/context?tokens=2000"
        await self._ask("context", request("GET", path))

    async def get_or_create(self) -> None:
        workspace, session = self._place()
        path = f"/v3/workspaces/{workspace}"
        sent = self.chance.choice(((f"{path}/sessions", session), (f"{path}/peers", self.chance.choice(PEERS))))
        await self._ask("get or create", request("POST", sent[0], {"id": sent[1]}))

    async def conclusions(self) -> None:
        workspace, _ = self._place()
        peer = self.chance.choice(PEERS)
        filters = {"observer_id": peer, "observed_id": peer}
        which, more = self.chance.choice((("list", {}), ("query", self._question())))
        path = f"/v3/workspaces/{workspace}/conclusions/{which}"
        await self._ask("conclusions", request("POST", path, {"filters": filters, **more}))

    async def upload(self) -> None:
        place = self._place()
        content = self._content(UPLOADED_TURNS)
        path = f"{_messages(place)}/upload"
        self._stored(place, [content], await self._ask("upload", upload(path, {"peer_id": "bob"}, content.encode())))

    async def delete(self) -> None:
        """Fill and delete a session that only this client uses."""
        workspace, session = self.chance.choice(WORKSPACES), f"short-{next(self._names)}"
        body = {"messages": [{"peer_id": "alice", "content": self._content()} for _ in range(SHORT_LIVED_MESSAGES)]}
        if await self._ask("add", request("POST", _messages((workspace, session)), body)):
            await self._ask("delete", request("DELETE", f"/v3/workspaces/{workspace}/sessions/{session}"))

    async def say(self, name: str, place: Place, count: int) -> None:
        """Add `count` messages, recorded as the operation `name`."""
        contents = [self._content() for _ in range(count)]
        said = [{"peer_id": self.chance.choice(PEERS), "content": content} for content in contents]
        sent = request("POST", _messages(place), {"messages": said})
        self._stored(place, contents, await self._ask(name, sent))

    def _stored(self, place: Place, contents: list[str], acknowledged: bool) -> None:
        (self.ledger.acknowledged if acknowledged else self.ledger.uncertain)[place].extend(contents)

    async def _ask(self, name: str, sent: bytes) -> bool:
        """Send a request and record its latency or error; returns whether it succeeded."""
        begin = time.perf_counter()
        try:
            answer = await self.pool.exchange(sent)
        except ConnectionLost as error:
            self.ledger.errors[f"{name}: {error}"] += 1
            await asyncio.sleep(REST_SECONDS)
            return False
        if answer.status not in OK:
            self.ledger.errors[f"{name}: status {answer.status}"] += 1
            return False
        self.ledger.latencies[name].append(time.perf_counter() - begin)
        return True

    def _place(self) -> Place:
        return self.chance.choice(WORKSPACES), self.chance.choice(SESSIONS)

    def _question(self) -> dict[str, str]:
        return {"query": self.chance.choice(QUESTIONS)}

    def _content(self, turns: int = 1) -> str:
        return " ".join([f"Note {next(self._names)}:", *(text for _, text in itertools.islice(self._turns, turns))])


QUESTIONS = [each.question for each in questions()]


def _messages(place: Place) -> str:
    workspace, session = place
    return f"/v3/workspaces/{workspace}/sessions/{session}/messages"


async def play(control: Control, address: Address, connections: int, seconds: float) -> Ledger:
    """Run `connections` clients for `seconds`. Raises RuntimeError if the preparation fails, and TimeoutError."""
    ledger = Ledger()
    await _prepare(address, ledger)
    control.begun()
    begin = time.perf_counter()
    clients = [MixedClient(address, number, ledger) for number in range(connections)]
    async with asyncio.timeout(seconds + PATIENCE_SECONDS):
        await asyncio.gather(*(client.run(begin + seconds) for client in clients))
    ledger.seconds = time.perf_counter() - begin
    return ledger


async def _prepare(address: Address, ledger: Ledger) -> None:
    """Add a first message of each peer to every session, and trigger the server's lazy loading."""
    pool = Pool(address, 1)
    for workspace, session in itertools.product(WORKSPACES, SESSIONS):
        contents = [f"{peer} begins {session}." for peer in PEERS]
        said = [{"peer_id": peer, "content": content} for peer, content in zip(PEERS, contents, strict=True)]
        await pool.expect(request("POST", _messages((workspace, session)), {"messages": said}), 201)
        ledger.acknowledged[workspace, session].extend(contents)
    for path in ("search", "peers/alice/chat"):
        await pool.expect(request("POST", f"/v3/workspaces/{WORKSPACES[0]}/{path}", {"query": "Who begins?"}), 200)
    pool.close()


async def read_back(address: Address, ledger: Ledger) -> Difference:
    """Read every message of every session and compare. Raises RuntimeError, ConnectionLost."""
    pool = Pool(address, READERS)
    places = [*itertools.product(WORKSPACES, SESSIONS)]
    stored = await asyncio.gather(*(_all_messages(pool, place) for place in places))
    pool.close()
    found = Difference()
    for place, contents in zip(places, stored, strict=True):
        found += compare(ledger.acknowledged.get(place, ()), ledger.uncertain.get(place, ()), contents)
    return found


async def _all_messages(pool: Pool, place: Place) -> list[str]:
    contents: list[str] = []
    for page in itertools.count(1):
        body = await pool.expect(request("POST", f"{_messages(place)}/list?page={page}&size={PAGE}", {}), 200)
        answer = orjson.loads(body)
        contents += [message["content"] for message in answer["items"]]
        if page >= answer["pages"]:
            break
    return contents
