"""Recognize small talk: greetings, thanks, assent, fillers. Tables for a few major languages.

`is_smalltalk` compares whole utterances part by part; `without_opening` strips openings such as "Yes,". A phrase that
is not in a table is not small talk.
"""

from __future__ import annotations

import re

from omoide.core.text_cache import text_cache
from omoide.reasoner.extractive.word_lists import word_lists

CACHED_SENTENCES = 2_048
"""Each sentence is checked twice in a row: for small talk, and for a statement."""

PHRASES = word_lists("smalltalk").phrases("phrases")

_PARTS = re.compile(r"[^\w' \u0300-\u036f\u064b-\u0652\u0900-\u0963\u0966-\u097f\u0e00-\u0e7f]+")
"""Separators of phrases. The ranges are combining marks (accents, vowels), which are part of words but not letters."""
_GREETING = re.compile(
    r"(?:hi|hello|hey|dear|good (?:morning|afternoon|evening|night)|welcome|bye|goodbye|hola|bonjour|hallo|ciao|olá)"
    r"(?: (?:there|all|everyone|everybody|again|team|folks|guys|(?-i:[A-Z])[\w'-]*)){0,3}",
    re.IGNORECASE,
)
_WISH = re.compile(
    r"(?:many )?(?:thanks(?! to)|thank you|congratulations|congrats|sorry (?:for|about|to)|welcome to|good luck"
    r"|happy (?:birthday|new year|holidays)|see you|talk to you|have (?:a|an) (?:nice|good|great|lovely|safe)"
    r"|i(?:'m| am) (?:so |very |really )?(?:sorry|glad) (?:for|about|to hear)|apologies for|nice to (?:meet|see|hear)"
    r"|i hope (?:you(?:'re| are)|this (?:finds|helps)|that helps|all is well)|no worries|no problem"
    r"|(?:i(?:'m| am) |(?:i(?:'d| would) be ))?(?:always |very |more than )?(?:happy|glad)"
    r" (?:to (?:help|hear|assist)|you|that you)"
    r"|that(?:'s| is) (?:so |really |such |very )?(?:a )?(?:great|good|nice|lovely|wonderful|exciting|sad|bad)"
    r" (?:news|to hear|idea|point)"
    r"|you(?:'re| are) (?:so |quite |absolutely )?(?:right|welcome|kind)|i (?:see|know) what you mean"
    r"|i (?:really )?appreciate your|i wish you|wishing you|best of luck"
    r"|my (?:sincere |deepest |warmest )?(?:condolences|sympathies|apologies|compliments"
    r"|congratulations|regards)|(?:always )?happy to help"
    r"|gracias por|merci (?:pour|de)|danke für|vielen dank für|grazie per|obrigad[oa] (?:por|pelo)|спасибо за)\b",
    re.IGNORECASE,
)
_OPENING = re.compile(
    r"(?:well|oh|ah|aha|yes|yeah|yep|yup|no|nope|nah|ok|okay|sure|so|actually|honestly|btw|by the way|also|and|but|lol"
    r"|haha|hmm+|hm|um+|uh|anyway|anyways|right|great|nice|cool|wow|thanks|thank you|thx|sorry|fyi|ps|p\.s\.|you know"
    r"|look|listen|i mean|of course|to be honest|tbh|in fact|basically|perfect|awesome|alright|all right|absolutely"
    r"|definitely|exactly|good|fine|true|indeed|interesting|hi|hello|hey|hi there|hello there|good morning|good evening"
    r"|good afternoon|hey there)(?:\s*[,.:;!…—–-]+\s*|\s+-\s+)",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"(?:,?\s+(?:btw|by the way|tho|though|lol|haha+|lmao|anyways?|actually|honestly|tbh|for the record))+"
    r"(?=[.!…\s]*$)",
    re.IGNORECASE,
)
_BARE_OPENING = re.compile(
    r"(?:hi|hello|hey|well|oh|yes|yeah|no|ok|okay|and|but|so|sure|also|anyway|btw|haha|lol)\s+"
    r"(?=(?:i|i'm|i've|i'll|i'd|my|please|pls|always|never|call me|from now on)\b)",
    re.IGNORECASE,
)


@text_cache(maxsize=CACHED_SENTENCES)
def is_smalltalk(sentence: str) -> bool:
    """Whether the sentence consists of small talk only. Expects straight apostrophes."""
    if _WISH.match(sentence):
        return True
    parts = map(str.strip, _PARTS.split(sentence))
    return all(not part or part.casefold() in PHRASES or bool(_GREETING.fullmatch(part)) for part in parts)


def without_opening(sentence: str) -> str:
    """Strip openings and greetings: "Yes, well, I do" becomes "I do". Expects straight apostrophes."""
    start = 0
    while match := _OPENING.match(sentence, start) or _BARE_OPENING.match(sentence, start):
        start = match.end()
    greeted = _GREETING.match(sentence, start)
    if greeted and sentence[greeted.end() : greeted.end() + 1] in {",", "!", "."}:
        start = greeted.end() + 1
    return sentence[start:].strip()


def without_closing(sentence: str) -> str:
    """Strip words of talk at the end: "My visa came through btw!" becomes "My visa came through!"."""
    return _CLOSING.sub("", sentence)
