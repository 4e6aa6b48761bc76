"""Docstrings name exceptions that exist."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator

from tests.architecture.test_layout import SOURCES, faults, parsed

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


def raised(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and (text := ast.get_docstring(node)):
            for match in RAISED.finditer(" ".join(text.split())):
                yield from NAME.findall(match[1])


def test_docstrings_name_exceptions() -> None:
    assert sum(1 for path in SOURCES for _ in raised(parsed(path))) > 100


def test_every_exception_that_a_docstring_names_exists() -> None:
    known = {*dir(builtins), *NOT_EXCEPTIONS}.union(*(names(parsed(path)) for path in SOURCES))
    assert faults(lambda path: {*raised(parsed(path))} - known) == {}, "no class of these names exists"
