"""The program on PostgreSQL, by its commands, in a run of the tests that uses SQLite."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from honcho import Honcho

from tests.handlers.workspace import until
from tests.postgresql import created
from tests.server_process import COMMAND, Server

SAID = "I moved to Lisbon with my dog Rex."


class PostgresServer(Server):
    by_command = True

    def location(self) -> str:
        return created(self.db)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    server = PostgresServer(
        tmp_path_factory.mktemp("server") / "served.db", "--workers", "2", reasoning_quiet_seconds="0.1"
    )
    yield server
    server.stop()


@pytest.fixture(scope="module")
def honcho(server: PostgresServer) -> Iterator[Honcho]:
    """A client of a workspace in which something was said and learned."""
    honcho = Honcho(base_url=server.url, workspace_id="moving")
    alice, session = honcho.peer("alice"), honcho.session("first")
    session.add_messages([alice.message(SAID), alice.message("I work as a nurse at night.")])
    until(lambda: honcho.queue_status().completed_work_units == 2)
    yield honcho
    honcho._http.close()  # the SDK has no public way


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OMOIDE_")}
    return subprocess.run([COMMAND, *arguments], capture_output=True, text=True, env=environment)


def lines(file: Path) -> list[str]:
    """All but the header, which tells when it was written."""
    return file.read_text().splitlines()[1:]


def test_two_processes_and_a_worker_serve_a_conversation(honcho: Honcho) -> None:
    alice = honcho.peer("alice")
    assert "Lisbon" in str(alice.chat("Where does Alice live?"))
    assert any("nurse" in conclusion.content for conclusion in alice.conclusions.list())
    assert honcho.search("dog")[0].content == SAID


def test_a_workspace_moves_between_engines_in_both_directions_unchanged(
    honcho: Honcho, server: PostgresServer, tmp_path: Path
) -> None:
    exports = [tmp_path / name for name in ("of_server.jsonl", "of_file.jsonl", "of_other_server.jsonl")]
    databases = [server.location(), str(tmp_path / "file.db"), created(tmp_path / "other.db")]
    for number, (export, database) in enumerate(zip(exports, databases, strict=True)):
        if number:
            imported = run("import", str(exports[number - 1]), "--db", database)
            assert imported.returncode == 0, imported.stderr
        exported = run("export", honcho.workspace_id, str(export), "--db", database)
        assert exported.returncode == 0, exported.stderr
    assert SAID in exports[0].read_text()
    assert lines(exports[0]) == lines(exports[1]) == lines(exports[2])


@pytest.mark.parametrize("command", ["backup copy.db", "check", "repair", "mcp"])
def test_commands_for_files_refuse_a_server(command: str, server: PostgresServer) -> None:
    refused = run(*command.split(), "--db", server.location())
    assert refused.returncode
    assert refused.stderr.strip().count("\n") <= 3
    assert "PostgreSQL" in refused.stderr


def test_a_server_without_its_database_says_why_and_shows_no_password() -> None:
    refused = run("serve", "--port", "0", "--db", "postgresql://omoide:secret@127.0.0.1:1/omoide")
    assert refused.returncode == 1
    assert "Cannot open the database: " in refused.stderr
    assert "secret" not in refused.stderr
