"""lemminflect with small tables: its own loader takes 51 MB and 0.4 s for 3 MB of text, in each process.

The lines of its files are sorted, so a word is looked up by bisection and only its lines are parsed. That takes 10 µs;
`lexicon` and `terms` cache what they look up.
"""

from __future__ import annotations

import gzip
import re
from array import array
from bisect import bisect_left
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import lemminflect  # type: ignore[import-untyped]
from lemminflect import config
from lemminflect.codecs.InflectionLUCodec import InflectionLUCodec  # type: ignore[import-untyped]
from lemminflect.codecs.LemmaLUCodec import LemmaLUCodec  # type: ignore[import-untyped]
from lemminflect.core.LexicalUtils import categoryToUPos  # type: ignore[import-untyped]

from omoide.core.text_cache import text_cache

CACHED_WORDS = 16_384

Entry: TypeAlias = dict[str, tuple[str, ...]]


class WordTable:
    """A gzipped file of sorted lines that begin with a word and a comma. Has the only method that lemminflect calls."""

    def __init__(self, path: Path, parse: Callable[[str], Entry], fixed: Mapping[str, Entry] | None = None) -> None:
        """`parse` reads a line; `fixed` entries take precedence over the file's."""
        self._text = gzip.decompress(path.read_bytes())
        self._starts = array("I", [0, *(match.end() for match in re.finditer(rb"\n(?=.)", self._text))])
        self._parse = parse
        self._fixed = fixed or {}

    def get(self, word: str, default: Entry) -> Entry:
        """The entry of the word, joined from its lines; `default` if it has none."""
        if word in self._fixed:
            return self._fixed[word]
        key = word.encode("utf-8", "surrogatepass")
        entry: Entry = {}
        line = bisect_left(self._starts, key, key=self._word_at)
        while line < len(self._starts) and self._word_at(self._starts[line]) == key:
            start = self._starts[line]
            entry |= self._parse(self._text[start : self._text.find(b"\n", start)].decode())
            line += 1
        return entry or default

    def _word_at(self, start: int) -> bytes:
        return self._text[start : self._text.index(b",", start)]


def _lemmas(line: str) -> Entry:
    _, category, forms = LemmaLUCodec.fromString(line)
    return {categoryToUPos(category): forms}


def _inflections(line: str) -> Entry:
    entry: Entry = InflectionLUCodec.fromString(line)[2]
    return entry


def lemma_table() -> WordTable:
    """Word → its lemmas by word class."""
    return WordTable(Path(config.lemma_lu_fn), _lemmas)


def inflection_table() -> WordTable:
    """Lemma → its forms by tag."""
    return WordTable(Path(config.inflection_lu_fn), _inflections, InflectionLUCodec.updateForAuxMod({}))


def _install(lemmatizer: Any, inflections: Any) -> None:
    # Both would load their files at the first look-up otherwise.
    lemmatizer.lemma_dict = lemma_table()
    inflections.infl_dict = inflection_table()


_install(lemminflect.Lemmatizer(), lemminflect.Inflections())
getAllLemmas = text_cache(maxsize=CACHED_WORDS)(lemminflect.getAllLemmas)  # noqa: N816  # its own names
getInflection = lemminflect.getInflection  # noqa: N816
