"""The limit on computing again what changed while it was computed."""

from __future__ import annotations

from omoide.errors import Unavailable

MOST_COMPUTATIONS = 3
"""How often a job computes a result that is stale by the time it is stored, before it is postponed. A model that is
paid by the call computes it."""


class Contended(Unavailable):
    """What a job computed was stale every time. As an `Unavailable` it is retried later and uses up no attempt."""
