"""Simulate a worker process, where the store does all work on the event loop's thread."""

from __future__ import annotations

from threading import Event

import pytest

from omoide.core import offload


def answering_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this process a worker process until the end of the test."""
    said = Event()
    said.set()
    monkeypatch.setattr(offload, "_threads_disabled", said)
