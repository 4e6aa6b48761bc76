"""The shapes of `data/cards/`, one file for each topic: loaded at first use, compiled when a clause may match.

`data/cards/README.md` explains the files. The first shape that matches a clause counts.
"""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import resources
from typing import Any, NamedTuple

from omoide.core.text_cache import text_cache
from omoide.reasoner.extractive.shapes import fields as values
from omoide.reasoner.extractive.shapes.pattern import (
    ANY,
    CLAUSE,
    CORE,
    Pattern,
    compile_outline,
    compile_pattern,
    first_words,
    list_name,
    list_names,
    plain_name,
    required_words,
)
from omoide.reasoner.extractive.shapes.phrases import PhraseList
from omoide.reasoner.extractive.slot_words import NOT_AT_WORK

Filled = list[tuple[str, str]]
"""Pairs of kind and value."""
MOST_VALUE = 150
CACHED_PATTERNS = 2_048
ENDED = "no longer "
"""What a kind begins with whose value the wording ends."""
VERBATIM = "verbatim"
"""Field of the sentence as it was said; `CLAUSE` is the matched clause in the third person. Patterns have neither."""
_WHOLE = (CLAUSE, VERBATIM)
_REFERENCE = re.compile(r"\{([a-z_\d|]+)(?:\.(of|sort))?\}")


@dataclass
class CardShape:
    """Wordings of one fact, and the slots that it fills."""

    topic: str
    says: Sequence[str]
    fills: Mapping[str, str]
    ends: Mapping[str, Sequence[str]]
    """Slots that the wordings end; an empty value ends every value of the kind."""
    is_event: bool
    unless: str
    """A regular expression of clauses that do not fill the shape's slots; empty for none."""
    examples: Mapping[str, Sequence[str]]
    lists: Mapping[str, PhraseList] = field(repr=False)
    _outlines: dict[int, re.Pattern[str]] = field(default_factory=dict, repr=False)
    """Those that were needed so far."""

    @cached_property
    def _used(self) -> frozenset[str]:
        """The names of the fields of whose values slots are made."""
        templates = [*self.fills, *self.fills.values()]
        return frozenset(
            name for text in templates for match in _REFERENCE.finditer(text) for name in match[1].split("|")
        )

    def starts(self, number: int) -> frozenset[str]:
        """The words with which a clause may start that the wording matches; see `first_words`."""
        return first_words(self.says[number], self._first_words)

    def required(self, number: int) -> tuple[frozenset[str], ...]:
        """Sets of words of each of which a clause that the wording matches has one."""
        return required_words(self.says[number], self._certain_words)

    def fill(self, number: int, clause: str, verbatim: str) -> Filled:
        """Return the slots that a clause fills by one wording; empty if that does not match.

        `verbatim` is the speaker's sentence.
        """
        matched = self._pattern(number, clause).match(clause) if self._may_match(number, clause) else None
        if matched is None or (CLAUSE in self._used and not values.is_plain(matched[CORE])):
            return []
        if self.unless and re.search(self.unless, clause, re.IGNORECASE):
            return []
        return self._filled({**matched, VERBATIM: verbatim})

    def _may_match(self, number: int, clause: str) -> bool:
        if number not in self._outlines:
            self._outlines[number] = compile_outline(self.says[number])
        return self._outlines[number].match(clause) is not None

    def _pattern(self, number: int, clause: str) -> Pattern:
        """The pattern of a wording with the phrases that may be in the clause."""
        says, words = self.says[number], frozenset(clause.casefold().split())
        lists = tuple((name, self.lists[name].regex(words)) for name in list_names(says) if name in self.lists)
        return _compiled(says, lists, self.is_event)

    def _filled(self, texts: Mapping[str, str]) -> Filled:
        read = {
            name: [text] if name in _WHOLE else self._values(name, text) for name, text in texts.items() if name != CORE
        }
        if not all(read.values()):
            return []
        filled = [slot for kind, value in self.fills.items() for slot in self._slots(kind, value, read)]
        for kind, ended_values in self.ends.items():
            for value in ended_values:
                ended = (
                    self._slots(kind, value, read)
                    if value
                    else [(each, "") for each in self._written(kind, read) or [kind]]
                )
                filled += [(f"{ENDED}{each}", text) for each, text in ended]
        return [(kind, value) for kind, value in filled if len(value) <= MOST_VALUE]

    def _slots(self, kind: str, value: str, read: Mapping[str, Sequence[str]]) -> Filled:
        """Fill the templates of a kind and its value."""
        kinds = self._written(kind, read) or [_REFERENCE.sub("", kind)]
        return [(each, text) for each in kinds for text in self._written(value, read)]

    def _values(self, name: str, text: str) -> Sequence[str]:
        if (plain := list_name(name)) not in self.lists:
            return values.read(plain, text)
        if name.startswith(ANY) and not NOT_AT_WORK.isdisjoint(text.lower().split()):
            return []
        return [self.lists[plain].written(text)]

    def _written(self, template: str, read: Mapping[str, Sequence[str]]) -> Sequence[str]:
        """Fill a template: several texts if it has a field of several values, none if nothing of it has a value."""
        texts, references = [template], [*_REFERENCE.finditer(template)]
        for match in references:
            known = next((self._forms(each, match[2], read[each]) for each in match[1].split("|") if each in read), [])
            texts = [text.replace(match[0], value) for text in texts for value in known or [""]]
        if references and not any(read.get(name) for match in references for name in match[1].split("|")):
            return []
        return [" ".join(text.replace("()", "").split()) for text in texts]

    def _forms(self, name: str, form: str | None, known: Sequence[str]) -> Sequence[str]:
        phrases = self.lists.get(plain_name(name))
        if form is None or phrases is None:
            return known
        return [phrases.heading(value) if form == "of" else phrases.sort(value) for value in known]

    def _certain_words(self, name: str) -> Iterator[str]:
        if (plain := list_name(name)) in self.lists:
            yield from self.lists[plain].certain_words()
        else:
            yield ""

    def _first_words(self, name: str) -> Iterator[str]:
        if (plain := plain_name(name)) in self.lists:
            yield from self.lists[plain].first_words()
        else:
            yield ""


