"""What an import from a Honcho server stored, renamed and left out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from omoide.core.formatting import pluralize

SHOWN = 20
"""Renamed ids that are listed at most."""

KINDS = ("peer", "session", "message", "conclusion", "card", "summary", "scope")


@dataclass(slots=True)
class ImportReport:
    """Counts of one workspace, by kind."""

    new: Counter[str] = field(default_factory=Counter)
    known: Counter[str] = field(default_factory=Counter)
    """What was there already."""
    left_out: Counter[str] = field(default_factory=Counter)
    renamed: dict[tuple[str, str], str] = field(default_factory=dict)
    """Kind and id there → the id here, of ids that are not valid here."""
    split: int = 0
    """Messages that became several."""
    scoped: int = 0
    """Conclusions that scopes have, which are made here again."""

    def counted(self, counts: Counter[str]) -> str:
        """Counts as text, as "2 peers, 1 session"."""
        return ", ".join(_pluralized(counts[kind], kind) for kind in KINDS if counts[kind]) or "nothing"

    def lines(self) -> list[str]:
        """What was not taken as it was."""
        left_out = sorted((what, count) for what, count in self.left_out.items() if count)
        found = [f"Left out {'once' if count == 1 else f'{count:,} times'}: {what}." for what, count in left_out]
        if self.split:
            found.append(f"Split: {pluralize(self.split, 'message')} longer than one may be here.")
        if self.scoped:
            found.append(f"Made again here: {pluralize(self.scoped, 'conclusion')} of scopes.")
        renamed = [*self.renamed.items()]
        found += [f"Renamed: {kind.lower()} {old[:60]!r} is {new}." for (kind, old), new in renamed[:SHOWN]]
        if len(renamed) > SHOWN:
            found.append(f"Renamed: {pluralize(len(renamed) - SHOWN, 'more id')}, which their metadata has.")
        return found


def _pluralized(count: int, kind: str) -> str:
    return f"{count:,} summaries" if kind == "summary" and count != 1 else pluralize(count, kind)
