"""`as_of` and `valid_at` at their edges: every instant is answered, everything else is refused, nothing fails."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests.handlers.workspace import WorkspaceClient, until
from tests.server_process import Server

READS: dict[str, tuple[str, str, Any]] = {
    "list": ("POST", "/conclusions/list", {}),
    "query": ("POST", "/conclusions/query", {"query": "home"}),
    "representation": ("POST", "/peers/alice/representation", {"search_query": "home"}),
    "chat": ("POST", "/peers/alice/chat", {"query": "Where did alice live before?"}),
    "workspace chat": ("POST", "/chat", {"query": "Where does alice live?"}),
    "peer context": ("GET", "/peers/alice/context", None),
    "session context": ("GET", "/sessions/s/context?peer_target=alice", None),
}
INSTANTS = (
    *("0001-01-01", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00-14:00", "1969-12-31T23:59:59.999999Z", "1970-01-01"),
    *("2026-02-28T23:59:59.9999999Z", "2024-02-29", "2026-11-30T12:00:00+05:45", "2026-11-30T12:00:00-23:59"),
    *("2109-05-15T07:35:11Z", "2500-01-01", "9999-12-31", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59+14:00"),
)
NO_INSTANTS = (
    *("", " ", "now", "yesterday", "2026-13-01", "2026-02-29", "2026-11-31", "2026-11-30T25:00:00", "2026-W01-1"),
    *(
        "2026-11-30T12:00:00+25:00",
        "2026-11-30T12:00:00 00:00",
        "10000-01-01",
        "-001-01-01",
        "0000-01-01",
        "NaN",
        "1e400",
    ),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-11-30T12:00:00Z\x00", "٢٠٢٦-١١-٣٠", "9" * 5_000),
)
OTHER_TYPES: tuple[Any, ...] = (True, [], {}, ["2026-11-30"], 10**400, -(10**400), 1.5e308)


@pytest.fixture(scope="module")
def moved(eager: Server) -> Iterator[WorkspaceClient]:
    """alice lived in Lisbon and moved to Porto."""
    with eager.client() as http:
        ws = WorkspaceClient(http, "edges")
        for said, at in (("I live in Lisbon.", "2020-01-01T00:30:00+02:00"), ("I moved to Porto.", "2021-06-01")):
            message = {"peer_id": "alice", "content": said, "created_at": at}
            ws.ok("POST", "/sessions/s/messages", {"messages": [message]})
            until(lambda: ws.ok("GET", "/queue/status")["pending_work_units"] == 0)
            until(lambda: ws.ok("GET", "/queue/status")["in_progress_work_units"] == 0)
        yield ws


@pytest.fixture(scope="module")
def eager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that reasons at once."""
    running = Server(tmp_path_factory.mktemp("edges") / "omoide.db", debounce_seconds="0")
    yield running
    running.stop()


def status(ws: WorkspaceClient, read: str, name: str, value: Any) -> int:
    method, path, body = READS[read]
    given: dict[str, Any] = {"params": {name: value}} if body is None else {"body": {**body, name: value}}
    answer = ws.call(method, path, **given)
    if answer.status_code == 422 and not isinstance(value, int):  # one that is too long is no JSON
        assert answer.json()["detail"][0]["loc"][-1] == name, answer.text
    return answer.status_code


@pytest.mark.parametrize("name", ["as_of", "valid_at"])
@pytest.mark.parametrize("read", READS)
def test_every_instant_is_answered(moved: WorkspaceClient, read: str, name: str) -> None:
    assert {each: status(moved, read, name, each) for each in INSTANTS} == dict.fromkeys(INSTANTS, 200)


@pytest.mark.parametrize("name", ["as_of", "valid_at"])
@pytest.mark.parametrize("read", READS)
def test_what_is_no_instant_is_refused(moved: WorkspaceClient, read: str, name: str) -> None:
    others = () if READS[read][2] is None else OTHER_TYPES
    found = [(each, status(moved, read, name, each)) for each in (*NO_INSTANTS, *others)]
    assert [each for each in found if each[1] != 422] == []


def texts(ws: WorkspaceClient, **moment: str) -> set[str]:
    return {each["content"] for each in ws.ok("POST", "/conclusions/list", {**moment})["items"]}


def test_an_end_is_exclusive_and_a_beginning_inclusive(moved: WorkspaceClient) -> None:
    (over,) = moved.ok("POST", "/conclusions/list", {"filters": {"status": "superseded"}})["items"]
    (current,) = moved.ok("POST", "/conclusions/list", {})["items"]
    assert over["valid_until"] == current["valid_from"]
    end = datetime.fromisoformat(over["valid_until"])
    before = (end - timedelta(microseconds=1)).isoformat()
    assert texts(moved, valid_at=end.isoformat()) == {current["content"]}
    assert texts(moved, valid_at=before) == {over["content"]}
    ended = datetime.fromisoformat(over["ended_at"])
    assert texts(moved, as_of=ended.isoformat()) == {current["content"]}
    assert texts(moved, as_of=(ended - timedelta(microseconds=1)).isoformat()) == {over["content"]}


def test_the_same_instant_in_any_zone_finds_the_same(moved: WorkspaceClient) -> None:
    (over,) = moved.ok("POST", "/conclusions/list", {"filters": {"status": "superseded"}})["items"]
    end = datetime.fromisoformat(over["valid_until"])
    for minutes in (-840, -210, 0, 345, 840):
        local = end.astimezone(timezone(timedelta(minutes=minutes)))
        assert texts(moved, valid_at=local.isoformat()) == texts(moved)
        assert texts(moved, valid_at=(local - timedelta(seconds=1)).isoformat()) == {over["content"]}


def test_nothing_was_known_before_it_was_learned_and_all_is_known_ever_after(moved: WorkspaceClient) -> None:
    assert texts(moved, as_of="0001-01-01") == texts(moved, as_of="2021-06-02") == set()
    assert texts(moved, as_of="9999-12-31") == texts(moved, as_of="9999-12-31", valid_at="9999-12-31") == texts(moved)
    assert texts(moved, valid_at="9999-12-31") == texts(moved)
    assert len(texts(moved, valid_at="0001-01-01")) == 1, "since when alice lived in Lisbon is not known"
