"""The contract engine with a document of its own: parameters, bodies, streams and uploads."""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from omoide.contract import checks
from omoide.contract.application import application
from omoide.contract.errors import Problem
from omoide.contract.generate import generate, write
from omoide.contract.operation import Implementation
from omoide.contract.security import Check, principal

TOYS = Path(__file__).parent / "toys"


@pytest.fixture(scope="module")
def handlers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The sample handlers, with code generated for them in a temporary folder."""
    folder = tmp_path_factory.mktemp("toys")
    package = folder / "toy_handlers"
    package.mkdir()
    for source in (TOYS / "handlers").glob("*.py"):
        (package / source.name).write_text(source.read_text())
    (package / "context.py").write_text("class Context: ...\n")
    files, _ = generate(checks.load(TOYS / "openapi.yaml"), handlers="toy_handlers", generated="toy_generated")
    write(files, folder / "toy_generated")
    sys.path.insert(0, str(folder))
    yield importlib.import_module("toy_handlers.toys")
    sys.path.remove(str(folder))


def opens(roles: frozenset[str]) -> Check:
    """A key is the name of its role."""

    async def check(authorization: str | None, path: Mapping[str, str]) -> str:
        if authorization not in roles:
            raise Problem("closed", status=401)
        return str(authorization)

    return check


@pytest.fixture(scope="module")
def app(handlers: ModuleType) -> Any:
    protocols = importlib.import_module("toy_generated.protocols")
    return application(
        checks.load(TOYS / "openapi.yaml"),
        Implementation(
            handlers="toy_handlers",
            protocols=protocols.BY_TAG,
            authorize=opens,
            make_context=lambda scope: principal(scope) or "a context",
            max_body_bytes=10_000,
        ),
    )


class Toys:
    """A client without a socket; each call runs in its own event loop."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def call() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://toys") as client:
                return await client.request(method, path, **options)

        return asyncio.run(call())


@pytest.fixture
def toys(app: Any) -> Toys:
    return Toys(app)


def test_parameters_are_typed_and_defaults_come_from_the_document(toys: Toys) -> None:
    assert toys("GET", "/toys/bear").json() == {
        "context": "a context",
        "toy_id": "bear",
        "sizes": None,
        "weight": None,
        "new": False,
        "kind": "soft",
        "x_trace_id": None,
    }


def test_repeated_keys_make_a_list_and_otherwise_the_last_wins(toys: Toys) -> None:
    found = toys("GET", "/toys/bear?sizes=1&sizes=2&new=no&new=on&weight=0.5&unknown=1").json()
    assert (found["sizes"], found["new"], found["weight"]) == ([1, 2], True, 0.5)


@pytest.mark.parametrize("path", ["a%2Fb", "a%20b", "a+b", "a:b@c", "%C3%A9t%C3%A9", "100%25"])
def test_a_path_parameter_is_decoded_once(path: str, toys: Toys) -> None:
    assert toys("GET", f"/toys/{path}").json()["toy_id"] == str(httpx.URL(f"http://x/{path}").path[1:])


def test_all_faults_of_parameters_are_reported_with_their_wire_names(toys: Toys) -> None:
    response = toys("GET", "/toys/x?sizes=1&sizes=b&weight=0&new=2&kind=wet", headers={"X-Trace-Id": "123456"})
    assert [fault["loc"] for fault in response.json()["detail"]] == [
        ["path", "toy_id"],
        ["query", "sizes", 1],
        ["query", "weight"],
        ["query", "new"],
        ["query", "kind"],
        ["header", "X-Trace-Id"],
    ]


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({"name": "bear", "age": 0}, ["body", "age"]),
        ({"name": "bear", "kind": "boy"}, ["body", "kind"]),
        ({"name": "bear", "place": [1, 2, 3]}, ["body", "place"]),
        ({"name": "bear", "place": ["x"]}, ["body", "place", 0]),
        ({"name": "bear", "age": "5"}, ["body", "age"]),
        ({"name": "bear", "made_at": "soon"}, ["body", "made_at"]),
        ({"name": "bear", "parts": [{"name": "eye"}, {}]}, ["body", "parts", 1, "name"]),
        ({"name": "bear"}, ["body"]),
    ],
    ids=[
        "exclusive",
        "const",
        "items: false",
        "prefixItems",
        "number as text",
        "date",
        "recursion",
        "$ref siblings",
    ],
)
def test_bodies_are_validated_by_json_schema_2020_12(body: object, loc: list[object], toys: Toys) -> None:
    response = toys("POST", "/toys", json=body)
    assert (response.status_code, [fault["loc"] for fault in response.json()["detail"]]) == (422, [loc])


def test_an_operation_may_have_a_body_limit_of_its_own(toys: Toys) -> None:
    assert toys("POST", "/toys", json={"name": "x" * 900, "age": 1}).status_code == 201
    assert toys("POST", "/toys", json={"name": "x" * 1_000, "age": 1}).status_code == 413


@pytest.mark.parametrize(
    ("content", "there"), [(None, False), (b"", False), (b"null", False), (b'{"name": "x"}', True)]
)
def test_an_optional_body_may_be_omitted_in_every_form(content: bytes | None, there: bool, toys: Toys) -> None:
    response = toys("POST", "/maybe", content=content, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()) == (200, there)


def test_json_media_types_with_parameters_and_suffixes_are_json(toys: Toys) -> None:
    for media in ("application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.toy+json"):
        assert toys("POST", "/maybe", content=b"{}", headers={"Content-Type": media}).status_code == 422
    assert toys("POST", "/maybe", content=b"{}", headers={"Content-Type": "text/json"}).status_code == 415


