"""Input stays data: in SQL, search queries, patterns, paths and headers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.security.in_process import Application, application
from tests.server_process import Server

HOSTILE = [
    "' OR '1'='1",
    "x'; DROP TABLE messages; --",
    '" OR ""="',
    "') UNION SELECT content FROM messages --",
    "1; ATTACH DATABASE '/tmp/x' AS x",
    "\\'; --",
    "%",
    "_",
    "%' ESCAPE '\\",
    "*",
    "?",
    ":name",
    "$.content",
    "[*]",
    "${7*7}{{7*7}}",
    "<script>alert(1)</script>",
    "../../../../etc/passwd",
    "\u0000\u0001\u202e",
]
WORDS = [
    '"',
    '""',
    '"unclosed',
    "(",
    ")",
    "a AND",
    "NOT",
    "OR OR",
    "NEAR(",
    "NEAR(secret other, 5)",
    "content:secret",
    "peer : secret",
    "{content peer} : secret",
    "- secret",
    "^secret",
    "sec*",
    "*",
    "secret + word",
    "secret AND (SELECT 1)",
    "'; DELETE FROM messages; --",
    "\u0000",
    ".",
    "^",
]
W = "/v3/workspaces/w"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    """Two workspaces, `w` and `other`, each with one message of one peer."""
    with application(tmp_path_factory.mktemp("injection") / "omoide.db") as made:
        for workspace, text in (("w", "My secret word is tea"), ("other", "Their secret word is rum")):
            said = {"messages": [{"peer_id": "p", "content": text, "metadata": {"kind": "note"}}]}
            path = f"/v3/workspaces/{workspace}/sessions/s/messages"
            assert made.ask("POST", path, json=said).status_code == 201
        yield made


@pytest.fixture(autouse=True)
def _nothing_is_lost_or_changed(app: Application) -> Iterator[None]:
    yield
    for workspace in ("w", "other"):
        found = app.ask("POST", f"/v3/workspaces/{workspace}/sessions/s/messages/list").json()
        assert found["total"] == 1
        assert found["items"][0]["metadata"] == {"kind": "note"}
    assert app.ask("POST", "/v3/workspaces/list").json()["total"] == 2


def fine(answer: httpx.Response) -> Any:
    """The response's JSON, after checking that it is not a 5xx and contains nothing of the other workspace."""
    assert answer.status_code < 500, answer.text
    assert "rum" not in answer.text
    return answer.json()


@pytest.mark.parametrize("text", [text for text in HOSTILE if text != "_"])
def test_ids_are_not_interpreted(text: str, app: Application) -> None:
    for body in ({"id": text}, {"id": "fine", "peers": {text: {}}}):
        kind = "sessions" if "peers" in body else "peers"
        assert app.ask("POST", f"{W}/{kind}", json=body).status_code == 422
    assert app.ask("POST", "/v3/workspaces", json={"id": text}).status_code == 422
    batch = {"messages": [{"peer_id": text, "content": "x"}]}
    assert app.ask("POST", f"{W}/sessions/s/messages", json=batch).status_code == 422


FIELDS = ["id", "session_id", "created_at", "workspace_id"]


@pytest.mark.parametrize("text", HOSTILE)
def test_filter_values_are_not_interpreted(text: str, app: Application) -> None:
    lists = [f"{W}/peers/list", f"{W}/sessions/list", f"{W}/sessions/s/messages/list", f"{W}/conclusions/list"]
    filters: list[Any] = [{field: text} for field in FIELDS]
    filters += [{field: {operator: text}} for field in FIELDS for operator in ("gt", "contains")]
    filters += [{"metadata": {"kind": text}}, {"metadata": {"kind": {"contains": text}}}]
    for path in lists:
        for each in filters:
            found = fine(app.ask("POST", path, json={"filters": each}))
            if each == {"metadata": {"kind": text}} and text != "*":  # the wildcard
                assert found.get("items", []) == []


@pytest.mark.parametrize("text", HOSTILE)
def test_field_names_are_not_interpreted(text: str, app: Application) -> None:
    refused = app.ask("POST", f"{W}/sessions/s/messages/list", json={"filters": {text: "x"}})
    assert refused.status_code == 422
    refused = app.ask("POST", f"{W}/sessions/s/messages/list", json={"filters": {"id": {text: "x"}}})
    assert refused.status_code == 422
    found = fine(app.ask("POST", f"{W}/sessions/s/messages/list", json={"filters": {"metadata": {text: "x"}}}))
    assert found.get("items", []) == []


