"""Clients that change what is remembered, at random and at the same time: they say, correct, delete, merge, and ask."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.server_process import Server

PEERS = ("ann", "ben", "cay", "dan", "eve")
SESSIONS = ("hall", "kitchen", "garden")
WORKSPACE = "w"
TOWNS = ("Rome", "Oslo", "Bonn", "Porto", "Lyon")
THINGS = ("jazz", "tea", "hiking", "chess", "olives")
JOBS = ("nurse", "baker", "pilot", "teacher")
STATEMENTS = (
    *("I live in {town}.", "I moved to {town}.", "No, I meant {town}.", "I live in {town}, not {other}."),
    *("I love {thing}.", "I don't like {thing} anymore.", "I work as a {job}.", "I quit my job as a {job}."),
    *(
        "My sister lives in {town}.",
        "I used to live in {town}.",
        "Ben plays {thing}.",
        "My favourite hobby is {thing}.",
    ),
    *("I plan to visit {town} next week.", "I have been to {town} already.", "My dog is called {thing}."),
)
EXPECTED = frozenset((401, 404, 409, 422))
"""Refusals of requests that name what another client has deleted or merged."""


class ChangingClient(threading.Thread):
    """Sends random requests until it is stopped; `faults` has what the server must not have answered."""

    def __init__(self, server: Server, seed: int) -> None:
        super().__init__(daemon=True, name=f"client-{seed}")
        self.chance = random.Random(seed)
        self.answers: Counter[tuple[str, int]] = Counter()
        self.faults: list[str] = []
        self._stopping = threading.Event()
        self._http = server.client()

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        deeds: list[tuple[Callable[[], None], int]] = [
            (self.say, 30), (self.conclude, 8), (self.correct, 12), (self.delete_conclusion, 5),
            (self.delete_message, 5), (self.delete_session, 1), (self.delete_peer, 1), (self.merge, 3),
            (self.dream, 3), (self.clone, 1), (self.scope, 3), (self.come, 3), (self.leave, 2), (self.keep_a_card, 3),
            (self.provenance, 10), (self.list, 8), (self.ask, 4), (self.search, 4), (self.represent, 4),
        ]  # fmt: skip
        try:
            while not self._stopping.is_set():
                (deed,) = self.chance.choices([deed for deed, _ in deeds], [weight for _, weight in deeds])
                deed()
        except Exception as error:
            self.faults.append(f"{self.name}: {error!r}")
        finally:
            self._http.close()

    def call(self, what: str, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """The JSON of the answer; None if it was refused or is empty."""
        answer = self._http.request(method, f"/v3/workspaces/{WORKSPACE}{path}", json=body, **options)
        self.answers[what, answer.status_code] += 1
        if not answer.is_success and answer.status_code not in EXPECTED:
            self.faults.append(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.is_success and answer.content else None

    def peer(self) -> str:
        return self.chance.choice(PEERS)

    def room(self) -> str:
        return self.chance.choice(SESSIONS)

    def statement(self) -> str:
        words = {"town": TOWNS, "other": TOWNS, "thing": THINGS, "job": JOBS}
        chosen = {name: self.chance.choice(of) for name, of in words.items()}
        return self.chance.choice(STATEMENTS).format(**chosen)

    def some_time(self) -> str | None:
        ago = self.chance.choice([None, None, 0, 1, 30, 400_000])
        return None if ago is None else (datetime.now(UTC) - timedelta(minutes=ago)).isoformat()

    def moment(self) -> dict[str, str]:
        chosen = {name: self.some_time() for name in ("as_of", "valid_at")}
        return {name: value for name, value in chosen.items() if value is not None}

    def say(self) -> None:
        said = [
            {"peer_id": self.peer(), "content": self.statement(), "created_at": self.some_time()}
            for _ in range(self.chance.randint(1, 4))
        ]
        self.call("say", "POST", f"/sessions/{self.room()}/messages", {"messages": said})

    def any_conclusion(self) -> Any:
        """Any conclusion, current or ended; None if there is none."""
        filters = {"status": "*"} if self.chance.random() < 0.3 else None
        page = self.call("list", "POST", "/conclusions/list?size=50", {"filters": filters} if filters else {})
        return self.chance.choice(page["items"]) if page and page["items"] else None

    def conclude(self) -> None:
        observer, observed = self.peer(), self.peer()
        content = f"{observed} {self.chance.choice(['lives in', 'moved to'])} {self.chance.choice(TOWNS)}"
        new = {"content": content, "observer_id": observer, "observed_id": observed}
        if self.chance.random() < 0.5:
            new["session_id"] = self.room()
        self.call("conclude", "POST", "/conclusions", {"conclusions": [new]})

    def correct(self) -> None:
        if one := self.any_conclusion():
            content = f"{one['observed_id']} lives in {self.chance.choice(TOWNS)}"
            self.call("correct", "PATCH", f"/conclusions/{one['id']}", {"content": content, "reason": "told so"})

    def delete_conclusion(self) -> None:
        if one := self.any_conclusion():
            self.call("delete conclusion", "DELETE", f"/conclusions/{one['id']}")

    def delete_message(self) -> None:
        path = f"/sessions/{self.room()}/messages"
        page = self.call("messages", "POST", f"{path}/list?size=50", {})
        if page and page["items"]:
            self.call("delete message", "DELETE", f"{path}/{self.chance.choice(page['items'])['id']}")

    def delete_session(self) -> None:
        self.call("delete session", "DELETE", f"/sessions/{self.room()}")

    def delete_peer(self) -> None:
        self.call("delete peer", "DELETE", f"/peers/{self.peer()}")

    def merge(self) -> None:
        body = {"into": self.peer(), "keep_alias": self.chance.random() < 0.3, "dry_run": self.chance.random() < 0.2}
        self.call("merge", "POST", f"/peers/{self.peer()}/merge", body)

    def dream(self) -> None:
        body = {"observer": self.peer(), "observed": self.peer(), "dream_type": "omni"}
        self.call("dream", "POST", "/schedule_dream", body)

    def clone(self) -> None:
        self.call("clone", "POST", f"/sessions/{self.room()}/clone")

    def scope(self) -> None:
        room = self.room()
        self.call("scope", "POST", "/scopes", {"id": "th"})
        if self.chance.random() < 0.5:
            self.call("scope", "POST", "/scopes/th/sessions", {"session_ids": [room]})
        else:
            self.call("scope", "DELETE", f"/scopes/th/sessions/{room}")

    def come(self) -> None:
        flags = {"observe_others": self.chance.random() < 0.5}
        self.call("come", "POST", f"/sessions/{self.room()}/peers", {self.peer(): flags})

    def leave(self) -> None:
        self.call("leave", "DELETE", f"/sessions/{self.room()}/peers", [self.peer()])

    def keep_a_card(self) -> None:
        path = f"/peers/{self.peer()}/card?target={self.peer()}"
        if kept := self.call("card", "GET", path):
            lines = [*(kept["peer_card"] or ()), f"INSTRUCTION: mention {self.chance.choice(THINGS)}"]
            self.call("card", "PUT", path, {"peer_card": lines[-5:]})

    def provenance(self) -> None:
        if one := self.any_conclusion():
            path = f"/conclusions/{one['id']}/{self.chance.choice(['sources', 'history'])}"
            self.call("provenance", "GET", path)

    def list(self) -> None:
        self.call("list", "POST", "/conclusions/list", self.moment())

    def ask(self) -> None:
        body = {"query": "Where did they live before?", "include_evidence": True, **self.moment()}
        self.call("chat", "POST", f"/peers/{self.peer()}/chat", body)

    def search(self) -> None:
        self.call("search", "POST", "/search", {"query": self.chance.choice(TOWNS)})
        self.call("query", "POST", "/conclusions/query", {"query": "home town", **self.moment()})

    def represent(self) -> None:
        self.call("represent", "POST", f"/peers/{self.peer()}/representation", self.moment())
        params = {"peer_target": self.peer(), "peer_perspective": self.peer(), **self.moment()}
        self.call("context", "GET", f"/sessions/{self.room()}/context", params=params)
