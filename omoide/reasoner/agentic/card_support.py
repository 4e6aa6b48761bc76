"""Whether a card line that a model wrote may stand: it says something plainly, and a conclusion is behind it. Pure."""

from __future__ import annotations

import re
import tomllib
from calendar import month_abbr, month_name
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib import resources

from omoide.core.index_text import words
from omoide.reasoner.card_format import section
from omoide.search.query import FUNCTION_WORDS

STEM = 4
"""Letters that two words share if they count as forms of one: `hike` and `hiking`, `Lisbon` and `Lisboa`."""
LEAST_SHARED = 0.6
"""Share of a line's words, without those that only say of what kind a value is, that the conclusions behind it have."""

_WORD = re.compile(r"\d+(?:[.,:]\d+)*|[^\W\d_][^\W_]*")
_DATE = re.compile(r"\b\d{4}-(\d\d)(?!\d)")
_FILE = tomllib.loads(resources.files(__package__).joinpath("card_rules.toml").read_text(encoding="utf-8"))
_REFUSALS = [
    (each["section"], re.compile("|".join(each["says"]), re.IGNORECASE), each["reason"]) for each in _FILE["rule"]
]
_NUMBERS: dict[str, int] = _FILE["numbers"]


@dataclass(frozen=True, slots=True)
class Support:
    """What lines may rest on: the conclusions in the prompt by their numbers, and the card as it stands."""

    by_number: dict[int, str]
    current: Sequence[str]
    peers: Iterable[str]
    """Names that a line may have in any case."""
    _read: dict[str, set[str]] = field(default_factory=dict)
    """Text that lines were compared with → its stems."""

    def refusal(self, line: str, cited: Iterable[int]) -> str:
        """Return why a line in the form of a card is refused; empty if it may stand."""
        if line in self.current:
            return ""
        prefix = section(line) or ""
        text = line[len(prefix) :].strip()
        for of_section, pattern, reason in _REFUSALS:
            if of_section in ("any", prefix.rstrip(": ")) and pattern.search(text):
                return str(reason)
        named = [self.by_number[number] for number in cited if number in self.by_number]
        behind = " ".join(named) if named else self._nearest(text)
        said = {*map(_folded, _WORD.findall(_with_numbers(" ".join((behind, *self.peers)))))}
        if behind and (lost := [word for word in _named(text) if _folded(word) not in said]):
            return f"the conclusions behind it do not name {', '.join(lost)}"
        if self._shared(text, behind) < LEAST_SHARED:
            return "no conclusion says it; give the numbers of those that do, and use their words"
        return ""

    def _nearest(self, text: str) -> str:
        """The text that has most of the words of a line."""
        return max((*self.by_number.values(), *self.current), key=lambda each: self._shared(text, each), default="")

    def _shared(self, text: str, behind: str) -> float:
        stems = self._stems(text)
        stems = stems - _LABELS or stems
        if behind not in self._read:
            self._read[behind] = self._stems(_with_numbers(behind))
        return len(stems & self._read[behind]) / len(stems) if stems else 0.0

    def _stems(self, text: str) -> set[str]:
        """The beginnings of the words that say something, without the names of the peers."""
        left_out = {*words(" ".join(self.peers)), *FUNCTION_WORDS}
        return {_stem(word) for word in words(text) if word not in left_out}


def _stem(word: str) -> str:
    """What forms of a word have in common; the value of a number."""
    return _folded(word) if word[0].isdigit() else (word.rstrip("s") or word)[:STEM]


def _named(text: str) -> list[str]:
    """The numbers in a text, and the words with a capital that are not the first: mostly names."""
    found = [*_WORD.finditer(text)]
    return [each[0] for each in found if each[0][0].isdigit() or (each.start() > 0 and each[0][0].isupper())]


def _folded(word: str) -> str:
    """The form in which equal names and numbers are found: a plural as its singular, `05` as `5`."""
    return str(int(word)) if word.isdecimal() and len(word) < 20 else word.casefold().rstrip("s")


def _with_numbers(text: str) -> str:
    """The text with the months in its dates as names and as numbers, and with its small numbers as digits."""
    spelled = {word.casefold() for word in _WORD.findall(text)}
    months = {int(month) for month in _DATE.findall(text)}
    months |= {number for number in range(1, 13) if month_name[number].casefold() in spelled}
    names = [f"{each} {month_name[each]} {month_abbr[each]}" for each in months if 1 <= each <= 12]
    return " ".join([text, *names, *(str(_NUMBERS[word]) for word in spelled if word in _NUMBERS)])


_LABELS = frozenset(map(_stem, _FILE["labels"].split()))
