"""What clients were told while the server ran: what was acknowledged, what may have been stored, what went wrong."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

EXPLAINS_FOR_SECONDS = 10.0
"""How long after its end a fault still explains an answer: calls wait, and a process comes back."""

Place = tuple[str, str]
"""Workspace and session."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that was done to the server, from when to when, by the monotonic clock."""

    kind: str
    began: float
    ended: float


EXPLAINED_BY = {"connection": {"kill of an API process"}, "503": {"locked file", "provider away"}}
"""What can go wrong for a client, and the faults that explain it. Nothing explains any other answer above 499."""


@dataclass
class Ledger:
    """Filled by many threads."""

    acknowledged: dict[Place, list[tuple[str, str]]] = field(default_factory=dict)
    """Place → (peer, content) of the messages that were."""
    uncertain: dict[Place, list[tuple[str, str]]] = field(default_factory=dict)
    """The same of calls that brought no answer: stored once or not at all."""
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    troubles: list[tuple[float, float, str, str]] = field(default_factory=list)
    """When a call began and ended, what went wrong (a key of EXPLAINED_BY, or a status), and what it was."""
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
        """What went wrong although nobody had done anything that explains it. Call it when all faults are over."""
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
