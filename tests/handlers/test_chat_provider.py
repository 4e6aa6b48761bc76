"""Chat with a model whose provider fails: 503 with the reason, or a stream that ends with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from honcho import Honcho

from omoide.core import clock
from omoide.core.auth import ADMIN, Keyring
from tests.conftest import SECRET
from tests.handlers.recorded_questions import QuestionRecorder, events, served
from tests.handlers.workspace import WorkspaceClient, until
from tests.inference.faulty_provider import (
    EVENTS,
    MEGABYTE,
    Misbehaving,
    ProviderConnection,
    Script,
    answering,
    chunk,
    dripping,
    endless,
    event,
    head,
    misbehaving,
    payload,
    raw,
    said,
    then_for_ever,
)
from tests.inference.faulty_provider import events as streaming

OF = "The provider of openai:toy"
KEY = Keyring(SECRET).mint(ADMIN, now=clock.now())
BEES = event(chunk({"role": "assistant", "content": "Bees keep Ottokar company. " * 10}))


BEFORE_A_WORD: dict[str, tuple[Script, str]] = {
    "body": (endless(b"x" * 65_536), "sent more than an answer may hold"),
    "comments": (
        then_for_ever(head(media=EVENTS), b": still here\n\n" * 4_096),
        "sent more than an answer may hold",
    ),
    "no choices": (payload({}, chunk({}) | {"choices": []}), "gave no answer that can be read"),
    "brackets": (raw(b"[" * 50_000), "gave no answer that can be read"),
    "drip": (dripping(b": still here\n\n"), "did not answer in time"),
    "filter": (answering({"content": ""}, "content_filter"), "withheld the answer of the model"),
}
AFTER_SOME: dict[str, tuple[Script, str]] = {
    "no end": (streaming(BEES), "ended its answer before it was complete"),
    "error": (streaming(BEES, event(chunk({}, "error"))), "ended its answer before it was complete"),
    "filter": (streaming(BEES, event(chunk({}, "content_filter"))), "withheld the answer of the model"),
    "endless": (
        then_for_ever(head(media=EVENTS) + BEES, b": still here\n\n" * 4_096),
        "sent more than an answer may hold",
    ),
    "brackets": (streaming(BEES, b"data: " + b"[" * 50_000 + b"\n\n"), "gave no answer that can be read"),
    "drip": (dripping(b": still here\n\n", before=head(media=EVENTS) + BEES), "did not answer in time"),
}


@pytest.fixture(scope="module")
def provider() -> Iterator[Misbehaving]:
    with misbehaving(said("Bees.")) as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def _is_known(url: str) -> None:
    """A first answer shows that the model does not think aloud; until then, no answer is said in pieces."""
    with httpx.Client(base_url=url, timeout=None, headers={"Authorization": f"Bearer {KEY}"}) as client:
        answer = chat(WorkspaceClient(client, "known"))
        assert answer.json()["content"] == "Bees."


@pytest.fixture(scope="module")
def url(provider: Misbehaving, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings: dict[str, Any] = {
        "model": "openai:toy",
        "model_base_url": provider.url,
        "model_retries": 0,
        "model_answer_bytes": 65_536,
        "model_timeout_seconds": 1.0,
    }
    with served(tmp_path_factory.mktemp("provider") / "omoide.db", None, **settings) as address:
        yield address


@pytest.fixture
def workspace_client(url: str, fresh: Callable[[str], str]) -> Iterator[WorkspaceClient]:
    with httpx.Client(base_url=url, timeout=None, headers={"Authorization": f"Bearer {KEY}"}) as client:
        yield WorkspaceClient(client, fresh("provider"))


def chat(workspace_client: WorkspaceClient, **body: Any) -> httpx.Response:
    return workspace_client.call("POST", "/peers/alice/chat", {"query": "Who keeps bees?", **body})


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("script", "reason"), BEFORE_A_WORD.values(), ids=BEFORE_A_WORD.keys())
def test_a_chat_without_output_of_its_model_is_503_with_the_reason(
    script: Script, reason: str, stream: bool, provider: Misbehaving, workspace_client: WorkspaceClient
) -> None:
    provider.script = script
    answer = chat(workspace_client, stream=stream)
    assert (answer.status_code, answer.json()) == (503, {"detail": f"{OF} {reason}."})


@pytest.mark.parametrize(("script", "reason"), BEFORE_A_WORD.values(), ids=BEFORE_A_WORD.keys())
def test_a_chat_with_a_response_format_is_503_with_the_reason(
    script: Script, reason: str, provider: Misbehaving, workspace_client: WorkspaceClient
) -> None:
    provider.script = script
    answer = chat(workspace_client, response_format={"type": "object", "properties": {"keeper": {"type": "string"}}})
    assert (answer.status_code, answer.json()) == (503, {"detail": f"{OF} {reason}."})


@pytest.mark.parametrize(("script", "reason"), AFTER_SOME.values(), ids=AFTER_SOME.keys())
def test_a_truncated_answer_is_not_returned_as_complete(
    script: Script, reason: str, provider: Misbehaving, workspace_client: WorkspaceClient
) -> None:
    provider.script = script
    answer = chat(workspace_client)
    assert (answer.status_code, answer.json()) == (503, {"detail": f"{OF} {reason}."})


def broken_off(workspace_client: WorkspaceClient) -> list[Any]:
    """The events of a chat whose stream is cut off."""
    seen: list[str] = []
    body = {"query": "Who keeps bees?", "stream": True}
    with workspace_client.http.stream("POST", f"{workspace_client.url}/peers/alice/chat", json=body) as response:
        assert response.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            seen.extend(response.iter_lines())
    return events("\n".join(seen).encode())


@pytest.mark.parametrize(("script", "reason"), AFTER_SOME.values(), ids=AFTER_SOME.keys())
def test_a_stream_that_has_started_ends_with_the_reason(
    script: Script, reason: str, provider: Misbehaving, workspace_client: WorkspaceClient
) -> None:
    provider.script = script
    *said, last = broken_off(workspace_client)
    assert "".join(each["delta"]["content"] for each in said) == "Bees keep Ottokar company. " * 10
    assert last == {"error": {"detail": f"{OF} {reason}."}, "done": False}


def test_the_official_client_reports_a_truncated_stream(
    provider: Misbehaving, workspace_client: WorkspaceClient, url: str
) -> None:
    provider.script = AFTER_SOME["no end"][0]
    workspace_client.peer("alice")
    seen: list[str] = []
    peer = Honcho(base_url=url, api_key=KEY, workspace_id=workspace_client.id).peer("alice")
    with pytest.raises(httpx.RemoteProtocolError):
        seen.extend(peer.chat_stream("Who keeps bees?"))
    assert seen


def test_the_next_chat_is_answered(provider: Misbehaving, workspace_client: WorkspaceClient) -> None:
    provider.script = said("Ottokar does.")
    assert chat(workspace_client).json()["content"] == "Ottokar does."
    assert events(chat(workspace_client, stream=True).content)[-1] == {"done": True}
    assert provider.sent < 1_000 * MEGABYTE


def test_work_that_cancels_itself_is_an_error(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    async def say(question: Any, memory: Any) -> Any:
        yield "Green"
        raise asyncio.CancelledError

    told = QuestionRecorder()
    told.say = say
    with (
        served(tmp_path_factory.mktemp("cancelled") / "omoide.db", told) as address,
        httpx.Client(base_url=address, timeout=None, headers={"Authorization": f"Bearer {KEY}"}) as client,
    ):
        *_, last = broken_off(WorkspaceClient(client, "w"))
    assert last == {"error": {"detail": "An unexpected error occurred"}, "done": False}


def test_a_chat_does_not_wait_for_chats_of_another_tenant(tmp_path_factory: pytest.TempPathFactory) -> None:
    def slow_for_one(line: ProviderConnection, asked: dict[str, Any]) -> None:
        if "heavy" in str(asked["messages"]):
            line.hang()
        said("Bees.")(line, asked)

    with misbehaving(slow_for_one) as provider:
        settings: dict[str, Any] = {"model": "openai:toy", "model_base_url": provider.url, "model_concurrency": 3}
        folder = tmp_path_factory.mktemp("tenants")
        with (
            served(folder / "omoide.db", None, **settings) as address,
            httpx.Client(base_url=address, timeout=None, headers={"Authorization": f"Bearer {KEY}"}) as client,
            ThreadPoolExecutor(8) as pool,
        ):
            heavy, light = WorkspaceClient(client, "heavy"), WorkspaceClient(client, "light")
            waiting = [pool.submit(heavy.call, "POST", "/peers/alice/chat", {"query": "heavy"}) for _ in range(8)]
            until(lambda: len(provider.asked) == 2)
            for _ in range(3):
                answer = chat(light)
                assert (answer.status_code, answer.json()["content"]) == (200, "Bees.")
            assert len(provider.asked) == 5
            provider.released.set()
            assert {each.result().status_code for each in waiting} == {200}
