"""Filters over HTTP: every list accepts them, counts and pages with them, and refuses invalid ones."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server_process import Server

Fresh = Callable[[str], str]
Json = dict[str, Any]

RECORD = "crewai_memory_record"
LISTS = {
    "Workspace": "/v3/workspaces/list",
    "Peer": "{ws}/peers/list",
    "Session": "{ws}/sessions/list",
    "Session of a peer": "{ws}/peers/alice/sessions",
    "Message": "{ws}/sessions/one/messages/list",
    "Conclusion": "{ws}/conclusions/list",
}
lists = pytest.mark.parametrize("path", LISTS.values(), ids=LISTS)


def post(http: httpx.Client, path: str, body: Json, status: tuple[int, ...] = (200, 201)) -> Any:
    response = http.post(path, json=body)
    assert response.status_code in status, response.text
    return response.json()


@pytest.fixture(scope="module")
def ws(http: httpx.Client) -> str:
    """A workspace with three peers, three sessions (one of which alice has left), messages and a conclusion."""
    path = "/v3/workspaces/filtered"
    post(http, "/v3/workspaces", {"id": "filtered", "metadata": {"purpose": "filters"}})
    for peer, team in (("alice", "red"), ("bob", "blue"), ("carol", None)):
        post(http, f"{path}/peers", {"id": peer, "metadata": {"team": team} if team else {}})
    for session, channel in (("one", "web"), ("two", "mail"), ("left", "web")):
        peers: Json = {"alice": {}, "bob": {}}
        post(http, f"{path}/sessions", {"id": session, "metadata": {"channel": channel}, "peers": peers})
    http.request("DELETE", f"{path}/sessions/left/peers", json=["alice"]).raise_for_status()
    for session in ("one", "two"):
        messages = [
            {
                "peer_id": ("alice", "bob")[n % 2],
                "content": f"Message {n}",
                "metadata": {"n": n, "tags": ["odd" if n % 2 else "even"]},
                "created_at": f"2024-01-{n + 1:02}T00:00:00Z",
            }
            for n in range(6)
        ]
        post(http, f"{path}/sessions/{session}/messages", {"messages": messages})
    conclusion = {"content": "bob likes tea", "observer_id": "alice", "observed_id": "bob", "session_id": "one"}
    post(http, f"{path}/conclusions", {"conclusions": [conclusion]})
    return path


def found(http: httpx.Client, path: str, filters: object, key: str = "id") -> list[Any]:
    page = post(http, path, {"filters": filters} if filters != "absent" else {}, (200,))
    assert page["total"] == len(page["items"])
    return [item[key] for item in page["items"]]


@lists
def test_null_and_empty_filters_select_everything(http: httpx.Client, ws: str, path: str) -> None:
    path = path.format(ws=ws)
    everything = http.post(path).json()["items"]
    assert everything
    said_nothing: list[Json] = [{}, {"filters": None}, {"filters": {}}, {"filters": {"AND": []}}]
    for body in (*said_nothing, {"filter": {"id": "nobody"}}):
        assert http.post(path, json=body).json()["items"] == everything, body
    empty = http.post(path, content=b"", headers={"Content-Type": "application/json"})
    assert empty.json()["items"] == everything


@lists
@pytest.mark.parametrize("filters", ["x", 5, True, [], [{"id": "a"}]])
def test_a_filter_that_is_not_an_object_is_a_fault_of_the_field(
    http: httpx.Client, ws: str, path: str, filters: object
) -> None:
    response = http.post(path.format(ws=ws), json={"filters": filters})
    assert response.status_code == 422
    [fault] = response.json()["detail"]
    assert (fault["loc"], fault["type"]) == (["body", "filters"], "dict_type")


@lists
@pytest.mark.parametrize(
    ("filters", "sentence"),
    [
        ({"nope": 1}, "Column 'nope' "),
        ({"and": []}, "Column 'and' "),
        ({"AND": {}}, "AND operator must contain a list, got dict"),
        ({"created_at": "yesterday"}, "Invalid datetime value: yesterday"),
        ({"created_at": {"gt": None}}, "Operator 'gt' does not accept null."),
        ({"id": {"eq": "a"}}, "Invalid filter for column 'id': unsupported operator(s) ['eq']."),
        ({"id": {"in": "a"}}, "Invalid value for 'in' operator: a."),
        ({"id": "\0"}, "Filters must not contain NUL"),
    ],
)
def test_an_invalid_filter_is_refused_with_a_sentence(
    http: httpx.Client, ws: str, path: str, filters: Json, sentence: str
) -> None:
    response = http.post(path.format(ws=ws), json={"filters": filters})
    assert response.status_code == 422
    assert response.json()["detail"].startswith(sentence)


def test_an_invalid_filter_is_refused_even_for_an_empty_list(http: httpx.Client, fresh: Fresh) -> None:
    nowhere = f"/v3/workspaces/{fresh('nowhere')}"
    for path in ("peers/list", "sessions/list", "peers/nobody/sessions", "sessions/none/messages/list"):
        assert found(http, f"{nowhere}/{path}", {"created_at": {"gt": "2020-01-01"}}) == []
        assert http.post(f"{nowhere}/{path}", json={"filters": {"nope": 1}}).status_code == 422


def test_an_unknown_field_is_named_with_its_resource(http: httpx.Client, ws: str) -> None:
    for resource, path in LISTS.items():
        said = http.post(path.format(ws=ws), json={"filters": {"nope": 1}}).json()["detail"]
        refusal = (
            "does not exist on"
            if resource == "Conclusion"
            else ("is not allowed to be filtered on or does not exist on")
        )
        assert said == f"Column 'nope' {refusal} {resource.removesuffix(' of a peer')}"


# Filterable fields of each resource.


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"id": "filtered"}, ["filtered"]),
        ({"workspace_id": "filtered"}, ["filtered"]),
        ({"metadata": {"purpose": "filters"}}, ["filtered"]),
        ({"id": "filtered", "created_at": {"lt": "2020-01-01"}}, []),
    ],
)
def test_workspaces(http: httpx.Client, ws: str, filters: Json, expected: list[str]) -> None:
    assert found(http, "/v3/workspaces/list", filters) == expected


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"id": "bob"}, ["bob"]),
        ({"peer_id": ["carol", "alice"]}, ["alice", "carol"]),
        ({"id": {"contains": "O"}}, ["bob", "carol"]),
        ({"metadata": {"team": "red"}}, ["alice"]),
        ({"metadata": {"team": {"ne": "red"}}}, ["bob", "carol"]),
        ({"NOT": [{"metadata": {"team": "red"}}]}, ["bob", "carol"]),
        ({"OR": [{"id": "alice"}, {"metadata": {"team": "blue"}}]}, ["alice", "bob"]),
        ({"created_at": {"gte": "2020-01-01"}}, ["alice", "bob", "carol"]),
        ({"workspace_id": "filtered"}, ["alice", "bob", "carol"]),
        ({"workspace_id": "another"}, []),
        ({"id": []}, []),
        ({"id": "*"}, ["alice", "bob", "carol"]),
    ],
)
def test_peers(http: httpx.Client, ws: str, filters: Json, expected: list[str]) -> None:
    assert found(http, f"{ws}/peers/list", filters) == expected


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"id": "one"}, ["one"]),
        ({"session_id": {"in": ["two", "left", "gone"]}}, ["two", "left"]),
        ({"metadata": {"channel": "web"}}, ["one", "left"]),
        ({"is_active": True}, ["one", "two", "left"]),
        ({"is_active": False}, []),
        ({"created_at": {"gt": "2020-01-01", "lt": "2021-01-01"}}, []),
    ],
)
def test_sessions(http: httpx.Client, ws: str, filters: Json, expected: list[str]) -> None:
    assert found(http, f"{ws}/sessions/list", filters) == expected


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"peer_id": "bob"}, [1, 3, 5]),
        ({"metadata": {"n": 3}}, [3]),
        ({"metadata": {"n": {"gte": 4}}}, [4, 5]),
        ({"metadata": {"tags": ["odd"]}}, [1, 3, 5]),
        ({"metadata": {"tags": {"contains": "even"}}}, [0, 2, 4]),
        ({"metadata": {"n": {"lt": 4}}, "peer_id": "alice"}, [0, 2]),
        ({"created_at": {"gte": "2024-01-03", "lt": "2024-01-05"}}, [2, 3]),
        ({"content": {"icontains": "MESSAGE 4"}}, [4]),
        ({"token_count": {"gt": 100}}, []),
        ({"token_count": {"lt": "100"}, "metadata": {"n": 0}}, [0]),
        ({"session_id": "one", "peer_id": "alice"}, [0, 2, 4]),
        ({"session_id": "two"}, []),
        ({"workspace_id": "another"}, []),
    ],
)
def test_messages(http: httpx.Client, ws: str, filters: Json, expected: list[int]) -> None:
    values = found(http, f"{ws}/sessions/one/messages/list", filters, "metadata")
    assert [metadata["n"] for metadata in values] == expected


def test_messages_by_id(http: httpx.Client, ws: str) -> None:
    ids = found(http, f"{ws}/sessions/one/messages/list", {})
    assert found(http, f"{ws}/sessions/one/messages/list", {"id": {"in": [ids[3], ids[1]]}}) == [ids[1], ids[3]]
    assert found(http, f"{ws}/sessions/two/messages/list", {"id": ids[3]}) == []


@pytest.mark.parametrize(
    "filters",
    [
        {"observer_id": "alice", "observed_id": "bob"},
        {"observer": "alice", "observed": {"ne": "alice"}},
        {"session_id": "one"},
        {"level": "explicit"},
        {"source_ids": None},
        {"times_derived": 1},
        {"content": {"contains": "TEA"}},
    ],
)
def test_conclusions(http: httpx.Client, ws: str, filters: Json) -> None:
    assert found(http, f"{ws}/conclusions/list", filters, "content") == ["bob likes tea"]
    assert found(http, f"{ws}/conclusions/list", {"NOT": [filters]}) == []


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (None, ["one", "two"]),
        ({"metadata": {"channel": "web"}}, ["one"]),
        ({"is_active": True}, ["one", "two", "left"]),
        ({"is_active": True, "metadata": {"channel": "web"}}, ["one", "left"]),
        ({"OR": [{"AND": [{"is_active": True}]}]}, ["one", "two", "left"]),
        ({"is_active": False}, []),
    ],
)
def test_sessions_that_a_peer_has_left_require_a_filter_on_is_active(
    http: httpx.Client, ws: str, filters: Json | None, expected: list[str]
) -> None:
    assert found(http, f"{ws}/peers/alice/sessions", filters) == expected


def test_no_filter_shows_deleted_sessions(http: httpx.Client, fresh: Fresh) -> None:
    path = f"/v3/workspaces/{fresh('ws')}"
    post(http, f"{path}/sessions", {"id": "gone", "peers": {"alice": {}}})
    http.delete(f"{path}/sessions/gone").raise_for_status()
    for filters in ({"is_active": False}, {"is_active": {"in": [True, False]}}, {"is_active": "*"}):
        for route in ("sessions/list", "peers/alice/sessions"):
            assert found(http, f"{path}/{route}", filters) == []


def test_a_filter_never_shows_another_workspace(http: httpx.Client, ws: str, fresh: Fresh) -> None:
    other = fresh("other")
    post(http, f"/v3/workspaces/{other}/sessions", {"id": "one", "peers": {"alice": {}}})
    for route in ("peers/list", "sessions/list", "peers/alice/sessions", "sessions/one/messages/list"):
        assert found(http, f"{ws}/{route}", {"workspace_id": other}) == []
    either: Json = {"OR": [{"workspace_id": other}, {"id": {"ne": "nothing"}}]}
    assert found(http, f"/v3/workspaces/{other}/peers/list", either) == ["alice"]


# Pages.


def test_a_page_counts_and_orders_what_the_filter_keeps(http: httpx.Client, ws: str) -> None:
    path, body = f"{ws}/sessions/one/messages/list", {"filters": {"peer_id": "alice"}}
    page = http.post(path, params={"size": 2}, json=body).json()
    assert (page["total"], page["pages"], page["page"], page["size"]) == (3, 2, 1, 2)
    assert [item["metadata"]["n"] for item in page["items"]] == [0, 2]
    last = http.post(path, params={"size": 2, "page": 2, "reverse": "true"}, json=body).json()
    assert [item["metadata"]["n"] for item in last["items"]] == [0]
    beyond = http.post(path, params={"size": 2, "page": 9}, json=body).json()
    assert (beyond["items"], beyond["total"], beyond["page"]) == ([], 3, 9)


def test_pages_are_stable_while_metadata_is_replaced(http: httpx.Client, fresh: Fresh) -> None:
    """As the integration for CrewAI reads its memories: newest first, 100 at a time, deleting by a mark."""
    path = f"/v3/workspaces/{fresh('crew')}/sessions/memory/messages"
    for start in range(0, 250, 50):
        messages = [
            {
                "peer_id": "crew",
                "content": f"{start + n}",
                "metadata": {
                    "honcho_crewai_kind": RECORD if n % 5 else "chatter",
                    "embedding": [0.1 * n, -1.5e-7],
                    "deleted": False,
                    "scope": None,
                },
            }
            for n in range(50)
        ]
        post(http, path, {"messages": messages})
    wanted: Json = {"filters": {"metadata": {"honcho_crewai_kind": RECORD}}}
    seen: list[str] = []
    for number in (1, 2):
        page = http.post(f"{path}/list", params={"page": number, "size": 100, "reverse": "true"}, json=wanted).json()
        assert (page["total"], page["pages"]) == (200, 2)
        seen += [item["content"] for item in page["items"]]
        for item in page["items"][:3]:
            changed = {**item["metadata"], "deleted": True}
            assert http.put(f"{path}/{item['id']}", json={"metadata": changed}).json()["metadata"] == changed
    assert seen == [str(n) for n in reversed(range(250)) if n % 5]
    wanted["filters"]["metadata"]["deleted"] = True
    assert http.post(f"{path}/list", json=wanted).json()["total"] == 6


# Time.


def test_a_filter_that_takes_too_long_is_refused_while_others_are_served(tmp_path: Path) -> None:
    running = Server(tmp_path / "omoide.db", filter_seconds="1", max_metadata_bytes="200000")
    path = "/v3/workspaces/w/sessions/s/messages"
    slow: Json = {"filters": {"NOT": [{"metadata": {"long": {"contains": f"y{n}"}}} for n in range(100)]}}
    with running.client() as patient, running.client() as other:
        for _ in range(4):
            message = {"peer_id": "a", "content": "", "metadata": {"long": "x" * 100_000}}
            post(patient, path, {"messages": [message] * 100})
        answers: list[httpx.Response] = []
        waiting = threading.Thread(target=lambda: answers.append(patient.post(f"{path}/list", json=slow)))
        waiting.start()
        served = 0
        while not answers:
            assert other.post(f"{path}/list", params={"size": 1}).json()["total"] == 400
            served += not answers
        waiting.join()
        assert served > 2, "one before the request, one during it, and those between"
        assert answers[0].status_code == 422
        assert answers[0].json() == {"detail": "The filter takes longer than 1 s. Ask for less at a time."}
        assert found(patient, f"{path}/list", {"peer_id": "b"}) == []
    running.stop()
