"""Days are worked out in the zone that the speaker's time names: from the request to conclusions, cards and clones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest

from omoide.core.clock import DAY, to_micros
from omoide.core.records import MessageBatch, NewMessage
from omoide.services import ingest
from omoide.storage import cards
from tests.handlers.workspace import WorkspaceClient, until
from tests.server_process import Server
from tests.worker.worker_fixture import Home

# The case of an evening in the west and a morning in the east, and what else an offset may be.
SAID = [
    ("2025-03-01T20:30:00-08:00", "I started a new job at the bakery today.", "2025-03-01"),
    ("2025-03-01T20:30:00-08:00", "Yesterday I bought a red bicycle.", "2025-02-28"),
    ("2025-03-01T20:30:00-08:00", "Tomorrow I am flying to Oslo.", "2025-03-02"),
    ("2025-03-02T06:30:00+09:00", "Yesterday I visited the castle in Himeji.", "2025-03-01"),
    ("2025-03-02T00:15:00+05:30", "Yesterday I visited the fort.", "2025-03-01"),
    ("2025-03-02T00:15:00+12:45", "Yesterday I visited the harbour.", "2025-03-01"),
    ("2025-03-01T23:45:00-09:30", "Yesterday I visited the volcano.", "2025-02-28"),
    ("2025-03-02T00:15:00+14:00", "Yesterday I visited the lagoon.", "2025-03-01"),
    ("2025-03-01T23:45:00-12:00", "Yesterday I visited the island.", "2025-02-28"),
    ("2025-03-09T23:45:00-08:00", "Yesterday I visited the bridge.", "2025-03-08"),
    ("2025-03-01T23:45:00", "Yesterday I visited the museum.", "2025-02-28"),
    ("2025-03-01T23:45:00Z", "Yesterday I visited the zoo.", "2025-02-28"),
    ("2025-03-01T23:45:00-00:00", "Yesterday I visited the tower.", "2025-02-28"),
    (1740872700, "Yesterday I visited the palace.", "2025-02-28"),
    ("0001-01-01T00:30:00-11:00", "I visited the cave today.", "0001-01-01"),
    ("9999-12-31T23:30:00+11:00", "I visited the dome today.", "9999-12-31"),
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkspaceClient]:
    server = Server(tmp_path_factory.mktemp("day") / "omoide.db", debounce_seconds="0")
    with server.client() as http:
        yield WorkspaceClient(http, "w")
    server.stop()


def settled(client: WorkspaceClient) -> list[str]:
    """The contents of all conclusions once there is no work left."""

    def is_settled() -> bool:
        status = client.ok("GET", "/queue/status")
        return bool(status["pending_work_units"] + status["in_progress_work_units"] == 0)

    until(is_settled)
    return [each["content"] for each in client.ok("POST", "/conclusions/list", params={"size": 100})["items"]]


def test_each_message_of_a_batch_has_the_day_of_its_own_offset(client: WorkspaceClient) -> None:
    batch = [{"peer_id": "maria", "content": content, "created_at": at} for at, content, _ in SAID]
    stored = client.ok("POST", "/sessions/s/messages", {"messages": batch})
    texts = settled(client)
    for _, content, expected in SAID:
        word = content.rstrip(".").removesuffix(" today").split()[-1]
        assert [text for text in texts if word in text and f"({expected})" in text], (content, texts)
    assert stored[0]["created_at"] == "2025-03-02T04:30:00Z"
    assert all(each["created_at"].endswith("Z") for each in stored)


def test_an_uploaded_file_has_the_day_of_its_offset(client: WorkspaceClient) -> None:
    form = {"peer_id": "noor", "created_at": "2025-03-01T20:30:00-08:00"}
    file = {"file": ("a.txt", b"I repaired the roof today.", "text/plain")}
    response: httpx.Response = client.http.post(f"{client.url}/sessions/u/messages/upload", data=form, files=file)
    assert response.status_code == 201, response.text
    assert response.json()[0]["created_at"] == "2025-03-02T04:30:00Z"
    assert [text for text in settled(client) if "roof" in text] == ["noor repaired the roof today (2025-03-01)"]


def test_an_answer_quotes_the_day_of_the_speaker(client: WorkspaceClient) -> None:
    said = {"peer_id": "lea", "content": "I adopted a grey parrot.", "created_at": "2025-03-01T20:30:00-08:00"}
    client.ok("POST", "/sessions/q/messages", {"messages": [said]})
    settled(client)
    answer = client.ok("POST", "/peers/lea/chat", {"query": "When did lea adopt a parrot?"})["content"]
    assert "2025-03-01" in answer, answer
    assert "2025-03-02" not in answer, answer


def test_a_later_mention_moves_the_day_of_a_conclusion_and_its_card_line(play: Callable[..., Any]) -> None:
    evening, earlier = (to_micros(datetime.fromisoformat(f"2025-0{month}-01T20:30:00-08:00")) for month in (3, 1))

    async def say(home: Home, at: int, offset: int | None) -> list[tuple[int, int | None]]:
        said = NewMessage("alice", "I am 30 years old.", {}, 0, at, None, offset)
        await ingest.add_messages(home.deps, MessageBatch("w", "s", [said]))
        await home.work()
        return [(each.said_at, each.utc_offset) for each in home.known()]

    async def story(home: Home) -> None:
        assert await say(home, evening, -480) == [(evening, -480)]
        assert await home.store.read(cards.get, "w", "alice", "alice") == ["IDENTITY: is 30 years old (2025-03-01)"]
        assert await say(home, earlier, 540) == [(evening, -480)]
        assert await say(home, evening + DAY, None) == [(evening + DAY, None)]
        assert await home.store.read(cards.get, "w", "alice", "alice") == ["IDENTITY: is 30 years old (2025-03-03)"]

    play(story)
