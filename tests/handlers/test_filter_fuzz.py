"""Fuzz filters: random ones, many of them malformed, give a page or an error with a sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from random import Random
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.server_process import Server
from tests.storage.filter_generator import Generator

EXAMPLES = 20
FILTERS_PER_EXAMPLE = 20
WS = "/v3/workspaces/fuzzed"
LISTS = [
    ("Workspace", "/v3/workspaces/list"),
    ("Peer", f"{WS}/peers/list"),
    ("Session", f"{WS}/sessions/list"),
    ("Session", f"{WS}/peers/a/sessions"),
    ("Message", f"{WS}/sessions/s/messages/list"),
    ("Conclusion", f"{WS}/conclusions/list"),
]
"""These numbers give 2,400 filters from the generator; 300 more are arbitrary JSON."""

KEYS = st.sampled_from(
    [
        *("id", "metadata", "created_at", "content", "peer_id", "session_id", "is_active", "level", "source_ids"),
        *("AND", "OR", "NOT", "gt", "lte", "ne", "in", "contains", "icontains", "", "\0", "\ud800", "a.b", '"'),
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


class RawClient:
    """A connection without httpx, whose overhead equals the time of the responses."""

    def __init__(self, connection: HTTPConnection) -> None:
        self._connection = connection

    def post(self, path: str, body: Any) -> tuple[int, Any]:
        """Status and JSON. The body may contain NaN and lone surrogates."""
        self._connection.request("POST", path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        return answer.status, json.loads(answer.read())


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[RawClient]:
    """A client of a workspace filled with unusual texts, numbers and keys."""
    with closing(HTTPConnection(urlsplit(server.url).netloc)) as connection:
        made = RawClient(connection)
        _fill(made)
        yield made


def _fill(client: RawClient) -> None:
    generator = Generator(Random(5), "Message")
    rows = [row for _ in range(4) for row in generator.make_rows(12)]
    for name, row in zip("abcdefgh", rows, strict=False):
        for kind in ("peers", "sessions"):
            _post(client, f"{WS}/{kind}", {"id": name, "metadata": row["metadata"]})
    _post(client, f"{WS}/sessions/s/messages", {"messages": [_message(row) for row in rows]})
    conclusions = [{"content": row["content"] or "-", "observer_id": "a", "observed_id": "b"} for row in rows]
    _post(client, f"{WS}/conclusions", {"conclusions": conclusions})


def _post(client: RawClient, path: str, body: Any) -> None:
    status, answer = client.post(path, body)
    assert status in (200, 201), answer


def _message(row: dict[str, Any]) -> dict[str, Any]:
    said_at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=row["created_at"])
    peer = row["peer_id"] if row["peer_id"].isascii() else "a"
    return {
        "peer_id": peer,
        "content": row["content"],
        "metadata": row["metadata"],
        "created_at": said_at.isoformat(),
    }


def ask(client: RawClient, path: str, filters: Any) -> int:
    status, body = client.post(path, {"filters": filters})
    assert status in (200, 422), (filters, status, body)
    if status == 200:
        assert body["total"] >= len(body["items"]), filters
    else:
        assert body["detail"], filters
    return status


@pytest.mark.parametrize(("resource", "path"), LISTS, ids=[path for _, path in LISTS])
def test_filters_on_stored_values(client: RawClient, resource: str, path: str) -> None:
    answers: list[int] = []

    @settings(max_examples=EXAMPLES, derandomize=True, database=None, deadline=None)
    @given(st.randoms(use_true_random=True))
    def check(random: Random) -> None:
        generator = Generator(random, resource)
        generator.make_rows(12)
        answers.extend(ask(client, path, generator.make_filter()) for _ in range(FILTERS_PER_EXAMPLE))

    check()
    assert min(answers.count(200), answers.count(422)) > len(answers) // 20


@pytest.mark.parametrize(("resource", "path"), LISTS, ids=[path for _, path in LISTS])
def test_filters_of_arbitrary_json(client: RawClient, resource: str, path: str) -> None:
    @settings(
        max_examples=50,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(st.dictionaries(KEYS, ANY_JSON, max_size=4))
    def check(filters: dict[str, Any]) -> None:
        ask(client, path, filters)

    check()
