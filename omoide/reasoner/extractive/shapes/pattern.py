"""Compile the pattern of a shape ("I have a {animal} (named|called) {name}") to a regular expression.

A pattern consists of words, `(a|b)` alternatives, `[a|b]` optional parts and `{field}` values. Groups may be nested. It
has to match a whole clause; what tells only a time may follow ("for two years now").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from omoide.core.text_cache import text_cache
from omoide.reasoner.extractive.shapes.text import third_person
from omoide.reasoner.extractive.word_lists import word_lists

ANY, CORE, CLAUSE = "any_", "core", "clause"
_WORDS_BEFORE = (
    r"(?:(?!(?i:at|for|in|and|with|who|by|from|on|to|but|or|as|not|no|of|that|my|your|the|an?) )"
    r"[^\W\d_][\w'&/+#.-]* ){0,4}?"
)
_TOKEN = re.compile(r"\{[a-z_]+\d?\}|[()\[\]|]|'s|(?:(?!'s)[^\s()\[\]{}|])+")

_TAIL = "|".join(word_lists("card_text").lines("tails"))
_TAILS = re.compile(rf"(?:(?:, )?(?i:{_TAIL}) )*")
_TAILS_OF_EVENTS = re.compile(rf"(?:(?:, )?(?i:{_TAIL}|today|this (?:morning|afternoon|evening)) )*")
"""What may follow what a pattern matches."""
_STOP, _MARK = "\2", "\3"
_END = f"(?=([^{_STOP}]*){_STOP}.*{_MARK}\\{{}}{_MARK})"
"""The rest of a clause that is one of those listed after it by `_with_tails`: much faster to compile than the tails."""
CACHED_CLAUSES = 512

Fields = Mapping[str, str | None]
"""Regular expressions of fields by name; None for a field of any text."""


class InvalidPattern(ValueError):
    """The pattern cannot be compiled."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern. `groups` are the names of the fields by group of the regular expression."""

    regex: re.Pattern[str]
    groups: Mapping[str, str]
    is_event: bool

    def match(self, clause: str) -> dict[str, str] | None:
        """Return the fields of a clause that ends with a space; None if it does not match."""
        found = self.regex.match(_with_tails(clause, self.is_event))
        if found is None:
            return None
        texts = ((name, found[group]) for group, name in self.groups.items())
        fields = {
            name: text.strip(" ,").replace(" ,", ",").replace(" 's", "'s") for name, text in texts if text is not None
        }
        core = found[CORE].strip(" ,").replace(" ,", ",").replace(" 's", "'s")
        return {**fields, CORE: core, CLAUSE: third_person(core)}


def compile_pattern(text: str, fields: Fields, *, is_event: bool = False) -> Pattern:
    """Compile a pattern; `is_event` lets "today" follow. Raises InvalidPattern."""
    parser = _Parser(text, fields)
    regex = parser.parse()
    end = _END.format(len(parser.groups) + 2)
    return Pattern(re.compile(f"(?P<{CORE}>{regex}){end}"), parser.groups, is_event)


@text_cache(maxsize=CACHED_CLAUSES)
def _with_tails(clause: str, is_event: bool) -> str:  # cached by position
    """The clause, and after it each end of it that tells only a time."""
    tails = _TAILS_OF_EVENTS if is_event else _TAILS
    starts = (at + 1 for at, letter in enumerate(clause) if letter == " ")
    return clause + _STOP + "".join(f"{_MARK}{clause[at:]}{_MARK}" for at in starts if tails.fullmatch(clause, at))


class _AnyText(dict[str, str]):
    """Fields that may be any words."""

    def __missing__(self, name: str) -> str:
        return r"[^ ]+(?: [^ ]+)*?"


def compile_outline(text: str) -> re.Pattern[str]:
    """Compile what a clause that the pattern matches begins with, whatever its fields are.

    Few outlines match, so few patterns are compiled with the phrases of their lists.
    """
    return re.compile(_Parser(text, _AnyText()).parse())


def first_words(text: str, fields: Callable[[str], Iterator[str]]) -> frozenset[str]:
    """Return the words with which a clause may start that the pattern matches, in lower case; "" if any word may.

    After `I` and `my` it is the second word, with the first: "I have". `fields` gives the first words of a field.
    """
    return frozenset(_starts(_tree(text), fields))


def plain_name(field: str) -> str:
    """The name of a field without its number: `{name2}` is a second name."""
    return field.rstrip("23456789")


def list_name(field: str) -> str:
    """The list of a field: `{any_occupation}` is up to four words that end with a phrase of `occupation`."""
    return plain_name(field).removeprefix(ANY)


