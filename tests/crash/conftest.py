"""How hard the server is tried: in the suite a little, by `make crash` to the full."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.fixture
def kills(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--kills"))


@pytest.fixture
def tally(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Says a line to whoever watches, whatever becomes of the test."""

    def say(line: str) -> None:
        with capsys.disabled():
            print(f"\n{line}", end="")

    return say
