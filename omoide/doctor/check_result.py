"""The result of a check: a state, a message for the operator, and figures. Contains no keys and no user texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from omoide.core.redaction import redact_secrets

State = Literal["good", "off", "notice", "wrong"]
"""`off`: disabled by a setting. `notice`: works, but needs attention. `wrong`: does not work."""

Figures = Mapping[str, str | int | float | bool | None]


@dataclass(frozen=True, slots=True)
class CheckResult:
    name: str
    state: State
    text: str
    figures: Figures = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Redact secrets in texts from settings and errors."""
        object.__setattr__(self, "text", redact_secrets(self.text))
        cleaned = {name: redact_secrets(each) if isinstance(each, str) else each for name, each in self.figures.items()}
        object.__setattr__(self, "figures", cleaned)


def format_size(count: int) -> str:
    """A human-readable number of bytes: `1.5 MB`."""
    if count < 1_000:
        return f"{count} B"
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1_000:
            break
        value, unit = value / 1_000, larger
    return f"{value:.1f} {unit}"


def format_duration(seconds: float) -> str:
    """A human-readable duration in its largest unit: `3 h`."""
    for length, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def pluralize(count: int, one: str) -> str:
    """A count with its noun: `1 job`, `2 jobs`."""
    return f"{count:,} {one}{'' if count == 1 else 's'}"
