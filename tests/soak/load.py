"""Clients that call every operation as the SDKs do: each in a thread, one randomly chosen call after another."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections import deque
from collections.abc import Mapping
from typing import Any

import httpx

from tests.soak.ledger import Place, SoakLedger

WORKSPACES = ("w0", "w1", "w2")
SESSIONS = tuple(f"s{number}" for number in range(12))
PEERS = tuple(f"p{number}" for number in range(6))
PATIENCE_SECONDS = 60.0
PACE_SECONDS = 0.02
"""Pause of a client between calls, so that the worker keeps up on a small machine."""

ALIVE = 10
"""How many of the sessions that it creates a client keeps; beyond that it deletes the oldest."""
FILE_LINES = 20_000
"""Lines of a file that is uploaded and deleted: half a megabyte."""

GROWING = {
    "add": 24,
    "add_without_a_key": 4,
    "upload": 4,
    "messages": 10,
    "change_message": 4,
    "search": 12,
    "chat": 3,
    "stream": 2,
    "context": 8,
    "representation": 6,
    "card": 3,
    "conclusions": 6,
    "own_conclusion": 3,
    "members": 4,
    "metadata": 4,
    "lists": 6,
    "short_lived_session": 3,
    "short_lived_workspace": 1,
    "event": 1,
    "status": 6,
    "operator": 3,
}
"""Relative frequency of each of a client's methods while data is added."""

CONSTANT = {name: share for name, share in GROWING.items() if name not in ("add", "add_without_a_key", "upload")} | {
    "replaced_session": 16,
    "uploaded_and_deleted": 1,
}
"""The same for constant data: everything added is deleted again."""


class NoAnswer(Exception):
    """The outcome of a call is unknown: a broken connection, or a status of 500 or more."""


def words(count: int) -> list[str]:
    """Return unique contents; the reasoner derives one fact from each."""
    return [f"I own item {uuid.uuid4().hex}." for _ in range(count)]


