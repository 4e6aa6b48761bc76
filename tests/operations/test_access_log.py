"""Request ids: in the response, in the log and in the message of an unexpected error."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from omoide.core import clock
from omoide.core.auth import ADMIN, Keyring
from omoide.reasoner.memory_view import MemoryView
from omoide.reasoner.protocol import Question
from tests.conftest import SECRET
from tests.handlers.recorded_questions import QuestionRecorder, served

MADE = re.compile("[0-9a-f]{16}")
NAME = "X-Request-ID"


@pytest.fixture(scope="module")
def told() -> QuestionRecorder:
    return QuestionRecorder()


@pytest.fixture(scope="module")
def api(told: QuestionRecorder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    key = Keyring(SECRET).mint(ADMIN, now=clock.now())
    with (
        served(tmp_path_factory.mktemp("front") / "omoide.db", told, access_log=True, metrics="open") as url,
        httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}) as client,
    ):
        client.post("/v3/workspaces", json={"id": "w"}).raise_for_status()
        client.post("/v3/workspaces/w/peers", json={"id": "p"}).raise_for_status()
        yield client


@pytest.mark.parametrize("name", ["a", "7b1f:2.x_y-Z", "0" * 128])
def test_a_valid_request_id_is_kept(name: str, api: httpx.Client) -> None:
    assert api.get("/health", headers={NAME: name}).headers[NAME] == name


@pytest.mark.parametrize("name", ["", "a b", "a\tb", "é", "0" * 129, "<script>", "a%0d%0aX: y"])
def test_an_invalid_request_id_is_replaced(name: str, api: httpx.Client) -> None:
    assert MADE.fullmatch(api.get("/health", headers=[(NAME.encode(), name.encode())]).headers[NAME])


def test_generated_request_ids_differ(api: httpx.Client) -> None:
    assert len({api.get("/health").headers[NAME] for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/docs", 200),
        ("GET", "/nowhere", 404),
        ("DELETE", "/health", 405),
        ("POST", "/v3/workspaces", 422),
        ("GET", "/v3/workspaces/w/queue/status?sender_id=%ff", 200),
    ],
)
def test_every_response_has_a_request_id(method: str, path: str, status: int, api: httpx.Client) -> None:
    answer = api.request(method, path)
    assert (answer.status_code, answer.headers.get_list(NAME)) == (status, [answer.headers[NAME]])
    assert MADE.fullmatch(answer.headers[NAME])


def test_an_unexpected_error_has_the_request_id_in_response_and_log(
    api: httpx.Client, told: QuestionRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(question: Question, memory: MemoryView) -> AsyncIterator[str]:
        if question.query:
            raise RuntimeError("an unexpected fault")
        yield ""

    told.say = broken
    with caplog.at_level(logging.ERROR, "omoide.asgi"):
        answer = api.post("/v3/workspaces/w/peers/p/chat", json={"query": "Who?"}, headers={NAME: "mine"})
    assert answer.status_code == 500
    assert answer.json() == {"detail": "An unexpected error occurred (request mine)"}
    assert answer.headers[NAME] == "mine"
    (said,) = [each for each in caplog.records if each.name == "omoide.asgi"]
    assert said.exc_info is not None
    assert str(said.exc_info[1]) == "an unexpected fault"


def test_a_stream_has_a_request_id_and_is_counted_when_it_ends(api: httpx.Client, told: QuestionRecorder) -> None:
    async def slowly(question: Question, memory: MemoryView) -> AsyncIterator[str]:
        yield "a "
        yield "b"

    told.say = slowly
    body = {"query": "Who?", "stream": True}
    with api.stream("POST", "/v3/workspaces/w/peers/p/chat", json=body, headers={NAME: "s"}) as answer:
        assert answer.headers[NAME] == "s"
        assert b"b" in answer.read()
    assert 'omoide_requests_total{operation="chat",status="200"} 1.0' in api.get("/metrics").text


def test_an_access_log_line_has_no_query_body_or_key(api: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "omoide.access"):
        answer = api.post("/v3/workspaces?size=1", json={"id": "a", "metadata": {"secret": "x"}}, headers={NAME: "n"})
        api.get("/health")  # once it is answered, the line of the previous request is written
    said = next(each for each in caplog.records if each.name == "omoide.access")
    fields = dict(getattr(said, "fields"))  # noqa: B009  # put there by the caller of the logger
    assert fields.pop("ms") > 0
    assert fields == {
        "method": "POST",
        "path": "/v3/workspaces",
        "operation": "get_or_create_workspace",
        "status": 201,
        "bytes": len(answer.content),
    }


def test_a_refused_request_is_counted_with_its_operation(api: httpx.Client) -> None:
    assert httpx.post(f"{api.base_url}/v3/keys").status_code == 401
    assert 'omoide_requests_total{operation="create_key",status="401"} 1.0' in api.get("/metrics").text


def test_open_metrics_require_no_key(api: httpx.Client, tmp_path: Path) -> None:
    assert httpx.get(f"{api.base_url}/metrics").status_code == 200
    with served(tmp_path / "omoide.db", QuestionRecorder(), metrics="off") as url:
        answer = httpx.get(f"{url}/metrics", headers={"Authorization": api.headers["Authorization"]})
    assert (answer.status_code, answer.json()) == (405, {"detail": "Metrics are disabled"})
