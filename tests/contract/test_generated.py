"""Generated code is up to date, and the type checker refuses handlers that do not match it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("openapi.yaml", "pyproject.toml", "omoide", "handlers", "generated")

# One for each module of handlers, so that a single run of the type checker covers all.
DRIFT = {
    "a missing operation": ("system", "async def health_check", "async def other_name"),
    "a wrong parameter type": ("scopes", "scope_id: str) -> models.ScopeModel", "scope_id: int) -> models.ScopeModel"),
    "a wrong body model": ("peers", "body: models.PeerUpdate)", "body: models.PeerCreate)"),
    "a wrong return model": ("sessions", "-> models.SessionSummaries:", "-> models.Accepted:"),
    "a plain def": ("keys", "async def create_key", "def create_key"),
    "one more required parameter": (
        "conclusions",
        "conclusion_id: str) -> models.Conclusion",
        "conclusion_id: str, more: int) -> models.Conclusion",
    ),
    "an optional parameter dropped": ("messages", "    idempotency_key: str | None = None,\n", ""),
    "an undocumented status": ("workspaces", "tuple[Literal[200, 201]", "tuple[Literal[200, 202]"),
}
UNTOUCHED = "webhooks"

# Only signatures matter here; `make check` checks everything.
CHECKER = """
[mypy]
python_version = 3.11
[mypy-omoide.*]
follow_imports = skip
[mypy-omoide]
follow_imports = normal
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mypy")


def copy(folder: Path) -> Path:
    """A copy of the program that may be changed, compiled as far as the original is. Models are links."""
    for part in PARTS:
        if (ROOT / part).is_dir():
            ignore = shutil.ignore_patterns("swagger_ui")
            shutil.copytree(ROOT / part, folder / part, symlinks=True, ignore=ignore, copy_function=copied)
        else:
            shutil.copy(ROOT / part, folder / part)
    return folder


def copied(source: str, target: str) -> None:
    if source.endswith((".onnx", ".safetensors")):
        Path(target).symlink_to(source)
    else:
        shutil.copy2(source, target)


def mypy(folder: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    (folder / "mypy.ini").write_text(CHECKER)
    command = [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "--cache-dir", str(cache)]
    return subprocess.run(
        [*command, "omoide/generated", "omoide/handlers"], cwd=folder, capture_output=True, text=True, check=False
    )


def generate(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "omoide.contract.generate", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_handlers_pass_the_type_check(tmp_path: Path, cache: Path) -> None:
    done = mypy(copy(tmp_path), cache)
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> set[str]:
    """The modules of handlers that the type checker refuses when all but one are wrong."""
    folder = copy(tmp_path_factory.mktemp("drifted"))
    for module, old, new in DRIFT.values():
        path = folder / "handlers" / f"{module}.py"
        text = path.read_text()
        assert old in text, module
        path.write_text(text.replace(old, new))
    done = mypy(folder, cache)
    assert done.returncode == 1
    bindings = (folder / "generated" / "bindings.py").read_text().splitlines()
    lines = re.findall(
        r"^omoide/generated/bindings.py:(\d+): error: Incompatible types in assignment", done.stdout, re.MULTILINE
    )
    return {bindings[int(line) - 1].split(":")[0].strip() for line in lines}


@pytest.mark.parametrize("module", [module for module, _, _ in DRIFT.values()], ids=[*DRIFT])
def test_a_handler_that_does_not_match_the_document_is_refused(module: str, refused: set[str]) -> None:
    assert module in refused
    assert UNTOUCHED not in refused


def test_generated_code_is_up_to_date() -> None:
    done = generate(ROOT, "--check")
    assert (done.returncode, done.stdout) == (0, "")


def test_the_check_stops_at_an_invalid_document_with_one_message(tmp_path: Path) -> None:
    document = copy(tmp_path) / "openapi.yaml"
    document.write_text(
        document.read_text().replace("#/components/responses/NotFound'", "#/components/responses/Gone'")
    )
    done = generate(tmp_path, "--check")
    assert done.returncode == 1
    assert (
        "paths//v3/workspaces/{workspace_id}/delete/responses/404: $ref to #/components/responses/Gone" in done.stderr
    )
    assert "Traceback" not in done.stderr


NEW_OPERATION = """
  /version:
    get:
      tags: [system]
      summary: Version
      description: Tells which version of the API this is.
      operationId: get_version
      parameters: [{name: verbose, in: query, schema: {type: boolean, default: false}}]
      security: []
      responses:
        '200':
          description: The version.
          content:
            application/json:
              schema: {type: array, items: {type: integer}}
              example: [3, 0]
  /health:"""

USE = """
import pathlib
from starlette.testclient import TestClient
from omoide.asgi.app import create_app
from omoide.core.settings import Settings
app = create_app(Settings(db=pathlib.Path("test.db")))
with TestClient(app, "http://localhost", raise_server_exceptions=False) as client:
    found = client.get("/version")
print(found.status_code, found.text)
"""


def handlers_in(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in (folder / "handlers").glob("*.py")}


def test_a_new_operation_changes_only_the_document_and_its_handler(tmp_path: Path, cache: Path) -> None:
    folder = copy(tmp_path)
    before = handlers_in(folder)
    document = folder / "openapi.yaml"
    document.write_text(document.read_text().replace("\n  /health:", NEW_OPERATION, 1))

    def serve() -> str:
        done = subprocess.run([sys.executable, "-c", USE], cwd=folder, capture_output=True, text=True, check=False)
        return done.stdout.strip() or done.stderr

    assert "no function 'get_version' in handlers/system.py" in serve(), "not served before there is a handler"
    assert generate(folder).stdout == "scaffolded handlers/system.py: get_version\n"
    scaffolded = handlers_in(folder)
    imported = scaffolded["system.py"].replace("import models, parameters\n", "import models\n")
    assert imported.startswith(before["system.py"].rstrip("\n")), "existing handlers are kept"
    assert "*, query: parameters.GetVersionQuery" in scaffolded["system.py"]
    assert scaffolded | {"system.py": before["system.py"]} == before
    assert mypy(folder, cache).returncode == 0
    assert serve() == '501 {"detail":"Not implemented: get_version"}'
    handler = folder / "handlers" / "system.py"
    handler.write_text(handler.read_text().replace('raise NotImplementedError("get_version")', "return [3, 0]"))
    assert mypy(folder, cache).returncode == 0
    assert serve() == "200 [3,0]"


def test_a_document_that_becomes_invalid_prevents_the_start(tmp_path: Path) -> None:
    document = copy(tmp_path) / "openapi.yaml"
    document.write_text(document.read_text().replace("type: boolean, default: false", "type: boolean, default: maybe"))
    done = subprocess.run([sys.executable, "-c", USE], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "openapi.yaml is not a valid contract:" in done.stderr
    assert "components/parameters/Reverse/schema: the default 'maybe' is not valid" in done.stderr


def test_the_check_shows_stale_code(tmp_path: Path) -> None:
    folder = copy(tmp_path)
    (folder / "generated" / "models.py").write_text("# stale\n")
    done = generate(folder, "--check")
    assert done.returncode == 1
    assert "-# stale" in done.stdout
    assert "+class Workspace(BaseModel):" in done.stdout
