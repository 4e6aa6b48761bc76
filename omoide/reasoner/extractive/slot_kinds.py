"""Names of the slot kinds.

A kind that ends with a colon is a prefix: `pet:dog`, `relation:wife`, `favourite:food`.
"""

from __future__ import annotations

HOME, NAME, AGE, WORK, EMPLOYER, BIRTHDAY, DIET = "home", "name", "age", "work", "employer", "birthday", "diet"
ORIGIN, BIRTHPLACE, BORN, PRONOUNS = "origin", "birthplace", "born", "pronouns"
LIKES, DISLIKES, PREFERS, ALLERGY = "likes", "dislikes", "prefers", "allergy"
CALL_ME, INSTRUCTION, LANGUAGE, LENGTH = "call_me", "instruction", "instruction:language", "instruction:length"
PET, RELATION, FAVOURITE = "pet:", "relation:", "favourite:"

TASTES = frozenset({LIKES, DISLIKES})
INSTRUCTIONS = frozenset({INSTRUCTION, LANGUAGE, LENGTH})
UNCHANGING = frozenset({BIRTHDAY, BIRTHPLACE, BORN, ORIGIN})
"""Kinds whose value cannot change: of two different values one is wrong."""
SINGLE = UNCHANGING | {HOME, NAME, AGE, WORK, EMPLOYER, DIET, PRONOUNS, CALL_ME, LANGUAGE, LENGTH}
"""Kinds with one value at a time; favourites have one as well."""
