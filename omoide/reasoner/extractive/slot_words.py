"""Word tables for slots: occupations, relatives, animals, countries, and exceptions. Lower case.

A missing word leaves a slot empty, a wrong one fills it incorrectly. Therefore only words that are unambiguous after
"is a", "'s" or "lives in" are listed.
"""

from __future__ import annotations

from omoide.reasoner.extractive.word_lists import word_lists

_LISTS = word_lists("slots")

OCCUPATIONS = _LISTS.words("occupations")

NOT_AT_WORK = _LISTS.words("not_at_work")
"""Words before an occupation that make it past, future, or praise."""

SPECIES = _LISTS.words("species")
PLURAL_SPECIES = {f"{each}s": each for each in SPECIES - {"puppy"}} | {"puppies": "puppy"}

ONE_RELATION = _LISTS.words("one_relation")
"""Relations to one person at a time: a new name replaces the old one."""
RELATIONS = ONE_RELATION | _LISTS.words("many_relations")

WIDE_AREAS = _LISTS.phrases("wide_areas")
"""Areas that contain towns, so that living in both is not a contradiction."""

NOT_PLACES = _LISTS.words("not_places")
"""Capitalised words after "moves to" that are not places."""

NOT_NAMES = _LISTS.words("not_names")
"""Capitalised words after "is" that are attributes or times, not names."""

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

INSTRUCTION_VERBS = _LISTS.words("instruction_verbs")
