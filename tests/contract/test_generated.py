"""Generated code follows the document, and handlers that have drifted from it are refused by the type checker."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("openapi.yaml", "pyproject.toml", "omoide", "handlers", "generated")

DRIFT = {
    "a missing operation": ("system.py", "async def health_check", "async def other_name"),
    "a wrong parameter type": ("messages.py", "session_id: str, message_id: str)", "session_id: str, message_id: int)"),
    "a wrong body model": ("workspaces.py", "body: models.WorkspaceUpdate)", "body: models.PeerCreate)"),
    "a wrong return model": ("system.py", "-> models.Health:", "-> models.Accepted:"),
    "a plain def": ("system.py", "async def health_check", "def health_check"),
    "one more required parameter": ("system.py", "(context: Context)", "(context: Context, more: int)"),
    "an optional parameter dropped": ("messages.py", "    idempotency_key: str | None = None,\n", ""),
    "an undocumented status": ("workspaces.py", "tuple[Literal[200, 201]", "tuple[Literal[200, 202]"),
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mypy")


def copy(folder: Path) -> Path:
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "swagger_ui"))
        else:
            shutil.copy(ROOT / part, folder / part)
    return folder


def mypy(folder: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(cache), "generated", "handlers"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def generate(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "omoide.contract.generate", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_handlers_as_they_are_pass_the_type_check(tmp_path: Path, cache: Path) -> None:
    done = mypy(copy(tmp_path), cache)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("module", "old", "new"), [*DRIFT.values()], ids=[*DRIFT])
def test_a_handler_that_has_drifted_is_refused(module: str, old: str, new: str, tmp_path: Path, cache: Path) -> None:
    path = copy(tmp_path) / "handlers" / module
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    done = mypy(tmp_path, cache)
    assert done.returncode == 1
    assert "generated/bindings.py: error: Incompatible types in assignment" in _without_lines(done.stdout), done.stdout


def _without_lines(text: str) -> str:
    return "\n".join(":".join([line.split(":")[0], *line.split(":")[2:]]) for line in text.splitlines())


def test_generated_code_is_what_the_document_gives() -> None:
    done = generate(ROOT, "--check")
    assert (done.returncode, done.stdout) == (0, "")


def test_the_check_shows_what_is_stale(tmp_path: Path) -> None:
    folder = copy(tmp_path)
    (folder / "generated" / "models.py").write_text("# stale\n")
    done = generate(folder, "--check")
    assert done.returncode == 1
    assert "-# stale" in done.stdout
    assert "+class Workspace(BaseModel):" in done.stdout


def test_the_check_stops_at_a_broken_document_with_one_message(tmp_path: Path) -> None:
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
import asyncio, json, pathlib
from omoide.app import create_app
from omoide.settings import Settings
app = create_app(Settings(db=pathlib.Path("test.db")))
sent = []
async def send(message): sent.append(message)
async def receive(): return {"type": "http.request", "body": b""}
scope = {"type": "http", "method": "GET", "path": "/version", "raw_path": b"/version", "query_string": b"",
         "headers": []}
asyncio.run(app(scope, receive, send))
print(sent[0]["status"], sent[1]["body"].decode())
"""


def test_a_new_operation_touches_the_document_and_the_handler_only(tmp_path: Path, cache: Path) -> None:
    folder = copy(tmp_path)
    document = folder / "openapi.yaml"
    document.write_text(document.read_text().replace("\n  /health:", NEW_OPERATION, 1))

    def serve() -> str:
        done = subprocess.run([sys.executable, "-c", USE], cwd=folder, capture_output=True, text=True, check=False)
        return done.stdout.strip() or done.stderr

    assert "no function 'get_version' in handlers/system.py" in serve(), "not served before there is a handler"
    assert generate(folder).stdout == "scaffolded handlers/system.py: get_version\n"
    assert mypy(folder, cache).returncode == 0
    assert serve() == '501 {"detail":"Not implemented: get_version"}'
    handler = folder / "handlers" / "system.py"
    handler.write_text(handler.read_text().replace('raise NotImplementedError("get_version")', "return [3, 0]"))
    assert mypy(folder, cache).returncode == 0
    assert serve() == "200 [3,0]"


def test_a_document_that_breaks_later_stops_the_start(tmp_path: Path) -> None:
    document = copy(tmp_path) / "openapi.yaml"
    document.write_text(document.read_text().replace("type: boolean, default: false", "type: boolean, default: maybe"))
    done = subprocess.run([sys.executable, "-c", USE], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "openapi.yaml is not a valid contract:" in done.stderr
    assert "components/parameters/Reverse/schema: the default 'maybe' is not valid" in done.stderr


def test_a_scaffold_leaves_existing_handlers_alone(tmp_path: Path) -> None:
    folder = copy(tmp_path)
    before = {path.name: path.read_text() for path in (folder / "handlers").glob("*.py")}
    assert generate(folder).returncode == 0
    assert {path.name: path.read_text() for path in (folder / "handlers").glob("*.py")} == before
