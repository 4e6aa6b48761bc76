"""The client of the benchmarks: any status, any framing, connections that are kept or replaced."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks.http_client import ConnectionLost, HttpAnswer, Pool, request, upload
from tests.benchmarks.stub import answer, serving

GET = request("GET", "/")
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"


class ScriptedAnswers:
    """Answers one request after another as it was given, and counts what came."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = [*answers]
        self.bodies: list[bytes] = []

    async def __call__(self, head: bytes, body: bytes) -> bytes:
        self.bodies.append(body)
        return self.answers.pop(0)


def exchanged(respond: ScriptedAnswers, *sent: bytes) -> list[HttpAnswer | str]:
    """What each request brought, sent one after another over a pool of one connection."""

    async def play() -> list[HttpAnswer | str]:
        found: list[HttpAnswer | str] = []
        async with serving(respond) as address:
            pool = Pool(address, 1)
            for each in sent:
                try:
                    found.append(await pool.exchange(each, keep_body=True))
                except ConnectionLost:
                    found.append("lost")
            pool.close()
        return found

    return asyncio.run(play())


@pytest.mark.parametrize("framed", [answer(body=b"abcde"), CHUNKED])
def test_an_answer_is_read_whole_however_it_is_framed(framed: bytes) -> None:
    assert exchanged(ScriptedAnswers(framed, framed), GET, GET) == [HttpAnswer(200, 5, b"abcde")] * 2


def test_a_refusal_is_an_answer() -> None:
    assert exchanged(ScriptedAnswers(answer(503, b"no")), GET) == [HttpAnswer(503, 2, b"no")]


def test_a_connection_that_the_server_closes_after_its_answer_is_replaced() -> None:
    last = answer(more="connection: close\r\n")
    assert exchanged(ScriptedAnswers(last, answer(201)), GET, GET) == [
        HttpAnswer(200, 2, b"{}"),
        HttpAnswer(201, 2, b"{}"),
    ]


def test_a_connection_that_ends_without_an_answer_is_lost_and_replaced() -> None:
    assert exchanged(ScriptedAnswers(b"", answer(201)), GET, GET) == ["lost", HttpAnswer(201, 2, b"{}")]


def test_a_server_that_is_away_is_a_lost_connection() -> None:
    with pytest.raises(ConnectionLost):
        asyncio.run(Pool(("127.0.0.1", 1), 1).exchange(GET))


def test_an_unexpected_status_is_raised_with_the_request_and_the_answer() -> None:
    async def play() -> None:
        async with serving(ScriptedAnswers(answer(422, b"bad"))) as address:
            await Pool(address, 1).expect(request("POST", "/path", {"a": 1}), 200)

    with pytest.raises(RuntimeError, match=r"POST /path HTTP/1.1: status 422: bad"):
        asyncio.run(play())


def test_an_upload_is_a_form_with_its_fields_and_the_file() -> None:
    respond = ScriptedAnswers(answer(201))
    exchanged(respond, upload("/", {"peer_id": "p"}, b"\x00the file"))
    assert b'name="peer_id"\r\n\r\np\r\n' in respond.bodies[0]
    assert b'filename="a.txt"\r\ncontent-type: text/plain\r\n\r\n\x00the file\r\n--' in respond.bodies[0]
