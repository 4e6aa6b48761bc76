"""`make test` fails by its first run; the rerun is only a diagnosis."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

WITHOUT_PLUGINS = "-p no:randomly -p no:hypothesispytest -p no:schemathesis -p no:typeguard -p no:anyio"
"""These take most of the time of an empty run."""

RACE = """
from pathlib import Path

def test_passes_the_second_time():
    seen = Path(__file__).with_suffix(".seen")
    before = seen.exists()
    seen.touch()
    assert before
"""
FAULT = "def test_always_fails():\n    assert False\n"
GOOD = "def test_passes():\n    assert True\n"
BROKEN = "def test_cannot_be_read(:\n"


def make_test(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Run `make test` for one file, without installation and with separate caches."""
    file = folder / "test_one.py"
    file.write_text(text)
    given = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "PYTEST"))}
    return subprocess.run(
        [
            "make",
            "-o",
            "setup",
            "-o",
            "browser",
            "-o",
            "node",
            "-o",
            "cli",
            "test",
            f"TESTS={file}",
            "TEST_PROCESSES=0",
        ],
        cwd=ROOT,
        env={**given, "PYTEST_ADDOPTS": f"-o cache_dir={folder / 'cache'} {WITHOUT_PLUGINS}"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize(
    ("text", "second_run"),
    [(RACE, "1 passed"), (FAULT, "1 failed")],
    ids=["a race", "a fault"],
)
def test_a_test_that_fails_only_at_first_fails_the_target(tmp_path: Path, text: str, second_run: str) -> None:
    run = make_test(tmp_path, text)
    assert run.returncode != 0, run.stdout
    first, diagnosis, second = run.stdout.partition("Diagnosis:")
    assert diagnosis, run.stdout + run.stderr
    assert "1 failed" in first
    assert second_run in second


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_collection_errors_fail_the_target_and_passing_tests_do_not(tmp_path: Path) -> None:
    broken, good = tmp_path / "broken", tmp_path / "good"
    broken.mkdir()
    good.mkdir()
    assert make_test(broken, BROKEN).returncode != 0
    passed = make_test(good, GOOD)
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert "Diagnosis" not in passed.stdout
