"""Hostile and malformed requests get a clear 4xx, and the server keeps working."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest

from tests.raw_http import exchange, statuses
from tests.server_process import Server

Fresh = Callable[[str], str]
JSON = {"Content-Type": "application/json"}

BODIES = {
    "invalid UTF-8": (b'{"id": "\xff\xfe"}', 400),
    "NaN": (b'{"id": "a", "metadata": {"x": NaN}}', 422),
    "infinity": (b'{"id": "a", "metadata": {"x": -Infinity}}', 422),
    "a number beyond a double": (b'{"id": "a", "metadata": {"x": 1e999}}', 422),
    "a surrogate written in UTF-8": (b'{"id": "a", "metadata": {"x": "\xed\xa0\xbd"}}', 400),
    "half a character in an id": (b'{"id": "a\\ud800"}', 422),
    "half a character in half of a text": (b'{"id": "a", "metadata": {"x": "\\ud800', 422),
    "keys that differ in halves only": (b'{"id": "a", "metadata": {"x\\ud83d": 1, "x\\ude00": 2}}', 422),
    "arrays 101 deep": (b'{"id": "a", "metadata": {"x": ' + b"[" * 100 + b"]" * 100 + b"}}", 422),
    "arrays 300 deep": (b'{"id": "a", "metadata": {"x": ' + b"[" * 300 + b"]" * 300 + b"}}", 422),
    "configuration 900 deep": (b'{"id": "a", "configuration": {"x": ' + b"[" * 900 + b"]" * 900 + b"}}", 422),
    "an integer of 310 digits": (b'{"id": "a", "metadata": {"x": ' + b"9" * 310 + b"}}", 422),
    "nesting of 10,000": (b'{"id": "a", "metadata": {"x": ' + b"[" * 10_000 + b"]" * 10_000 + b"}}", 422),
    "nesting of objects": (b'{"id": "a", "metadata": ' + b'{"x":' * 10_000 + b"1" + b"}" * 10_000 + b"}", 422),
    "metadata six deep": (b'{"id": "a", "metadata": {"a":{"b":{"c":{"d":{"e":{}}}}}}}', 422),
    "101 metadata keys": (json.dumps({"id": "a", "metadata": {str(n): n for n in range(101)}}).encode(), 422),
    "an id of 600 characters": (json.dumps({"id": "x" * 600}).encode(), 422),
    "an id with NUL": (b'{"id": "a\\u0000"}', 422),
    "an integer of 5,000 digits": (b'{"id": ' + b"9" * 5_000 + b"}", 422),
    "an integer beyond 64 bits": (b'{"id": 36893488147419103232}', 422),
    "half of a text": (b'{"id": "a', 422),
    "nothing but a byte order mark": (b"\xef\xbb\xbf", 422),
    "an array": (b"[]", 422),
    "fifty megabytes": (b" " * 50_000_000, 413),
}


@pytest.mark.parametrize(("body", "status"), [*BODIES.values()], ids=[*BODIES])
def test_a_malformed_body_is_refused(body: bytes, status: int, http: httpx.Client, fresh: Fresh) -> None:
    response = http.post(f"/v3/workspaces/{fresh('odd')}/sessions", content=body, headers=JSON)
    assert response.status_code == status, response.text[:300]
    assert response.json().keys() == {"detail"}
    assert http.get("/health").status_code == 200


def test_a_body_without_a_declared_size_is_refused_at_the_limit(http: httpx.Client) -> None:
    def endless() -> object:
        for _ in range(50):
            yield b" " * 1_000_000

    response = http.post("/v3/workspaces", content=endless(), headers=JSON)  # type: ignore[arg-type]
    assert response.status_code == 413


@pytest.mark.parametrize("odd", ["x" * 600, "%00", "a%00b", "%ff", "%ed%a0%80", "%2e%2e", "a b", "%2F", "é", "'", "%"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/v3/workspaces/{}", {}),
        ("PUT", "/v3/workspaces/w/peers/{}", {}),
        ("POST", "/v3/workspaces/{}/peers", {"id": "p"}),
        ("POST", "/v3/workspaces/{}/sessions", {"id": "s"}),
        ("PUT", "/v3/workspaces/w/sessions/{}", {}),
        ("POST", "/v3/workspaces/w/sessions/{}/messages", {"messages": [{"peer_id": "p", "content": ""}]}),
        ("POST", "/v3/workspaces/w/sessions/{}/peers", {"p": {}}),
    ],
)
def test_nothing_is_created_with_an_invalid_id(
    method: str, path: str, body: object, odd: str, http: httpx.Client
) -> None:
    response = http.request(method, path.format(odd), json=body)
    assert 400 <= response.status_code < 500, response.text


@pytest.mark.parametrize("odd", ["x" * 512, "a b", "%2F", "é", "'", "%25", "list", "upload"])
def test_a_read_with_an_invalid_id_finds_nothing(odd: str, http: httpx.Client) -> None:
    assert http.post(f"/v3/workspaces/{odd}/peers/list").json()["items"] == []
    assert http.post(f"/v3/workspaces/w/sessions/{odd}/messages/list").json()["items"] == []
    assert http.get(f"/v3/workspaces/w/sessions/s/messages/{odd}").status_code == 404


def test_no_word_is_reserved_in_a_path(http: httpx.Client, fresh: Fresh) -> None:
    workspace = fresh("words")
    for word in ("list", "peers", "sessions", "upload", "clone"):
        assert http.put(f"/v3/workspaces/{workspace}/sessions/{word}", json={}).status_code == 200
    assert http.post(f"/v3/workspaces/{workspace}/sessions/list").json()["total"] == 5
    assert http.put("/v3/workspaces/list", json={}).json()["id"] == "list"


@pytest.mark.parametrize("path", ["/health/", "/v3/workspaces/list/", "/v3/workspaces/w/sessions/s/messages/list/"])
def test_a_trailing_slash_is_served_without_redirect(path: str, http: httpx.Client) -> None:
    response = http.get(path) if path == "/health/" else http.post(path)
    assert response.status_code == 200


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GARBAGE\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
        b"POST /v3/workspaces HTTP/1.1\r\nHost: x\r\nContent-Length: minus\r\n\r\n",
        b"POST /v3/workspaces HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    ids=["no http", "a huge header", "a wrong length", "half a body", "raw bytes in the path"],
)
def test_the_server_survives_invalid_http(request_bytes: bytes, server: Server, http: httpx.Client) -> None:
    answers = statuses(exchange(server, request_bytes))
    assert all(status == 200 or 400 <= status < 500 for status in answers)
    assert http.get("/health").status_code == 200
    assert server.process.poll() is None


def test_free_text_is_stored_unchanged(http: httpx.Client, fresh: Fresh) -> None:
    text = "\x01 naïve 👩‍👩‍👧 <|endoftext|> \u2028 \\ud800 " + "é" * 20
    path = f"/v3/workspaces/{fresh('text')}/sessions/s/messages"
    body = {"messages": [{"peer_id": "p", "content": text, "metadata": {text: [text, 2**63 - 1, 0.1, None]}}]}
    (stored,) = http.post(path, json=body).json()
    assert stored["content"] == text
    assert http.post(f"{path}/list").json()["items"] == [stored]
    assert stored["metadata"] == {text: [text, 2**63 - 1, 0.1, None]}


def test_nul_is_removed_from_text_and_metadata(http: httpx.Client, fresh: Fresh) -> None:
    path = f"/v3/workspaces/{fresh('nul')}/sessions/s/messages"
    body = {"messages": [{"peer_id": "p", "content": "a\0b", "metadata": {"k\0": ["v\0", {"x\0": 1}]}}]}
    (stored,) = http.post(path, json=body).json()
    assert (stored["content"], stored["metadata"]) == ("ab", {"k": ["v", {"x": 1}]})
