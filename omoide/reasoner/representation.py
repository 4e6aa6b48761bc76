"""Render conclusions as the text of a representation. Pure.

One section with heading per level, in the order explicit, deductive, inductive, contradiction; empty sections are
omitted, and entries are sorted oldest first. The layout, including blank lines, is that of the public API.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from omoide.core.clock import from_micros
from omoide.core.records import Conclusion

MAX_SOURCES_SHOWN = 5
DEFAULT_CONFIDENCE = "medium"


def render(conclusions: Iterable[Conclusion]) -> str:
    """Return the representation; empty if there are no conclusions."""
    ordered = sorted(conclusions, key=lambda c: (c.said_at, c.created_at, c.pk))
    parts = []
    for heading, level, layout in SECTIONS:
        entries = [layout(conclusion) for conclusion in ordered if conclusion.level == level]
        if entries:
            parts.append(f"{heading}\n\n" + "".join(entries))
    return "\n".join(parts)


def time(instant: int) -> str:
    """Format an instant to the second, in UTC, without zone."""
    return f"{from_micros(instant):%Y-%m-%d %H:%M:%S}"


def _explicit(conclusion: Conclusion) -> str:
    return f"[{time(conclusion.said_at)}] {conclusion.content}\n"


def _deductive(conclusion: Conclusion) -> str:
    premises = _texts(conclusion, "premises")
    shown = "".join(f"   - {text}\n" for text in premises)
    listed = f"   Premises:\n{shown}" if premises else ""
    return f"[{time(conclusion.said_at)}] {conclusion.content}\n{listed}\n"


def _inductive(conclusion: Conclusion) -> str:
    confidence = conclusion.details.get("confidence") or DEFAULT_CONFIDENCE
    lines = [f" **Pattern** [{confidence}]: {conclusion.content}\n"]
    if kind := conclusion.details.get("pattern_type"):
        lines.append(f"   **Type**: {kind}\n")
    if sources := _texts(conclusion, "sources"):
        lines.append("   **Sources**:\n")
        lines += [f"   - {text}\n" for text in sources[:MAX_SOURCES_SHOWN]]
        if len(sources) > MAX_SOURCES_SHOWN:
            lines.append(f"   - ... and {len(sources) - MAX_SOURCES_SHOWN} more\n")
    return "".join(lines) + "\n"


def _contradiction(conclusion: Conclusion) -> str:
    lines = [f" **CONTRADICTION**: {conclusion.content}\n"]
    if sources := _texts(conclusion, "sources"):
        lines.append("   **Conflicting statements**:\n")
        lines += [f"   - {text}\n" for text in sources]
    return "".join(lines) + "\n"


def _texts(conclusion: Conclusion, key: str) -> Sequence[str]:
    value = conclusion.details.get(key)
    return [str(text) for text in value] if isinstance(value, list) else []


SECTIONS: Sequence[tuple[str, str, Callable[[Conclusion], str]]] = (
    ("## Explicit Observations", "explicit", _explicit),
    ("## Deductive Observations", "deductive", _deductive),
    ("## Inductive Observations", "inductive", _inductive),
    ("## Contradictions", "contradiction", _contradiction),
)
