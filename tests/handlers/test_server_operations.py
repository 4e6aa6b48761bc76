"""The operations about the server itself, and the settings that they show."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import httpx
import pytest

from omoide.core.settings import Settings
from omoide.handlers import inspection
from tests.conftest import SECRET
from tests.postgresql import location
from tests.server_process import Server


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
    assert Settings(jwt_secret=SECRET, **given).shows_writes is shown


SECRETS = {"jwt_secret": "0123456789" * 4, "webhook_secret": "hush-hush", "openai_api_key": "sk-of-me"}


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of all sources."""
    (tmp_path / "omoide.toml").write_text("port = 9000\nmax_observers = 3\nlog_level = 'debug'\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("omoide_max_observers", "4")
    monkeypatch.setenv("OMOIDE_PORT", "")
    monkeypatch.setenv("OMOIDE_MODEL", "openai:m")
    monkeypatch.setenv("OMOIDE_MODEL_BASE_URL", "https://me:hunter2@models.example/v1?key=secret-too")
    for name, value in SECRETS.items():
        monkeypatch.setenv(f"OMOIDE_{name.upper()}", value)
    return Settings(db=location(tmp_path / "omoide.db"))


def test_settings_tell_their_value_and_where_it_comes_from(told: Settings) -> None:
    shown = {each.name: each for each in inspection.settings(told).items}
    assert [*shown] == [*Settings.model_fields]
    sources = {name: (shown[name].value, shown[name].source) for name in ("port", "max_observers", "host", "db")}
    assert sources == {
        "port": (9000, "file"),
        "max_observers": (4, "environment"),
        "host": ("127.0.0.1", "default"),
        "db": (str(told.db), "command_line"),
    }
    assert (shown["port"].default, shown["port"].variable, shown["port"].group) == (8000, "OMOIDE_PORT", "server")
    assert {each.group for each in shown.values()} >= {"server", "storage", "model", "worker"}


def test_settings_show_no_secret(told: Settings) -> None:
    listed = inspection.settings(told)
    text = listed.model_dump_json()
    assert not [secret for secret in (*SECRETS.values(), "hunter2", "secret-too") if secret in text]
    secret = {each.name for each in listed.items if each.secret}
    assert secret >= {*SECRETS}
    assert all(each.value is None and each.default is None for each in listed.items if each.secret)
    hidden = {each.name: each.source for each in listed.items if each.secret}
    assert (hidden["jwt_secret"], hidden["google_api_key"]) == ("environment", "default")


def test_the_settings_are_served_as_they_are(http: httpx.Client, server: Server) -> None:
    items = http.get("/v3/settings").raise_for_status().json()["items"]
    shown = {each["name"]: (each["value"], each["source"]) for each in items}
    assert shown["debounce_seconds"] == (86400.0, "environment")
    assert shown["db"][0] == str(server.db)
