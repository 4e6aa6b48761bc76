"""The page of the examples names each of them, and each has a test."""

from __future__ import annotations

import re

from tests.examples.processes import EXAMPLES, ROOT

FILES = {path.name for path in EXAMPLES.iterdir() if path.is_file() and path.name != "README.md"}


def test_the_page_names_every_example() -> None:
    assert {*re.findall(r"\]\((\w[\w.]*)\)", (EXAMPLES / "README.md").read_text())} == FILES


def test_every_example_is_run_by_a_test() -> None:
    tests = "".join(path.read_text() for path in (ROOT / "tests/examples").rglob("*.py"))
    assert {name for name in FILES if not re.search(rf"\b{name.partition('.')[0]}\b", tests)} == set()
