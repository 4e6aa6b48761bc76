"""An empty file is no database yet: what makes new ones takes it for new, and what needs one says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from omoide.cli.main import main
from omoide.core.errors import Unavailable
from omoide.storage.sqlite.engine import Store

NEEDING = [
    ("check",),
    ("check", "--rebuild-segments"),
    ("backup", "copy.db"),
    ("export", "w", "copy.jsonl"),
    ("queue",),
    ("queue", "retry", "--all"),
    ("doctor",),
]


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("omoide.db").touch()
    return Path("omoide.db")


@pytest.mark.parametrize("command", NEEDING, ids=" ".join)
def test_a_command_that_needs_a_database_says_that_the_file_is_empty(command: tuple[str, ...], empty: Path) -> None:
    done = CliRunner().invoke(main, [*command, "--db", "omoide.db"])
    assert (done.exit_code, "omoide.db is empty: there is no database in it." in done.output) == (1, True), done.output
    assert empty.stat().st_size == 0


def test_an_empty_backup_is_not_restored(empty: Path) -> None:
    done = CliRunner().invoke(main, ["restore", "omoide.db", "--db", "other.db"])
    assert (done.exit_code, "omoide.db is empty" in done.output) == (1, True)
    assert not Path("other.db").exists()


def test_what_makes_databases_takes_an_empty_file_for_new(empty: Path) -> None:
    Store.prepare(empty)
    done = CliRunner().invoke(main, ["check", "--db", "omoide.db"])
    assert (done.exit_code, "is sound" in done.output) == (0, True)


@pytest.mark.parametrize("is_there", [True, False])
def test_a_log_without_its_database_is_kept_and_no_new_one_begun(is_there: bool, empty: Path) -> None:
    log = Path("omoide.db-wal")
    log.write_bytes(b"what was committed")
    if not is_there:
        empty.unlink()
    for _ in range(2):
        with pytest.raises(Unavailable, match=r"omoide\.db-wal contains data of a database"):
            Store.prepare(empty)
    CliRunner().invoke(main, ["check", "--db", "omoide.db"])
    assert log.read_bytes() == b"what was committed"
    assert empty.exists() == is_there
