"""Every method of the SDK that calls the server has a test here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from honcho import Honcho, Peer, Session
from honcho.conclusions import ConclusionsView, WorkspaceConclusions
from honcho.scope import Scope

LOCAL = {"conclusions_of"}

TESTS = "\n".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
CALLED = set(re.findall(r"\.(\w+)\b", TESTS))


def methods(type: Any) -> set[str]:
    """The public methods that the class itself defines, not those of pydantic."""
    own = {
        name: value
        for each in type.__mro__
        if each.__module__.startswith("honcho.")
        for name, value in vars(each).items()
    }
    callables = {name for name, value in own.items() if callable(value)}
    return {name for name in callables if not name.startswith(("_", "model_"))}


@pytest.mark.parametrize("type", [Honcho, Peer, Session, Scope, ConclusionsView, WorkspaceConclusions])
def test_every_method_is_called(type: Any) -> None:
    found = methods(type) - LOCAL
    assert len(found) >= 3
    assert not found - CALLED, f"tests/sdk calls none of these methods: {found - CALLED}"
