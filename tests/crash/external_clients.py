"""Those who use the server while it is killed, and what each of them was told.

A guest does one thing after another in places that are its own, so that it knows what must be there. What it does under
a key, or may do twice without harm, it repeats until it is acknowledged; of anything else whose answer never came it
remembers that it may be there or not.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.server_process import Server

W = "/v3/workspaces/w"
AGAIN_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 0.06
PURGED_MESSAGES = 100


@dataclass
class Book:
    """What one guest was told. Of `said` and `concluded` the order counts."""

    said: list[str] = field(default_factory=list)
    unsure: set[str] = field(default_factory=set)
    """Messages and conclusions whose answer never came."""
    concluded: dict[str, str] = field(default_factory=dict)
    """The text of a conclusion that was made by hand → its id."""
    withdrawn: set[str] = field(default_factory=set)
    metadata: dict[str, Any] = field(default_factory=dict)
    card: list[str] = field(default_factory=list)
    members: set[str] = field(default_factory=set)
    peers: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    """Sessions that were deleted, and workspaces."""

    def copied(self) -> Book:
        """As it is now, while its guest may be writing in it."""
        said, concluded, withdrawn = list(self.said), dict(self.concluded), set(self.withdrawn)
        return Book(said=said, concluded=concluded, withdrawn=withdrawn)


class Guest(threading.Thread):
    """A peer of the workspace `w` that speaks in a session of its own until it is told to stop."""

    def __init__(self, server: Server, name: str, seed: int) -> None:
        super().__init__(daemon=True, name=name)
        self.server = server
        self.session = f"{W}/sessions/s-{name}"
        self.chance = random.Random(seed)
        self.book = Book()
        self.done: Counter[str] = Counter()
        self.faults: list[str] = []
        self._stopping = threading.Event()
        self._number = 0
        self._http = httpx.Client(timeout=60)

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        deeds: list[tuple[Callable[[], None], int]] = [
            (self.say_one, 30), (self.say_some, 20), (self.say_without_a_key, 15), (self.get_or_create, 8),
            (self.come_in, 8), (self.leave, 4), (self.note, 8), (self.conclude, 10), (self.withdraw, 5),
            (self.keep_a_card, 4), (self.come_and_go, 4), (self.come_and_go_altogether, 2), (self.dream, 2),
            (self.look, 10),
        ]  # fmt: skip
        try:
            me = {self.name: {"observe_me": True}}
            self.until_told("POST", f"{W}/sessions", {"id": f"s-{self.name}", "peers": me})
            self.book.members.add(self.name)
            while not self._stopping.is_set():
                (deed,) = self.chance.choices([deed for deed, _ in deeds], [weight for _, weight in deeds])
                deed()
                self.done[deed.__name__] += 1
                self._stopping.wait(self.chance.uniform(0, LONGEST_PAUSE_SECONDS))
        except Exception as error:
            self.faults.append(f"{self.name}: {error!r}")
        finally:
            self._http.close()

    def once(self, method: str, path: str, body: Any = None, key: str | None = None) -> httpx.Response | None:
        """The answer, None if the connection broke before it came. Whatever the server says of itself is a fault."""
        headers = {"Idempotency-Key": key} if key else {}
        try:
            answer = self._http.request(method, self.server.url + path, json=body, headers=headers)
        except httpx.HTTPError:
            return None
        if answer.status_code >= 500:
            self.faults.append(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer

    def until_told(self, method: str, path: str, body: Any = None, key: str | None = None, *, also: int = 0) -> Any:
        """What is answered in the end. `also` is a status that is as good: that of what was done already."""
        while True:
            answer = self.once(method, path, body, key)
            if answer is not None and (answer.is_success or answer.status_code == also):
                return answer.json() if answer.content else None
            if answer is not None and answer.status_code < 500:
                raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text}")
            time.sleep(AGAIN_SECONDS)  # nobody tells when the server is back

    def new(self) -> int:
        self._number += 1
        return self._number

    def items(self, count: int) -> list[str]:
        return [f"I own item number {self.new()}." for _ in range(count)]

    def messages(self, contents: list[str]) -> dict[str, Any]:
        return {"messages": [{"peer_id": self.name, "content": content} for content in contents]}

    def say_one(self) -> None:
        self._say(self.items(1))

    def say_some(self) -> None:
        self._say(self.items(self.chance.randint(2, 10)))

    def _say(self, contents: list[str]) -> None:
        key = f"{self.name}-{self._number}"
        told = self.until_told("POST", f"{self.session}/messages", self.messages(contents), key)
        assert [message["content"] for message in told] == contents
        self.book.said += contents
        if self.chance.random() < 0.2:  # whoever is told twice is told the same
            assert self.until_told("POST", f"{self.session}/messages", self.messages(contents), key) == told

    def say_without_a_key(self) -> None:
        contents = self.items(1)
        answer = self.once("POST", f"{self.session}/messages", self.messages(contents))
        if answer is not None and answer.status_code == 201:
            self.book.said += contents
        else:
            self.book.unsure |= set(contents)

    def get_or_create(self) -> None:
        peer = f"{self.name}-{self.new()}"
        for _ in range(2):
            assert self.until_told("POST", f"{W}/peers", {"id": peer})["id"] == peer
        self.book.peers.add(peer)

    def come_in(self) -> None:
        peer = f"{self.name}-friend-{self.chance.randint(1, 5)}"
        self.until_told("POST", f"{self.session}/peers", {peer: {}})
        self.book.members.add(peer)

    def leave(self) -> None:
        peer = f"{self.name}-friend-{self.chance.randint(1, 5)}"
        if peer in self.book.members:
            self.until_told("DELETE", f"{self.session}/peers", [peer])
            self.book.members.discard(peer)

    def note(self) -> None:
        metadata = {"n": self.new()}
        self.until_told("PUT", self.session, {"metadata": metadata})
        self.book.metadata = metadata

    def conclude(self) -> None:
        content = f"{self.name} thought of {self.new()}"
        one = {"content": content, "observer_id": self.name, "observed_id": f"{self.name}-by-hand"}
        answer = self.once("POST", f"{W}/conclusions", {"conclusions": [one]})
        if answer is not None and answer.status_code == 201:
            self.book.concluded[content] = answer.json()[0]["id"]
        elif answer is not None and answer.status_code == 404:  # the first of all: whom it is about is not there yet
            self.until_told("POST", f"{W}/peers", {"id": f"{self.name}-by-hand"})
        else:
            self.book.unsure.add(content)

    def withdraw(self) -> None:
        if self.book.concluded:
            content = self.chance.choice([*self.book.concluded])
            id = self.book.concluded.pop(content)  # from the first attempt on it may be gone
            self.until_told("DELETE", f"{W}/conclusions/{id}", also=404)
            self.book.withdrawn.add(content)

    def keep_a_card(self) -> None:
        lines = [f"Line {self.new()}"]
        self.until_told("PUT", f"{W}/peers/{self.name}-card/card", {"peer_card": lines})
        self.book.card = lines

    def come_and_go(self) -> None:
        """A session that is filled and deleted: its rows are removed while the server is killed."""
        session = f"{W}/sessions/gone-{self.name}-{self.new()}"
        for _ in range(self.chance.randint(1, 8)):
            self.once("POST", f"{session}/messages", self.messages([f"gone {n}" for n in range(PURGED_MESSAGES)]))
        self.until_told("POST", f"{W}/sessions", {"id": session.rsplit("/", 1)[1]})
        self.until_told("DELETE", session, also=404)
        self.book.gone.add(session)

    def come_and_go_altogether(self) -> None:
        """The same with a workspace."""
        id = f"gone-{self.name}-{self.new()}"
        place = f"/v3/workspaces/{id}"
        self.until_told("POST", "/v3/workspaces", {"id": id})
        self.until_told("POST", f"{place}/peers", {"id": self.name})
        many = [{"content": f"it is {n}", "observer_id": self.name, "observed_id": self.name} for n in range(60)]
        self.once("POST", f"{place}/conclusions", {"conclusions": many})
        self.once("POST", f"{place}/sessions/s/messages", self.messages([f"gone {n}" for n in range(60)]))
        self.until_told("POST", f"{place}/sessions", {"id": "s"})
        self.until_told("DELETE", f"{place}/sessions/s", also=404)
        self.until_told("DELETE", place, also=404)
        self.book.gone.add(id)

    def dream(self) -> None:
        peer = f"{self.name}-by-hand"
        if self.book.concluded:
            body = {"observer": self.name, "observed": peer, "dream_type": "omni"}
            self.until_told("POST", f"{W}/schedule_dream", body)

    def look(self) -> None:
        self.until_told("POST", f"{W}/search", {"query": "item", "limit": 3})
        self.until_told("GET", f"{self.session}/context?tokens=200")
