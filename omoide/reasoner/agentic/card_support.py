"""Whether a card line that a model wrote may stand: it says something plainly, and a conclusion is behind it. Pure."""

from __future__ import annotations

import re
import tomllib
from calendar import month_abbr, month_name
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources

from omoide.core.index_text import words
from omoide.reasoner.card_format import section
from omoide.search.query import FUNCTION_WORDS

STEM = 4
"""Letters that two words share if they count as forms of one: `hike` and `hiking`, `Lisbon` and `Lisboa`."""
LEAST_SHARED = 0.5
"""Share of a line's words that one text has, if the model names none."""

_WORD = re.compile(r"\d+(?:[.,:]\d+)*|[^\W\d_][^\W_]*")
_DATE = re.compile(r"\b\d{4}-(\d\d)(?!\d)")
_RULES = tomllib.loads(resources.files(__package__).joinpath("card_rules.toml").read_text(encoding="utf-8"))["rule"]
_REFUSALS = [(each["section"], re.compile("|".join(each["says"]), re.IGNORECASE), each["reason"]) for each in _RULES]


@dataclass(frozen=True, slots=True)
class Support:
    """What lines may rest on: the conclusions in the prompt by their numbers, and the card as it stands."""

    by_number: dict[int, str]
    current: Sequence[str]
    peers: Iterable[str]
    """Names that a line may have in any case."""

    def refusal(self, line: str, cited: Iterable[int]) -> str:
        """Return why a line in the form of a card is refused; empty if it may stand."""
        if line in self.current:
            return ""
        prefix = section(line) or ""
        text = line[len(prefix) :].strip()
        for of_section, pattern, reason in _REFUSALS:
            if of_section in ("any", prefix.rstrip(": ")) and pattern.search(text):
                return str(reason)
        behind = [self.by_number[number] for number in cited if number in self.by_number]
        if not behind:
            behind = self._nearest(text)
        if not behind or not self._shared(text, behind):
            return "no conclusion says it; give the numbers of those that do, and use their words"
        said = {*map(_folded, _WORD.findall(_with_months(" ".join((*behind, *self.peers)))))}
        if lost := [word for word in _named(text) if _folded(word) not in said]:
            return f"the conclusions behind it do not name {', '.join(lost)}"
        return ""

    def _nearest(self, text: str) -> list[str]:
        """The text that has most of the words of a line, if it has enough of them."""
        stems = self._stems(text)
        texts = [*self.by_number.values(), *self.current]
        best = max(texts, key=lambda each: len(stems & self._stems(each)), default="")
        return [best] if stems and len(stems & self._stems(best)) >= LEAST_SHARED * len(stems) else []

    def _shared(self, text: str, behind: Sequence[str]) -> bool:
        return bool(self._stems(text) & self._stems(" ".join(behind)))

    def _stems(self, text: str) -> set[str]:
        """The beginnings of the words that say something, without the names of the peers."""
        names = {*words(" ".join(self.peers))}
        return {word[:STEM] for word in words(text) if word not in FUNCTION_WORDS and word not in names}


def _named(text: str) -> list[str]:
    """The numbers in a text, and the words with a capital that are not the first: mostly names."""
    found = [*_WORD.finditer(text)]
    return [each[0] for each in found if each[0][0].isdigit() or (each.start() > 0 and each[0][0].isupper())]


def _folded(word: str) -> str:
    """The form in which equal names and numbers are found: a plural as its singular, `05` as `5`."""
    return str(int(word)) if word.isdecimal() and len(word) < 20 else word.casefold().rstrip("s")


def _with_months(text: str) -> str:
    """The text with the names of the months in its dates."""
    months = {int(month) for month in _DATE.findall(text)}
    return " ".join([text, *(f"{month_name[each]} {month_abbr[each]}" for each in months if 1 <= each <= 12)])
