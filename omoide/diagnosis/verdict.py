"""What a check found: a word, a sentence for the operator, and the figures behind it. No key and no text of a user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from omoide.addresses import without_secrets

State = Literal["good", "off", "notice", "wrong"]
"""`off`: switched off by a setting. `notice`: it works, and should be looked at. `wrong`: it does not work."""

Figures = Mapping[str, str | int | float | bool | None]


@dataclass(frozen=True, slots=True)
class Verdict:
    name: str
    state: State
    text: str
    figures: Figures = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take secrets out of what came from settings and from errors."""
        object.__setattr__(self, "text", without_secrets(self.text))
        cleaned = {
            name: without_secrets(each) if isinstance(each, str) else each for name, each in self.figures.items()
        }
        object.__setattr__(self, "figures", cleaned)


def size(count: int) -> str:
    """A number of bytes as people read it: `1.5 MB`."""
    if count < 1_000:
        return f"{count} B"
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1_000:
            break
        value, unit = value / 1_000, larger
    return f"{value:.1f} {unit}"


def span(seconds: float) -> str:
    """A time as people read it, in its largest unit: `3 h`."""
    for length, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def several(count: int, one: str) -> str:
    """`1 job`, `2 jobs`."""
    return f"{count:,} {one}{'' if count == 1 else 's'}"