@text_cache(maxsize=CACHED_PATTERNS)
def _compiled(says: str, lists: tuple[tuple[str, str], ...], is_event: bool) -> Pattern:
    return compile_pattern(says, {**values.regexes(), **dict(lists)}, is_event=is_event)


class _Wording(NamedTuple):
    order: int
    starts: frozenset[str]
    required: tuple[frozenset[str], ...]
    shape: CardShape
    number: int


class Catalog:
    """Shapes, found by words that a clause must have and by its first words.

    A wording is listed by the words of the smallest set of what it requires; one that requires nothing by its first
    words. Equal sets are one object: each holds up to some hundred words.
    """

    def __init__(self, shapes: Sequence[CardShape]) -> None:
        self.shapes = [*shapes]
        self._by_start: dict[str, list[_Wording]] = defaultdict(list)
        self._by_word: dict[str, list[_Wording]] = defaultdict(list)
        sets: dict[frozenset[str], frozenset[str]] = {}
        every = ((shape, number) for shape in shapes for number in range(len(shape.says)))
        for order, (shape, number) in enumerate(every):
            starts, *required = (
                sets.setdefault(words, words) for words in (shape.starts(number), *shape.required(number))
            )
            rarest, *others = sorted(required, key=len) or [frozenset()]
            wording = _Wording(order, starts, tuple(others), shape, number)
            for word in rarest or starts:
                (self._by_word if rarest else self._by_start)[word].append(wording)

    def may_fill(self, words: frozenset[str]) -> bool:
        """Whether a text with these words may match a wording that requires some. Fast, without clauses."""
        return next(self._requiring(words), None) is not None

    def fill(self, clause: str, verbatim: str = "") -> Filled:
        """Return the slots that a clause fills, by the first wording that matches it."""
        words = clause.casefold().split()
        subject = clause.partition(" ")[0]
        keys = {f"{subject} {words[1]}", f"{subject} "} if subject in ("I", "my") and len(words) > 1 else set()
        keys |= {words[0], ""} if words else set()
        candidates = {each.order: each for key in keys & self._by_start.keys() for each in self._by_start[key]}
        requiring = self._requiring(frozenset(words))
        candidates |= {each.order: each for each in requiring if not each.starts.isdisjoint(keys)}
        for order in sorted(candidates):
            wording = candidates[order]
            if filled := wording.shape.fill(wording.number, clause, verbatim):
                return filled
        return []

    def _requiring(self, words: frozenset[str]) -> Iterator[_Wording]:
        """Yield the wordings that require words, all of which are there."""
        for word in words & self._by_word.keys():
            for each in self._by_word[word]:
                if not any(map(words.isdisjoint, each.required)):
                    yield each


@cache
def catalog() -> Catalog:
    """All shapes of the data files. Raises ImportError, which names the file, if one cannot be read."""
    return Catalog(shapes())


@cache
def shapes() -> Sequence[CardShape]:
    """All shapes, in the order of the files."""
    return [shape for topic in _topics() for shape in _shapes(topic)]


@cache
def single_kinds() -> frozenset[str]:
    """The kinds of which a newer value replaces an older one, by the `single` lists of the files."""
    return frozenset(kind for topic in _topics() for kind in _read(topic).get("single", "").split())


def _topics() -> Sequence[str]:
    folder = resources.files("omoide.reasoner.extractive").joinpath("data", "cards")
    return sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))


@cache
def _read(topic: str) -> Mapping[str, Any]:
    file = resources.files("omoide.reasoner.extractive").joinpath("data", "cards", f"{topic}.toml")
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ImportError(f"the shapes in {file} cannot be read: {error}") from error


@cache
def _lists() -> Mapping[str, PhraseList]:
    """The lists of all files: a file may use those of others."""
    return {name: PhraseList(phrases) for topic in _topics() for name, phrases in _read(topic).get("lists", {}).items()}


def _shapes(topic: str) -> Iterator[CardShape]:
    for shape in _read(topic).get("shape", []):
        yield CardShape(
            topic,
            shape["says"],
            shape.get("fills", {}),
            {kind: [ended] if isinstance(ended, str) else ended for kind, ended in shape.get("ends", {}).items()},
            shape.get("event", False),
            shape.get("unless", ""),
            shape.get("examples", {}),
            _lists(),
        )
