"""The workloads for both servers, and the required ratios to the floor."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from benchmarks.load import request
from benchmarks.table import Bar

WORKSPACE = "/v3/workspaces/bench"
SESSIONS = f"{WORKSPACE}/sessions"
BATCH = 50
LARGEST_BATCH = 100
"""The maximum number of messages per request."""
PAGES = 20
CONNECTIONS = 16
BULK_CLIENTS = 8
CONVERSATIONS = 16
"""Messages are added to this number of sessions in turn."""

SPEECH = (
    "I moved to Lisbon last spring, with my dog Rex and far too many books.",
    "Nice! How do you like the weather there, compared with Hamburg?",
    "Warmer. I run along the river before work, about six kilometres, three times a week.",
    "Then the half marathon in October may be something for you. Shall I look up the dates?",
)


@dataclass(frozen=True)
class Workload:
    """`prepare` is sent once to each server, then `requests` as fast as it answers with `status`."""

    name: str
    requests: Iterator[bytes]
    status: int = 200
    prepare: tuple[bytes, ...] = ()
    bar: Bar | None = None
    connections: int = CONNECTIONS
    messages: int = 0
    """Messages per request, if their rate is to be reported."""
    enough: Bar | None = None
    """The bar for messages per second."""


def post(path: str, body: object) -> bytes:
    return request("POST", path, orjson.dumps(body))


def batch(size: int) -> dict[str, object]:
    """A body with `size` messages of two peers in turn."""
    said = itertools.islice(itertools.cycle(SPEECH), size)
    return {"messages": [{"peer_id": ("alice", "helper")[n % 2], "content": text} for n, text in enumerate(said)]}


def workloads() -> list[Workload]:
    """All workloads, with new request iterators."""
    found = post(SESSIONS, {"id": "found"})
    listed = f"{SESSIONS}/listed/messages"
    filling = tuple(itertools.repeat(post(listed, batch(BATCH)), PAGES))
    pages = [post(f"{listed}/list?page={page + 1}&size={BATCH}", {}) for page in range(PAGES)]
    return [
        Workload("no-op (GET /health)", itertools.repeat(request("GET", "/health"))),
        Workload("session found", itertools.repeat(found), prepare=(found,), bar=Bar(0.55)),
        Workload("session created, two peers", _new_sessions(), bar=Bar(0.45)),
        # Before the workloads that leave many jobs.
        Workload(f"messages listed by {BATCH}", itertools.cycle(pages), prepare=filling),
        Workload("messages added singly", _added("singly", 1), status=201),
        Workload(f"messages added by {BATCH}", _added("batched", BATCH), status=201, bar=Bar(0.5)),
        Workload(
            f"messages added by {LARGEST_BATCH}, {BULK_CLIENTS} clients",
            _added("bulk", LARGEST_BATCH),
            status=201,
            bar=Bar(0.6),
            connections=BULK_CLIENTS,
            messages=LARGEST_BATCH,
            enough=Bar(10_000),
        ),
    ]


def _new_sessions() -> Iterator[bytes]:
    # The id has a fixed width, so that the headers stay the same and only the number changes.
    before, after = post(SESSIONS, {"id": "created-@@@@@@@@@@", "peers": {"alice": {}, "helper": {}}}).split(b"@" * 10)
    return (b"%b%010d%b" % (before, number, after) for number in itertools.count())


def _added(name: str, size: int) -> Iterator[bytes]:
    body = batch(size)
    return itertools.cycle([post(f"{SESSIONS}/{name}-{n}/messages", body) for n in range(CONVERSATIONS)])
