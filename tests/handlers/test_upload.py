"""File uploads over HTTP, in the formats of the official clients: stored as messages, or refused completely."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from io import BytesIO
from typing import Any

import httpx
import pytest

from tests.pdf_files import pdf_saying

Fresh = Callable[[str], str]
Upload = Callable[..., httpx.Response]
BOUNDARY = "a5bc3d44e56f"
MAX_BYTES = 5_242_880


def part(name: str, content: bytes, filename: str | None = None, content_type: str | None = None) -> bytes:
    """One part of a form."""
    head = f'Content-Disposition: form-data; name="{name}"'
    head += f'; filename="{filename}"' if filename is not None else ""
    head += f"\r\nContent-Type: {content_type}" if content_type else ""
    return f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + content + b"\r\n"


@pytest.fixture
def session(fresh: Fresh) -> str:
    """The path of a session that does not exist yet."""
    return f"/v3/workspaces/{fresh('uploads')}/sessions/s"


@pytest.fixture
def send(http: httpx.Client, session: str) -> Upload:
    """`send(part, part, …)` posts a form of these parts."""

    def sent(*parts: bytes) -> httpx.Response:
        content = b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        return http.post(f"{session}/messages/upload", content=content, headers=headers)

    return sent


@pytest.fixture
def upload(send: Upload) -> Upload:
    """`upload(b"…", "text/plain", metadata="…")` posts a file with the fields of the form."""

    def uploaded(data: bytes, content_type: str | None = "text/plain", name: str = "a.txt", **fields: str):  # type: ignore[no-untyped-def]
        given = [part(field, value.encode()) for field, value in {"peer_id": "alice", **fields}.items()]
        return send(*given, part("file", data, name, content_type))

    return uploaded


def keep_quiet(http: httpx.Client, session: str) -> None:
    """Disable reasoning, so that large uploads cause no jobs."""
    off = {"reasoning": {"enabled": False}, "summary": {"enabled": False}}
    http.put(session, json={"configuration": off}).raise_for_status()


def messages(http: httpx.Client, session: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = http.post(f"{session}/messages/list").json()["items"]
    return listed


def sessions(http: httpx.Client, session: str) -> int:
    return int(http.post(f"{session.removesuffix('/s')}/list").json()["total"])


def test_the_form_of_the_python_client(http: httpx.Client, send: Upload, session: str) -> None:
    answer = send(
        part("peer_id", b"alice"),
        part("metadata", b'{"source": "import"}'),
        part("configuration", b'{"reasoning": {"enabled": false}}'),
        part("created_at", b"2024-01-15T10:30:00+00:00"),
        part("file", "Ich wohne in Köln.".encode(), "/home/me/naïve %22notes%22.txt", "text/plain"),
    )
    assert answer.status_code == 201, answer.text
    (message,) = answer.json()
    assert message["content"] == "Ich wohne in Köln."
    assert (message["peer_id"], message["session_id"], message["metadata"]) == ("alice", "s", {"source": "import"})
    assert message["created_at"] == "2024-01-15T10:30:00Z"
    assert messages(http, session) == answer.json()


def test_the_form_of_the_typescript_client(http: httpx.Client, send: Upload, session: str) -> None:
    answer = send(
        part("file", b'{"b": 1, "a": "\xc3\xa9"}', "notes.json", "application/json"),
        part("peer_id", b"alice"),
        part("created_at", b"2024-01-15T10:30:00.250Z"),
    )
    assert answer.status_code == 201, answer.text
    (message,) = answer.json()
    assert (message["content"], message["metadata"]) == ('{"b": 1, "a": "é"}', {})
    assert message["created_at"] == "2024-01-15T10:30:00.250000Z"


def test_a_long_text_becomes_messages_in_its_order(http: httpx.Client, upload: Upload, session: str) -> None:
    text = "".join(f"Line {number:06}.\n" for number in range(200_000))
    keep_quiet(http, session)
    answer = upload(text.encode(), metadata='{"a": 1}')
    assert answer.status_code == 201, answer.text
    stored = answer.json()
    assert len(stored) > 100
    assert "".join(message["content"] for message in stored) == text
    assert max(len(message["content"]) for message in stored) <= 25_000
    assert {json.dumps([m["peer_id"], m["metadata"], m["created_at"]]) for m in stored} == {
        json.dumps(["alice", {"a": 1}, stored[0]["created_at"]])
    }
    assert [m["id"] for m in messages(http, session)] == [m["id"] for m in stored[:50]]


def test_an_empty_file_is_one_empty_message(upload: Upload) -> None:
    answer = upload(b"")
    assert answer.status_code == 201, answer.text
    assert [message["content"] for message in answer.json()] == [""]


def test_a_pdf_becomes_its_pages(upload: Upload) -> None:
    answer = upload(pdf_saying("First page", "Second page"), "application/pdf", "a.pdf")
    assert answer.status_code == 201, answer.text
    assert answer.json()[0]["content"] == "[Page 1]\nFirst page\n\n[Page 2]\nSecond page"


def test_the_type_of_a_file_is_taken_from_its_name_if_necessary(upload: Upload) -> None:
    assert upload(b"# Title", "application/octet-stream", "notes.md").status_code == 201
    assert upload(b"# Title", None, "notes.md").status_code == 201


def test_the_largest_file_is_accepted_and_one_byte_more_is_refused(
    http: httpx.Client, upload: Upload, session: str
) -> None:
    refused = upload(b"a" * (MAX_BYTES + 1))
    assert refused.status_code == 413
    expected = f"File size ({MAX_BYTES + 1} bytes) exceeds maximum allowed size ({MAX_BYTES} bytes)"
    assert refused.json()["detail"] == expected
    assert sessions(http, session) == 0
    keep_quiet(http, session)
    assert upload(b" \n" * (MAX_BYTES // 2)).status_code == 201


@pytest.mark.parametrize(
    ("data", "content_type", "name", "status"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png", "a.png", 415),
        (b"anything", "application/octet-stream", "blob", 415),
        (b"\xff{}", "application/json", "a.json", 422),
        (b"{", "application/json", "a.json", 422),
        (b"%PDF-1.7 broken", "application/pdf", "a.pdf", 422),
        (b"", "application/pdf", "a.pdf", 422),
        pytest.param(os.urandom(MAX_BYTES), "text/plain", "a.txt", 422, id="binary"),
        pytest.param(b"A text.\n" * 9_000 + os.urandom(200_000), "text/markdown", "a.md", 422, id="binary after text"),
    ],
)
def test_files_that_cannot_be_read_store_nothing(
    data: bytes, content_type: str, name: str, status: int, http: httpx.Client, upload: Upload, session: str
) -> None:
    refused = upload(data, content_type, name)
    assert refused.status_code == status, refused.text
    assert isinstance(refused.json()["detail"], str)
    assert sessions(http, session) == 0


@pytest.mark.parametrize("metadata", ["", "null", "{", "not json", "NaN", '{"a": NaN}'])
def test_metadata_that_is_not_json_is_ignored(metadata: str, upload: Upload) -> None:
    answer = upload(b"Hello", metadata=metadata, configuration=metadata)
    assert answer.status_code == 201, answer.text
    assert answer.json()[0]["metadata"] == {}


@pytest.mark.parametrize(
    ("field", "value", "workspace_client"),
    [
        ("metadata", "[1]", ["body", "metadata"]),
        ("metadata", '"text"', ["body", "metadata"]),
        ("metadata", json.dumps({str(key): 1 for key in range(101)}), ["body", "metadata"]),
        ("metadata", '{"a":{"b":{"c":{"d":{"e":{}}}}}}', ["body", "metadata"]),
        ("configuration", "[]", ["body", "configuration"]),
        ("configuration", '{"reasoning": 5}', ["body", "configuration", "reasoning"]),
        ("configuration", '{"reasoning": {"enabled": "perhaps"}}', ["body", "configuration", "reasoning", "enabled"]),
    ],
)
def test_json_of_the_wrong_type_is_refused_and_stores_nothing(
    field: str, value: str, workspace_client: list[str], http: httpx.Client, upload: Upload, session: str
) -> None:
    refused = upload(b"Hello", **{field: value})
    assert refused.status_code == 422, refused.text
    assert refused.json()["detail"][0]["loc"] == workspace_client
    assert sessions(http, session) == 0


def test_unknown_keys_of_the_configuration_are_ignored(upload: Upload) -> None:
    assert upload(b"Hello", configuration='{"other": {"enabled": 1}}').status_code == 201


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("2024-01-15", "2024-01-15T00:00:00Z"),
        ("2024-01-15T10:30:00", "2024-01-15T10:30:00Z"),
        ("20240115T103000Z", "2024-01-15T10:30:00Z"),
        ("2024-01-15T10:30:00+05:30", "2024-01-15T05:00:00Z"),
        ("1705314600", "2024-01-15T10:30:00Z"),
        ("1705314600000", "2024-01-15T10:30:00Z"),
        ("2024-01-15 10:30Z", "2024-01-15T10:30:00Z"),
    ],
)
def test_timestamps_are_kept(given: str, stored: str, upload: Upload) -> None:
    assert upload(b"Hello", created_at=given).json()[0]["created_at"] == stored


def test_an_empty_timestamp_is_ignored(upload: Upload) -> None:
    answer = upload(b"Hello", created_at="")
    assert answer.status_code == 201, answer.text
    assert answer.json()[0]["created_at"] > "2026"


@pytest.mark.parametrize("given", [" ", "yesterday", "2024-13-01", "true", "0001-01-01T00:00:00+05:00", "12:30"])
def test_an_invalid_timestamp_is_refused_and_stores_nothing(
    given: str, http: httpx.Client, upload: Upload, session: str
) -> None:
    message = {"peer_id": "alice", "content": "Hello", "created_at": given}
    assert http.post(f"{session}/messages", json={"messages": [message]}).status_code == 422
    refused = upload(b"Hello", created_at=given)
    assert refused.status_code == 422, refused.text
    assert refused.json()["detail"][0]["loc"] == ["body", "created_at"]
    assert sessions(http, session) == 0


def test_integers_of_any_size_are_kept(upload: Upload) -> None:
    answer = upload(b"Hello", metadata='{"n": 123456789012345678901234567890}')
    assert answer.status_code == 201, answer.text
    assert answer.json()[0]["metadata"] == {"n": 123456789012345678901234567890}


def test_a_lone_surrogate_in_the_metadata_is_replaced(upload: Upload) -> None:
    answer = upload(b"Hello", metadata='{"a\\ud83d": "\\ude00 \\ud83d\\ude00"}')
    assert answer.json()[0]["metadata"] == {"a\ufffd": "\ufffd \U0001f600"}


@pytest.mark.parametrize(
    ("surplus", "loc"),
    [
        (part("file", b"Two", "b.txt", "text/plain"), ["body", "file"]),
        (part("file", b"Two"), ["body", "file"]),
        (part("peer_id", b"bob"), ["body", "peer_id"]),
        (part("metadata", b'{"b": 2}'), ["body", "metadata"]),
        (part("file2", b"Two", "b.txt", "text/plain"), ["body", "file2"]),
    ],
)
def test_a_part_that_would_be_lost_is_refused(
    surplus: bytes, loc: list[str], http: httpx.Client, send: Upload, session: str
) -> None:
    parts = [part("peer_id", b"alice"), part("metadata", b"{}"), part("file", b"One", "a.txt", "text/plain")]
    refused = send(*parts, surplus)
    assert refused.status_code == 422, refused.text
    assert loc in [fault["loc"] for fault in refused.json()["detail"]]
    assert sessions(http, session) == 0


def test_an_unknown_text_field_is_ignored(send: Upload) -> None:
    parts = [part("peer_id", b"alice"), part("note", b"x"), part("file", b"One", "a.txt", "text/plain")]
    assert send(*parts).status_code == 201


def test_a_declared_charset_is_used_and_an_unknown_one_is_refused(upload: Upload) -> None:
    text = "Встреча во вторник"
    answer = upload(text.encode("cp1251"), 'text/plain; charset="Windows-1251"')
    assert answer.json()[0]["content"] == text
    assert upload(b"Hello", "text/plain; charset=utf-7").status_code == 415


def test_missing_fields_are_named(send: Upload) -> None:
    refused = send(part("metadata", b"{}"))
    assert refused.status_code == 422
    assert sorted(fault["loc"][1] for fault in refused.json()["detail"]) == ["file", "peer_id"]
    assert {fault["type"] for fault in refused.json()["detail"]} == {"missing"}


def test_a_file_sent_as_text_is_refused(send: Upload) -> None:
    refused = send(part("peer_id", b"alice"), part("file", b"text"))
    assert refused.status_code == 422
    (fault,) = refused.json()["detail"]
    assert (fault["type"], fault["loc"]) == ("value_error", ["body", "file"])


def test_an_invalid_author_stores_nothing(http: httpx.Client, upload: Upload, session: str) -> None:
    refused = upload(b"Hello", peer_id="not an id!")
    assert refused.status_code == 422
    assert sessions(http, session) == 0


def test_a_large_upload_is_spooled_like_any_other(http: httpx.Client, session: str) -> None:
    """The form is built by httpx, like the Python client's; its file is larger than a form's memory limit."""
    keep_quiet(http, session)
    text = "All work and no play. " * 100_000
    files = {"file": ("long.txt", BytesIO(text.encode()), "text/plain")}
    answer = http.post(f"{session}/messages/upload", data={"peer_id": "alice"}, files=files)
    assert answer.status_code == 201, answer.text
    assert "".join(message["content"] for message in answer.json()) == text
