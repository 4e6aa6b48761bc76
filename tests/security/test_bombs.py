"""Small requests do not cause large amounts of work: JSON, forms, files and filters."""

from __future__ import annotations

import gzip
import json
import threading
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.pdf_files import FONT, drawing, pdf_of, pdf_saying, stream_of
from tests.server_process import Server

Fresh = Callable[[str], str]
JSON = {"Content-Type": "application/json"}
MEGABYTE = 1_000_000
GROWTH = 300 * MEGABYTE
"""Limit of the growth of the server's memory; far less than the expanded size of any bomb."""


# JSON.

DEEP = 100_000
JSON_BOMBS = {
    "nested arrays": b"[" * DEEP,
    "nested arrays that end": b'{"id":"a","metadata":{"x":' + b"[" * DEEP + b"]" * DEEP + b"}}",
    "nested objects": b'{"id":"a","metadata":' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}",
    "a long number": b'{"id":"a","metadata":{"x":' + b"9" * MEGABYTE + b"}}",
    "a large exponent": b'{"id":"a","metadata":{"x":1e999999999}}',
    "many keys": json.dumps({"id": "a", "metadata": {str(n): 0 for n in range(50_000)}}).encode(),
    "many unknown fields": json.dumps({str(n): 0 for n in range(50_000)}).encode(),
    "many peers": json.dumps({"id": "a", "peers": {f"p {n}": {} for n in range(5_000)}}).encode(),
}


@pytest.mark.parametrize("body", [*JSON_BOMBS.values()], ids=[*JSON_BOMBS])
def test_a_json_bomb_is_refused_with_a_short_message(body: bytes, http: httpx.Client, fresh: Fresh) -> None:
    answer = http.post(f"/v3/workspaces/{fresh('bomb')}/sessions", content=body, headers=JSON)
    assert answer.status_code in (413, 422)
    assert len(answer.content) < 2 * MEGABYTE
    assert http.get("/health").status_code == 200


def test_the_last_of_duplicate_keys_wins_for_all_readers(http: httpx.Client, fresh: Fresh) -> None:
    one, two = fresh("first"), fresh("second")
    body = b'{"id":"%s","id":"%s"}' % (one.encode(), two.encode())
    assert http.post("/v3/workspaces", content=body, headers=JSON).json()["id"] == two


def test_compressed_bodies_are_refused(http: httpx.Client) -> None:
    packed = gzip.compress(b'{"id": "packed"}' + b" " * 10 * MEGABYTE)
    answer = http.post("/v3/workspaces", content=packed, headers={**JSON, "Content-Encoding": "gzip"})
    assert answer.status_code == 415


FILTER_BOMBS: dict[str, Any] = {
    "deep": None,
    "broad": {"OR": [{"id": str(n)} for n in range(50_000)]},
    "long": {"id": {"in": [str(n) for n in range(100_000)]}},
    "both": {"AND": [{"OR": [{"NOT": [{"id": "x"}]}] * 50}] * 50},
}
for _ in range(200):
    FILTER_BOMBS["deep"] = {"NOT": [FILTER_BOMBS["deep"] or {"id": "x"}]}


@pytest.mark.parametrize("filters", [*FILTER_BOMBS.values()], ids=[*FILTER_BOMBS])
def test_a_filter_bomb_is_refused_or_read_within_its_time_limit(filters: Any, http: httpx.Client, fresh: Fresh) -> None:
    answer = http.post(f"/v3/workspaces/{fresh('filters')}/sessions/list", json={"filters": filters})
    assert answer.status_code in (200, 413, 422), answer.text[:300]
    assert http.get("/health").status_code == 200


# Forms.


def part(name: str, value: bytes, more: bytes = b"") -> bytes:
    return b'--b\r\nContent-Disposition: form-data; name="%s"\r\n%s\r\n%s\r\n' % (name.encode(), more, value)


FORMS = {
    "many fields": part("x", b"") * 50_000,
    "many files": b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n\r\n' * 20_000,
    "many headers in a part": part("peer_id", b"p", b"X: y\r\n" * 100_000),
    "a long header in a part": part("peer_id", b"p", b"X: " + b"y" * MEGABYTE + b"\r\n"),
    "a header without end": b"--b\r\nContent-Disposition: form-data; name=" + b"x" * MEGABYTE,
    "a long name": part("x" * MEGABYTE, b""),
    "no end": part("peer_id", b"p"),
    "no part": b"",
    "a boundary that nearly fits": b"\r\n--" * 500_000,
}


