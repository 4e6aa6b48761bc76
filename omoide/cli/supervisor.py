"""Fork processes from a fully loaded parent, and restart them when they die.

The supervisor serves nothing and opens nothing: it forks and waits for signals. Its loaded modules are shared with the
children by copy-on-write, and a restart takes milliseconds. Children exit when the supervisor does, for any reason:
each waits for EOF on a pipe whose write end only the supervisor holds. Restarts of a child that keeps dying early back
off exponentially.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from omoide.core.redaction import redact_secrets

logger = logging.getLogger("omoide.processes")

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals that stop the supervisor; SIGHUP (the terminal was closed) only if it is not ignored, as under nohup."""
WAITED_FOR = {signal.SIGCHLD, *STOPPING}

YOUNG_SECONDS = 1.0
"""A child that dies before this age is restarted with a delay,"""
FIRST_PAUSE_SECONDS = 0.1
LAST_PAUSE_SECONDS = 5.0
"""which doubles from the first to the last of these."""


@dataclass(slots=True)
class Child:
    """A supervised process: its name, its function, and its current pid."""

    name: str
    work: Callable[[], None]
    pid: int | None = None
    forked_at: float = 0.0
    died_young: int = 0

    @property
    def due_at(self) -> float:
        """When it may be forked again, in monotonic time."""
        if not self.died_young:
            return 0.0
        pause = min(LAST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** (self.died_young - 1))
        return self.forked_at + pause


class Supervisor:
    """Keeps the children running until a stop signal. Its process must have no other threads.

    `let_go` is called first at shutdown: it closes the resources shared with the children.
    """

    def __init__(
        self, children: Sequence[Child], *, grace_seconds: float, let_go: Callable[[], None] = lambda: None
    ) -> None:
        self.children = children
        self.grace_seconds = grace_seconds
        self.let_go = let_go
        self._lifeline = os.pipe()

    def run(self) -> None:
        """Fork and restart children until a stop signal; then stop them, and exit by that signal."""
        signal.pthread_sigmask(signal.SIG_BLOCK, WAITED_FOR)
        # The parent process may have ignored SIGCHLD, which is inherited and suppresses it.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        received = None
        while received is None:
            self._fork_due()
            received = self._wait(self._pause())
            self._reap(expected=received is not None)
        self._stop()
        signal.signal(received, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, WAITED_FOR)
        signal.raise_signal(received)

    def _fork_due(self) -> None:
        now = time.monotonic()
        for child in self.children:
            if child.pid is None and child.due_at <= now:
                self._fork(child)

    def _fork(self, child: Child) -> None:
        child.forked_at = time.monotonic()
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            child.pid = os.fork()
        except OSError as error:  # out of memory or processes
            child.died_young += 1
            logger.error("cannot fork the %s process: %s", child.name, error.strerror)
            return
        if child.pid == 0:
            os.close(self._lifeline[1])
            # A terminal sends SIGINT to all processes; until the child installs a handler, it ends the child.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the supervisor receives it too, and stops its children
            signal.pthread_sigmask(signal.SIG_UNBLOCK, WAITED_FOR)
            _live(child, self._lifeline[0])

    def _pause(self) -> float | None:
        """Seconds until the next child is due to be forked; None if all are running."""
        due = [child.due_at for child in self.children if child.pid is None]
        return max(0.0, min(due) - time.monotonic()) if due else None

    @staticmethod
    def _wait(seconds: float | None) -> signal.Signals | None:
        """Wait for a signal; returns it if it is a stop signal, else None."""
        if seconds is None:
            number = signal.sigwait(WAITED_FOR)
        elif info := signal.sigtimedwait(WAITED_FOR, seconds):
            number = signal.Signals(info.si_signo)
        else:
            return None
        is_stop = number in STOPPING and signal.getsignal(number) != signal.SIG_IGN
        return signal.Signals(number) if is_stop else None

    def _reap(self, *, expected: bool = False) -> None:
        """Reap all children that have exited."""
        while any(child.pid is not None for child in self.children):
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            for child in self.children:
                if child.pid == pid:
                    self._ended(child, os.waitstatus_to_exitcode(status), expected)

    @staticmethod
    def _ended(child: Child, code: int, expected: bool) -> None:
        young = time.monotonic() - child.forked_at < YOUNG_SECONDS
        child.died_young = child.died_young + 1 if young else 0
        if not expected:
            how = f"was killed by signal {-code}" if code < 0 else f"exited with code {code}"
            logger.error("the %s process %s %s; restarting it", child.name, child.pid, how)
        child.pid = None

    def _stop(self) -> None:
        """Send SIGTERM to the children, and SIGKILL after the grace period or at a second stop signal."""
        deadline = time.monotonic() + self.grace_seconds
        self.let_go()
        self._signal(signal.SIGTERM)
        self._reap(expected=True)
        while any(child.pid is not None for child in self.children):
            remaining = max(0.0, deadline - time.monotonic())
            if self._wait(remaining) is not None or remaining == 0.0:
                self._signal(signal.SIGKILL)
                deadline = time.monotonic() + self.grace_seconds
            self._reap(expected=True)

    def _signal(self, sign: signal.Signals) -> None:
        for child in self.children:
            if child.pid is not None:
                os.kill(child.pid, sign)


def _live(child: Child, lifeline: int) -> None:
    """Run the child's function and exit the process. Never returns."""
    code = 1
    try:
        with contextlib.suppress(OSError):
            Path("/proc/self/comm").write_text(f"omoide-{child.name}")  # shown by `top`; Linux only
        threading.Thread(target=_end_with, args=(lifeline,), daemon=True, name="omoide-lifeline").start()
        child.work()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except click.ClickException as error:  # an error for the operator, without a traceback
        logger.error("the %s process cannot start: %s", child.name, error.message)
    except BaseException:  # print the traceback, as the interpreter does
        sys.stderr.write(redact_secrets(traceback.format_exc()))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # skips the exit handlers inherited from the supervisor


def _end_with(lifeline: int) -> None:
    """Kill this process at EOF on the pipe, when the supervisor has exited."""
    while os.read(lifeline, 1):
        pass
    os._exit(1)
