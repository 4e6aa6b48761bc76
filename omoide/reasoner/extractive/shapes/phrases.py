"""A list of phrases in a data file, as a field of shapes: "cat | dog", or by class "dog: beagle | poodle". Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

_PLURAL_MARK = "plural:"


class PhraseList:
    """Phrases separated by `|` or line ends. A line may begin with a heading and a colon: the class of its phrases.

    `*` stands for a part of a word, or before a space for one to three words. A phrase also matches in the plural if
    the list begins with "plural:".
    """

    def __init__(self, text: str) -> None:
        body = text.strip().removeprefix(_PLURAL_MARK)
        self._is_plural = text.strip() != body
        self._headings: dict[str, str] = {}
        self._singulars: dict[str, str] = {}
        self._patterns: list[tuple[str, str]] = []
        for line in filter(None, map(str.strip, body.splitlines())):
            heading, separator, phrases = line.partition(": ")
            separator = "" if "|" in heading else separator
            for phrase in filter(None, map(str.strip, (phrases if separator else line).split("|"))):
                self._add(phrase, heading if separator else phrase)

    def _add(self, phrase: str, heading: str) -> None:
        self._patterns.append((phrase, heading))
        for form in {phrase, *([_plural(phrase)] if self._is_plural else [])}:
            self._headings[form.casefold()] = heading
            self._singulars[form.casefold()] = phrase

    @cached_property
    def _by_word(self) -> Mapping[str, Sequence[tuple[int, str]]]:
        """Word → the patterns of phrases that have it, each with its rank: the longest first. Under "" those of phrases
        without a whole word."""
        found: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for rank, phrase in enumerate(sorted(self._headings, key=len, reverse=True)):
            found[_certain_word(phrase)].append((rank, _as_regex(phrase)))
        return found

    def regex(self, words: frozenset[str]) -> str:
        """A regular expression of the phrases that may be in a text with these lower-case words, the longest first.

        One of all phrases takes up to a hundred milliseconds to compile.
        """
        listed = self._by_word
        patterns = [*listed.get("", ()), *(each for word in words & listed.keys() for each in listed[word])]
        return "(?i:" + ("|".join(pattern for _, pattern in sorted(patterns)) or r"(?!)") + ")"

    def first_words(self) -> Iterator[str]:
        """The first words of the phrases; "" for any."""
        for phrase in self._headings:
            first = phrase.replace("'s", " 's").split(" ")[0]
            yield "" if "*" in first else first

    def certain_words(self) -> Iterator[str]:
        """A word of each phrase, "" for a phrase without a whole word."""
        for phrase in self._headings:
            yield _certain_word(phrase)

    def written(self, text: str) -> str:
        """The phrase as it is written on a card: in the case of the list where that has capitals."""
        known = self._singulars.get(text.casefold())
        return known if known is not None and known != known.lower() else text

    def heading(self, text: str) -> str:
        """The class of a phrase."""
        return self._headings.get(text.casefold()) or next(
            (heading for phrase, heading in self._patterns if re.fullmatch(_as_regex(phrase), text, re.I)), text
        )

    def sort(self, text: str) -> str:
        """The phrase, in the singular, if it is another than its class: "puppy" of dog; else empty."""
        known = self._singulars.get(text.casefold(), text)
        return "" if known == self.heading(text) else known


def _certain_word(phrase: str) -> str:
    """The longest whole word of a phrase; "" if it has none."""
    return max((word for word in phrase.replace("'s", " 's").split(" ") if "*" not in word), key=len, default="")


def _plural(phrase: str) -> str:
    if phrase.endswith(("s", "sh", "ch", "x")):
        return f"{phrase}es"
    if phrase.endswith("y") and phrase[-2:-1] not in "aeiou":
        return f"{phrase[:-1]}ies"
    if phrase.endswith(("wolf", "calf")):
        return f"{phrase[:-1]}ves"
    return f"{phrase}s"


def _as_regex(phrase: str) -> str:
    escaped = re.escape(phrase.replace("'s", " 's")).replace(r"\ ", " ")
    if escaped.endswith(r" \*"):
        escaped = escaped.removesuffix(r" \*") + r" [\w'-]+(?: [\w'-]+){0,2}"
    return escaped.replace(r"\* ", r"(?:[\w'-]+ ){1,3}").replace(r"\*", r"[\w-]+")