@pytest.mark.parametrize("body", [*FORMS.values()], ids=[*FORMS])
def test_a_form_bomb_is_refused(body: bytes, http: httpx.Client, fresh: Fresh) -> None:
    path = f"/v3/workspaces/{fresh('forms')}/sessions/s/messages"
    answer = http.post(
        f"{path}/upload", content=body + b"--b--\r\n", headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert answer.status_code in (400, 413, 422), answer.text[:300]
    assert http.post(f"{path}/list").json()["items"] == []


@pytest.mark.parametrize("boundary", ["", "x" * 100_000, '"', "a b", "\u00e9"])
def test_an_odd_boundary_is_refused(boundary: str, http: httpx.Client, fresh: Fresh) -> None:
    media = f"multipart/form-data; boundary={boundary}".encode("latin-1")
    path = f"/v3/workspaces/{fresh('forms')}/sessions/s/messages/upload"
    answer = http.post(path, content=b"--\r\n\r\n", headers={b"Content-Type": media})
    assert answer.status_code in (400, 422, 431)


# PDFs. tests/test_pdf.py tests each limit; these files try to evade them, sent to a server.


def page_of(content: bytes, *, font: bytes = FONT, more: bytes = b"", contents: bytes = b"5 0 R") -> bytes:
    """A PDF of one page with this content object, and another object."""
    page = b"<</Type/Page/Parent 2 0 R/Resources<</Font<</F1 3 0 R>> >>/Contents %s>>" % contents
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 1/Kids[4 0 R]>>", font, page, content]
    return pdf_of([*objects, more] if more else objects)


def packed_often(data: bytes, times: int) -> bytes:
    for _ in range(times):
        data = zlib.compress(data, 9)
    return b"<</Length %d/Filter[%s]>>stream\n%s\nendstream" % (len(data), b"/FlateDecode" * times, data)


COMPOSITE = b"<</Type/Font/Subtype/Type0/BaseFont/X/Encoding/Identity-H/ToUnicode 6 0 R>>"
RANGES = b"begincmap 1 beginbfrange <00000000> <FFFFFFFF> <00000000> endbfrange endcmap"
LONG_CHARACTER = b"begincmap 1 beginbfchar <61> <" + b"0041" * 100_000 + b"> endbfchar endcmap"
KIDS = b"<</Type/Pages/Count 1/Kids[%s]>>"


def pages_of_pages(levels: int) -> bytes:
    """Ten times as many pages with each level, all of them the same object."""
    nodes = [KIDS % b" ".join([b"%d 0 R" % (level + 3)] * 10) for level in range(levels)]
    return pdf_of([b"<</Type/Catalog/Pages 2 0 R>>", *nodes, b"<</Type/Page/Parent 2 0 R>>"])


PDF_BOMBS: dict[str, Callable[[], bytes]] = {
    "packed four times": lambda: page_of(packed_often(b"BT (" + b"a" * 50 * MEGABYTE + b") Tj ET", 4)),
    "one stream many times": lambda: page_of(stream_of(b" " * MEGABYTE), contents=b"[" + b"5 0 R " * 2_000 + b"]"),
    "a map of all characters": lambda: page_of(stream_of(drawing("x")), font=COMPOSITE, more=stream_of(RANGES)),
    "a character that is a book": lambda: page_of(
        stream_of(b"BT /F1 12 Tf (" + b"a" * 100_000 + b") Tj ET"),
        font=b"<</Type/Font/Subtype/Type1/BaseFont/X/ToUnicode 6 0 R>>",
        more=stream_of(LONG_CHARACTER),
    ),
    "widths without end": lambda: page_of(
        stream_of(drawing("x")),
        font=b"<</Type/Font/Subtype/Type0/BaseFont/X/Encoding/Identity-H/DescendantFonts[<</W[0 2000000000 500]>>]>>",
    ),
    "pages that hold themselves": lambda: pdf_of([b"<</Type/Catalog/Pages 2 0 R>>", KIDS % b"2 0 R"]),
    "pages of pages": lambda: pages_of_pages(12),
    "nested arrays": lambda: pdf_of(
        [b"<</Type/Catalog/Pages 2 0 R/X " + b"[" * DEEP + b"]" * DEEP + b">>", b"<</Type/Pages/Count 0/Kids[]>>"]
    ),
    "a table that goes back to itself": lambda: pdf_saying("x").replace(b"trailer\n<<", b"trailer\n<</Prev 9"),
    "a length that is its own stream": lambda: page_of(b"<</Length 5 0 R>>stream\nx\nendstream"),
}


@pytest.fixture
def latency(http: httpx.Client, server: Server) -> Iterator[Callable[[], int]]:
    """Request /health repeatedly within the block; yields the number of responses so far."""
    answers: list[int] = []
    over = threading.Event()

    def ask() -> None:
        with server.client() as client:
            while not over.is_set():
                answers.append(client.get("/health").status_code)

    asking = threading.Thread(target=ask)
    asking.start()
    yield lambda: answers.count(200)
    over.set()
    asking.join()


def test_pdf_bombs_need_little_memory_and_do_not_block_others(
    server: Server, http: httpx.Client, fresh: Fresh, latency: Callable[[], int]
) -> None:
    before = server.resident_bytes()
    for name, made in PDF_BOMBS.items():
        asked = latency()
        path = f"/v3/workspaces/{fresh('pdf')}/sessions/s/messages"
        file = {"file": ("bomb.pdf", made(), "application/pdf")}
        answer = http.post(f"{path}/upload", data={"peer_id": "p"}, files=file)
        assert answer.status_code in (413, 422) or name == "a table that goes back to itself", f"{name}: {answer.text}"
        while latency() == asked:
            http.get("/health")
    assert server.resident_bytes() - before < GROWTH
