"""A store as a process has it that answers nobody: all is done in the event loop's thread."""

from __future__ import annotations

from threading import Event

import pytest

from omoide import aside


def answering_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this be such a process until the test ends."""
    said = Event()
    said.set()
    monkeypatch.setattr(aside, "_answers_nobody", said)