@pytest.mark.parametrize("text", ["%", "_", "n_te", "%ote", "no%", "n__e", "\\%", "[n]ote", "n?te", "n*"])
def test_patterns_match_literally(text: str, app: Application) -> None:
    for operator in ("contains", "icontains"):
        body = {"filters": {"metadata": {"kind": {operator: text}}}}
        assert fine(app.ask("POST", f"{W}/sessions/s/messages/list", json=body))["items"] == []
    body = {"filters": {"metadata": {"kind": {"contains": "ot"}}}}
    assert len(fine(app.ask("POST", f"{W}/sessions/s/messages/list", json=body))["items"]) == 1


@pytest.mark.parametrize("query", [*WORDS, *HOSTILE])
def test_search_queries_are_not_interpreted(query: str, app: Application) -> None:
    for path in (f"{W}/search", f"{W}/peers/p/search", f"{W}/sessions/s/search", f"{W}/conclusions/query"):
        fine(app.ask("POST", path, json={"query": query}))
    fine(app.ask("POST", f"{W}/peers/p/chat", json={"query": query or "?"}))
    fine(app.ask("GET", f"{W}/peers/p/context", params={"search_query": query, "target": query}))


@pytest.mark.parametrize("text", HOSTILE)
def test_paths_and_queries_are_not_interpreted(text: str, app: Application) -> None:
    name = "".join(f"%{byte:02x}" for byte in text.encode())
    for method, path in (
        ("POST", f"/v3/workspaces/{name}/peers/list"),
        ("GET", f"{W}/sessions/{name}/peers"),
        ("GET", f"{W}/sessions/s/messages/{name}"),
        ("GET", f"{W}/conclusions/{name}"),
        ("GET", f"{W}/peers/{name}/card"),
        ("DELETE", f"{W}/webhooks/{name}"),
        ("GET", f"{W}/queue/status?session_id={name}&observer_id={name}"),
        ("POST", f"{W}/peers/list?page={name}&size={name}&reverse={name}"),
        ("POST", f"{W}/sessions/s/clone?message_id={name}"),
    ):
        fine(app.ask(method, path))


@pytest.mark.parametrize("text", HOSTILE)
def test_metadata_is_stored_unchanged(text: str, app: Application) -> None:
    metadata = {text: [text, {text: text}]}
    kept = fine(app.ask("PUT", f"{W}/peers/p", json={"metadata": metadata}))["metadata"]
    clean = text.replace("\u0000", "")
    assert kept == {clean: [clean, {clean: clean}]}


FILENAMES = [
    "../../../../tmp/planted.txt",
    "/etc/passwd.txt",
    "..\\..\\planted.txt",
    "a\r\nX-Split: yes.txt",
    "a\0.txt",
]


@pytest.mark.parametrize("filename", [*FILENAMES, "%2e%2e%2fplanted.txt", "x" * 5_000 + ".txt", "CON.txt", "$(id).txt"])
def test_file_names_are_not_used_as_paths(filename: str, http: httpx.Client, server: Server, fresh: Any) -> None:
    assert not planted(server.db)
    path = f"/v3/workspaces/{fresh('names')}/sessions/s/messages/upload"
    answer = http.post(path, data={"peer_id": "p"}, files={"file": (filename, b"Hello", "text/plain")})
    assert answer.status_code == (201 if len(filename) < 1_000 else 400), answer.text
    assert "x-split" not in answer.headers
    assert not planted(server.db)


def planted(db: Path) -> list[Path]:
    """Files next to the database, or in a parent folder, with a name that was sent."""
    return [path for folder in db.parents for path in folder.glob("*planted*")]


@pytest.mark.parametrize(
    "path",
    [
        "/docs/../../settings.py",
        "/docs/%2e%2e/%2e%2e/settings.py",
        "/docs/..%2f..%2fsettings.py",
        "/docs//etc/passwd",
        "/docs/LICENSE",
        "/docs/swagger-ui.css/",
        "/docs/swagger-ui.css%00.js",
        "/docs\\..\\settings.py",
        "/omoide.db",
        "/.env",
        "/omoide.toml",
        "//etc/passwd",
    ],
)
def test_only_files_of_the_page_are_served(path: str, app: Application) -> None:
    assert app.ask("GET", path).status_code == 404
