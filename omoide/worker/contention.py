"""Limit of recomputations when a job's input changes while it runs."""

from __future__ import annotations

from omoide.core.errors import Unavailable

MOST_COMPUTATIONS = 3
"""How often a job computes a result that is stale when it is stored, before it is postponed. Each computation may cost
calls of a model."""


class Contended(Unavailable):
    """A job's result was stale every time. As an `Unavailable`, it is retried later and uses up no attempt."""
