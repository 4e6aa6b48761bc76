"""The `omoide` command without its start: a process that has loaded it, and forks once for each time it is asked for.

What runs in a fork is what the command runs, with arguments, environment, folder and streams of its own; only the
loading, which is most of what a short command does, is done once. What a start itself does is tested on the command
(tests/test_start.py, and wherever `Server` is told so).

`python -m tests.fork_server FD` is the process; `ForkServer` is its client.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO

from tests.postgresql import ENGINE

ROOT = Path(__file__).parent.parent
MOST_REQUEST_BYTES = 100_000
STREAMS = 3
REASONERS = ("omoide.reasoner.agentic.reasoner", "omoide.reasoner.extractive.reasoner")
HANDLERS = tuple(f"omoide.handlers.{path.stem}" for path in sorted((ROOT / "handlers").glob("[a-z]*.py")))


class Forked:
    """A running fork, with what `subprocess.Popen` has of use."""

    def __init__(self, args: Sequence[str], pid: int, ended: int, stderr: IO[str] | None) -> None:
        self.args = args
        self.pid = pid
        self.stderr = stderr
        self.returncode: int | None = None
        self._ended = ended

    def poll(self) -> int | None:
        """Its exit code, minus the signal's number if it ended by one; None while it runs."""
        return self._wait(0)

    def wait(self, timeout: float | None = None) -> int:
        """Raises subprocess.TimeoutExpired."""
        code = self._wait(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def _wait(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._ended], [], [], timeout)[0]:
            told = os.read(self._ended, 20)
            if not told:
                raise RuntimeError(f"nobody is left who could say how {self.args} ended")
            self.returncode = int(told)
            os.close(self._ended)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it has ended just now
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


class ForkServer:
    """Starts the process, which ends when this one does."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._turn = threading.Lock()
        with theirs:
            command = [sys.executable, "-m", "tests.fork_server", str(theirs.fileno())]
            # A second thread would not live on in the forks.
            environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", **ENGINE}
            self._process = subprocess.Popen(command, cwd=ROOT, env=environment, pass_fds=[theirs.fileno()])

    def start(
        self, args: Sequence[str], *, cwd: Path, env: Mapping[str, str], stdout: int | None = None,
        stderr: int | None = None,
    ) -> Forked:  # fmt: skip
        """Run `omoide` with these arguments; its stderr is a pipe to read from unless a stream is given."""
        reading, writing = (None, stderr) if stderr is not None else os.pipe()
        ended, told = os.pipe()
        asked = json.dumps({"args": list(args), "cwd": str(cwd), "env": dict(env)}).encode()
        assert len(asked) <= MOST_REQUEST_BYTES
        with self._turn:
            socket.send_fds(self._socket, [asked], [told, 1 if stdout is None else stdout, writing])
            pid = int(self._socket.recv(20))
        os.close(told)
        if reading is not None:
            os.close(writing)
        return Forked(args, pid, ended, None if reading is None else os.fdopen(reading))

    def run(self, *args: str, cwd: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """As `subprocess.run` with its output captured."""
        with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
            forked = self.start(args, cwd=cwd, env=env, stdout=stdout.fileno(), stderr=stderr.fileno())
            code = forked.wait()
            stdout.seek(0)
            stderr.seek(0)
            return subprocess.CompletedProcess(["omoide", *args], code, stdout.read(), stderr.read())


_starting = threading.Lock()


def fork_server() -> ForkServer:
    """The one of this process, whichever threads ask for it."""
    with _starting:
        return _the_one()


@cache
def _the_one() -> ForkServer:
    return ForkServer()


def serve(asked: socket.socket) -> None:
    """Fork for every request until nobody can ask any more, and tell whoever asked how each fork ended.

    In a fork it does not return: it is the command there, and ends as that does.
    """
    main = _loaded()
    told_by_pid: dict[int, int] = {}
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    while True:
        ready = select.select([asked.fileno(), woken], [], [])[0]
        if woken in ready:
            os.read(woken, 1_000)
            _bury(told_by_pid)
        if asked.fileno() not in ready:
            continue
        request, streams, _, _ = socket.recv_fds(asked, MOST_REQUEST_BYTES, STREAMS)
        if not request:
            return
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for descriptor in (asked.detach(), woken, wake, streams[0], *told_by_pid.values()):
                os.close(descriptor)
            _dress(request, *streams[1:])
            _end(main)
        for descriptor in streams[1:]:
            os.close(descriptor)
        told_by_pid[pid] = streams[0]
        asked.send(str(pid).encode())


def _loaded() -> Callable[[], None]:
    """The command, with all that servers load sooner or later: only the process that forks needs it."""
    from omoide.asgi.app import create_app
    from omoide.cli.main import COMMANDS, main
    from omoide.core.settings import Settings
    from omoide.inference.tokens import TokenCounter

    for name in ("numpy", "onnxruntime", "pypdf", "omoide.inference.openai_chat", *REASONERS, *HANDLERS):
        import_module(name)
    for command in COMMANDS.values():
        command.load()
    TokenCounter().warm()
    create_app(Settings())  # compiles the document's operations
    return main


def _end(main: Callable[[], None]) -> None:
    """Run the command and end as it does, without freeing all that was loaded: that takes longer than most commands."""
    try:
        main()
    except SystemExit as end:
        if end.code is not None and not isinstance(end.code, int):
            raise
        sys.stdout.flush()
        sys.stderr.flush()
        threading._shutdown()  # type: ignore[attr-defined]  # joins threads, as an interpreter does that ends
        atexit._run_exitfuncs()
        os._exit(end.code or 0)


def _bury(told_by_pid: dict[int, int]) -> None:
    while told_by_pid:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        told = told_by_pid.pop(pid)
        os.write(told, str(os.waitstatus_to_exitcode(status)).encode())
        os.close(told)


def _dress(request: bytes, stdout: int, stderr: int) -> None:
    """Put on the arguments, the environment, the folder and the streams that were asked for."""
    wanted = json.loads(request)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, number in ((nothing, 0), (stdout, 1), (stderr, 2)):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(wanted["cwd"])
    os.environ.clear()
    os.environ.update(wanted["env"])
    sys.argv = ["omoide", *wanted["args"]]


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
