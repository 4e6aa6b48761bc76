"""Closed word classes of English, as tables for restating sentences in the third person.

`words` looks up the open classes in a lexicon; `rewriting` and `coordination` use the tables.
"""

from __future__ import annotations

import re

from omoide.reasoner.extractive.word_lists import word_lists

_LISTS = word_lists("grammar")

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
"""A word with its inner apostrophes."""

FIRST_PERSON = frozenset({"i", "i'm", "i've", "i'll", "i'd", "me", "my", "mine", "myself"})
SUBJECT_FORMS = {"i": "", "i'm": "is", "i've": "has", "i'll": "will"}
"""First person subjects and their contracted verb in the third person. `i'd` is ambiguous (would, had): omitted."""

OTHERS = _LISTS.words("others")
"""Pronouns that cannot be replaced by one peer id."""

AUXILIARIES = {
    "am": "is", "was": "was", "wasn't": "wasn't",
    "have": "has", "haven't": "has not", "had": "had", "hadn't": "hadn't",
    "do": "does", "don't": "does not", "did": "did", "didn't": "didn't",
} | {
    modal: modal
    for modal in (
        "can", "can't", "cannot", "could", "couldn't", "will", "won't", "would", "wouldn't", "should", "shouldn't",
        "shall", "may", "might", "must", "mustn't",
    )
}  # fmt: skip
"""Auxiliaries after `I`, and their third person forms."""

LINKING = frozenset({"am", "have", "haven't", "was", "wasn't", "had", "hadn't"})
"""Auxiliaries without a following infinitive: a bare verb coordinated with them is finite and is conjugated."""

FINITE = frozenset(AUXILIARIES) | _LISTS.words("finite")

ADVERBS = _LISTS.words("adverbs")
ADVERB_PAIRS = frozenset({("kind", "of"), ("sort", "of"), ("pretty", "much"), ("no", "longer"), ("very", "much")})

PREPOSITIONS = _LISTS.words("prepositions")

PAST_FIRST = frozenset({"found", "saw", "felt", "fell"})
"""Past forms that are also rare base forms (to found, to saw, to felt, to fell); after `I` they are read as past."""

CLOSED = _LISTS.words("closed")

PAST_LINKING = frozenset({"was", "wasn't", "had", "hadn't"})
SPEECH = _LISTS.words("speech")
MAY_OPEN = PREPOSITIONS | _LISTS.words("may_open")
"""Words that may start a first person sentence, besides `I` and `my`."""
NOT_BEFORE_I = _LISTS.words("not_before_i")
NUMBERED = _LISTS.words("numbered")
INTRODUCES = _LISTS.words("introduces")
FOREIGN = _LISTS.words("foreign")
"""Frequent words of other languages in which sentences may start with `I`."""
CLAUSE_TAKING = _LISTS.words("clause_taking")
"""Verbs that may be followed by a clause with its own subject: `I know Tom and I are late`."""
CLAUSE_WORDS = _LISTS.words("clause_words")
NESTING = _LISTS.words("nesting")
"""Words that may put the clauses after them into another one: `Tom says he is late and he hates it`."""
CAUSING = _LISTS.words("causing")
"""Verbs that may be followed by a bare infinitive with its own subject: `I help people move`."""
NEGATIONS = _LISTS.words("negations")
GOING_TO = _LISTS.words("going_to")
PLAIN_PREDICATES = PREPOSITIONS | _LISTS.words("plain_predicates")
COORDINATORS = _LISTS.words("coordinators")
NEW_SUBJECTS = _LISTS.words("new_subjects")
TAKES_INFINITIVE = _LISTS.words("takes_infinitive")
FEELING = _LISTS.words("feeling")
ITS_OBJECTS = _LISTS.words("its_objects")
WORKING = _LISTS.words("working")
"""Verbs that are also nouns, but are verbs when coordinated and followed by a word of `AFTER_WORKING`."""
AFTER_WORKING = _LISTS.words("after_working")
