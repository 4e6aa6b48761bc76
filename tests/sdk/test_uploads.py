"""Files by the SDK, and the status that clients poll: what the official client sends is read as it means it."""

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


def test_bytes_become_messages_with_what_was_said_about_them(honcho: Honcho, session: Session, call: Style) -> None:
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


def test_an_open_file_is_known_by_its_name(tmp_path: Path, session: Session, call: Style) -> None:
    path = tmp_path / "Notizen für Bob.md"
    path.write_text("# Bob\n\nlikes tea")
    with path.open("rb") as file:
        [message] = call(session.upload_file, file, "alice")
    assert message.content == "# Bob\n\nlikes tea"


def test_a_workspace_where_nothing_waits_says_so(honcho: Honcho, call: Style) -> None:
    status = call(honcho.queue_status)
    assert (status.total_work_units, status.pending_work_units, status.in_progress_work_units) == (0, 0, 0)
