"""Recognize requests and standing instructions ("always answer in French"). Patterns for English.

Only standing instructions state something about the speaker. A word that is a noun and a verb counts as a request only
before certain words ("book a table", not "book club meets").
"""

from __future__ import annotations

import re

from omoide.reasoner.extractive.grammar import WORD


def _any_of(words: str) -> str:
    """Return a pattern that matches one of the words; an underscore represents a space."""
    return "(?:" + "|".join(word.replace("_", " ") for word in words.split()) + ")"


_HABIT = _any_of(
    """always never do_not_ever don't_ever from_now_on going_forward from_here_on in_future in_the_future whenever
    every_time each_time by_default at_all_times anymore any_more at_any_time at_any_point"""
)
_LANGUAGE = _any_of(
    """english french german spanish italian portuguese dutch polish russian ukrainian turkish arabic hebrew hindi
    bengali urdu chinese mandarin cantonese japanese korean vietnamese thai indonesian swedish danish norwegian finnish
    greek czech hungarian romanian persian farsi swahili latin simple plain short full bullet british american"""
)
_NOT_A_NAME = _any_of(
    """back later tomorrow when at on if tonight asap now soon today after before in maybe again anytime any_time once
    by first until this next and or for about with a an up out to from whenever what anything"""
)
_PLEASE = r"(?:(?:please|pls|plz|kindly|just|do|you (?:can|may|should|must|could)|feel free to)[, ]+){0,3}"
_STANDING = re.compile(
    rf"{_PLEASE}(?:{_HABIT}\b"
    rf"|(?:(?:do not|don't|never|stop) )?(?:call(?:ing)?|name|naming) me (?!{_NOT_A_NAME}\b)\S"
    r"|(?:address|refer to|greet) me\b"
    rf"|(?:answer|reply|respond|speak|talk|write)(?: to me| me| back)?(?: only)? in {_LANGUAGE}\b"
    r"|keep (?:it|things|your \w+|\w+|the \w+) (?:very )?(?:short|brief|concise|simple|formal|informal|casual|polite)\b"
    r"|(?:do not|don't|stop|avoid|no more) (?:us(?:e|ing)|suggest(?:ing)?|recommend(?:ing)?|includ(?:e|ing)"
    r"|address(?:ing)?|mention(?:ing)?|remind(?:ing)? me|ask(?:ing)? me|add(?:ing)?)"
    r" (?!(?:it|that|this|them|the|those|these)\b)"
    r"|(?:remember|note|keep in mind|bear in mind|be aware|mind)(?: that|,|:)? (?:i|my|i'm|i've|i'll)\b)",
    re.IGNORECASE,
)
_HABITUAL = re.compile(rf"\b{_HABIT}\b", re.IGNORECASE)
_OFFER = re.compile(r"(?:let|feel free|you (?:can|could|may|might))\b", re.IGNORECASE)

_DEMANDS = _any_of(
    """please pls plz kindly let's lets let don't do_not make_sure be_sure feel_free go_ahead try_to tell show send give
    explain describe suggest recommend remind remember note imagine consider provide write rewrite create generate
    summarise summarize translate convert calculate compute draft compare analyse analyze identify ensure ask respond
    forget ignore choose select define discuss elaborate continue refactor implement verify assume believe avoid install
    bring remove delete replace combine stir pour preheat chop pretend rephrase paraphrase proofread you'd_better you'll
    can_you could_you would_you will_you"""
)
_REQUEST = re.compile(
    rf"(?:{_DEMANDS}|i(?:'d| really)? (?:want|need|would like|like|love|expect|ask|beg|urge) (?:for )?you(?: all)? to"
    r"|you (?:should|could|can|may|might|must|need to|have to|ought to|had better|want to)"
    r"|be (?!that\b)\w+)\b(?!\s+(?:is|are|was|were|has)\b)",
    re.IGNORECASE,
)
_ALSO_NOUNS = _any_of(
    """make find look check fix open close run add update wait stop try go come say read review take put set use keep do
    get buy order book call help search hold pick share start turn work think see hear watch move save print play test
    edit build design plan change copy cut paste log sign meet join talk speak walk leave return answer reply trust
    follow click type enter visit download upload pass repeat mix serve mention act list"""
)
_AFTER_REQUESTS = _any_of(
    r"""me us my your the a an this that it them these those him her at for up out on to in with all some sure more into
    over through down back away off if what how why who where when whether one two three \d+ please here there about and
    by from as"""
)
_WEAK_REQUEST = re.compile(
    rf"(?!type \d){_ALSO_NOUNS}\s+{_AFTER_REQUESTS}\b(?!\s+(?:is|are|was|were)\b)", re.IGNORECASE
)


def is_standing_instruction(plain: str) -> bool:
    """Whether it is a standing instruction. Expects straight apostrophes and no opening such as "Yes,"."""
    if _STANDING.match(plain):
        return True
    return bool(_HABITUAL.search(plain)) and is_request(plain) and not _OFFER.match(plain)


def is_request(plain: str) -> bool:
    """Whether it is a request or advice. Expects straight apostrophes and no opening such as "Yes,"."""
    words = WORD.findall(plain[-20:])
    if words and words[-1].lower() in {"please", "pls"} and not plain.lower().startswith(("i ", "i'", "my ")):
        return True
    return bool(_REQUEST.match(plain) or _WEAK_REQUEST.match(plain))
