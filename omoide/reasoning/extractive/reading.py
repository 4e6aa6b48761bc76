"""A sentence while it is being read: its words, what has been understood so far, and what will be written instead.

No grammar here; `rewriting` reads and `coordination` helps it. A `Doubt` ends the reading.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from omoide.reasoning.extractive.grammar import ADVERB_PAIRS, ADVERBS
from omoide.reasoning.extractive.words import is_ly_adverb


@dataclass(slots=True)
class Clause:
    """What the last `I` governs: `verb`, which stands at `at`.

    `agrees`: a verb coordinated with it takes the third person's ending.
    """

    verb: str
    at: int
    agrees: bool
    nested: bool = False
    """Another subject or an infinitive has come since: what a verb from here on belongs to is not known."""
    infinitive: bool = False
    past: bool = False


@dataclass(slots=True)
class Reading:
    """A sentence's words, lower-case, where they stand, and what is to be put in their place."""

    text: str
    spans: list[tuple[int, int]]
    words: list[str]
    edits: dict[int, str] = field(default_factory=dict)
    clause: Clause | None = None

    def before(self, at: int) -> str:
        """What stands between a word and the one before."""
        return self.gap(at).strip()

    def gap(self, at: int) -> str:
        """The same, with its spaces."""
        return self.text[self.spans[at - 1][1] if at else 0 : self.spans[at][0]]

    def after(self, at: int) -> str:
        """What stands between a word and the next."""
        end = self.spans[at + 1][0] if at + 1 < len(self.words) else len(self.text)
        return self.text[self.spans[at][1] : end].strip()

    def original(self, at: int) -> str:
        """The word as it was written."""
        return self.text[slice(*self.spans[at])]

    def word(self, at: int) -> str:
        """The word, lower-case; empty beyond either end."""
        return self.words[at] if 0 <= at < len(self.words) else ""

    def past_adverbs(self, at: int) -> int:
        """Where the first word from `at` on stands that is no adverb."""
        while word := self.word(at):
            if (word, self.word(at + 1)) in ADVERB_PAIRS:
                at += 2
            elif word in ADVERBS or is_ly_adverb(word):
                at += 1
            else:
                break
        return at


class Doubt(Exception):
    """Raised where a sentence cannot be read for sure."""
