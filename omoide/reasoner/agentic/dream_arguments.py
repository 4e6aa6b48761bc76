"""Arguments of the tools that change what is known, and the plan of a dream at an endpoint without tools.

The items of a list are validated one by one (`tools.read_item`), so that a bad one does not spoil the others.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SkipValidation

from omoide.reasoner.agentic.tools import Arguments


class Deduction(Arguments):
    content: str = Field(description="What follows, complete in itself.")
    source_ids: list[str] = Field(description="Ids of the conclusions that it follows from.")
    premises: list[str] = Field(default_factory=list, description="What these say, in short.")


class Deductions(Arguments):
    observations: list[SkipValidation[Deduction]]


class Contradiction(Arguments):
    content: str = Field(description="What contradicts what, with both sides and their dates.")
    source_ids: list[str] = Field(description="Ids of the conclusions that contradict each other: two at the least.")
    sources: list[str] = Field(default_factory=list, description="What these say, in short.")


class Contradictions(Arguments):
    observations: list[SkipValidation[Contradiction]]


class Induction(Arguments):
    content: str = Field(description="The pattern, complete in itself.")
    source_ids: list[str] = Field(description="Ids of the conclusions that show it: two at the least.")
    sources: list[str] = Field(default_factory=list, description="What these say, in short.")
    replaces_ids: list[str] = Field(
        default_factory=list, description="Ids of inductive conclusions whose place it takes, such as an older count."
    )
    pattern_type: Literal["preference", "behavior", "personality", "tendency", "correlation"] = "tendency"
    confidence: Literal["high", "medium", "low"] = "medium"


class Inductions(Arguments):
    observations: list[SkipValidation[Induction]]


class Deletion(Arguments):
    observation_ids: list[str] = Field(description="Ids of derived conclusions that no longer hold.")


class Finish(Arguments):
    summary: str = ""


class Rewording(Arguments):
    kept_id: str = Field(description="The id of the conclusion that says it best, and all of it.")
    dropped_ids: list[str] = Field(description="Ids of the conclusions that say the same and nothing more.")


class Rewordings(Arguments):
    merges: list[SkipValidation[Rewording]]


class OldAndNew(Arguments):
    old_id: str = Field(description="The id of an explicit conclusion that was true and is so no longer.")
    new_id: str = Field(description="The id of the explicit conclusion, said later, that gives what holds now.")


class Replacements(Arguments):
    replacements: list[SkipValidation[OldAndNew]]


class DreamPlan(Arguments):
    """All changes of a dream at once."""

    deductions: list[SkipValidation[Deduction]] = Field(default_factory=list)
    contradictions: list[SkipValidation[Contradiction]] = Field(default_factory=list)
    patterns: list[SkipValidation[Induction]] = Field(default_factory=list)
    merges: list[SkipValidation[Rewording]] = Field(default_factory=list)
    replacements: list[SkipValidation[OldAndNew]] = Field(default_factory=list)
    deleted_ids: list[str] = Field(
        default_factory=list, description="Ids of derived conclusions that no longer hold. Explicit ones stay."
    )
