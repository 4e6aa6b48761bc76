"""Try the wheel as a new user would: in a fresh environment, an empty home, and a folder without a checkout."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

from mcp import Client

from release.packages import Packages, ReleaseFailed

MINORS = (11, 12, 13, 14)
"""Of Python 3, the versions to try where they are installed."""
START_SECONDS = 180.0
"""Includes the installation by `uvx`."""
STOP_SECONDS = 30.0
ADDRESS = "http://localhost:8000"


def interpreters(named: list[str]) -> dict[str, Path]:
    """The interpreters to try, by version: those that are named, else what is found in PATH and pyenv's folder."""
    home = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = {}
    for minor in MINORS:
        name = f"python3.{minor}"
        in_path = [Path(path) for path in [shutil.which(name)] if path]
        candidates = [*map(Path, named)] or [*in_path, *sorted(home.glob(f"versions/3.{minor}.*/bin/{name}"))]
        runs = next((each for each in candidates if _version(each) == f"3.{minor}"), None)
        if runs:
            found[f"3.{minor}"] = runs
    return found


def _version(python: Path) -> str | None:
    """The version of an interpreter, or None if it cannot run, as a shim of pyenv for a version that is not chosen."""
    command: Sequence[str | Path] = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def try_wheel(uv: Path, packages: Packages, python: Path, readme: str) -> str:
    """Install the wheel into a new environment and run the README's conversation. Returns what to report."""
    with TemporaryDirectory(prefix="omoide-trial-") as folder:
        environment = Path(folder) / "environment"
        _run([uv, "venv", "--quiet", "--no-python-downloads", "--python", python, environment])
        _run([uv, "pip", "install", "--quiet", "--python", environment / "bin/python", packages.wheel])
        command = environment / "bin/omoide"
        said = _run([command, "--version"]).strip()
        if said != f"omoide, version {packages.version}":
            raise ReleaseFailed(f"{python}: omoide --version prints {said!r}")
        return converse([command], Path(folder) / "home", readme)


def try_uvx(uv: Path, packages: Packages, python: Path, readme: str) -> str:
    """Run the wheel with its extra `mcp` by uvx, without installing it, and run the README's conversation."""
    with TemporaryDirectory(prefix="omoide-trial-") as folder:
        source: list[str | Path] = ["--no-python-downloads", "--python", python, "--find-links", packages.wheel.parent]
        requirement = f"omoide[mcp]=={packages.version}"
        refresh = ["--refresh-package", "omoide"]  # uv's cache may have an earlier build of this version
        command: list[str | Path] = [uv, "tool", "run", "--quiet", *source, *refresh, "--from", requirement, "omoide"]
        return converse(command, Path(folder) / "home", readme, with_mcp=True)


def converse(command: Sequence[str | Path], home: Path, readme: str, *, with_mcp: bool = False) -> str:
    """Serve, run the README's conversation with the official client, stop. Raises ReleaseFailed if anything differs."""
    home.mkdir()
    log = home / "serve.log"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OMOIDE_", "PYTHON"))}
    environment = {**kept, "HOME": str(home), "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", _uv_cache())}
    begin = time.monotonic()
    with log.open("w") as stream:
        server = subprocess.Popen(
            [*command, "serve", "--port", "0"], cwd=home, env=environment, stdout=stream, stderr=stream
        )
    try:
        url = _address(server, log)
        started = time.monotonic() - begin
        for path in ("/health", "/ui/", "/openapi.json"):
            with urlopen(url + path, timeout=STOP_SECONDS) as answer:
                answer.read()
        _hold_conversation(url, home, readme)
        if with_mcp:
            asyncio.run(_recall_by_mcp(f"{url}/mcp/demo"))
        server.send_signal(signal.SIGTERM)
        code = server.wait(STOP_SECONDS)
    except Exception as error:
        raise ReleaseFailed(f"{error}\n{log.read_text()}") from error
    finally:
        server.kill()
        server.wait()
    if code not in {-signal.SIGTERM, 128 + signal.SIGTERM}:  # the latter by uvx
        raise ReleaseFailed(f"serve exited with {code}\n{log.read_text()}")
    return f"answered {started:.1f} s after the command, held the conversation, stopped"


def _uv_cache() -> str:
    return str(Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "uv")


def _address(server: subprocess.Popen[bytes], log: Path) -> str:
    """Wait until the server says that it runs, and return its address."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        if ready := re.search(r"running on (http://\S+)", log.read_text()):
            return ready[1]
        time.sleep(0.05)
    raise ReleaseFailed("serve did not start")


def _hold_conversation(url: str, home: Path, readme: str) -> None:
    code, expected = next(_conversations(readme))
    program = home / "conversation.py"
    program.write_text(code.replace(ADDRESS, url))
    printed = _run([sys.executable, "-P", program])
    if _without_dates(printed) != _without_dates(expected):
        raise ReleaseFailed(f"the README's conversation printed\n{printed}")


async def _recall_by_mcp(url: str) -> None:
    async with Client(url) as client:
        result = await client.call_tool("recall", {"query": "Where does Alice live?"})
    if result.is_error or "Lisbon" not in str(result.content):
        raise ReleaseFailed(f"recall by MCP returned {result.content}")


def _conversations(readme: str) -> Iterator[tuple[str, str]]:
    for block in re.finditer(r"```python\n(.*?)```\n\nprints\n\n```\n(.*?)```", readme, re.DOTALL):
        yield block[1], block[2]


def _without_dates(text: str) -> str:
    return re.sub(r"\d{4}-\d{2}-\d{2}", "DATE", text)


def _run(command: Sequence[str | Path]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ReleaseFailed(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout
