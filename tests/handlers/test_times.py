"""`as_of` and `valid_at` over HTTP, wherever memory is read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from omoide.core import clock
from omoide.core.records import NOW, PageRequest
from omoide.storage import Transaction, conclusion_endings, conclusions
from omoide.storage.conclusion_endings import Ended
from tests.handlers.workspace import WorkspaceClient
from tests.postgresql import open_store
from tests.reasoner.memory_fixtures import Past
from tests.server_process import Server

PAIR = {"observer_id": "alice", "observed_id": "alice"}
READS = ("list", "query", "representation", "peer context", "session context", "chat", "workspace chat")


class MovedHome(NamedTuple):
    client: WorkspaceClient
    before: str
    moved: str


@pytest.fixture
def past(server: Server, workspace_client: WorkspaceClient) -> Iterator[Past]:
    """Writes into the running server's database, as jobs do."""
    store = open_store(server.db)
    yield Past(store, workspace_client.id)
    store.close()


@pytest.fixture
def told(workspace_client: WorkspaceClient, past: Past) -> MovedHome:
    """Alice lived in Lisbon, moved to Porto, and has a card that says so; `before` lies between both statements."""
    workspace_client.session("s", peers={"alice": {}}, configuration={"reasoning": {"enabled": False}})
    workspace_client.say("s", "I live in Lisbon.")
    lisbon = past.conclude("alice lives in Lisbon")
    before = clock.now()
    workspace_client.say("s", "I moved to Porto.")
    porto = past.conclude("alice moved to Porto")

    def supersede(db: Transaction) -> None:
        conclusion_endings.begin(db, porto.pk, porto.said_at)
        conclusion_endings.end(db, [Ended(lisbon.pk, "superseded", porto.id, porto.said_at)], clock.now())

    past.write(supersede)
    workspace_client.ok("PUT", "/peers/alice/card", {"peer_card": ["ATTRIBUTE: lives in Porto"]})
    return MovedHome(workspace_client, _text(before), _text(porto.said_at))


def _text(instant: int) -> str:
    return clock.from_micros(instant).isoformat()


def read(client: WorkspaceClient, what: str, **moment: str) -> str:
    """The answer of one kind of read, as text."""
    if what == "list":
        return str(client.ok("POST", "/conclusions/list", {"filters": PAIR, **moment})["items"])
    if what == "query":
        return str(client.ok("POST", "/conclusions/query", {"query": "where does alice live", **moment}))
    if what == "representation":
        return str(client.ok("POST", "/peers/alice/representation", {"search_query": "live", **moment}))
    if what == "peer context":
        return str(client.ok("GET", "/peers/alice/context", params=moment))
    if what == "session context":
        return str(client.ok("GET", "/sessions/s/context", params={"peer_target": "alice", **moment}))
    path = "/peers/alice/chat" if what == "chat" else "/chat"
    return str(client.ok("POST", path, {"query": "Where does alice live?", "include_evidence": True, **moment}))


@pytest.mark.parametrize("what", READS)
def test_as_of_an_instant_nothing_later_is_known(told: MovedHome, what: str) -> None:
    then, now = read(told.client, what, as_of=told.before), read(told.client, what)
    assert "Lisbon" in then
    assert "Porto" not in then
    assert "Porto" in now


@pytest.mark.parametrize("what", READS)
def test_as_of_an_instant_before_everything_nothing_is_known(told: MovedHome, what: str) -> None:
    text = read(told.client, what, as_of="2020-01-01")
    assert "Lisbon" not in text
    assert "Porto" not in text


@pytest.mark.parametrize("what", ["list", "query", "representation", "peer context"])
def test_valid_at_an_instant_conclusions_are_those_that_held(told: MovedHome, what: str) -> None:
    then, since = read(told.client, what, valid_at=told.before), read(told.client, what, valid_at=told.moved)
    assert "lives in Lisbon" in then
    assert "Porto" not in then
    assert "Lisbon" not in since
    assert "moved to Porto" in since


