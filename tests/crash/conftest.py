"""How hard the server is tried: in the suite a little, by `make crash` to the full."""

from __future__ import annotations

from collections.abc import Callable

import pytest

THOROUGH_KILLS = 30
"""With so many kills or more there is time for everything."""


@pytest.fixture
def kills(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--kills"))


@pytest.fixture
def change_seconds(request: pytest.FixtureRequest) -> float:
    return float(request.config.getoption("--change-seconds"))


@pytest.fixture
def thorough(kills: int) -> None:
    """For what the suite has no time for."""
    if kills < THOROUGH_KILLS:
        pytest.skip("tried by make crash")


@pytest.fixture
def tally(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Says a line to whoever watches, whatever becomes of the test."""

    def say(line: str) -> None:
        with capsys.disabled():
            print(f"\n{line}", end="")

    return say