class LoadClient(threading.Thread):
    """Makes calls until `stop` is set."""

    def __init__(
        self, url: str, ledger: SoakLedger, seed: int, stop: threading.Event, shares: Mapping[str, int] = GROWING
    ) -> None:
        super().__init__(daemon=True, name=f"soak-client-{seed}")
        self.shares = shares
        self.alive: deque[str] = deque()
        self.http = httpx.Client(base_url=url, timeout=PATIENCE_SECONDS)
        self.ledger = ledger
        self.random = random.Random(seed)
        self.stop = stop
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            while not self.stop.wait(PACE_SECONDS):
                (name,) = self.random.choices([*self.shares], [*self.shares.values()])
                try:
                    getattr(self, name)()
                except NoAnswer:
                    continue
        except BaseException as error:
            self.failure = error
        finally:
            self.http.close()

    def call(self, method: str, path: str, body: Any = None, *, name: str = "", **options: Any) -> httpx.Response:
        """Return the response, with a status below 500. Raises NoAnswer."""
        began = time.monotonic()
        name = f"{method} {name or path}"
        try:
            answer = self.http.request(method, path, json=body, **options)
        except httpx.TransportError as error:
            self.ledger.trouble(began, "connection", f"{name}: {type(error).__name__}")
            raise NoAnswer from error
        self.ledger.answered(name, answer.status_code)
        if answer.status_code >= 500:
            self.ledger.trouble(began, str(answer.status_code), f"{name}: {answer.text[:200]}")
            raise NoAnswer
        return answer

    def place(self) -> Place:
        return self.random.choice(WORKSPACES), self.random.choice(SESSIONS)

    def add(self) -> None:
        """Add a batch with an idempotency key, and retry until it is acknowledged."""
        place = self.place()
        batch = [(self.random.choice(PEERS), content) for content in words(self.random.randint(1, 20))]
        body = {"messages": [{"peer_id": peer, "content": content} for peer, content in batch]}
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        path = f"/v3/workspaces/{place[0]}/sessions/{place[1]}/messages"
        deadline = time.monotonic() + 2 * PATIENCE_SECONDS
        while True:
            try:
                answer = self.call("POST", path, body, name="messages", headers=headers)
            except NoAnswer:
                if time.monotonic() > deadline:
                    self.ledger.said(place, batch, certain=False)
                    raise
                time.sleep(0.2)
            else:
                assert answer.status_code == 201, answer.text
                self.ledger.said(place, batch, certain=True)
                return

    def add_without_a_key(self) -> None:
        place, batch = self.place(), [(self.random.choice(PEERS), content) for content in words(2)]
        body = {"messages": [{"peer_id": peer, "content": content} for peer, content in batch]}
        self._once(place, batch, "messages", json=body)

    def upload(self) -> None:
        place, batch = self.place(), [(self.random.choice(PEERS), words(1)[0])]
        files = {"file": ("a.txt", batch[0][1].encode(), "text/plain")}
        self._once(place, batch, "messages/upload", files=files, data={"peer_id": batch[0][0]})

    def _once(self, place: Place, batch: list[tuple[str, str]], path: str, **options: Any) -> None:
        try:
            whole = f"/v3/workspaces/{place[0]}/sessions/{place[1]}/{path}"
            answer = self.call("POST", whole, options.pop("json", None), name=path, **options)
        except NoAnswer:
            self.ledger.said(place, batch, certain=False)
            raise
        assert answer.status_code == 201, answer.text
        self.ledger.said(place, batch, certain=True)

    def messages(self) -> None:
        workspace, session = self.place()
        path = f"/v3/workspaces/{workspace}/sessions/{session}/messages/list"
        options = {"size": 20, "page": self.random.randint(1, 3), "reverse": self.random.choice(["true", "false"])}
        self.call("POST", path, {}, name="messages/list", params=options)

    def change_message(self) -> None:
        workspace, session = self.place()
        path = f"/v3/workspaces/{workspace}/sessions/{session}/messages"
        found = self.call("POST", f"{path}/list", {}, name="messages/list", params={"size": 5}).json().get("items", [])
        if found:
            body = {"metadata": {"seen": self.random.randint(1, 9)}}
            self.call("PUT", f"{path}/{found[0]['id']}", body, name="messages/{id}")

    def search(self) -> None:
        workspace, session = self.place()
        paths = {
            "": "search",
            f"/sessions/{session}": "session search",
            f"/peers/{self.random.choice(PEERS)}": "peer search",
        }
        within, name = self.random.choice([*paths.items()])
        body = {"query": self.random.choice(["own item", "who owns an item?", "nothing like it"]), "limit": 10}
        self.call("POST", f"/v3/workspaces/{workspace}{within}/search", body, name=name)

    def chat(self, stream: bool = False) -> None:
        workspace, peer = self.random.choice(WORKSPACES), self.random.choice(PEERS)
        body = {"query": "What do they own?", "stream": stream, "reasoning_level": "minimal"}
        self.call("POST", f"/v3/workspaces/{workspace}/peers/{peer}/chat", body, name="chat")

    def stream(self) -> None:
        self.chat(stream=True)

    def context(self) -> None:
        workspace, session = self.place()
        path = f"/v3/workspaces/{workspace}/sessions/{session}"
        params = {"tokens": 500, "peer_target": self.random.choice(PEERS)}
        self.call("GET", f"{path}/context", name="session context", params=params)
        self.call("GET", f"{path}/summaries", name="summaries")

    def representation(self) -> None:
        workspace, peer = self.random.choice(WORKSPACES), self.random.choice(PEERS)
        path = f"/v3/workspaces/{workspace}/peers/{peer}"
        self.call("POST", f"{path}/representation", {"search_query": "item"}, name="representation")
        self.call("GET", f"{path}/context", name="peer context")

    def card(self) -> None:
        workspace, peer = self.random.choice(WORKSPACES), self.random.choice(PEERS)
        path = f"/v3/workspaces/{workspace}/peers/{peer}/card"
        self.call("PUT", path, {"peer_card": [f"LIKES: {self.random.randint(1, 9)}"]}, name="card")
        self.call("GET", path, name="card")

    def conclusions(self) -> None:
        workspace, peer = self.random.choice(WORKSPACES), self.random.choice(PEERS)
        path = f"/v3/workspaces/{workspace}/conclusions"
        filters = {"observer_id": peer, "observed_id": peer}
        self.call("POST", f"{path}/list", {"filters": filters}, name="conclusions/list", params={"size": 20})
        self.call("POST", f"{path}/query", {"query": "item", "filters": filters}, name="conclusions/query")

    def own_conclusion(self) -> None:
        """Create a conclusion in a workspace outside the comparison, and delete it."""
        path, pair = "/v3/workspaces/aside/conclusions", {"observer_id": "p", "observed_id": "p"}
        made = self.call("POST", path, {"conclusions": [{"content": words(1)[0], **pair}]}, name="conclusions")
        if made.status_code == 201:
            self.call("DELETE", f"{path}/{made.json()[0]['id']}", name="conclusions/{id}")

    def members(self) -> None:
        """Add a silent peer to a session, and remove it."""
        workspace, session = self.place()
        path, guest = f"/v3/workspaces/{workspace}/sessions/{session}/peers", f"guest-{self.random.randint(1, 9)}"
        self.call("POST", path, {guest: {"observe_others": False}}, name="members")
        self.call("GET", path, name="members")
        self.call("DELETE", path, [guest], name="members")

    def metadata(self) -> None:
        workspace, session = self.place()
        body = {"metadata": {"turn": self.random.randint(1, 1_000)}}
        self.call("PUT", f"/v3/workspaces/{workspace}/sessions/{session}", body, name="sessions/{id}")
        self.call("PUT", f"/v3/workspaces/{workspace}/peers/{self.random.choice(PEERS)}", body, name="peers/{id}")

    def lists(self) -> None:
        workspace = self.random.choice(WORKSPACES)
        for what in ("peers", "sessions", "scopes"):
            self.call("POST", f"/v3/workspaces/{workspace}/{what}/list", {}, name=f"{what}/list")
        self.call("POST", "/v3/workspaces/list", {}, name="workspaces/list")

    def short_lived_session(self) -> None:
        path = f"/v3/workspaces/aside/sessions/{uuid.uuid4().hex}"
        batch = [{"peer_id": "q", "content": content} for content in words(5)]
        self.call("POST", f"{path}/messages", {"messages": batch}, name="messages aside")
        self.call("DELETE", path, name="sessions/{id}")

    def replaced_session(self) -> None:
        """Create a session from which facts are derived; beyond `ALIVE` sessions delete the oldest."""
        path = f"/v3/workspaces/aside/sessions/{uuid.uuid4().hex}"
        batch = [{"peer_id": "q", "content": content} for content in words(self.random.randint(1, 20))]
        self.call("POST", f"{path}/messages", {"messages": batch}, name="messages aside")
        self.alive.append(path)
        if len(self.alive) > ALIVE:
            self.call("DELETE", self.alive.popleft(), name="sessions/{id}")

    def uploaded_and_deleted(self) -> None:
        path = f"/v3/workspaces/aside/sessions/{uuid.uuid4().hex}"
        files = {
            "file": ("a.txt", b"".join(b"Line %d of a file.\n" % line for line in range(FILE_LINES)), "text/plain")
        }
        self.call("POST", f"{path}/messages/upload", name="messages/upload aside", files=files, data={"peer_id": "q"})
        self.call("POST", f"{path}/messages/list", {}, name="messages/list")
        self.call("DELETE", path, name="sessions/{id}")

    def short_lived_workspace(self) -> None:
        path = f"/v3/workspaces/{uuid.uuid4().hex}"
        self.call("POST", "/v3/workspaces", {"id": path.rpartition("/")[2]}, name="workspaces")
        self.call("PUT", f"{path}/peers/p", {"metadata": {}}, name="peers/{id}")
        self.call("DELETE", path, name="workspaces/{id}")

    def event(self) -> None:
        if self.call("GET", "/v3/workspaces/w0/webhooks/test", name="webhooks/test").is_success:
            with self.ledger.lock:
                self.ledger.events += 1

    def status(self) -> None:
        self.call("GET", f"/v3/workspaces/{self.random.choice(WORKSPACES)}/queue/status", name="queue/status")

    def operator(self) -> None:
        self.call("GET", "/health")
        self.call("GET", "/metrics")
