"""A damaged value harms its own row only: everything else is served and worked on, `check` names it, repair mends it.

Each test takes some of the cases; `--all-damage` takes every damage of every column.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest

from omoide.store.column_rules import RULES
from omoide.store.schema_objects import WORDS
from tests.damage import world
from tests.damage.world import Case, Seen

USED, CHECKED = 3, 28
"""Cases that each run of the suite takes, always the same ones: all is done on a damaged file, which takes a second; or
it is only checked and repaired."""

ONCE_FOUND = ("summaries.token_count = minus one", "members.peer = a list")
"""Cases that each run takes as well."""


@dataclass(frozen=True)
class Original:
    """A sound database, what came of using it, and where each case damages a copy of it."""

    path: Path
    seen: Seen
    copy: Path

    def damaged(self, case: Case) -> bool:
        """Whether a copy could be damaged so, and the value is one that its column does not admit."""
        for left in self.copy.parent.glob(f"{self.copy.name}*"):
            left.unlink()
        shutil.copyfile(self.path, self.copy)
        try:
            value = world.damage(self.copy, case)
        except sqlite3.IntegrityError:
            return False
        if case.damage == "NULL":
            world.restore_not_null(self.copy, self.path)
        rule = RULES[case.table][case.column]
        return not rule.admits(value) or (rule.refers_to is not None and value is not None)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Original:
    folder = tmp_path_factory.mktemp("damage")
    path, copy = folder / "sound.db", folder / "omoide.db"
    world.build(path)
    shutil.copyfile(path, copy)
    seen = world.use(copy)
    assert (seen.problems, seen.faults, seen.after["pending"]) == ([], [], 0)
    return Original(path, seen, copy)


def test_every_column_has_a_rule(original: Original) -> None:
    with contextlib.closing(sqlite3.connect(original.path)) as db:
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        known = {table for table in tables if not table.startswith(("sqlite_", "_sqlite_", *WORDS))}
        columns = {table: {row[1] for row in db.execute(f"PRAGMA table_info({table})")} for table in known}
    stored = {(table, column) for table, names in columns.items() for column in names - {"pk"}}
    ruled = {(table, column) for table, names in RULES.items() for column in {*names} - {"pk"}}
    assert not stored - ruled, f"add rules to store/column_rules.py for {stored - ruled}"
    assert not ruled - stored, (
        f"the schema has no such columns: remove them from store/column_rules.py: {ruled - stored}"
    )


def chosen(request: pytest.FixtureRequest, count: int) -> list[Case]:
    cases = world.cases()
    if request.config.getoption("--all-damage"):
        return cases
    return [case for case in cases if str(case).startswith(ONCE_FOUND)][:2] + random.Random(7).sample(cases, count)


def test_a_damaged_value_harms_its_own_row_only(original: Original, request: pytest.FixtureRequest) -> None:
    problems: list[str] = []
    for case in chosen(request, USED):
        if original.damaged(case):
            seen = world.use(original.copy)
            # Whose vectors are kept concerns every workspace: until they are made again, words alone are searched.
            is_same = seen.before == original.seen.before or case.table == "embedder"
            problems += [f"{case}: {problem}" for problem in seen.problems]
            problems += [] if is_same else [f"{case}: another workspace is answered otherwise"]
            problems += [] if seen.after == original.seen.after else [f"{case}: the work of another workspace differs"]
    assert problems == []


def test_check_names_a_damaged_value_and_repair_mends_it(original: Original, request: pytest.FixtureRequest) -> None:
    problems: list[str] = []
    for case in chosen(request, CHECKED):
        if original.damaged(case):
            faults = world.checked(original.copy)
            problems += [] if any(case.table in fault for fault in faults) else [f"{case}: not named: {faults[:3]}"]
            left = world.mend(original.copy)
            problems += [f"{case}: left: {left[:3]}"] if left else []
    assert problems == []
