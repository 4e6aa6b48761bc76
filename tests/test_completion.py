"""`omoide completion`: shells complete the command line by its scripts."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from omoide.cli.main import main

COMMANDS = Path(sys.executable).parent
ENVIRONMENT = {"PATH": f"{COMMANDS}:{os.environ['PATH']}", "TERM": "dumb", "PS1": "$ ", "HOME": "/nowhere"}
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], ""),
    "zsh": (["zsh", "-f", "-i"], "autoload -U compinit; compinit -D; "),
}
DEADLINE_SECONDS = 20


def script(shell: str, folder: Path) -> Path:
    path = folder / f"omoide.{shell}"
    path.write_text(CliRunner().invoke(main, ["completion", shell], catch_exceptions=False).stdout)
    return path


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_completes_the_choices_of_an_option(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    command, preparation = SHELLS[shell]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(command[0], command, ENVIRONMENT)
    try:
        os.write(terminal, f"{preparation}source {script(shell, tmp_path)}\n".encode())
        for typed, completed in [
            ("omoide resto", "omoide restore "),
            ("omoide serve --wor", "omoide serve --workers "),
        ]:
            os.write(terminal, f"{typed}\t".encode())
            read_until(terminal, completed)
            os.write(terminal, b"\x15")  # discard the line
    finally:
        os.close(terminal)  # hangs up, which ends the shell
        os.waitpid(pid, 0)


def read_until(terminal: int, text: str) -> None:
    """Wait until the terminal shows the text."""
    shown = ""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while text not in shown:
        ready, _, _ = select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, f"no {text!r} in {shown!r}"
        shown += os.read(terminal, 4096).decode()


@pytest.mark.skipif(shutil.which("fish") is None, reason="no fish here")
def test_fish_completes_the_choices_of_an_option(tmp_path: Path) -> None:
    asked = f"source {script('fish', tmp_path)}; complete --do-complete 'omoide import --from tele'"
    environment = ENVIRONMENT | {"HOME": str(tmp_path)}
    done = subprocess.run(["fish", "--command", asked], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["telegram"]
