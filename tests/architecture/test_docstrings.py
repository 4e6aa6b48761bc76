"""Docstrings name exceptions that exist."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(path for folder in ("omoide", "handlers") for path in (ROOT / folder).rglob("*.py"))
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
RAISED = re.compile(r"\b[Rr]aises? ((?:`?[A-Z]\w+`?(?:, | and | or )?)+)")
NAME = re.compile(r"[A-Z]\w+")
NOT_EXCEPTIONS = {"U", "HTTP"}
"""Words that begin with a capital and follow `raise` for another reason."""


def names(tree: ast.Module) -> set[str]:
    """The classes and imported names of a module."""
    found = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    return found | {(alias.asname or alias.name) for node in imports for alias in node.names}


TREES = {path: ast.parse(path.read_text()) for path in FILES}
KNOWN = {*dir(builtins), *NOT_EXCEPTIONS}.union(*map(names, TREES.values()))


def raised(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and (text := ast.get_docstring(node)):
            for match in RAISED.finditer(" ".join(text.split())):
                yield from NAME.findall(match[1])


def test_docstrings_name_exceptions() -> None:
    assert sum(1 for tree in TREES.values() for _ in raised(tree)) > 100


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_exception_that_a_docstring_names_exists(path: Path) -> None:
    unknown = {*raised(TREES[path])} - KNOWN
    assert not unknown, f"no class of these names exists: {sorted(unknown)}"
