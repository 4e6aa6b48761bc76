"""The operations about the server itself, and the settings that they show."""

from __future__ import annotations

from importlib.metadata import version

import httpx
import pytest

from omoide.core.settings import Settings
from tests.conftest import SECRET


def test_the_server_describes_itself(http: httpx.Client) -> None:
    answer = http.get("/v3/server")
    described = answer.json()
    assert answer.status_code == 200
    assert described == {
        "name": "Omoide",
        "version": version("omoide"),
        "authentication": False,
        "ui": True,
        "ui_writes": True,
        "reasoner": http.get("/health").json()["reasoner"],
        "embedder": described["embedder"],
        "model": False,
    }
    assert described["embedder"]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({}, True),
        ({"host": "0.0.0.0"}, False),
        ({"auth": True}, False),
        ({"auth": True, "ui_writes": True}, True),
        ({"host": "0.0.0.0", "ui_writes": True}, True),
        ({"ui_writes": False}, False),
    ],
)
def test_the_page_offers_changes_only_locally_without_keys_or_when_told(given: dict[str, object], shown: bool) -> None:
    assert Settings(jwt_secret=SECRET, **given).shows_writes is shown  # type: ignore[arg-type]
