"""A damaged value affects only its own row: everything else works, `check` reports it, and `repair` fixes it.

Each test runs some of the cases; `--all-damage` runs every damage of every column.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest

from omoide.storage.column_validation import RULES
from omoide.storage.sqlite.schema_objects import WORDS
from tests.damage import sample_database
from tests.damage.sample_database import DamageCase, Seen

USED, CHECKED = 1, 28
"""Cases in each run of the suite, always the same ones: `USED` of the full scenario, which takes two seconds each, and
`CHECKED` of check and repair only."""

ONCE_FOUND = ("summaries.token_count = minus one", "members.peer = a list")
"""Cases that each run includes as well."""


@dataclass(frozen=True)
class Original:
    """An undamaged database, the results of using it, and the path of the copy that each case damages."""

    path: Path
    seen: Seen
    copy: Path

    def damaged(self, case: DamageCase) -> bool:
        """Damage a fresh copy; returns whether that was possible and the resulting value is invalid."""
        for left in self.copy.parent.glob(f"{self.copy.name}*"):
            left.unlink()
        shutil.copyfile(self.path, self.copy)
        try:
            value = sample_database.damage(self.copy, case)
        except sqlite3.IntegrityError:
            return False
        if case.damage == "NULL":
            sample_database.restore_not_null(self.copy, self.path)
        rule = RULES[case.table][case.column]
        return not rule.admits(value) or (rule.refers_to is not None and value is not None)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Original:
    folder = tmp_path_factory.mktemp("damage")
    path, copy = folder / "sound.db", folder / "omoide.db"
    sample_database.build(path)
    shutil.copyfile(path, copy)
    seen = sample_database.use(copy)
    assert (seen.problems, seen.faults, seen.after["pending"]) == ([], [], 0)
    return Original(path, seen, copy)


def test_every_column_has_a_rule(original: Original) -> None:
    with contextlib.closing(sqlite3.connect(original.path)) as db:
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        known = {table for table in tables if not table.startswith(("sqlite_", "_sqlite_", *WORDS))}
        columns = {table: {row[1] for row in db.execute(f"PRAGMA table_info({table})")} for table in known}
    stored = {(table, column) for table, names in columns.items() for column in names - {"pk"}}
    ruled = {(table, column) for table, names in RULES.items() for column in {*names} - {"pk"}}
    assert not stored - ruled, f"add rules to storage/column_validation.py for {stored - ruled}"
    assert not ruled - stored, (
        f"the schema has no such columns: remove them from storage/column_validation.py: {ruled - stored}"
    )


def chosen(request: pytest.FixtureRequest, count: int) -> list[DamageCase]:
    cases = sample_database.cases()
    if request.config.getoption("--all-damage"):
        return cases
    return [case for case in cases if str(case).startswith(ONCE_FOUND)][:2] + random.Random(7).sample(cases, count)


def test_a_damaged_value_affects_only_its_own_row(original: Original, request: pytest.FixtureRequest) -> None:
    problems: list[str] = []
    for case in chosen(request, USED):
        if original.damaged(case):
            seen = sample_database.use(original.copy)
            # The row of the embedder concerns every workspace: until vectors are made again, search is by words only.
            is_same = seen.before == original.seen.before or case.table == "embedder"
            problems += [f"{case}: {problem}" for problem in seen.problems]
            problems += [] if is_same else [f"{case}: responses for another workspace differ"]
            problems += (
                []
                if seen.after == original.seen.after
                else [f"{case}: the jobs of another workspace have different results"]
            )
    assert problems == []


def test_check_reports_a_damaged_value_and_repair_fixes_it(original: Original, request: pytest.FixtureRequest) -> None:
    problems: list[str] = []
    for case in chosen(request, CHECKED):
        if original.damaged(case):
            faults = sample_database.checked(original.copy)
            problems += [] if any(case.table in fault for fault in faults) else [f"{case}: not reported: {faults[:3]}"]
            left = sample_database.mend(original.copy)
            problems += [f"{case}: left: {left[:3]}"] if left else []
    assert problems == []
