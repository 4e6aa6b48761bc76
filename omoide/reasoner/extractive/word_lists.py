"""Word lists, read from the TOML files in `data/`, one per topic.

A list is a text: words separated by white space, or phrases separated by line ends and `|`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, TypeVar

T = TypeVar("T")


@cache
def word_lists(topic: str) -> WordLists:
    """The lists of `data/<topic>.toml`. Raises ImportError, which names the file, if it is missing or invalid."""
    file = resources.files(__package__).joinpath("data", f"{topic}.toml")
    try:
        return WordLists(str(file), tomllib.loads(file.read_text("utf-8")))
    except (OSError, ValueError) as error:
        raise ImportError(f"the word lists in {file} cannot be read: {error}") from error


class WordLists:
    """The lists of one file. Each method raises ImportError, which names the file, if there is no such list."""

    def __init__(self, file: str, lists: Mapping[str, Any]) -> None:
        self._file = file
        self._lists = lists

    def names(self) -> Sequence[str]:
        """The names of the lists."""
        return [*self._lists]

    def words(self, name: str) -> frozenset[str]:
        return frozenset(self.text(name).split())

    def phrases(self, name: str) -> frozenset[str]:
        return frozenset(phrase for line in self.lines(name) for phrase in line.split("|"))

    def lines(self, name: str) -> Sequence[str]:
        return self.text(name).splitlines()

    def any_of(self, name: str) -> str:
        """A regular expression that matches one of the words, where an underscore represents a space."""
        return "(?:" + "|".join(word.replace("_", " ") for word in self.text(name).split()) + ")"

    def tables(self, name: str) -> Sequence[Mapping[str, Any]]:
        """An array of tables."""
        return self._value(name, list)

    def section(self, name: str) -> WordLists:
        """The lists of a table."""
        return WordLists(f"{self._file}, {name},", self._value(name, dict))

    def numbers(self, name: str) -> Mapping[str, float]:
        """A table of numbers."""
        return self._value(name, dict)

    def text(self, name: str) -> str:
        return self._value(name, str)

    def _value(self, name: str, kind: type[T]) -> T:
        value = self._lists.get(name)
        if not isinstance(value, kind):
            raise ImportError(f"{self._file} has no {name}")
        return value
