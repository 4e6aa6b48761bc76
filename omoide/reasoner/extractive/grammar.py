"""Closed word classes of English, as tables for restating sentences in the third person.

`words` looks up the open classes in a lexicon; `rewriting` and `coordination` use the tables.
"""

from __future__ import annotations

import re


def table(text: str) -> frozenset[str]:
    """Return the set of words in a text."""
    return frozenset(text.split())


WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
"""A word with its inner apostrophes."""

FIRST_PERSON = frozenset({"i", "i'm", "i've", "i'll", "i'd", "me", "my", "mine", "myself"})
SUBJECT_FORMS = {"i": "", "i'm": "is", "i've": "has", "i'll": "will"}
"""First person subjects and their contracted verb in the third person. `i'd` is ambiguous (would, had): omitted."""

OTHERS = table(
    """
    we us our ours ourselves you your yours yourself yourselves ya u ur thou thee y'all lets
    """
)
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

FINITE = frozenset(AUXILIARIES) | table("is are were has does isn't aren't weren't hasn't doesn't")

ADVERBS = table(
    """
    really always usually never also just still now often sometimes rarely seldom mostly probably definitely
    actually recently currently finally generally absolutely totally quite hardly barely almost nearly then once
    soon personally especially normally typically occasionally simply truly deeply strongly only even already ever
    mainly largely partly kinda sorta too not honestly basically certainly clearly completely constantly
    frequently fully genuinely gladly greatly highly immediately lately literally obviously officially originally
    particularly perhaps maybe possibly previously primarily quickly regularly secretly seriously slowly somehow
    sincerely therefore thus thoroughly today tonight yesterday tomorrow ultimately unfortunately sadly luckily
    fortunately instead
    """
)
ADVERB_PAIRS = frozenset({("kind", "of"), ("sort", "of"), ("pretty", "much"), ("no", "longer"), ("very", "much")})

PREPOSITIONS = table(
    """
    in on at since during until for from after before with without by as near to around under over into about
    """
)

PAST_FIRST = frozenset({"found", "saw", "felt", "fell"})
"""Past forms that are also rare base forms (to found, to saw, to felt, to fell); after `I` they are read as past."""

CLOSED = table(
    """
    a an the and or but nor so yet if of to in on at by for from with without about as than that this these those
    who whom whose which what when where why how because while since until after before through during over under
    into onto between he she it they him her them his hers its their theirs me my mine myself himself herself
    itself themselves each every both all any some no not one two three four five six seven eight nine ten hundred
    thousand against among around behind beside besides near off per toward towards upon via within up down out
    though although is are was were be been
    """
)

PAST_LINKING = frozenset({"was", "wasn't", "had", "hadn't"})
SPEECH = table(
    """
    say says said saying tell tells told telling claim claims claimed joke joked jokes write writes wrote ask asks
    asked reply replied answer answered shout shouted scream screamed quote quoted quotes yell yelled
    """
)
MAY_OPEN = PREPOSITIONS | table(
    """
    when while because although though once whenever wherever last next this every these those today tonight
    yesterday tomorrow now then currently recently lately usually sometimes often also still originally personally
    normally generally mostly what where here there first second finally unfortunately luckily sadly fortunately
    """
)
"""Words that may start a first person sentence, besides `I` and `my`."""
NOT_BEFORE_I = table(
    """
    or nor than as like if not either neither me between wish was is are were am do does did has have had can
    could will would shall should may might must don't didn't can't won't
    """
)
NUMBERED = table(
    """
    war phase type part class stage chapter volume level act title grade tier book vitamin section article
    """
)
INTRODUCES = table("in on at since during until for from by last next this every")
FOREIGN = table(
    """
    di il che del della dei delle sono ed och att det som är på jag jeg ikke og af til er w z na jest nie się
    """
)
"""Frequent words of other languages in which sentences may start with `I`."""
CLAUSE_TAKING = table(
    """
    think thought know knew believe believed feel felt guess guessed hope hoped mean meant see saw hear heard find
    found understand understood learn learned realize realized notice noticed remember remembered forget forgot
    love like hate doubt expect assume assumed trust fear worry worried care regret said prefer figure figured
    decided
    """
)
"""Verbs that may be followed by a clause with its own subject: `I know Tom and I are late`."""
CLAUSE_WORDS = table(
    """
    who that which whose where because when while after before until since as than so how what why although though
    """
)
CAUSING = table("help helped make made watch watched see saw hear heard feel felt let")
"""Verbs that may be followed by a bare infinitive with its own subject: `I help people move`."""
NEGATIONS = table("not never don't didn't can't cannot won't couldn't wouldn't shouldn't mustn't")
GOING_TO = table("going trying planning hoping able learning")
PLAIN_PREDICATES = PREPOSITIONS | table("a an the my not also still")
COORDINATORS = table("and or but yet then nor plus")
NEW_SUBJECTS = table(
    """
    he she it they who that which whose where when why how what because while since although though so everyone
    someone nobody people my his her their the a an this these those there before after until whereas
    """
)
TAKES_INFINITIVE = table(
    """
    want need like love hope plan try prefer have intend expect used hate learn decide start begin continue tend
    wanted needed liked loved hoped planned tried preferred had intended expected hated learned decided started
    began
    """
)
FEELING = table("love hate like miss need want")
ITS_OBJECTS = table("my him them it to")
WORKING = table(
    """
    work live study play run walk travel volunteer swim dance cook hike train camp shop garden sail surf ski
    """
)
"""Verbs that are also nouns, but are verbs when coordinated and followed by a word of `AFTER_WORKING`."""
AFTER_WORKING = table("at as for in from with on near")
