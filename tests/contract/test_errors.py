"""Each kind of error has one format, whatever part of the server it comes from."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.contract.conformance import OPERATIONS, conform
from tests.server_process import Server

Fresh = Callable[[str], str]
JSON = {"Content-Type": "application/json"}


def sentence(response: httpx.Response) -> str:
    """The detail of an error that is a sentence; fails if the body is anything else."""
    body = response.json()
    assert body.keys() == {"detail"}
    assert response.headers["content-type"] == "application/json"
    assert isinstance(body["detail"], str)
    return body["detail"]


def faults(response: httpx.Response) -> list[dict[str, object]]:
    """The faults of an error that lists them; fails if the body is anything else."""
    assert response.status_code == 422
    body = response.json()
    assert body.keys() == {"detail"}
    for fault in body["detail"]:
        assert {"type", "loc", "msg"} <= fault.keys() <= {"type", "loc", "msg", "input", "ctx"}
    return list(body["detail"])


def test_401_without_a_key(guarded: Server) -> None:
    with guarded.client() as client:
        response = client.post("/v3/workspaces", json={"id": "w"})
    assert (response.status_code, sentence(response)) == (401, "No access token provided")
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "path", ["/", "/v3", "/v3/unknown", "/v3/workspaces//peers/list", "/v3/workspaces/a/b/c/d/e/f"]
)
def test_404_for_an_unknown_path(path: str, http: httpx.Client) -> None:
    response = http.post(path)
    assert (response.status_code, sentence(response)) == (404, "Not Found")


def test_404_for_an_unknown_resource(http: httpx.Client, fresh: Fresh) -> None:
    response = http.delete(f"/v3/workspaces/{fresh('none')}")
    assert response.status_code == 404
    assert sentence(response).startswith("Workspace none-")


@pytest.mark.parametrize("method", ["PATCH", "TRACE", "HEAD", "OPTIONS", "PROPFIND", "POST"])
def test_405_names_the_allowed_methods(method: str, http: httpx.Client) -> None:
    response = http.request(method, "/v3/workspaces/x")
    assert response.status_code == 405
    assert response.headers["allow"] == "DELETE, GET, PUT"
    if method != "HEAD":
        assert sentence(response) == "Method Not Allowed"


def test_409_names_the_conflict(http: httpx.Client, fresh: Fresh) -> None:
    workspace = fresh("busy")
    http.post(f"/v3/workspaces/{workspace}/sessions", json={"id": "s"})
    response = http.delete(f"/v3/workspaces/{workspace}")
    assert response.status_code == 409
    assert sentence(response) == (
        f"Cannot delete workspace '{workspace}': active session(s) remain. Delete all sessions first."
    )


def test_413_names_the_limit(http: httpx.Client) -> None:
    response = http.post("/v3/workspaces", content=b" " * 20_000_001, headers=JSON)
    assert (response.status_code, sentence(response)) == (413, "Request body exceeds the maximum of 20000000 bytes")


def test_415_names_the_given_and_the_expected_media_type(http: httpx.Client) -> None:
    response = http.post("/v3/workspaces", content=b"{}", headers={"Content-Type": "text/plain"})
    assert response.status_code == 415
    assert sentence(response) == "Unsupported media type 'text/plain': expected application/json"


UPLOAD = "/v3/workspaces/w/sessions/s/messages/upload"


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "br", "deflate, gzip", "none such"])
@pytest.mark.parametrize(
    ("operation", "path", "body"),
    [
        ("get_or_create_workspace", "/v3/workspaces", {"json": {"id": "w"}}),
        ("create_messages_with_file", UPLOAD, {"data": {"peer_id": "p"}, "files": {"file": ("a.txt", b"a")}}),
    ],
    ids=["JSON", "a form"],
)
def test_415_names_the_given_and_the_expected_encoding(
    operation: str, path: str, body: dict[str, Any], encoding: str, http: httpx.Client
) -> None:
    response = http.post(path, headers={"Content-Encoding": encoding}, **body)
    assert response.status_code == 415
    assert sentence(response) == f"Unsupported content encoding '{encoding}': expected identity"
    assert response.headers["accept-encoding"] == "identity"
    conform(OPERATIONS[operation], response)


@pytest.mark.parametrize("encoding", ["identity", "Identity", ""])
def test_a_body_with_identity_encoding_is_read(encoding: str, http: httpx.Client, fresh: Fresh) -> None:
    response = http.post("/v3/workspaces", json={"id": fresh("plain")}, headers={"Content-Encoding": encoding})
    assert response.status_code == 201


def test_422_lists_all_faults_parameters_before_body(http: httpx.Client) -> None:
    response = http.post("/v3/workspaces/list?page=0&size=x", json={"filters": 5})
    assert [(fault["type"], fault["loc"]) for fault in faults(response)] == [
        ("greater_than_equal", ["query", "page"]),
        ("int_parsing", ["query", "size"]),
        ("dict_type", ["body", "filters"]),
    ]


def test_422_for_malformed_json_has_the_position(http: httpx.Client) -> None:
    response = http.post("/v3/workspaces", content=b'{"id":}', headers=JSON)
    assert faults(response) == [
        {
            "type": "json_invalid",
            "loc": ["body", 6],
            "msg": "JSON decode error",
            "input": {},
            "ctx": {"error": "Expecting value"},
        }
    ]


def test_422_for_a_missing_body_and_for_a_missing_field(http: httpx.Client) -> None:
    assert faults(http.post("/v3/workspaces")) == [
        {"type": "missing", "loc": ["body"], "msg": "Field required", "input": None}
    ]
    assert faults(http.post("/v3/workspaces", json={"metadata": {}})) == [
        {"type": "missing", "loc": ["body", "id"], "msg": "Field required", "input": {"metadata": {}}}
    ]


def test_422_truncates_a_long_input(http: httpx.Client) -> None:
    (fault,) = faults(http.post("/v3/workspaces", json={"id": "x" * 25_000}))
    assert len(json.dumps(fault)) < 500


@pytest.mark.parametrize(
    ("value", "kind"),
    [(True, "string_type"), (5, "string_type"), ("", "string_too_short"), ("a\n", "string_pattern_mismatch")],
)
def test_422_names_the_broken_rule_as_fastapi_does(value: object, kind: str, http: httpx.Client) -> None:
    assert [fault["type"] for fault in faults(http.post("/v3/workspaces", json={"id": value}))] == [kind]


def test_422_where_json_schema_is_stricter_than_pydantic(http: httpx.Client, fresh: Fresh) -> None:
    body = {"configuration": {"summary": {"enabled": "yes"}}}
    (fault,) = faults(http.put(f"/v3/workspaces/{fresh('strict')}", json=body))
    assert fault["loc"] == ["body", "configuration", "summary", "enabled"]


def test_422_of_a_rule_is_a_sentence_unless_the_document_allows_only_lists(http: httpx.Client, fresh: Fresh) -> None:
    bad: dict[str, object] = {"a b": {}}
    added = http.post(f"/v3/workspaces/{fresh('rule')}/sessions/s/peers", json=bad)
    assert (added.status_code, sentence(added)) == (422, "Peer name(s) ['a b'] must match pattern ^[a-zA-Z0-9_-]+$")
    created = http.post(f"/v3/workspaces/{fresh('rule')}/sessions", json={"id": "s", "peers": bad})
    (fault,) = faults(created)
    assert fault["msg"] == "Value error, Peer name(s) ['a b'] must match pattern ^[a-zA-Z0-9_-]+$"
