"""File uploads by the SDK, and the status that clients poll."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from honcho import Honcho, Peer, Session

from tests.sdk.styles import Style

WHEN = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)


@pytest.fixture
def session(honcho: Honcho) -> Any:
    return Session("first", honcho)


def test_bytes_become_messages_with_the_given_fields(honcho: Honcho, session: Session, call: Style) -> None:
    [message] = call(
        session.upload_file,
        ("notes.txt", "Grüße aus Köln".encode(), "text/plain"),
        Peer("alice", honcho),
        metadata={"source": "mail"},
        configuration={"reasoning": {"enabled": False}},
        created_at=WHEN,
    )
    assert (message.content, message.peer_id, message.metadata) == ("Grüße aus Köln", "alice", {"source": "mail"})
    assert message.created_at == WHEN


def test_the_type_of_an_open_file_is_taken_from_its_name(tmp_path: Path, session: Session, call: Style) -> None:
    path = tmp_path / "Notizen für Bob.md"
    path.write_text("# Bob\n\nlikes tea")
    with path.open("rb") as file:
        [message] = call(session.upload_file, file, "alice")
    assert message.content == "# Bob\n\nlikes tea"


def test_a_workspace_without_work_has_an_empty_status(honcho: Honcho, call: Style) -> None:
    status = call(honcho.queue_status)
    assert (status.total_work_units, status.pending_work_units, status.in_progress_work_units) == (0, 0, 0)
