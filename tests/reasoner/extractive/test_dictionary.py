"""Our own reading of lemminflect's tables."""

from __future__ import annotations

import random

from lemminflect import config  # type: ignore[import-untyped]
from lemminflect.codecs.InflectionLUCodec import InflectionLUCodec  # type: ignore[import-untyped]
from lemminflect.codecs.LemmaLUCodec import LemmaLUCodec  # type: ignore[import-untyped]

from omoide.reasoner.extractive.dictionary import getInflection, inflection_table, lemma_table

ABSENT = ["", ",", "aa,noun", "zzzzzz", "\udcff", "Ångström", "a\nb", "'d,"]


def test_every_word_has_the_lemmas_of_the_original_table() -> None:
    original, table = LemmaLUCodec.load(config.lemma_lu_fn), lemma_table()
    for word in [*random.Random(1).sample([*original], 2_000), *[*original][:50], *[*original][-50:]]:
        assert table.get(word, {}) == original[word], word


def test_every_lemma_has_the_inflections_of_the_original_table() -> None:
    original, table = InflectionLUCodec.load(config.inflection_lu_fn), inflection_table()
    for word in [*random.Random(1).sample([*original], 2_000), *[*original][:50], *[*original][-50:], "be", "can"]:
        assert table.get(word, {}) == original[word], word


def test_a_word_that_is_not_in_the_table_has_no_entry() -> None:
    for table in (lemma_table(), inflection_table()):
        assert [table.get(word, {}) for word in ABSENT] == [{}] * len(ABSENT)


def test_unknown_verbs_are_inflected_by_rules() -> None:
    assert getInflection("vlog", "VBD") == ("vlogged",)
