"""Backfill of scopes over HTTP: copying when sessions with messages are added, deleting when removed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.handlers.workspace import until

Fresh = Callable[[str], str]


@pytest.fixture
def ws(http: httpx.Client, fresh: Fresh) -> str:
    """The path of a workspace with the scope th, and the session s with messages of alice and bob."""
    path = f"/v3/workspaces/{fresh('filled')}"
    http.post(f"{path}/scopes", json={"id": "th"}).raise_for_status()
    talk(http, path, "s")
    return path


def talk(http: httpx.Client, ws: str, session: str) -> None:
    # Peers without automatic conclusions, so that only the test's conclusions exist.
    quiet = {"alice": {"observe_me": False}, "bob": {"observe_me": False}}
    http.post(f"{ws}/sessions", json={"id": session, "peers": quiet}).raise_for_status()
    batch = {"messages": [{"peer_id": peer, "content": "Hello"} for peer in quiet]}
    http.post(f"{ws}/sessions/{session}/messages", json=batch).raise_for_status()


def know(http: httpx.Client, ws: str, content: str, session: str | None, observer: str, observed: str = "") -> Any:
    new = {
        "content": content,
        "session_id": session,
        "observer_id": observer,
        "observed_id": observed or observer,
    }
    response = http.post(f"{ws}/conclusions", json={"conclusions": [new]})
    assert response.status_code == 201, response.text
    return response.json()[0]


def known(http: httpx.Client, ws: str, observed: str, observer: str = "scope.th") -> list[Any]:
    wanted = {"filters": {"observer_id": observer, "observed_id": observed}}
    response = http.post(f"{ws}/conclusions/list?reverse=true", json=wanted)
    return list(response.json()["items"])


def texts(http: httpx.Client, ws: str, observed: str) -> list[str]:
    return [conclusion["content"] for conclusion in known(http, ws, observed)]


def add(http: httpx.Client, ws: str, *session_ids: str) -> None:
    http.post(f"{ws}/scopes/th/sessions", json={"session_ids": session_ids}).raise_for_status()


def status(http: httpx.Client, ws: str) -> dict[str, Any]:
    return dict(http.get(f"{ws}/scopes/th/status").json()["backfill_status"])


def settled(http: httpx.Client, ws: str) -> dict[str, Any]:
    """The status once nothing is pending."""
    found: dict[str, Any] = {}

    def is_settled() -> bool:
        found.clear()
        found.update(status(http, ws))
        return not any(job["state"] == "pending" for job in found.values())

    until(is_settled)
    return found


def test_what_peers_know_about_themselves_is_copied(http: httpx.Client, ws: str) -> None:
    tea = know(http, ws, "alice likes tea", "s", "alice")
    know(http, ws, "bob likes milk", "s", "bob")
    know(http, ws, "alice seems tired", "s", "bob", "alice")
    know(http, ws, "alice is tall", None, "alice")
    talk(http, ws, "other")
    know(http, ws, "alice is elsewhere", "other", "alice")
    add(http, ws, "s")
    job = settled(http, ws)["s"]
    assert (job["state"], job["docs_copied"]) == ("completed", 2)
    (copy,) = known(http, ws, "alice")
    assert copy["id"] != tea["id"]
    assert {**copy, "id": tea["id"], "observer_id": "alice"} == tea
    assert texts(http, ws, "bob") == ["bob likes milk"]


def test_copying_is_pending_as_soon_as_the_session_is_added(http: httpx.Client, ws: str) -> None:
    before = know(http, ws, "alice likes tea", "s", "alice")["created_at"]
    add(http, ws, "s")
    job = status(http, ws)["s"]
    assert job["state"] in ("pending", "completed")
    assert settled(http, ws)["s"]["updated_at"] > before


def test_a_session_without_messages_has_no_status(http: httpx.Client, ws: str) -> None:
    http.post(f"{ws}/sessions", json={"id": "silent", "scopes": ["th"]})
    assert status(http, ws) == {}


@pytest.mark.parametrize("way", ["the scope", "the session", "a clone"])
def test_every_way_to_add_a_session_copies_its_conclusions(way: str, http: httpx.Client, ws: str) -> None:
    know(http, ws, "alice likes tea", "s", "alice")
    expected = {"s": 1}
    if way == "the session":
        http.post(f"{ws}/sessions", json={"id": "s", "scopes": ["th"]}).raise_for_status()
    else:
        add(http, ws, "s")
    if way == "a clone":
        expected[http.post(f"{ws}/sessions/s/clone").json()["id"]] = 0  # a clone has no conclusions
    found = settled(http, ws)
    assert {session: job["docs_copied"] for session, job in found.items()} == expected


def test_adding_a_session_again_copies_nothing_twice(http: httpx.Client, ws: str) -> None:
    know(http, ws, "alice likes tea", "s", "alice")
    add(http, ws, "s")
    first = settled(http, ws)
    add(http, ws, "s")
    assert settled(http, ws) == first
    assert texts(http, ws, "alice") == ["alice likes tea"]


def test_conclusions_of_the_scope_itself_are_not_copied(http: httpx.Client, ws: str) -> None:
    know(http, ws, "alice likes tea", "s", "alice")
    know(http, ws, " Alice likes tea", "s", "scope.th", "alice")
    add(http, ws, "s")
    assert settled(http, ws)["s"]["docs_copied"] == 0
    assert texts(http, ws, "alice") == [" Alice likes tea"]


def test_removing_a_session_clears_its_status_and_deletes_the_copies(http: httpx.Client, ws: str) -> None:
    know(http, ws, "alice likes tea", "s", "alice")
    talk(http, ws, "t")
    know(http, ws, "alice likes cake", "t", "alice")
    add(http, ws, "s", "t")
    assert settled(http, ws).keys() == {"s", "t"}
    assert http.delete(f"{ws}/scopes/th/sessions/s").status_code == 204
    assert status(http, ws).keys() == {"t"}
    until(lambda: texts(http, ws, "alice") == ["alice likes cake"])
    assert [c["content"] for c in known(http, ws, "alice", "alice")] == ["alice likes tea", "alice likes cake"]


def test_a_session_that_is_added_again_restores_the_same_copies(http: httpx.Client, ws: str) -> None:
    know(http, ws, "alice likes tea", "s", "alice")
    add(http, ws, "s")
    settled(http, ws)
    (copy,) = known(http, ws, "alice")
    http.delete(f"{ws}/scopes/th/sessions/s")
    until(lambda: not known(http, ws, "alice"))
    know(http, ws, "alice likes cake", "s", "alice")
    add(http, ws, "s")
    assert settled(http, ws)["s"]["docs_copied"] == 2
    again, fresh = known(http, ws, "alice")
    assert again == copy
    assert fresh["content"] == "alice likes cake"


def test_a_session_that_is_removed_and_added_at_once_keeps_its_copies(http: httpx.Client, ws: str) -> None:
    know(http, ws, "alice likes tea", "s", "alice")
    add(http, ws, "s")
    settled(http, ws)
    copies = known(http, ws, "alice")
    for _ in range(3):
        http.delete(f"{ws}/scopes/th/sessions/s").raise_for_status()
        add(http, ws, "s")
    assert settled(http, ws)["s"]["docs_copied"] == 1
    assert known(http, ws, "alice") == copies


def test_a_deleted_session_leaves_no_status_and_no_copies(http: httpx.Client, ws: str) -> None:
    know(http, ws, "alice likes tea", "s", "alice")
    add(http, ws, "s")
    settled(http, ws)
    assert http.delete(f"{ws}/sessions/s").status_code == 202
    assert (status(http, ws), texts(http, ws, "alice")) == ({}, [])
    talk(http, ws, "s")
    add(http, ws, "s")
    assert settled(http, ws)["s"]["docs_copied"] == 0
