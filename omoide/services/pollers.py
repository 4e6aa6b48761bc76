"""Recognize callers that wait for their work: they ask for the queue's status again and again."""

from __future__ import annotations

import time
from collections.abc import Callable

WITHIN_SECONDS = 15.0
"""A caller that asks twice within this time waits; one that only displays the status asks less often."""
MOST_REMEMBERED = 4_096

Asked = tuple[str, str | None]
"""A workspace, and the session in it if the caller asked for one."""


class Pollers:
    """Remembers when the status was last asked for, in this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._asked_at: dict[Asked, float] = {}

    def is_waiting(self, asked: Asked) -> bool:
        """Note that the status was asked for; whether it was just before as well."""
        now, before = self._clock(), self._asked_at.pop(asked, None)
        self._asked_at[asked] = now
        if len(self._asked_at) > MOST_REMEMBERED:
            del self._asked_at[next(iter(self._asked_at))]
        return before is not None and now - before <= WITHIN_SECONDS
