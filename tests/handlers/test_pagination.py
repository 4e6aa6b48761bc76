"""Every list has the same envelope, limits and a fixed order."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.handlers.workspace import WorkspaceClient

IDS = ["echo", "alpha", "delta", "bravo", "charlie"]
NEWEST_FIRST = [*reversed(IDS)]
LISTS = {
    "workspaces": ("POST", "/v3/workspaces/list"),
    "peers": ("POST", "{}/peers/list"),
    "sessions": ("POST", "{}/sessions/list"),
    "sessions of a peer": ("POST", "{}/peers/echo/sessions"),
    "messages": ("POST", "{}/sessions/echo/messages/list"),
    "peers of a session": ("GET", "{}/sessions/echo/peers"),
}
WITHIN_A_WORKSPACE = [*LISTS][1:]
WITH_REVERSE = [*LISTS][:-1]

BAD_QUERIES = {
    "page=0": "greater_than_equal",
    "page=-1": "greater_than_equal",
    "page=2.5": "int_parsing",
    "page=x": "int_parsing",
    "page=": "int_parsing",
    "page=1000000001": "less_than_equal",
    "page=99999999999999999999999": "less_than_equal",
    "size=0": "greater_than_equal",
    "size=101": "less_than_equal",
    "size=ten": "int_parsing",
}
YES, NO = ["true", "True", "1", "yes", "on", "t", "Y"], ["false", "FALSE", "0", "no", "off", "f", "N"]


@pytest.fixture(scope="module")
def filled(http: httpx.Client) -> WorkspaceClient:
    """Five of each: peers, sessions that contain all of them, messages. Read-only."""
    workspace_client = WorkspaceClient(http, "five-of-everything")
    for id in IDS:
        workspace_client.peer(id)
    for id in IDS:
        workspace_client.session(id, peers={id: {} for id in IDS})
    workspace_client.say("echo", *IDS, peer="echo")
    return workspace_client


def ask(workspace_client: WorkspaceClient, name: str, query: str = "", **options: Any) -> httpx.Response:
    method, path = LISTS[name]
    return workspace_client.http.request(method, f"{path.format(workspace_client.url)}?{query}", **options)


def keys(page: Any) -> list[str]:
    return [item.get("content", item["id"]) for item in page["items"]]


@pytest.mark.parametrize("name", WITHIN_A_WORKSPACE)
def test_pages_divide_the_list_and_count_it(name: str, filled: WorkspaceClient) -> None:
    pages = [ask(filled, name, f"page={page}&size=2").json() for page in (1, 2, 3, 4)]
    assert [keys(page) for page in pages] == [IDS[:2], IDS[2:4], IDS[4:], []]
    for number, page in enumerate(pages, 1):
        del page["items"]
        assert page == {"total": 5, "page": number, "size": 2, "pages": 3}
    whole = ask(filled, name).json()
    assert (keys(whole), whole["page"], whole["size"], whole["pages"]) == (IDS, 1, 50, 1)


@pytest.mark.parametrize("name", [name for name in WITHIN_A_WORKSPACE if name in WITH_REVERSE])
def test_reverse_reverses_the_whole_list(name: str, filled: WorkspaceClient) -> None:
    pages = [ask(filled, name, f"page={page}&size=2&reverse=true").json() for page in (1, 2, 3, 4)]
    assert [keys(page) for page in pages] == [NEWEST_FIRST[:2], NEWEST_FIRST[2:4], NEWEST_FIRST[4:], []]


def test_workspaces_are_listed_by_age_too(http: httpx.Client, workspace_client: WorkspaceClient) -> None:
    ids = [f"{workspace_client.id}-{id}" for id in IDS]
    for id in ids:
        http.post("/v3/workspaces", json={"id": id})
    newest = http.post("/v3/workspaces/list?size=5&reverse=1").json()
    assert keys(newest) == [*reversed(ids)]
    last, page = newest["total"], http.post(f"/v3/workspaces/list?size=1&page={newest['total']}").json()
    assert (keys(page), page["pages"]) == ([ids[-1]], last)


@pytest.mark.parametrize("name", WITHIN_A_WORKSPACE)
def test_the_first_and_the_last_page_that_may_be_requested(name: str, filled: WorkspaceClient) -> None:
    far = ask(filled, name, "page=1000000000&size=100")
    assert far.json() == {"items": [], "total": 5, "page": 1_000_000_000, "size": 100, "pages": 1}
    assert keys(ask(filled, name, "page=5&size=1").json()) == IDS[4:]


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("query", BAD_QUERIES)
def test_a_page_or_size_out_of_bounds_is_refused_by_name(
    query: str, name: str, workspace_client: WorkspaceClient
) -> None:
    refused = ask(workspace_client, name, query)
    assert refused.status_code == 422
    [fault] = refused.json()["detail"]
    assert (fault["loc"], fault["type"]) == (["query", query.partition("=")[0]], BAD_QUERIES[query])


@pytest.mark.parametrize("name", WITH_REVERSE)
def test_reverse_must_be_a_boolean(name: str, workspace_client: WorkspaceClient) -> None:
    for word in YES + NO:
        assert ask(workspace_client, name, f"reverse={word}").status_code == 200, word
    for word in ("", "maybe", "2"):
        assert ask(workspace_client, name, f"reverse={word}").json()["detail"][0]["type"] == "bool_parsing", word


def test_all_spellings_of_booleans_are_understood(filled: WorkspaceClient) -> None:
    assert [keys(ask(filled, "peers", f"reverse={word}").json()) for word in YES] == [NEWEST_FIRST] * len(YES)
    assert [keys(ask(filled, "peers", f"reverse={word}").json()) for word in NO] == [IDS] * len(NO)


def test_the_last_of_repeated_parameters_wins_and_1_0_is_an_integer(filled: WorkspaceClient) -> None:
    assert keys(ask(filled, "peers", "page=9&page=2&size=2.0").json()) == IDS[2:4]


@pytest.mark.parametrize("name", WITH_REVERSE)
@pytest.mark.parametrize("content", [b"", b"null", b"{}", b'{"filters": null}', b'{"filters": {}}', b'{"page": 7}'])
def test_a_list_needs_no_body(content: bytes, name: str, filled: WorkspaceClient) -> None:
    bare = ask(filled, name, "size=3").json()
    answer = ask(filled, name, "size=3", content=content, headers={"Content-Type": "application/json"})
    assert answer.json() == bare


def test_resources_created_by_one_request_are_listed_in_its_order(workspace_client: WorkspaceClient) -> None:
    workspace_client.ok("POST", "/sessions/it/peers", {id: {} for id in IDS})
    assert workspace_client.peers() == workspace_client.members("it") == IDS
    batch = [{"peer_id": f"{id}-2", "content": id} for id in IDS]
    workspace_client.ok("POST", "/sessions/other/messages", {"messages": batch})
    assert workspace_client.members("other") == [f"{id}-2" for id in IDS]
