"""Merge conclusions that say the same in other words, as the model proposes. What a merge would lose is refused."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from typing import Any

from omoide.core.records import Conclusion, Merge
from omoide.reasoner.agentic.dream_arguments import Rewording
from omoide.reasoner.agentic.prompt_templates import inline
from omoide.reasoner.agentic.tools import REFUSED, bare_id, read_item

MOST_MERGED = 200
"""Maximum conclusions that a dream drops because others say the same."""
MOST_TOLD = 50
"""Maximum refusals told to the model at once."""

_NAMED = re.compile(r"\d+(?:[.,:]\d+)*|(?<=\s)[^\W\d_a-zß-öø-ÿ]\w*")
"""Numbers, and words with a capital, which are mostly names: what a merge must not lose."""


class Merges:
    """The merges of one dream so far."""

    def __init__(self) -> None:
        self._merged: dict[str, str] = {}
        """Dropped conclusion → kept one."""

    def kept(self, id: str) -> str:
        """The conclusion that a citation of this one leads to."""
        return self._merged.get(id, id)

    def records(self) -> tuple[Merge, ...]:
        kept = dict.fromkeys(self._merged.values())
        return tuple(Merge(id, tuple(each for each, to in self._merged.items() if to == id)) for id in kept)

    def add(self, given: Sequence[Any], known: Mapping[str, Conclusion], outdated: Container[str]) -> str:
        """Merge what can be merged among the known conclusions, and return the result for the model."""
        merged, refused = 0, []
        for item in given:
            each = read_item(Rewording, item)
            if isinstance(each, str):
                refused.append(each)
                continue
            kept = known.get(bare_id(each.kept_id))
            for id in dict.fromkeys(map(bare_id, each.dropped_ids)):
                dropped = known.get(id)
                if kept is None or dropped is None:
                    refused.append(f"{inline(id[:80])!r}: cite ids as they were given")
                elif why := self._refusal(kept, dropped, outdated):
                    refused.append(f"{inline(id[:80])!r}: {why}")
                else:
                    self._merged[id] = kept.id
                    merged += 1
        return f"{merged} merged." + "".join(f"\n{REFUSED}{each}" for each in refused[:MOST_TOLD])

    def _refusal(self, kept: Conclusion, dropped: Conclusion, outdated: Container[str]) -> str:
        """Return why two conclusions cannot be merged; empty if they can."""
        if kept.id == dropped.id:
            return "it is the one that is kept"
        if any(each.id in self._merged or each.id in outdated for each in (kept, dropped)):
            return "one of them is merged or deleted already"
        if dropped.id in self._merged.values():
            return "others were merged into it"
        if kept.level != dropped.level or (kept.level == "explicit" and kept.session_id != dropped.session_id):
            return "they are of different levels or sessions"
        if lost := _named(dropped.content) - _named(kept.content):
            return f"it names {inline(', '.join(sorted(lost))[:80])}, which the kept one does not"
        return "there are enough" if len(self._merged) >= MOST_MERGED else ""


def _named(content: str) -> set[str]:
    """The numbers and names in a text; a plural counts as its singular."""
    return {each.rstrip("s") for each in _NAMED.findall(content)}
