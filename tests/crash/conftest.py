"""How hard the server is tried: in the suite a little, by `make crash` to the full."""

from __future__ import annotations

import pytest


@pytest.fixture
def kills(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--kills"))


@pytest.fixture
def kill_messages(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--kill-messages"))
