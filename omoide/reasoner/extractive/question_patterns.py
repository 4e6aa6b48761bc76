"""Table of question patterns and the slot kinds that answer them, best first.

A pattern matches a whole normalized clause: `@` replaces the peers in question, and politeness and words like "now" are
removed. A group's text completes a kind that ends with a colon; without a group, such a kind is a prefix that matches
all kinds that start with it.
"""

from __future__ import annotations

import re

from omoide.reasoner.extractive.slot_kinds import (
    AGE,
    ALLERGY,
    BIRTHDAY,
    BIRTHPLACE,
    BORN,
    CALL_ME,
    DIET,
    DISLIKES,
    EMPLOYER,
    FAVOURITE,
    HOME,
    INSTRUCTION,
    LANGUAGE,
    LIKES,
    NAME,
    ORIGIN,
    PET,
    PREFERS,
    PRONOUNS,
    RELATION,
    WORK,
)
from omoide.reasoner.extractive.slot_words import RELATIONS, SPECIES

_BE = r"(?:'s|'re| is| are| was| were)"
_DO = r"(?:do|does|did|is|are|was|were|has|have)"
Row = tuple[str, tuple[str, ...]]
_ROWS: tuple[Row, ...] = (
    (
        rf"where (?:{_DO} )?@ (?:currently |now |still )?(?:lives?|living|based|residing|resides?|located|home"
        r"|staying|settled|moved? to|used to live)(?: in| at)?(?: before| previously| earlier| in \d{4})?"
        rf"|where{_BE} @(?:'s (?:home|house|flat|apartment|place))?(?: located| based| living)?"
        r"|(?:in |to )?(?:what|which) (?:city|town|country|place|state|village|part of the world)"
        r" (?:do|does|did|is|has) @ (?:currently |now |still )?(?:live|living|based|reside|move to|moved to|call home)"
        r"(?: in)?(?: before)?"
        r"|(?:what(?:'s| is|'re| are) )?@'s (?:home|city|location|home city|place of residence|residence)",
        (HOME,),
    ),
    (rf"(?:what{_BE} )?@'s (?:first |full |real )?name|what @ (?:is |are )?called"
     r"|what(?:'s| is| are) @ called"
     r"|how (?:should|do|can) @ (?:call|address) @|what (?:should|do|can|does) @ call @|what @ wants? to be called"
     r"|what does @ (?:want|like|prefer) to be called", (NAME, CALL_ME)),
    (r"(?:what(?:'s| is) )?@'s (?:nick ?name|preferred name)", (CALL_ME,)),
    (rf"how old{_BE} @|how old @(?: is| are)?|(?:what{_BE} )?@'s age|what age{_BE} @",
     (AGE, BORN, BIRTHDAY)),
    (rf"where (?:{_DO} )?@ (?:currently |now )?(?:works?|working|employed)(?: at| for)?(?: before| previously)?"
     r"|who(?:m)? (?:do|does|did|is) @ (?:currently |now )?(?:work|working) (?:for|at)"
     rf"|(?:for )?(?:what|which) (?:company|firm|organi[sz]ation|employer) (?:do|does|did|is) @ (?:work|working)"
     rf"(?: for| at)?|(?:(?:what|who){_BE} )?@'s (?:employer|company|workplace|place of work)",
     (EMPLOYER, WORK)),
    (rf"(?:what{_BE} )?@'s (?:job|occupation|profession|work|job title|role|career|current job)(?: title)?"
     r"|what (?:do|does|did) @ do(?: for (?:a living|work|@'s living)| professionally)?"
     rf"|what @ does(?: for (?:a living|work))?|what kind of (?:work|job) (?:do|does) @ (?:do|have)"
     r"|(?:what|which) job (?:do|does|did) @ have|as what (?:do|does) @ work|what (?:do|does) @ work as",
     (WORK, EMPLOYER)),
    (rf"(?:when{_BE} |what{_BE} |on what day is |what day is )?@'s (?:birthday|birth ?date|date of birth)"
     r"|when (?:was|is|were) @ born|when (?:do|does) @ (?:celebrate @'s birthday|have @'s birthday)"
     r"|(?:in )?(?:what|which) year (?:was|were) @ born",
     (BIRTHDAY, BORN)),
    (r"where (?:was|were) @ born|(?:what(?:'s| is) )?@'s (?:birthplace|place of birth)"
     r"|(?:in )?(?:what|which) (?:city|town|country) (?:was|were) @ born(?: in)?", (BIRTHPLACE, ORIGIN)),
    (r"where (?:is|are|does|do|did) @ (?:originally )?(?:come |came )?from(?: originally)?"
     r"|(?:what|which) country (?:is|are|does) @ (?:come )?from|(?:what(?:'s| is) )?@'s (?:origin|home ?town)",
     (ORIGIN, BIRTHPLACE)),
    (r"(?:is|are) @ (?:an? )?(?:strict )?(?:vegetarian|vegan|pescatarian)|(?:what(?:'s| is) )?@'s diet"
     r"|(?:do|does) @ eat meat|what kind of diet (?:do|does) @ (?:have|follow)"
     r"|(?:do|does) @ have (?:any )?dietary (?:restrictions|requirements|needs)", (DIET, ALLERGY)),
    (r"(?:what|which foods?|which food) (?:is|are) @ allergic to|what @ (?:is|are) allergic to"
     r"|(?:what(?:'s| is| are) )?@'s allerg(?:y|ies)|(?:does|do) @ have (?:any |an )?allerg(?:y|ies)"
     r"|(?:is|are) @ allergic to anything|what allergies (?:does|do) @ have", (ALLERGY,)),
    (r"(?:what(?:'s| are) )?@'s pronouns|(?:what|which) pronouns (?:do|does) @ (?:use|go by|prefer)",
     (PRONOUNS,)),
    (r"what (?:do|does) @ (?:really )?(?:like|love|enjoy)(?: to do| doing| most)?|what @ (?:likes?|loves?|enjoys?)"
     r"|(?:what(?:'s| are) )?@'s (?:likes|interests|hobbies|passions|hobby|tastes)"
     r"|(?:what|which) (?:hobbies|interests) (?:do|does) @ have|what(?:'s| is| are) @ (?:into|interested in|fond of)",
     (LIKES, PREFERS, FAVOURITE)),
    (r"what (?:do|does) @ (?:dislike|hate|detest|not like|not enjoy)|what (?:do|does)n't @ (?:like|enjoy)"
     r"|what can't @ stand|(?:what(?:'s| are) )?@'s dislikes|what @ (?:dislikes|hates|does not like|doesn't like)",
     (DISLIKES,)),
    (r"what (?:do|does) @ prefer|what @ prefers?|(?:what(?:'s| are) )?@'s preferences?",
     (PREFERS, LIKES, DISLIKES)),
    (r"(?:(?:what|which|who)(?:'s| is| are) )?@'s favou?rite (?P<what>\w+)", (FAVOURITE,)),
    (r"(?:what|which) (?P<what>\w+) (?:do|does) @ (?:like|love|enjoy) (?:the )?(?:best|most)", (FAVOURITE,)),
    (r"who (?:is|are) @ married to", tuple(RELATION + each for each in ("wife", "husband", "spouse", "partner"))),
    (r"(?:(?:what|which|who)(?:'s| is| are) )?@'s (?:pets?)(?:'s? names?)?"
     r"|(?:what|which) (?:kind of )?pets? (?:do|does) @ (?:have|own|keep)|(?:do|does) @ have (?:a |any )?pets?",
     (PET,)),
    (r"(?:in )?(?:what|which) language (?:should|do|does|shall|can) @ (?:answer|reply|respond|speak|write|talk|use"
     r"|prefer|want)(?: in| to)?(?: (?:@|answers|replies))?(?: in)?", (LANGUAGE,)),
    (r"(?:(?:what|which)(?:'s| is| are) )?@'s (?:standing )?instructions?"
     r"|how should @ (?:answer|reply|respond(?: to @)?|talk to @)"
     r"|how (?:do|does) @ (?:want|like|prefer) (?:answers|replies|responses|to be answered"
     r"|@ to (?:answer|reply|respond))",
     (INSTRUCTION, LANGUAGE, CALL_ME)),
)  # fmt: skip


def _kin(prefix: str, nouns: frozenset[str]) -> Row:
    """Return the row for questions about the name of a pet or relative."""
    noun = f"({'|'.join(sorted(nouns, key=len, reverse=True))})"
    pattern = (
        rf"(?:(?:what|who)(?:'s| is|'re| are) )?@'s {noun}s?(?:'s?)?(?: names?)?(?: called| named)?"
        rf"|(?:(?:what|who)(?:'s| is| are) )?the names? of @'s {noun}s?|how is @'s {noun} (?:called|named)"
        rf"|(?:what|how|who) @'s {noun}(?: name)?s? (?:is|are)(?: called| named)?"
    )
    return pattern, (prefix,)


_ALL = (*_ROWS, _kin(PET, SPECIES), _kin(RELATION, RELATIONS))
SHAPES = tuple((re.compile(pattern), kinds) for pattern, kinds in _ALL)
