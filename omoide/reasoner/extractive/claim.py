"""A claim: what a statement says about one topic, in a form in which two statements can be compared. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from omoide.reasoner.extractive.slots import Slot

Topic = tuple[str, ...]
HOLDS, DENIED = ("yes",), ("no",)
"""Values of a fact that holds, or does not."""
PLANNED, DONE, DROPPED, NEVER = ("planned",), ("done",), ("dropped",), ("never",)
"""Values of a deed."""


@dataclass(frozen=True, slots=True)
class Claim:
    """`value` is what holds; `ends` says that the value, or with None any value, no longer holds."""

    topic: Topic
    value: tuple[str, ...] | None
    ends: bool = False
    slot: Slot | None = None
    """The slot behind the claim, whose values are compared by its rules."""
    needs_change: bool = False
    """Whether it replaces another value only if its statement expresses a change ("now", "moved to")."""
    detail: tuple[str, ...] = ()
    """All words of the object, of which the topic has the first: "guitar in a band"."""
    is_event: bool = False
    """Whether something that happened is behind it, so that "today" does not limit it."""
    is_passing: bool = False
    """Whether it holds for a moment, so that it replaces nothing."""