@cache
def list_names(text: str) -> Sequence[str]:
    """The fields of a pattern by the names of their lists."""
    return [*dict.fromkeys(list_name(word[1:-1]) for word in _TOKEN.findall(text) if word.startswith("{"))]


def required_words(text: str, fields: Callable[[str], Iterator[str]]) -> tuple[frozenset[str], ...]:
    """Return sets of words of each of which a clause that matches has one, in lower case.

    `fields` gives a word of each phrase of a field, "" for a phrase without a certain word.
    """
    (sequence, *others) = _tree(text)
    sets = [] if others else [frozenset(_words_of(item, fields)) for item in sequence]
    return tuple(each for each in sets if each and "" not in each and each.isdisjoint(_EVERYWHERE))


_EVERYWHERE = frozenset({"i", "my", "a", "an", "the", "is", "am", "are", "have", ","})


def _words_of(item: object, fields: Callable[[str], Iterator[str]]) -> Iterator[str]:
    if isinstance(item, tuple):
        optional, tree = item
        for sequence in tree:
            sets = [] if optional else [{*_words_of(each, fields)} for each in sequence]
            yield from next((words for words in sets if words and "" not in words), {""})
    elif str(item).startswith("{"):
        yield from fields(str(item)[1:-1])
    else:
        yield str(item).casefold()


class _Parser:
    def __init__(self, text: str, fields: Fields) -> None:
        self._text = text
        self._fields = fields
        self.groups: dict[str, str] = {}

    def parse(self) -> str:
        return self._alternatives(_tree(self._text))

    def _alternatives(self, tree: list[list[object]]) -> str:
        return "(?:" + "|".join("".join(map(self._item, sequence)) for sequence in tree) + ")"

    def _item(self, item: object) -> str:
        if isinstance(item, tuple):
            optional, tree = item
            # A word that a value may begin with as well is left to the value: "golden" of "golden retriever".
            is_field = all(len(sequence) == 1 and str(sequence[0]).startswith("{") for sequence in tree)
            return self._alternatives(tree) + (("??" if is_field else "?") if optional else "")
        word = str(item)
        if word.startswith("{"):
            return self._field(word[1:-1])
        return f"(?i:{re.escape(word)}) "

    def _field(self, name: str) -> str:
        plain = list_name(name)
        if plain not in self._fields and not isinstance(self._fields, _AnyText):
            raise InvalidPattern(f"{self._text!r} has an unknown field {name!r}")
        group = f"f{len(self.groups)}"
        self.groups[group] = name
        before = _WORDS_BEFORE if name.startswith(ANY) else ""
        return f"(?P<{group}>{before}{self._fields[plain] or '.+?'}) "


def _tree(text: str) -> list[list[object]]:
    """Parse into alternatives, each a sequence of words, fields and groups (whether optional, alternatives)."""
    tokens = _TOKEN.findall(text)
    tree, end = _alternatives(tokens, 0, text)
    if end != len(tokens):
        raise InvalidPattern(f"{text!r} has a bracket too many")
    return tree


def _alternatives(tokens: list[str], at: int, text: str) -> tuple[list[list[object]], int]:
    tree: list[list[object]] = [[]]
    while at < len(tokens) and tokens[at] not in ")]":
        if tokens[at] == "|":
            tree.append([])
        elif tokens[at] in "([":
            inner, end = _alternatives(tokens, at + 1, text)
            if end >= len(tokens):
                raise InvalidPattern(f"{text!r} has an open bracket")
            tree[-1].append((tokens[at] == "[", inner))
            at = end
        else:
            tree[-1].append(tokens[at])
        at += 1
    return tree, at


def _starts(tree: list[list[object]], fields: Callable[[str], Iterator[str]], lead: str = "") -> Iterator[str]:
    for sequence in tree:
        yield from _starts_of(sequence, fields, lead)


def _starts_of(sequence: list[object], fields: Callable[[str], Iterator[str]], lead: str) -> Iterator[str]:
    for number, item in enumerate(sequence):
        if isinstance(item, tuple):
            optional, tree = item
            for alternative in tree:
                yield from _starts_of([*alternative, *sequence[number + 1 :]], fields, lead)
            if optional:
                continue
            return
        word = str(item)
        if not lead and word in ("I", "my"):
            yield from _starts_of(sequence[number + 1 :], fields, f"{word} ")
        elif word.startswith("{"):
            yield from (f"{lead}{each.casefold()}" if each else lead for each in fields(word[1:-1]))
        else:
            yield f"{lead}{word.casefold()}"
        return
    yield lead
