"""The house rules that a machine can check: sizes, hidden imports, words that do not belong."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[2]
SOURCES = [path for room in ("omoide", "handlers") for path in sorted((ROOT / room).rglob("*.py"))]
FILE_LIMIT, FUNCTION_LIMIT, TEST_NAME_LIMIT = 400, 50, 80
# Packages that are heavy and needed by few, extras, or for the build alone: imported where they are used.
LATE_IMPORTS_ALLOWED: dict[str, set[str]] = {
    "omoide/inference/providers.py": {
        "from pydantic_ai.models.anthropic import AnthropicModel",
        "from pydantic_ai.models.google import GoogleModel",
        "from omoide.inference.openai_chat import LenientChatModel",
        "from pydantic_ai.profiles.openai import OpenAIModelProfile",
        "from pydantic_ai.providers.anthropic import AnthropicProvider",
        "from pydantic_ai.providers.google import GoogleProvider",
        "from pydantic_ai.providers.openai import OpenAIProvider",
        "from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider",
    },
    "omoide/doctor/check_models.py": {"from omoide.inference.probe import probe"},
    "omoide/reasoner/factory.py": {
        "from omoide.reasoner.extractive.reasoner import Extractive",
        "from omoide.inference.model_registry import chat_models",
        "from omoide.reasoner.agentic.reasoner import Agentic",
    },
    "omoide/contract/checks.py": {"from openapi_spec_validator import OpenAPIV31SpecValidator"},
}

CLASS_NAMES_TWICE = {"Store"}  # the Protocol, and what implements it for SQLite

# Tests of SQLite itself, of its files, and of damage to them. All others run on any engine.
SQLITE_ONLY = {
    "crash/test_migration.py",
    "damage/sample_database.py",
    "damage/test_damage.py",
    "damage/test_repairs.py",
    "storage/files/make.py",
    "storage/filter_database.py",
    "storage/test_database.py",
    "storage/test_free_space.py",
    "storage/test_fulltext.py",
    "storage/test_fulltext_conversion.py",
    "storage/test_migrations.py",
    "storage/test_row_consistency.py",
    "storage/test_segment_check.py",
    "storage/test_upgrades.py",
    "storage/test_vector_segments.py",
    "storage/test_wal.py",
    "test_backup.py",
    "test_recall_data.py",
}

TESTS = sorted((ROOT / "tests").rglob("*.py"))


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a source file, which several tests read."""
    return ast.parse(path.read_text())


def faults(find: Callable[[Path], Iterable[object]]) -> dict[str, list[object]]:
    """What a rule finds wrong, by source file."""
    found = {str(path.relative_to(ROOT)): [*find(path)] for path in SOURCES}
    return {name: wrong for name, wrong in found.items() if wrong}


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_files_and_functions_keep_their_size() -> None:
    def too_long(path: Path) -> Iterator[str]:
        if path.read_text().count("\n") > FILE_LIMIT:
            yield "the file"
        for function in functions(parsed(path)):
            if (length := (function.end_lineno or 0) - function.lineno + 1) > FUNCTION_LIMIT:
                yield f"{function.name} has {length} lines"

    assert faults(too_long) == {}


def test_no_modules_import_each_other_in_a_circle() -> None:
    """By module, as the contracts of import-linter compare packages: `storage` and `storage.sqlite` use each other."""
    graph = grimp.build_graph("omoide", exclude_type_checking_imports=True, cache_dir=None)
    TopologicalSorter({name: graph.find_modules_directly_imported_by(name) for name in graph.modules}).prepare()


def test_no_class_name_has_two_meanings() -> None:
    places: dict[str, set[str]] = {}
    for path in SOURCES:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ClassDef):
                # The engines have the same modules with the same classes.
                place = str(path.relative_to(ROOT)).replace("/postgresql/", "/sqlite/")
                places.setdefault(node.name, set()).add(place)
    repeated = {name: files for name, files in places.items() if len(files) > 1 and name not in CLASS_NAMES_TWICE}
    assert repeated == {}, "rename one by what it is"


def test_tests_keep_their_size_and_their_names_are_short() -> None:
    tests = {path: path.read_text() for path in TESTS if "node_modules" not in path.parts}
    names = (name for text in tests.values() for name in re.findall(r"(?m)^ *(?:async )?def (test_\w+)", text))
    assert [path for path, text in tests.items() if text.count("\n") > FILE_LIMIT] == [], "split it by rule"
    assert [name for name in names if len(name) > TEST_NAME_LIMIT] == []


def test_no_import_hides_in_a_function() -> None:
    def hidden(path: Path) -> set[str]:
        inside = (node for function in functions(parsed(path)) for node in ast.walk(function))
        imports = {ast.unparse(node) for node in inside if isinstance(node, ast.Import | ast.ImportFrom)}
        return imports - LATE_IMPORTS_ALLOWED.get(str(path.relative_to(ROOT)), set())

    assert faults(hidden) == {}


def test_every_module_says_what_it_is_for() -> None:
    assert [path for path in SOURCES if not ast.get_docstring(parsed(path))] == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert {path.stem for path in SOURCES} & {"utils", "helpers", "manager", "common", "misc"} == set()


def test_imports_go_one_way() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_tests_use_sql_through_the_module_sql() -> None:
    tests = ROOT / "tests"
    speaking = {
        str(path.relative_to(tests)) for path in tests.rglob("*.py") if re.search(r"\.execute\w*\(", path.read_text())
    }
    assert speaking - {"sql.py", "postgresql.py"} == SQLITE_ONLY, (
        "use the functions of the storage layer, or of tests/sql.py"
    )


def test_the_lock_names_versions_only() -> None:
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        assert re.fullmatch(r"[a-z0-9-]+==[\w.]+( ; .+)?", line), line


def test_the_changelog_knows_the_version() -> None:
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    assert f"## {version[1]}" in (ROOT / "docs" / "changelog.md").read_text()


def test_make_alone_names_every_target() -> None:
    done = subprocess.run(["make", "-s"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {"setup", "serve", "regenerate", "check", "format", "test", "bench"} <= set(
        re.findall(r"^  make (\S+)", done.stdout, re.MULTILINE)
    )


def test_caches_of_texts_can_be_emptied() -> None:
    reasoner = [path for path in SOURCES if "reasoner" in path.parts]
    caching = [path for path in reasoner if "lru_cache" in path.read_text()]
    assert caching == [], "text_cache is emptied when content is deleted"