def test_both_instants_combine(told: MovedHome) -> None:
    held = {"valid_at": told.before}
    assert "lives in Lisbon" in read(told.client, "list", as_of=told.before, **held)
    assert "Lisbon" in read(told.client, "list", as_of=told.before, valid_at=told.moved), "the move was not known"
    assert "Lisbon" not in read(told.client, "list", valid_at=told.moved)


def test_a_conclusion_is_listed_as_it_was_known(told: MovedHome) -> None:
    (then,) = told.client.ok("POST", "/conclusions/list", {"as_of": told.before})["items"]
    now = told.client.ok("POST", "/conclusions/list", {"filters": {"status": "superseded"}})["items"]
    ended = ("status", "ended_at", "superseded_by", "valid_until")
    assert [then[name] for name in ended] == ["current", None, None, None]
    assert [each["id"] for each in now] == [then["id"]]
    assert now[0]["status"] == "superseded"
    assert None not in [now[0][name] for name in ended]
    was = {"filters": {"status": "superseded"}, "as_of": told.before}
    assert told.client.ok("POST", "/conclusions/list", was)["total"] == 0


@pytest.mark.parametrize("filters", [{"status": "*"}, {"OR": [{"id": "x"}, {"NOT": [{"status": "merged"}]}]}])
@pytest.mark.parametrize("path", ["/conclusions/list", "/conclusions/query"])
def test_a_filter_that_names_the_status_shows_ended_conclusions(told: MovedHome, filters: Any, path: str) -> None:
    found = told.client.ok("POST", path, {"query": "where does alice live", "filters": filters})
    listed = found["items"] if isinstance(found, dict) else found
    assert {each["status"] for each in listed} == {"current", "superseded"}


def test_deleted_conclusions_are_in_no_time(told: MovedHome, past: Past) -> None:
    found = past.write(conclusions.page, past.workspace_id, PageRequest(), NOW, {"status": "*"})
    past.write(conclusions.hide, [each.pk for each in found.items], clock.now())
    for moment in ({}, {"as_of": told.before}, {"valid_at": told.before}, {"as_of": "2999-01-01"}):
        assert told.client.ok("POST", "/conclusions/list", moment)["total"] == 0


@pytest.mark.parametrize("what", ["peer context", "session context"])
@pytest.mark.parametrize("name", ["as_of", "valid_at"])
def test_cards_tell_only_what_holds_now(told: MovedHome, what: str, name: str) -> None:
    assert "ATTRIBUTE" in read(told.client, what)
    assert "ATTRIBUTE" not in read(told.client, what, **{name: "2999-01-01T00:00:00Z"})


@pytest.mark.parametrize("what", READS)
def test_times_without_a_zone_are_utc(told: MovedHome, what: str) -> None:
    aware = datetime.fromisoformat(told.before)
    naive = aware.replace(tzinfo=None).isoformat()
    zoned = (aware.astimezone(UTC) + timedelta(hours=2)).replace(tzinfo=None).isoformat() + "+02:00"
    answers = [read(told.client, what, as_of=each) for each in (told.before, naive, zoned)]
    assert answers[0] == answers[1] == answers[2]


@pytest.mark.parametrize("bad", ["soon", "2026-13-01", "0001-01-01T00:00:00+14:00", ""])
@pytest.mark.parametrize("name", ["as_of", "valid_at"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/conclusions/list", {}),
        ("POST", "/conclusions/query", {"query": "x"}),
        ("POST", "/peers/alice/representation", {}),
        ("POST", "/peers/alice/chat", {"query": "x"}),
        ("POST", "/chat", {"query": "x"}),
        ("GET", "/peers/alice/context", None),
        ("GET", "/sessions/s/context", None),
    ],
)
def test_an_invalid_time_is_refused(
    workspace_client: WorkspaceClient, method: str, path: str, body: Any, name: str, bad: str
) -> None:
    workspace_client.session("s", peers={"alice": {}})
    given = {"params": {name: bad}} if body is None else {"body": {**body, name: bad}}
    response = workspace_client.call(method, path, **given)
    assert response.status_code == 422, response.text
    assert response.json()["detail"][0]["loc"] == ["query" if body is None else "body", name]
