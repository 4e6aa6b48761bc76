"""What the reasoning levels of a question may cost with a language model: defaults, and changes of the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

ReasoningLevel = Literal["minimal", "low", "medium", "high", "max"]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh"]

ANSWER_SECONDS = 50.0
"""By default a whole answer takes less than the 60 s after which clients repeat a request."""


@dataclass(frozen=True, slots=True)
class AnswerLevel:
    rounds: int
    """Maximum turns with tools."""
    prefetch_tokens: int
    """Maximum tokens of conclusions, or of messages if there are none, that are looked up beforehand."""
    output_tokens: int = 8_192
    """Maximum tokens of a turn, thoughts included."""
    seconds: float = ANSWER_SECONDS
    """Time limit of an answer that is not streamed."""
    model: str = ""
    """Empty: the model for answers."""
    effort: Effort | None = None
    """How much a model thinks that can be told so; None: as its provider decides."""
    temperature: float | None = None


DEFAULTS: Mapping[ReasoningLevel, AnswerLevel] = {
    # A limit is what a turn may need, not what it uses: thoughts alone are often longer than 1,000 tokens.
    "minimal": AnswerLevel(rounds=1, prefetch_tokens=1_000, output_tokens=2_048),
    "low": AnswerLevel(rounds=5, prefetch_tokens=1_200),
    "medium": AnswerLevel(rounds=8, prefetch_tokens=2_000),
    "high": AnswerLevel(rounds=12, prefetch_tokens=2_500, output_tokens=16_384),
    "max": AnswerLevel(rounds=16, prefetch_tokens=3_000, output_tokens=16_384),
}


class LevelChanges(BaseModel):
    """Values of a level that differ from the default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str | None = None
    effort: Effort | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    output_tokens: int | None = Field(default=None, ge=16, le=1_000_000)
    rounds: int | None = Field(default=None, ge=0, le=100)
    seconds: float | None = Field(default=None, ge=1, le=3_600)
    prefetch_tokens: int | None = Field(default=None, ge=0, le=100_000)


def answer_levels(changes: Mapping[ReasoningLevel, LevelChanges]) -> dict[ReasoningLevel, AnswerLevel]:
    """All levels, with the changes of the settings."""
    none = LevelChanges()
    return {
        level: replace(default, **changes.get(level, none).model_dump(exclude_none=True))
        for level, default in DEFAULTS.items()
    }
