"""The command line as an operator meets it: every refusal is one clear line."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from omoide.cli.command_settings import read_settings
from omoide.cli.open_page import main as wait_and_open
from omoide.cli.open_page import page_url
from omoide.core.auth import Keyring, Principal
from omoide.core.setting_types import is_loopback
from omoide.core.settings import Settings
from tests.conftest import SECRET
from tests.fork_server import fork_server
from tests.server_process import Server

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def omoide(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OMOIDE_")}
        environment["OMOIDE_EMBEDDER"] = "wordllama"  # as for all tests that do not name another
        environment |= {f"OMOIDE_{name.upper()}": value for name, value in settings.items()}
        return fork_server().run(*arguments, cwd=tmp_path, env=environment)

    return omoide


@pytest.mark.parametrize(
    ("settings", "flags", "named"),
    [
        ({"embedder": "word2vec"}, [], "OMOIDE_EMBEDDER"),
        ({"embedder": "word2vec"}, ["--workers", "2"], "OMOIDE_EMBEDDER"),
        ({"embedder": "openai:mine"}, [], "OMOIDE_EMBEDDER_BASE_URL"),
        ({"embedder_dimensions": "-1"}, [], "embedder_dimensions"),
    ],
)
def test_a_wrong_embedder_is_one_clear_line(settings: dict[str, str], flags: list[str], named: str, run: Run) -> None:
    done = run("serve", *flags, **settings)
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("Error:")]
    assert named in line
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_a_public_address_with_authentication_off_is_refused(host: str, run: Run) -> None:
    done = run("serve", "--host", host)
    assert done.returncode == 1
    assert "authentication is off" in done.stderr
    assert "--public-without-auth" in done.stderr


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("h", False)],
)
def test_which_addresses_only_this_machine_can_reach(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_a_public_address_is_served_when_told_so_plainly(db_path: Path) -> None:
    server = Server(db_path, "--host", "0.0.0.0", "--public-without-auth")
    assert server.url.startswith("http://0.0.0.0:")
    server.stop()


def test_authentication_without_a_secret_is_refused(run: Run) -> None:
    done = run("serve", auth="true")
    assert (done.returncode, "OMOIDE_JWT_SECRET" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"port": "x"}, "port: "),
        ({"durability": "some"}, "durability: "),
        ({"workers": "-1"}, "workers: "),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(settings: dict[str, str], named: str, run: Run) -> None:
    done = run("serve", **settings)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: {named}")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"idempotency_hours": "inf"}, "idempotency_hours: "),
        ({"job_lease_seconds": "1e300"}, "job_lease_seconds: "),
        ({"model": "openai:m", "model_base_url": "localhost:8080/v1"}, "model_base_url: an endpoint must start with "),
        ({"jwt_secret": "short"}, "jwt_secret must have "),
        (
            {"trusted_proxies": "10.0.0.1, proxy"},
            "trusted_proxies: 'proxy' does not appear to be an IPv4 or IPv6 network",
        ),
        ({"rate_limit_burst": "5"}, "rate_limit_burst is set but "),
        ({"embedder_base_url": "http://127.0.0.1:9/v1"}, "embedder_base_url is set but "),
    ],
)
def test_settings_that_cannot_work_are_refused_in_one_line(
    settings: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in settings.items():
        monkeypatch.setenv(f"OMOIDE_{name.upper()}", value)
    with pytest.raises(click.ClickException) as refusal:
        read_settings()
    assert refusal.value.message.startswith(said)
    assert "\n" not in refusal.value.message


def test_a_secret_shorter_than_the_standard_asks_is_refused(run: Run) -> None:
    assert "at least 32 bytes" in run("serve", auth="true", jwt_secret="short").stderr


def test_a_setting_left_blank_is_not_set(run: Run) -> None:
    assert "authentication is off" in run("serve", port="", host="0.0.0.0").stderr


def test_an_unknown_key_in_the_settings_file_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "omoide.toml").write_text("prot = 8000\n")
    assert run("serve").stderr == "Error: prot: unknown setting\n"


@pytest.mark.parametrize(
    ("content", "why"), [(b"port = \n", "Invalid value (at line 1, column 8)"), (b"\xff\xfe", "can't decode byte")]
)
def test_a_settings_file_that_cannot_be_read_is_one_clear_line(
    content: bytes, why: str, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "omoide.toml").write_bytes(content)
    (line,) = run("doctor").stderr.splitlines()
    assert line.startswith("Error: omoide.toml cannot be read: ")
    assert why in line


def test_a_variable_that_is_no_setting_is_named_with_the_one_that_is_meant(run: Run) -> None:
    done = run("key", "create", "--admin", jwt_secret=SECRET, auht="true", elephant="1")
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        "Warning: unknown setting OMOIDE_AUHT: did you mean OMOIDE_AUTH?",
        "Warning: unknown setting OMOIDE_ELEPHANT",
    ]


def test_a_server_warns_in_its_log_of_a_variable_that_is_no_setting(db_path: Path) -> None:
    server = Server(db_path, "--workers", "0", auht="true")
    server.stop()
    assert "WARNING omoide.settings: unknown setting OMOIDE_AUHT: did you mean OMOIDE_AUTH?" in "\n".join(server.log)


def test_home_and_choices_are_understood_as_people_write_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = Settings.model_validate({"db": "~/omoide.db", "log_level": "INFO", "durability": "Full"})
    assert (settings.db, settings.log_level, settings.durability) == (tmp_path / "omoide.db", "info", "full")


def test_flags_win_over_environment_and_environment_over_file(tmp_path: Path) -> None:
    (tmp_path / "omoide.toml").write_text(f'auth = true\njwt_secret = "{SECRET}"\nhost = "::1"\n')
    server = Server(tmp_path / "omoide.db", "--host", "127.0.0.1", host="127.0.0.2")
    assert server.url.startswith("http://127.0.0.1:")
    assert "authentication on" in server.log[0]
    server.stop()


def test_a_database_that_cannot_be_opened_is_one_clear_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file.db").write_bytes(b"this is no database, whatever its name says" * 100)
    for path in ("file.db", "missing/folder/omoide.db"):
        done = run("serve", "--db", path)
        assert done.returncode == 1
        assert "Error: Cannot open the database" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_port_in_use_is_one_clear_line(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("serve", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert re.search(r"Error: Cannot listen on 127.0.0.1:\d+: Address already in use\n$", done.stderr)
    assert "Traceback" not in done.stderr


def test_a_key_from_the_command_line_opens_the_server(guarded: Server, run: Run) -> None:
    key = run("key", "create", "--workspace", "w", jwt_secret=SECRET).stdout.strip()
    with guarded.client(headers={"Authorization": f"Bearer {key}"}) as client:
        assert client.post("/v3/workspaces", json={"id": "w"}).status_code in (200, 201)
        assert client.post("/v3/workspaces", json={"id": "x"}).status_code == 401


def test_a_key_may_be_narrowed_and_limited_in_time(run: Run) -> None:
    flags = ("--workspace", "w", "--peer", "p", "--session", "s", "--days", "1")
    key = run("key", "create", *flags, jwt_secret=SECRET).stdout.strip()
    assert Keyring(SECRET).principal(f"Bearer {key}", 0) == Principal(workspace="w", peer="p", session="s")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ((), "Pass exactly one of --admin and --workspace"),
        (("--admin", "--workspace", "w"), "Pass exactly one of --admin and --workspace"),
        (("--admin", "--peer", "p"), "require --workspace"),
        (("--workspace", "w", "--days", "0"), "--days"),
        (("--workspace", "w", "--days", "-1"), "--days"),
        (("--workspace", "w", "--days", "1e-12"), "The expiry must be in the future"),
        (("--workspace", "w", "--days", "40000"), "--days"),
        (("--workspace", "w", "--days", "nan"), "--days"),
        (("--workspace", "w", "--peer", "a/b"), "must match pattern"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(flags: tuple[str, ...], message: str, run: Run) -> None:
    done = run("key", "create", *flags, jwt_secret=SECRET)
    assert (done.returncode, message in done.stderr) == (2, True)


def test_a_key_needs_the_servers_secret(run: Run) -> None:
    assert "OMOIDE_JWT_SECRET" in run("key", "create", "--admin").stderr


def test_variables_of_the_http_server_change_nothing(db_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "many")
    server = Server(db_path, "--workers", "0")
    with server.client() as client:
        assert client.get("/health").status_code == 200
    server.stop()


def test_several_processes_serve_one_database(db_path: Path) -> None:
    server = Server(db_path, "--workers", "2")
    with server.client() as client:
        made = [client.put(f"/v3/workspaces/w/peers/p{n}", json={}).status_code for n in range(50)]
        assert set(made) == {200}
        assert client.post("/v3/workspaces/w/peers/list").json()["total"] == 50
    server.stop()


def test_help_names_every_command(run: Run) -> None:
    commands = ["backup", "check", "completion", "doctor", "export", "hook", "import", "install", "key", "mcp", "queue"]
    commands += ["repair", "restore", "serve", "worker"]
    listed = re.findall(r"^  ([\w-]+)  +(.*)", run("--help").stdout.partition("Commands:")[2], re.MULTILINE)
    assert [name for name, _ in listed] == commands
    assert all(re.fullmatch(r"[^,]+[a-z]\.", summary) for _, summary in listed), "fish ends them at a comma"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80/ui/"),
        ("0.0.0.0", "http://127.0.0.1:80/ui/"),
        ("::", "http://[::1]:80/ui/"),
        ("localhost", "http://localhost:80/ui/"),
    ],
)
def test_the_page_is_opened_at_an_address_that_can_be_reached(host: str, url: str) -> None:
    assert page_url(host, 80, has_page=True) == url


def test_a_browser_opens_the_page_once_the_server_answers(
    db_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    os.mkfifo(opened)
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o700)
    monkeypatch.setenv("BROWSER", str(browser))
    server = Server(db_path, "--open")
    assert opened.read_text() == f"{server.url}/ui/\n"  # waits for the browser
    server.stop()


@pytest.mark.parametrize("browser", ["", "/bin/false", "/nonexistent"])
def test_without_a_browser_the_address_is_printed(
    browser: str, guarded: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("BROWSER", browser)
    monkeypatch.delitem(sys.modules, "webbrowser", raising=False)  # it reads the environment once
    wait_and_open(f"{guarded.url}/ui/")
    assert capsys.readouterr().err == f"No browser to open here. The page is {guarded.url}/ui/\n"
