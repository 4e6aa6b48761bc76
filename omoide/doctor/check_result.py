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
