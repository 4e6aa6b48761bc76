"""Processes that are forked from one that has everything loaded, and forked anew when they die.

The supervisor itself serves nothing and opens nothing: it forks, waits for signals, and forks again. What it imported
and made before is shared with its children for as long as nobody writes to it, and a new child is there within
milliseconds. Children end when the supervisor does, however it ends: each waits for the end of a pipe that only the
supervisor holds open. A child that keeps dying young is forked ever more slowly.
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

from omoide.addresses import without_secrets

logger = logging.getLogger("omoide.processes")

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What tells to stop: the last when a terminal is closed, unless it is ignored, as under nohup."""
WAITED_FOR = {signal.SIGCHLD, *STOPPING}

YOUNG_SECONDS = 1.0
"""A child that dies before this age is not replaced at once,"""
FIRST_PAUSE_SECONDS = 0.1
LAST_PAUSE_SECONDS = 5.0
"""but after a pause that doubles from the first to the last of these."""


@dataclass(slots=True)
class Child:
    """A place for a process: what it is called and what it does, and the process that does it now."""

    name: str
    work: Callable[[], None]
    pid: int | None = None
    forked_at: float = 0.0
    died_young: int = 0

    @property
    def due_at(self) -> float:
        """When it may be forked again, by the monotonic clock."""
        if not self.died_young:
            return 0.0
        pause = min(LAST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** (self.died_young - 1))
        return self.forked_at + pause


class Supervisor:
    """Keeps the children running until it is told to stop. Nothing else may run threads in its process.

    `let_go` is called first of all then: it closes what the children share and will close as well.
    """

    def __init__(
        self, children: Sequence[Child], *, grace_seconds: float, let_go: Callable[[], None] = lambda: None
    ) -> None:
        self.children = children
        self.grace_seconds = grace_seconds
        self.let_go = let_go
        self._lifeline = os.pipe()

    def run(self) -> None:
        """Fork, and replace what dies, until told to stop; then stop the children, and end by that signal."""
        signal.pthread_sigmask(signal.SIG_BLOCK, WAITED_FOR)
        # Whoever started this may have ignored it, and whoever ignores it never hears of a child that ended.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        told = None
        while told is None:
            self._fork_due()
            told = self._wait(self._pause())
            self._bury(expected=told is not None)
        self._stop()
        signal.signal(told, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, WAITED_FOR)
        signal.raise_signal(told)

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
        except OSError as error:  # no room for another process just now
            child.died_young += 1
            logger.error("the %s process cannot be forked: %s", child.name, error.strerror)
            return
        if child.pid == 0:
            os.close(self._lifeline[1])
            # Told at a terminal, all processes are; before there is somebody in here who takes it, it ends this one.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the supervisor hears it too, and says what is to be done
            signal.pthread_sigmask(signal.SIG_UNBLOCK, WAITED_FOR)
            _live(child, self._lifeline[0])

    def _pause(self) -> float | None:
        """Seconds until the next child is to be forked; None if all are there."""
        due = [child.due_at for child in self.children if child.pid is None]
        return max(0.0, min(due) - time.monotonic()) if due else None

    @staticmethod
    def _wait(seconds: float | None) -> signal.Signals | None:
        """Wait for a signal; the one that says to stop, if it is that."""
        if seconds is None:
            number = signal.sigwait(WAITED_FOR)
        elif found := signal.sigtimedwait(WAITED_FOR, seconds):
            number = signal.Signals(found.si_signo)
        else:
            return None
        is_told = number in STOPPING and signal.getsignal(number) != signal.SIG_IGN
        return signal.Signals(number) if is_told else None

    def _bury(self, *, expected: bool = False) -> None:
        """Take note of every child that has ended."""
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
            how = f"by signal {-code}" if code < 0 else f"with code {code}"
            logger.error("the %s process %s ended %s; another takes its place", child.name, child.pid, how)
        child.pid = None

    def _stop(self) -> None:
        """Ask the children to end, and end those that have not after the grace, or when asked a second time."""
        deadline = time.monotonic() + self.grace_seconds
        self.let_go()
        self._tell(signal.SIGTERM)
        self._bury(expected=True)
        while any(child.pid is not None for child in self.children):
            left = max(0.0, deadline - time.monotonic())
            if self._wait(left) is not None or left == 0.0:
                self._tell(signal.SIGKILL)
                deadline = time.monotonic() + self.grace_seconds
            self._bury(expected=True)

    def _tell(self, sign: signal.Signals) -> None:
        for child in self.children:
            if child.pid is not None:
                os.kill(child.pid, sign)


def _live(child: Child, lifeline: int) -> None:
    """What a child does from its first to its last moment. It never returns."""
    code = 1
    try:
        with contextlib.suppress(OSError):
            Path("/proc/self/comm").write_text(f"omoide-{child.name}")  # what `top` shows; Linux only
        threading.Thread(target=_end_with, args=(lifeline,), daemon=True, name="omoide-lifeline").start()
        child.work()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except click.ClickException as error:  # what an operator can do something about
        logger.error("the %s process cannot start: %s", child.name, error.message)
    except BaseException:  # as an interpreter does at its end
        sys.stderr.write(without_secrets(traceback.format_exc()))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # what the supervisor wanted done at its own exit is not done here


def _end_with(lifeline: int) -> None:
    """End this process, as a power cut would, once nobody holds the other end."""
    while os.read(lifeline, 1):
        pass
    os._exit(1)
