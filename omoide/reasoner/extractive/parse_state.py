"""Parse state of a sentence that is being restated: its words, the current clause, and the replacements.

`rewriting` and `coordination` contain the rules. `AmbiguousParse` aborts the parse.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from omoide.reasoner.extractive.grammar import ADVERB_PAIRS, ADVERBS
from omoide.reasoner.extractive.lexicon import is_ly_adverb


@dataclass(slots=True)
class VerbClause:
    """The clause of the last `I`: its verb and the index of the verb.

    `agrees`: a verb coordinated with it takes the third person ending.
    """

    verb: str
    at: int
    agrees: bool
    nested: bool = False
    """Another subject or an infinitive has followed, so the subject of further verbs is unknown."""
    infinitive: bool = False
    past: bool = False


@dataclass(slots=True)
class ParseState:
    """A sentence: its words in lower case, their spans, and replacements by word index."""

    text: str
    spans: list[tuple[int, int]]
    words: list[str]
    edits: dict[int, str] = field(default_factory=dict)
    clause: VerbClause | None = None

    def before(self, at: int) -> str:
        """Return the text between a word and the previous one, stripped."""
        return self.gap(at).strip()

    def gap(self, at: int) -> str:
        """Return the text between a word and the previous one, including spaces."""
        return self.text[self.spans[at - 1][1] if at else 0 : self.spans[at][0]]

    def after(self, at: int) -> str:
        """Return the text between a word and the next one, stripped."""
        end = self.spans[at + 1][0] if at + 1 < len(self.words) else len(self.text)
        return self.text[self.spans[at][1] : end].strip()

    def original(self, at: int) -> str:
        """Return the word in its original case."""
        return self.text[slice(*self.spans[at])]

    def word(self, at: int) -> str:
        """Return the word in lower case; empty if the index is out of range."""
        return self.words[at] if 0 <= at < len(self.words) else ""

    def past_adverbs(self, at: int) -> int:
        """Return the index of the first word from `at` on that is not an adverb."""
        while word := self.word(at):
            if (word, self.word(at + 1)) in ADVERB_PAIRS:
                at += 2
            elif word in ADVERBS or is_ly_adverb(word):
                at += 1
            else:
                break
        return at


class AmbiguousParse(Exception):
    """The sentence is ambiguous and cannot be restated."""
