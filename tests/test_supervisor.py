"""The supervisor by itself: whoever started it, whatever it is told, its children are there until it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPT = """
import os, signal, socket, sys
from omoide.cli.supervisor import Child, Supervisor

listening = socket.create_server(("127.0.0.1", 0))

def say(what):
    os.write(1, f"{what}\\n".encode())  # not print: a signal that comes before it is over could not print then

def work():
    told, tells = os.pipe()  # a signal just before the wait for one ends that wait as well
    os.set_blocking(tells, False)
    signal.set_wakeup_fd(tells)
    if "heeds" in sys.argv:
        signal.signal(signal.SIGTERM, lambda *_: (say("told"), os._exit(0)))
    if "finishes" in sys.argv:
        say(listening.getsockname()[1])
        signal.signal(signal.SIGTERM, lambda *_: (listening.close(), say("told")))
    say(os.getpid())
    while True:
        os.read(told, 1)

def refusing(fork=os.fork, refused=[]):
    if not refused:
        refused.append(True)
        raise BlockingIOError(11, "Resource temporarily unavailable")
    return fork()

if "no-room" in sys.argv:
    os.fork = refusing
Supervisor([Child("api", work)], grace_seconds=60, let_go=listening.close).run()
"""

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a supervisor of one child that tells its number; these signals it is started with are ignored."""
    started: list[subprocess.Popen[str]] = []

    def begin(*words: str, ignored: tuple[signal.Signals, ...] = ()) -> subprocess.Popen[str]:
        ignoring = "".join(f"signal.signal({int(sign)}, signal.SIG_IGN); " for sign in ignored)
        heeding = "signal.signal(signal.SIGHUP, signal.SIG_DFL); "  # the tests may run under nohup
        command = (
            f"import os, signal, sys; {heeding}{ignoring}os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
        )
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", command, "-c", SCRIPT, *words],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        )
        return started[-1]

    yield begin
    for each in started:
        if each.poll() is None:
            each.kill()
        each.communicate()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.parametrize("ignored", [(), (signal.SIGCHLD,)])
def test_a_child_is_replaced_whatever_signals_were_ignored_before(
    ignored: tuple[signal.Signals, ...], start: Start
) -> None:
    supervisor = start(ignored=ignored)
    first = int(line(supervisor))
    os.kill(first, signal.SIGKILL)
    second = int(line(supervisor))
    assert second != first
    supervisor.terminate()
    _, told = supervisor.communicate()
    assert (supervisor.returncode, "Traceback" in told) == (-signal.SIGTERM, False)


def test_a_process_that_cannot_be_forked_is_forked_later(start: Start) -> None:
    supervisor = start("no-room")
    assert int(line(supervisor)) != supervisor.pid
    supervisor.terminate()
    _, told = supervisor.communicate()
    assert told == "cannot fork the api process: Resource temporarily unavailable\n"
    assert supervisor.returncode == -signal.SIGTERM


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_told_by_any_of_these_signals_children_end_in_good_order(sign: signal.Signals, start: Start) -> None:
    supervisor = start("heeds")
    line(supervisor)
    supervisor.send_signal(sign)
    assert supervisor.communicate() == ("told\n", "")
    assert supervisor.returncode == -sign


def test_while_what_is_open_finishes_nobody_else_is_let_in(start: Start) -> None:
    supervisor = start("finishes")
    port = int(line(supervisor))
    line(supervisor)
    socket.create_connection(("127.0.0.1", port)).close()
    supervisor.terminate()
    assert line(supervisor) == "told"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    assert supervisor.poll() is None
    supervisor.terminate()  # again: at once
    assert supervisor.wait() == -signal.SIGTERM


def test_a_terminal_that_is_closed_is_no_matter_under_nohup(start: Start) -> None:
    supervisor = start(ignored=(signal.SIGHUP,))
    first = int(line(supervisor))
    os.killpg(supervisor.pid, signal.SIGHUP)
    os.kill(first, signal.SIGKILL)
    assert int(line(supervisor)) != first
    supervisor.terminate()
    assert supervisor.wait() == -signal.SIGTERM


def test_control_c_before_anybody_takes_it_ends_all_without_a_word(start: Start) -> None:
    supervisor = start()
    line(supervisor)
    os.killpg(supervisor.pid, signal.SIGINT)
    assert supervisor.communicate() == ("", "")
    assert supervisor.returncode == -signal.SIGINT
