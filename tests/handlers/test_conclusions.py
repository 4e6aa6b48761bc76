"""Conclusions over HTTP: create, list, query, delete."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

Fresh = Callable[[str], str]


@pytest.fixture
def ws(http: httpx.Client, fresh: Fresh) -> str:
    """The path of a workspace with the peers alice and bob and the session s."""
    path = f"/v3/workspaces/{fresh('mind')}"
    http.post(f"{path}/sessions", json={"id": "s", "peers": {"alice": {}, "bob": {}}}).raise_for_status()
    return path


def make(http: httpx.Client, ws: str, *contents: str, **fields: object) -> list[dict[str, object]]:
    pair = {"observer_id": "alice", "observed_id": "bob", **fields}
    response = http.post(f"{ws}/conclusions", json={"conclusions": [{"content": c, **pair} for c in contents]})
    assert response.status_code == 201, response.text
    return list(response.json())


def test_conclusions_come_back_as_stored_in_the_order_of_the_request(http: httpx.Client, ws: str) -> None:
    first, second = make(http, ws, "bob likes tea", "bob likes milk", session_id="s")
    assert (first["content"], second["content"]) == ("bob likes tea", "bob likes milk")
    assert first.keys() == {
        *("id", "content", "observer_id", "observed_id", "session_id", "level", "source_ids", "times_derived"),
        *("created_at", "status", "said_at", "valid_from", "valid_until", "ended_at", "superseded_by", "message_ids"),
    }
    assert (first["level"], first["source_ids"], first["times_derived"]) == ("explicit", None, 1)
    assert (first["status"], first["superseded_by"], first["message_ids"]) == ("current", None, [])
    assert first["created_at"] == second["created_at"] == first["said_at"]
    assert http.get(f"{ws}/conclusions/{first['id']}").json() == first


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({}, (None, None)),
        ({"valid_from": None, "valid_until": None}, (None, None)),
        ({"valid_from": "2025-03-01T20:30:00-08:00"}, ("2025-03-02T04:30:00Z", None)),
        ({"valid_from": 0, "valid_until": "2025-03-01"}, ("1970-01-01T00:00:00Z", "2025-03-01T00:00:00Z")),
        ({"valid_until": "0001-01-01T00:00:00Z"}, (None, "0001-01-01T00:00:00Z")),
    ],
)
def test_a_caller_may_say_when_a_conclusion_holds(given: object, kept: object, http: httpx.Client, ws: str) -> None:
    (made,) = make(http, ws, "bob lives in Bonn", **given)  # type: ignore[arg-type]
    assert (made["valid_from"], made["valid_until"]) == kept
    assert http.get(f"{ws}/conclusions/{made['id']}").json() == made


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"valid_from": "2025-03-02", "valid_until": "2025-03-01"}, "valid_until"),
        ({"valid_from": "2025-03-01T01:00:00+01:00", "valid_until": "2025-03-01T00:00:00Z"}, "valid_until"),
        ({"valid_from": "yesterday"}, "valid_from"),
        ({"valid_until": True}, "valid_until"),
        ({"valid_from": "0001-01-01T00:00:00+05:30"}, "valid_from"),
        ({"valid_until": {}}, "valid_until"),
    ],
)
def test_an_impossible_validity_is_refused(given: object, field: str, http: httpx.Client, ws: str) -> None:
    good = {"content": "x", "observer_id": "alice", "observed_id": "bob"}
    body = {"conclusions": [good, {**good, **given}]}  # type: ignore[dict-item]
    answer = http.post(f"{ws}/conclusions", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"][0]["loc"][:4] == ["body", "conclusions", 1, field]
    assert http.post(f"{ws}/conclusions/list", json={}).json()["total"] == 0


def test_fields_that_a_caller_may_not_set_are_ignored(http: httpx.Client, ws: str) -> None:
    (made,) = make(http, ws, "x", level="deductive", id="mine", times_derived=9, created_at="2001-01-01T00:00:00Z")
    assert (made["level"], made["times_derived"], made["id"] != "mine") == ("explicit", 1, True)


def test_the_same_conclusion_is_stored_twice(http: httpx.Client, ws: str) -> None:
    assert len({c["id"] for c in make(http, ws, "same", "same")}) == 2


def test_observations_is_no_longer_an_alias_of_conclusions(http: httpx.Client, ws: str) -> None:
    assert http.post(f"{ws}/conclusions", json={"observations": []}).status_code == 422


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"observer_id": "nobody"}, "Peer nobody not found in workspace"),
        ({"observed_id": "nobody"}, "Peer nobody not found in workspace"),
        ({"session_id": "nowhere"}, "Session nowhere not found in workspace"),
        ({"session_id": ""}, "Session  not found in workspace"),
    ],
)
def test_peers_and_sessions_must_exist(fields: dict[str, str], detail: str, http: httpx.Client, ws: str) -> None:
    good = {"content": "x", "observer_id": "alice", "observed_id": "bob"}
    response = http.post(f"{ws}/conclusions", json={"conclusions": [good, {**good, **fields}]})
    assert response.status_code == 404
    assert response.json()["detail"].startswith(detail)
    assert http.post(f"{ws}/conclusions/list").json()["total"] == 0, "all or none"


@pytest.mark.parametrize("content", ["", "x" * 65_536, "word " * 8_193])
def test_the_length_of_a_conclusion_is_limited(content: str, http: httpx.Client, ws: str) -> None:
    pair = {"observer_id": "alice", "observed_id": "bob"}
    response = http.post(f"{ws}/conclusions", json={"conclusions": [{"content": content, **pair}]})
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["body", "conclusions", 0, "content"]


def test_the_list_is_newest_first_and_reverse_oldest_first(http: httpx.Client, ws: str) -> None:
    ids = [c["id"] for c in [*make(http, ws, "a", "b"), *make(http, ws, "c")]]
    listed = http.post(f"{ws}/conclusions/list").json()
    assert [c["id"] for c in listed["items"]] == ids[::-1]
    assert [c["id"] for c in http.post(f"{ws}/conclusions/list?reverse=true").json()["items"]] == ids
    assert http.post(f"{ws}/conclusions/list?size=2&page=2").json()["items"] == listed["items"][2:]


def test_the_filters_that_clients_send(http: httpx.Client, ws: str) -> None:
    mine = make(http, ws, "about bob", session_id="s")[0]
    other = make(http, ws, "about alice", observed_id="alice")[0]

    def found(**filters: object) -> list[object]:
        items = http.post(f"{ws}/conclusions/list", json={"filters": filters}).json()["items"]
        return [c["id"] for c in items]

    assert found(observer_id="alice", observed_id="bob") == [mine["id"]]
    assert found(observer="alice", observed="alice") == [other["id"]]
    assert found(id={"in": [mine["id"], "unknown"]}) == [mine["id"]]
    assert found(session_id="s") == [mine["id"]]
    assert found(session_id=None) == [other["id"]]
    assert found(level="deductive") == []
    assert found(source_ids={"contains": "unknown"}) == []
    assert found(content={"icontains": "ABOUT B"}) == [mine["id"]]


def test_a_deleted_conclusion_is_gone_everywhere(http: httpx.Client, ws: str) -> None:
    (made,) = make(http, ws, "bob plays the cello")
    one = f"{ws}/conclusions/{made['id']}"
    assert http.delete(one).status_code == 204
    assert http.delete(one).status_code == http.get(one).status_code == 404
    assert http.post(f"{ws}/conclusions/list").json()["items"] == []
    pair = {"observer": "alice", "observed": "bob"}
    assert http.post(f"{ws}/conclusions/query", json={"query": "cello", "filters": pair}).json() == []
    assert http.post(f"{ws}/peers/alice/representation", json={"target": "bob"}).json() == {"representation": ""}


def test_a_conclusion_of_another_workspace_is_not_found(http: httpx.Client, ws: str, fresh: Fresh) -> None:
    (made,) = make(http, ws, "x")
    other = f"/v3/workspaces/{fresh('other')}/conclusions/{made['id']}"
    http.put(other.rpartition("/conclusions")[0], json={})
    assert http.get(other).status_code == http.delete(other).status_code == 404


def test_conclusions_are_deleted_with_their_session(http: httpx.Client, ws: str) -> None:
    make(http, ws, "of the session", session_id="s")
    (stays,) = make(http, ws, "of no session")
    http.delete(f"{ws}/sessions/s")
    assert [c["id"] for c in http.post(f"{ws}/conclusions/list").json()["items"]] == [stays["id"]]


def test_a_query_finds_by_words_before_texts_are_embedded(http: httpx.Client, ws: str) -> None:
    make(http, ws, "bob plays the cello", "bob owns three bicycles", "bob was born in Oslo")
    body = {"query": "bicycles", "top_k": 1, "filters": {"observer_id": "alice", "observed_id": "bob"}}
    (best,) = http.post(f"{ws}/conclusions/query", json=body).json()
    assert best["content"] == "bob owns three bicycles"


@pytest.mark.parametrize(
    "filters",
    [{"observer": "nobody", "observed": "bob"}, {"observer": "alice", "observer_id": "bob", "observed": "bob"}],
)
def test_a_query_about_an_unknown_pair_finds_nothing(filters: object, http: httpx.Client, ws: str) -> None:
    make(http, ws, "bob plays the cello")
    assert http.post(f"{ws}/conclusions/query", json={"query": "cello", "filters": filters}).json() == []


@pytest.mark.parametrize("anybody", [{"observer": "*"}, {"observed_id": "*"}, {"observer_id": "*", "observed": "*"}])
def test_a_query_with_a_wildcard_searches_all_pairs(anybody: dict[str, str], http: httpx.Client, ws: str) -> None:
    make(http, ws, "bob plays the cello")
    named = {"observer": "alice", "observed": "bob"}
    filters = {key: value for key, value in named.items() if key not in anybody and f"{key}_id" not in anybody}
    (found,) = http.post(f"{ws}/conclusions/query", json={"query": "cello", "filters": filters | anybody}).json()
    assert found["content"] == "bob plays the cello"


def test_a_restricted_query_finds_what_is_far_from_it_among_many(http: httpx.Client, ws: str) -> None:
    for start in range(0, 400, 100):
        make(http, ws, *(f"bob has a dog that is called dog {number}" for number in range(start, start + 100)))
    (cat,) = make(http, ws, "bob sleeps late", session_id="s")
    for filters in ({"session_id": "s"}, {"id": cat["id"]}, {"session_id": "s", "observer_id": "alice"}):
        matches = http.post(f"{ws}/conclusions/query", json={"query": "dog", "filters": filters}).json()
        assert [each["id"] for each in matches] == [cat["id"]]


def test_a_query_without_a_pair_searches_the_workspace(http: httpx.Client, ws: str) -> None:
    make(http, ws, "bob plays the cello")
    (found,) = http.post(f"{ws}/conclusions/query", json={"query": "cello"}).json()
    assert found["content"] == "bob plays the cello"


@pytest.mark.parametrize("query", ['"', "cello*", "NEAR(", "a AND", "content:x", "-", "(", "^cello", "\u0000", ""])
def test_a_query_has_no_syntax(query: str, http: httpx.Client, ws: str) -> None:
    make(http, ws, "bob plays the cello")
    body = {"query": query, "filters": {"observer": "alice", "observed": "bob"}}
    assert http.post(f"{ws}/conclusions/query", json=body).status_code == 200


def test_a_query_that_is_too_long_to_embed_is_refused(http: httpx.Client, ws: str) -> None:
    response = http.post(f"{ws}/conclusions/query", json={"query": "word " * 8_193})
    assert response.status_code == 422
    assert response.json()["detail"] == "Query exceeds maximum token limit of 8192."
