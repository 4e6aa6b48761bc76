"""The examples of the guide to memory that changes run as written: in Python here, in JavaScript by Node."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sdk.styles import Plain
from tests.server_process import Server

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/how-to/changes.md").read_text()
SECTIONS = re.split(r"^## ", GUIDE, flags=re.MULTILINE)[1:]
ADDRESS = "http://127.0.0.1:8000"
TYPESCRIPT = ROOT / "tests/sdk_typescript"
NODE = shutil.which("node")


def blocks(language: str, text: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def of_workspace(code: str, server: Server, workspace_id: str) -> str:
    return re.sub(r"""(['"])demo\1""", f'"{workspace_id}"', code.replace(ADDRESS, server.url))


def test_the_python_examples_run_in_order(restless: Server, fresh: Callable[[str], str]) -> None:
    names: dict[str, Any] = {}
    workspace_id = fresh("guide")
    for number, section in enumerate(SECTIONS):
        code = of_workspace("\n".join(blocks("python", section)), restless, workspace_id)
        exec(compile(code, f"changes.md, section {number}: {section.splitlines()[0]}", "exec"), names)
    Plain().close(names["honcho"])


@pytest.mark.skipif(NODE is None, reason="Node is not installed")
@pytest.mark.skipif(not (TYPESCRIPT / "node_modules").exists(), reason="the SDK is not installed: make node")
def test_the_typescript_examples_run_in_order(restless: Server, fresh: Callable[[str], str]) -> None:
    code = of_workspace("\n".join(blocks("typescript", GUIDE)), restless, fresh("guide"))
    done = subprocess.run(
        [str(NODE), "--input-type=module"], cwd=TYPESCRIPT, input=code, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.splitlines()[0])
def test_each_section_has_examples_in_both_languages(section: str) -> None:
    assert blocks("python", section)
    assert blocks("typescript", section)
