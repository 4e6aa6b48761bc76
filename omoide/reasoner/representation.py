"""Render conclusions as the text of a representation. Pure.

One section with heading per level, in the order explicit, deductive, inductive, contradiction; empty sections are
omitted, and entries keep the given order. The layout, including blank lines, is that of the public API.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from omoide.core.clock import from_micros
from omoide.core.records import Conclusion

MAX_SOURCES_SHOWN = 5
DEFAULT_CONFIDENCE = "medium"

FEWEST_TOKENS = 12
"""With less room no conclusion fits: its time alone takes as much."""
MOST_CHARACTERS = 128
"""No token stands for more characters than this."""


def render(conclusions: Sequence[Conclusion]) -> str:
    """Return the representation; empty if there are no conclusions."""
    parts = []
    for heading, level, layout in SECTIONS:
        entries = [layout(conclusion) for conclusion in conclusions if conclusion.level == level]
        if entries:
            parts.append(f"{heading}\n\n" + "".join(entries))
    return "\n".join(parts)


def within(conclusions: Sequence[Conclusion], budget: int, count: Callable[[str], int]) -> str:
    """Return the representation of the first conclusions that fit into `budget` tokens.

    One that is too long for what remains is left out, so that shorter ones after it may follow.
    """
    layouts = {level: (heading, layout) for heading, level, layout in SECTIONS}
    chosen: list[Conclusion] = []
    headed: set[str] = set()
    remaining = budget
    for each in conclusions:
        if remaining < FEWEST_TOKENS:
            break
        heading, layout = layouts[each.level]
        entry = layout(each)
        # No token spans a line of another entry, so the sum is about the count of the whole text.
        if remaining * MOST_CHARACTERS < len(entry):
            continue
        cost = count(entry if each.level in headed else f"{heading}\n\n{entry}\n")
        if cost <= remaining:
            remaining -= cost
            headed.add(each.level)
            chosen.append(each)
    while chosen and count(text := render(chosen)) > budget:
        chosen.pop()
    return text if chosen else ""


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
