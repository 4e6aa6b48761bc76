"""Limits of connections (bytes, time, number), and strict parsing of requests."""

from __future__ import annotations

import select
import socket
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from omoide.asgi.app import document_path
from omoide.cli.http_limits import LISTED_BYTES, MOST_LISTING
from omoide.contract import checks
from tests.raw_http import PATIENCE, connect, exchange, statuses, until_closed
from tests.server_process import Server

MOST = 12
HOST = b"Host: 127.0.0.1\r\n"
HEALTH = b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n"
POST = b"POST /v3/workspaces HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
LAST = b"Connection: close\r\n\r\n"

AMBIGUOUS = {
    "length and chunks": POST + b"Content-Length: 5\r\n" + CHUNKED + b"0\r\n\r\n",
    "chunks and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a list of lengths": POST + b"Content-Length: 2, 2\r\n\r\n{}",
    "a length with a sign": POST + b"Content-Length: +2\r\n\r\n{}",
    "a length beyond 64 bits": POST + b"Content-Length: 99999999999999999999999\r\n\r\n{}",
    "an unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunks not last": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "two codings": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "a blank before the colon": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a folded line": POST + b"X: a\r\n Content-Length: 2\r\n\r\n{}",
    "bare line feeds": b"POST /v3/workspaces HTTP/1.1\nHost: 127.0.0.1\nContent-Length: 2\n\n{}",
    "a bare carriage return": POST + b"X: a\rContent-Length: 2\r\n\r\n{}",
    "NUL in a header": POST + b"X: a\0b\r\nContent-Length: 2\r\n\r\n{}",
    "a chunk size with 0x": POST + CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n",
    "a chunk size beyond 64 bits": POST + CHUNKED + b"fffffffffffffffff\r\n{}\r\n0\r\n\r\n",
    "a chunk that ends with a line feed": POST + CHUNKED + b"2\n{}\r\n0\r\n\r\n",
}
LARGE = {
    "one header": b"GET /health HTTP/1.1\r\n" + HOST + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
    "one header that does not end": b"GET /health HTTP/1.1\r\n" + HOST + b"X: " + b"y" * 100_000,
    "many headers": b"GET /health HTTP/1.1\r\n" + HOST + b"X: y\r\n" * 10_000 + b"\r\n",
    "the address": b"GET /" + b"y" * 100_000 + b" HTTP/1.1\r\n\r\n",
    "headers after a request": HEALTH + b"GET /health HTTP/1.1\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
}


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with short time limits and few connections."""
    limits = {
        "header_timeout_seconds": "0.3",
        "body_timeout_seconds": "0.3",
        "write_timeout_seconds": "0.5",
        "max_connections": str(MOST),
    }
    running = Server(tmp_path_factory.mktemp("strict") / "omoide.db", **limits)
    yield running
    running.stop()


@pytest.mark.parametrize("request_bytes", [*AMBIGUOUS.values()], ids=[*AMBIGUOUS])
def test_an_ambiguous_request_is_refused_and_nothing_after_it_is_read(request_bytes: bytes, server: Server) -> None:
    received = exchange(server, request_bytes + HEALTH)
    assert statuses(received) == [400]
    assert b'{"detail":"Invalid HTTP request received."}' in received


@pytest.mark.parametrize("request_bytes", [*LARGE.values()], ids=[*LARGE])
def test_a_head_beyond_its_limit_is_refused(request_bytes: bytes, server: Server) -> None:
    assert statuses(exchange(server, request_bytes))[-1:] == [431]


def answered(server: Server, request: bytes) -> bytes:
    """The response to a request after which the server closes the connection; the client waits for that."""
    with connect(server) as connection:
        connection.sendall(request)
        return until_closed(connection)


CONTEXT = b"/v3/workspaces/long/sessions/%s/context?" % (b"s" * 512)


def test_a_session_context_accepts_the_longest_documented_list_of_sessions(server: Server) -> None:
    (spec,) = [each for each in checks.load(document_path()).operations() if each.handler == "get_session_context"]
    listed = next(each["schema"] for each in spec.parameters if each["name"] == "sessions")
    count, length = listed["maxItems"], listed["items"]["maxLength"]
    assert count * len(b"&sessions=" + b"s" * length) == LISTED_BYTES
    body = b'{"id": "%s"}' % (b"s" * length)
    made = b"POST /v3/workspaces/long/sessions HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
    assert statuses(answered(server, made + b"Content-Length: %d\r\n" % len(body) + LAST + body)) == [200]
    ids = [b"s" * length, *(b"%0*d" % (length, number) for number in range(count - 1))]
    for listing, status in ((ids, 200), ([*ids[1:], b"other", b"more"], 422)):
        address = CONTEXT + b"peer_target=alice&" + b"&".join(b"sessions=" + each for each in listing)
        assert statuses(answered(server, b"GET " + address + b" HTTP/1.1\r\n" + HOST + LAST)) == [status]


@pytest.mark.parametrize("path", [CONTEXT, b"/sessions/s/context/more?", b"/sessions?q=/sessions/s/context?"])
def test_a_url_longer_than_any_list_of_sessions_is_refused(path: bytes, server: Server) -> None:
    size = LISTED_BYTES + 40_000 if path is CONTEXT else 40_000
    assert statuses(exchange(server, b"GET " + path + b"x" * size + b" HTTP/1.1\r\n" + HOST + LAST)) == [431]


def test_the_number_of_concurrent_long_urls_is_limited(server: Server) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(connect(server)) for _ in range(3 * MOST_LISTING)]
        for client in clients:
            client.sendall(b"GET " + CONTEXT + b"x" * 40_000)
        refused, _, _ = select.select(clients, [], [], PATIENCE)
        assert statuses(until_closed(refused[0])) == [503]


def test_data_that_a_refused_client_still_sends_is_read(server: Server) -> None:
    with connect(server) as connection:
        connection.sendall(b"GARBAGE\r\n\r\n")
        assert statuses(until_closed(connection)) == [400]
        connection.sendall(b"X: y\r\n" * 1_000_000)


def test_reading_from_a_refused_client_has_a_time_limit(strict: Server) -> None:
    with connect(strict) as connection:
        connection.sendall(b"GARBAGE\r\n\r\n")
        assert statuses(until_closed(connection)) == [400]
        endless = iter(lambda: connection.sendall(b"X: y\r\n" * 10_000), "never")
        with pytest.raises(ConnectionError):
            deque(endless, maxlen=0)


def test_a_head_within_its_limit_is_read(server: Server) -> None:
    assert statuses(exchange(server, b"GET /health HTTP/1.1\r\n" + HOST + b"X: " + b"y" * 30_000 + b"\r\n\r\n")) == [
        200
    ]


def test_a_large_body_does_not_count_as_head(server: Server) -> None:
    body = b"[" + b" " * 300_000 + b"]"
    request = POST + b"Content-Length: %d\r\n" % len(body) + LAST + body
    assert statuses(exchange(server, request)) == [422]


@pytest.mark.parametrize("name", [b"X-HTTP-Method-Override", b"X-HTTP-Method", b"X-Method-Override"])
def test_no_header_changes_the_method(name: bytes, server: Server) -> None:
    request = b"GET /v3/keys HTTP/1.1\r\n" + HOST + name + b": POST\r\n" + LAST
    assert statuses(exchange(server, request)) == [405]


@pytest.mark.parametrize("method", [b"TRACE", b"CONNECT", b"PRI", b"QUERY"])
def test_other_methods_are_refused(method: bytes, server: Server) -> None:
    received = exchange(server, method + b" /health HTTP/1.1\r\n" + HOST + LAST)
    assert statuses(received) in ([400], [405])


def test_requests_cannot_inject_response_headers(server: Server) -> None:
    split = b"%0d%0aX-Split:%20yes"
    for path in (b"/health" + split, b"/v3/workspaces/a" + split + b"/peers/list", b"/docs?" + split):
        received = exchange(server, b"POST " + path + b" HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\n" + LAST)
        head = received.split(b"\r\n\r\n")[0]
        assert b"x-split" not in head.lower()


def test_stalled_connections_are_closed_while_others_are_served(strict: Server) -> None:
    with ExitStack() as stack:
        # Each sends data as soon as it is connected; its time limit starts then.
        dripping_head = stack.enter_context(connect(strict))
        dripping_head.sendall(b"GET /health HTTP/1.1\r\nHost: 127")
        dripping_body = stack.enter_context(connect(strict))
        dripping_body.sendall(POST + b"Content-Length: 1000\r\n\r\n{")
        silent, deaf = (stack.enter_context(connect(strict)) for _ in range(2))
        # Unread responses of many megabytes, until all buffers are full.
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        deaf.setblocking(False)
        try:
            while True:
                deaf.send(b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\n" + HOST + b"\r\n")
        except (BlockingIOError, ConnectionError):
            pass  # or it is closed while we fill the last buffer
        assert statuses(exchange(strict, HEALTH)) == [200]
        assert until_closed(silent) == b""
        assert statuses(until_closed(dripping_head)) == [408]
        assert statuses(until_closed(dripping_body)) == [408]
        deaf.settimeout(20)
        until_closed(deaf)
        assert statuses(exchange(strict, HEALTH)) == [200]


def test_idle_connections_are_evicted_for_new_ones(strict: Server) -> None:
    with ExitStack() as stack:
        idle = [stack.enter_context(connect(strict)) for _ in range(3 * MOST)]
        assert statuses(exchange(strict, HEALTH)) == [200]
        assert until_closed(idle[0]) == b""


def test_a_body_that_keeps_arriving_gets_more_time(strict: Server) -> None:
    body = b'{"id": "slow"}'.ljust(6_000)
    with connect(strict) as slow, connect(strict) as silent:
        slow.sendall(POST + b"Content-Length: %d\r\n" % len(body) + LAST + body[:5_000])
        assert until_closed(silent) == b""  # 0.3 seconds are over by now, but not the five more for five kilobytes
        slow.sendall(body[5_000:])
        assert statuses(until_closed(slow)) == [201]
