"""Record of a run: acknowledged messages, messages that may have been stored, and errors."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

EXPLAINS_FOR_SECONDS = 10.0
"""How long after its end a fault still explains an error: calls wait, and a process restarts."""

Place = tuple[str, str]
"""Workspace and session."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault injected into the server, with its start and end by the monotonic clock."""

    kind: str
    began: float
    ended: float


EXPLAINED_BY = {"connection": {"kill of an API process"}, "503": {"locked file", "provider away"}}
"""Errors that a client may see, and the faults that explain them. Nothing explains any other status above 499."""


@dataclass
class SoakLedger:
    """The record of a run; thread-safe."""

    acknowledged: dict[Place, list[tuple[str, str]]] = field(default_factory=dict)
    """Place → (peer, content) of acknowledged messages."""
    uncertain: dict[Place, list[tuple[str, str]]] = field(default_factory=dict)
    """The same for calls without an answer: stored once or not at all."""
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    troubles: list[tuple[float, float, str, str]] = field(default_factory=list)
    """Start and end of a call, kind of error (a key of EXPLAINED_BY, or a status), and the call."""
    faults: list[Fault] = field(default_factory=list)
    running: list[tuple[str, float]] = field(default_factory=list)
    events: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answered(self, name: str, status: int) -> None:
        with self.lock:
            self.answers[name, status] += 1

    def trouble(self, began: float, kind: str, name: str) -> None:
        with self.lock:
            self.troubles.append((began, time.monotonic(), kind, name))

    def said(self, place: Place, messages: list[tuple[str, str]], *, certain: bool) -> None:
        with self.lock:
            (self.acknowledged if certain else self.uncertain).setdefault(place, []).extend(messages)

    @contextmanager
    def fault(self, kind: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        with self.lock:
            self.faults.append(Fault(kind, began, time.monotonic()))

    def unexplained(self) -> list[str]:
        """Return the errors that no fault explains. Call it when all faults are over."""
        return [
            f"{kind} for {name}"
            for began, ended, kind, name in self.troubles
            if not any(
                fault.kind in EXPLAINED_BY.get(kind, ())
                and fault.began <= ended
                and began <= fault.ended + EXPLAINS_FOR_SECONDS
                for fault in self.faults
            )
        ]