def test_a_byte_order_mark_before_json_is_accepted(toys: Toys) -> None:
    headers = {"Content-Type": "application/json"}
    assert toys("POST", "/maybe", content=b'\xef\xbb\xbf{"name": "x"}', headers=headers).json() is True


def test_204_has_no_body_and_no_content_type(toys: Toys) -> None:
    response = toys("DELETE", "/silent")
    assert (response.status_code, response.content, dict(response.headers)) == (204, b"", {})


def test_an_unexpected_error_is_logged_but_not_shown_to_the_client(
    toys: Toys, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        response = toys("GET", "/broken")
    assert (response.status_code, response.json()) == (500, {"detail": "An unexpected error occurred"})
    assert "a secret that no client may read" in caplog.text


def test_a_stream_starts_at_once_and_ends_when_the_client_leaves(app: Any, handlers: ModuleType) -> None:
    async def watch() -> tuple[dict[str, Any], bytes]:
        handlers.__dict__["LEFT"] = asyncio.Event()
        sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        leaving = asyncio.Event()

        async def receive() -> dict[str, Any]:
            await leaving.wait()
            return {"type": "http.disconnect"}

        scope = {"type": "http", "method": "GET", "path": "/watch", "query_string": b"", "headers": []}
        serving = asyncio.create_task(app({**scope, "raw_path": b"/watch"}, receive, sent.put))
        start, first = await sent.get(), await sent.get()
        leaving.set()
        await serving
        await handlers.LEFT.wait()
        return start, first["body"]

    start, first = asyncio.run(watch())
    assert dict(start["headers"])[b"content-type"].startswith(b"text/event-stream")
    assert first == b"data: one\n\n"


def test_an_error_after_a_response_has_started_reaches_the_server(app: Any) -> None:
    async def watch() -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            await asyncio.Event().wait()
            return {}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": "/torn", "query_string": b"", "headers": []}
        with pytest.raises(RuntimeError, match="after the beginning"):
            await app({**scope, "raw_path": b"/torn"}, receive, send)
        return sent

    sent = asyncio.run(watch())
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[1]["body"] == b"data: one\n\n"


@pytest.mark.parametrize(
    ("path", "key", "status"),
    [
        ("/chest", "gold", 200),
        ("/chest", "silver", 401),
        ("/chest", None, 401),
        ("/door", "gold", 200),
        ("/door", "silver", 200),
        ("/door", "iron", 401),
        ("/door", None, 401),
    ],
)
def test_any_one_of_an_operations_roles_gives_access(path: str, key: str | None, status: int, toys: Toys) -> None:
    response = toys("GET", path, headers={"Authorization": key} if key else {})
    assert (response.status_code, response.json()) == (status, key if status == 200 else {"detail": "closed"})


def test_an_upload_arrives_as_arguments(toys: Toys) -> None:
    files = {"file": ("bear.txt", b"growl", "text/plain")}
    assert toys("POST", "/upload", files=files, data={"owner": "ana"}).json() == [
        "bear.txt",
        "text/plain",
        5,
        "ana",
        None,
    ]


def test_an_upload_names_every_missing_field(toys: Toys) -> None:
    response = toys("POST", "/upload", files={"other": b"x"}, data={"note": "hi"})
    assert [fault["loc"] for fault in response.json()["detail"]] == [["body", "file"], ["body", "owner"]]


def test_an_upload_checks_its_text_fields(toys: Toys) -> None:
    response = toys("POST", "/upload", files={"file": b"x"}, data={"owner": "x" * 11})
    (fault,) = response.json()["detail"]
    assert (fault["type"], fault["loc"]) == ("string_too_long", ["body", "owner"])


def test_a_file_sent_as_text_is_refused(toys: Toys) -> None:
    response = toys("POST", "/upload", files={"x": b""}, data={"file": "text", "owner": "ana"})
    assert [fault["loc"] for fault in response.json()["detail"]] == [["body", "file"]]


@pytest.mark.parametrize("chunked", [False, True], ids=["with its length", "chunked"])
def test_an_upload_over_the_limit_is_refused_before_it_is_buffered(chunked: bool, app: Any) -> None:
    boundary = b"--b\r\nContent-Disposition: form-data; name=file; filename=x\r\n\r\n"
    total = 3_000_000
    taken = 0

    async def upload() -> int:
        async def receive() -> dict[str, Any]:
            nonlocal taken
            taken += 10_000
            return {"type": "http.request", "body": boundary if taken == 10_000 else b"x" * 10_000, "more_body": True}

        sent: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        headers = [(b"content-type", b"multipart/form-data; boundary=b")]
        if not chunked:
            headers.append((b"content-length", str(total).encode()))
        scope = {"type": "http", "method": "POST", "path": "/upload", "raw_path": b"/upload", "query_string": b""}
        await app({**scope, "headers": headers}, receive, send)
        return int(sent[0]["status"])

    assert asyncio.run(upload()) == 413
    assert taken <= (220_000 if chunked else 0)


@pytest.mark.parametrize("media", ["application/json", "text/plain", ""])
def test_an_upload_that_is_no_form_is_refused(media: str, toys: Toys) -> None:
    headers = {"Content-Type": media} if media else {}
    assert toys("POST", "/upload", content=json.dumps({"owner": "ana"}).encode(), headers=headers).status_code == 415


def test_an_upload_with_a_broken_form_is_refused(toys: Toys) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    response = toys(
        "POST", "/upload", content=b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--", headers=headers
    )
    assert (response.status_code, response.json()) == (400, {"detail": "There was an error parsing the body"})
