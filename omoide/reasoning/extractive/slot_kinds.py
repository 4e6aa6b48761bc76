"""The kinds of slots: what may be known about a peer. Names only.

Those that end in a colon are followed by what they are of: `pet:dog`, `relation:wife`, `favourite:food`.
"""

from __future__ import annotations

HOME, NAME, AGE, WORK, EMPLOYER, BIRTHDAY, DIET = "home", "name", "age", "work", "employer", "birthday", "diet"
ORIGIN, BIRTHPLACE, BORN, PRONOUNS = "origin", "birthplace", "born", "pronouns"
LIKES, DISLIKES, PREFERS, ALLERGY = "likes", "dislikes", "prefers", "allergy"
CALL_ME, INSTRUCTION, LANGUAGE = "call_me", "instruction", "instruction:language"
PET, RELATION, FAVOURITE = "pet:", "relation:", "favourite:"

TASTES = frozenset({LIKES, DISLIKES})
INSTRUCTIONS = frozenset({INSTRUCTION, LANGUAGE})
UNCHANGING = frozenset({BIRTHDAY, BIRTHPLACE, BORN, ORIGIN})
"""What stays for life: of two values one was wrong from the start."""
SINGLE = UNCHANGING | {HOME, NAME, AGE, WORK, EMPLOYER, DIET, PRONOUNS, CALL_ME, LANGUAGE}
"""Of these, and of favourites, there is one value at a time."""
