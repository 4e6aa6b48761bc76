"""Clauses of a statement, for `claims`: "own rent is 900 euros", "plays the guitar". Pure, English.

Restated statements are used as they are. A quoted one is restated as far as it is one plain sentence in the first
person: in a casual spelling ("im", "dont"), or in the plural, which counts as the peer ("we moved to Bonn").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from omoide.reasoner.extractive.claim_words import CHANGING, KIN, KIN_ADJECTIVES, MANY_KIN, OPENER
from omoide.reasoner.extractive.lexicon import verb
from omoide.reasoner.extractive.third_person import SELF, to_third_person

LONGEST = 240
"""A longer statement says more than one thing, so it is not compared."""
OWN, PEER = "own", "self"
"""What represents the peer's possessive, and the peer as an object, in a clause."""


@dataclass(frozen=True, slots=True)
class Clause:
    """A predicate about the peer, or a possession that starts with `own`."""

    text: str
    kin: tuple[str, ...] = ()
    """The relative or animal that the clause is about, and `predicate` what it says: "own older sister", "lives"."""
    predicate: str = ""
    is_comment: bool = False
    """Whether it only comments on the clause before it: "it clears my head"."""


_BREAK = re.compile(
    r"(?:\s*[,;:–—-]+)?\s+(?:and|but|so|because|cos|cause|cuz|though|although|since) (?:then |now )?(?=\0)"
    r"|[,;]\s*(?:(?:and|but|so|because|cos|though|although) )?(?=(?:\0|(?:it|that|this|these|those|he|she|they|who"
    r"|which|what|there|don't|because|so|though|although|even|couldn't|can't|have|has been since)\b))"
    r"|\s(?=(?:which|because|cos|cuz) )|\s[-–—]+\s"
    r"|(?:,|;)?\s+(?:and|but|so) (?=(?:now |also |then |just |still |recently )?(?:is|has|does"
    r"|was|lives?|works?|likes?|loves?"
    r"|hates?|enjoys?|prefers?|plays?|moved|plans?|wants?|uses?|drives?|owns?|speaks?|eats?|drinks?|studies|studied"
    r"|got|quit|stopped|started|bought|sold|left|adopted|teaches|runs?|goes|went|became|dislikes|adores|needs?|keeps?"
    r"|switched|gave|retired)\b)|;\s+"
)
_COMMENT = re.compile(
    r"(?:self knows$|self guesses$|weird|crazy|it|that|this|these|those|he|she|they|who|which"
    r"|what|there|don't|because|cos|cuz|so|though|although|even|couldn't"
    r"|can't|have|has been since)\b|(?:really |absolutely )?(?:likes?|loves?|hates?|enjoys?) (?:it|that|this)\b"
)
_AFTER = re.compile(r" and (?:honestly|really|quite|pretty|very|he's|she's|it's|they're) .*$")
_KIN = re.compile(rf"own (?P<kin>(?:{KIN_ADJECTIVES} )?(?P<who>[a-z][a-z-]+))(?: (?P<name>[A-Z]\w+))?,? (?=[a-z])")
_KIN_IS = re.compile(r"^(own (?:\w+ )?[a-z-]+)'s (?=(?:\w+ing|been|not|now|an?) )")

_FIXED = {
    "im": "I'm", "ive": "I've", "id": "I'd", "i": "I", "i'm": "I'm", "i've": "I've", "dont": "don't",
    "doesnt": "doesn't", "isnt": "isn't", "cant": "can't", "wont": "won't", "didnt": "didn't", "havent": "haven't",
    "hasnt": "hasn't", "wasnt": "wasn't", "we": "I", "we're": "I'm", "we've": "I've", "weve": "I've", "our": "my",
    "us": "me", "wanna": "want to", "gonna": "going to", "gotta": "have to",
}  # fmt: skip
_PLURAL = {"are": "am", "were": "was", "aren't": "am not", "weren't": "wasn't"}
_WORD = re.compile(r"(?<![\w'-])[A-Za-z]+(?:'[a-z]+)?(?![\w-])")
_WITH = re.compile(r"(?:[A-Z][a-z]+|[Mm]y [a-z]+) and (?:I|i)(?= )")
_PARTED = re.compile(r"\b(broke up|broken up|split up|got divorced|engaged|got married|getting married)\b")
_FIRST = re.compile(r"(?:i|im|i'm|ive|i've|we|we're|we've|weve|my|our|the|they)\b", re.IGNORECASE)
_FIRST_WORDS = frozenset(
    [
        "i",
        "im",
        "i'm",
        "ive",
        "i've",
        "we",
        "we're",
        "we've",
        "my",
        "our",
        "the",
        "they",
        "they've",
        "died",
        "passed",
        "ran",
        "has",
        "just",
    ]
)
_END = re.compile(
    r"[,\s]*[\s.!…]*(?:\b(?:lol|haha|tbh|rn|tho|ugh|though|btw|sigh|weird(?:ly)?|weirdly"
    r" enough|I know|don't laugh|don't judge me|sadly|to be honest|finally|yay|phew|thank"
    r" god)[\s.!…]*)*[^\w\s)'\"%€$£]*$"
)
_SINCE = re.compile(r"(?:It's|It has|its|it's) been [^,.;]{1,40}? since (?=(?:I|we) )", re.IGNORECASE)
_MISSING = re.compile(rf"^([Mm]y (?:{'|'.join(sorted(KIN))}))s (?=\w+ing\b|been\b)")
"""A missing apostrophe: "my brothers living in Rome"."""
_ANY_I = re.compile(r"\bI\b")


def clauses_of(text: str, peer_id: str) -> Sequence[Clause]:
    """Return the clauses of a statement about the peer; none if it is about others, or is not plain."""
    plain = _about_self(text, peer_id)
    if plain is None or len(plain) > LONGEST:
        return ()
    return [*_clauses(_AFTER.sub("", plain))]


def _clauses(plain: str) -> Iterator[Clause]:
    for number, part in enumerate(_BREAK.split(plain)):
        if not part:
            continue
        if part.startswith(f"{SELF} "):
            clause = Clause(_named(part[2:]))
            yield Clause(clause.text, is_comment=number > 0 and _COMMENT.match(clause.text) is not None)
        elif part.startswith(f"{SELF}'"):
            yield _possession(_named(part))
        elif number:
            text = _named(part)
            yield Clause(text, is_comment=_COMMENT.match(text) is not None)
        elif re.match(r"[A-Z]\w+(?: has| just)* (?:died|passed|ran|was|is)\b", part):
            yield Clause(part)
        else:
            yield Clause("")


def _named(part: str) -> str:
    return part.replace(f"{SELF}'s", OWN).replace(f"{SELF}'", OWN).replace(SELF, PEER).strip(" .!,;")


def _possession(text: str) -> Clause:
    if "'s " in text:
        text = _KIN_IS.sub(r"\1 is ", text)
    match = _KIN.match(text)
    if match is None or match["who"] not in KIN or (match["who"] in MANY_KIN and not match["name"]):
        return Clause(text)
    return Clause(
        text, tuple(match["kin"].split()) + ((match["name"].lower(),) if match["name"] else ()), text[match.end() :]
    )


def _about_self(text: str, peer_id: str) -> str | None:
    """Return the statement with SELF for the peer."""
    opening = f"{peer_id} said: "
    if text.startswith(opening):
        match = re.match(r'["“](?P<quote>.*)["”]\.?$', text[len(opening) :], re.DOTALL)
        return _of_quote(match["quote"]) if match else None
    if text[: len(peer_id)].casefold() != peer_id.casefold():
        return None
    rest = re.sub(rf"(?<!\w){re.escape(peer_id)}(?!\w)", SELF, text[len(peer_id) :])
    return f"{SELF}{rest}".replace(f"{SELF}’", f"{SELF}'")


def _of_quote(quote: str) -> str | None:
    plain = quote.replace("’", "'")
    if len(quote) > LONGEST or "?" in quote or _FIRST_WORDS.isdisjoint(plain[:40].lower().replace(",", " ").split()):
        return None
    plain = _END.sub("", plain)
    while match := OPENER.match(plain):
        plain = plain[match.end() :]
    if re.search(r"[.!…]\s+\S", plain):
        return None
    plain = _SINCE.sub("", plain)
    if plain.startswith(("My", "my")):
        plain = _MISSING.sub(r"\1's ", plain)
    alone = _WITH.match(plain)
    if not (alone or _FIRST.match(plain)):
        return plain if re.match(r"[A-Z]\w+ (?:has |just )*(?:died|passed away|ran away)\b", plain) else None
    if alone:
        plain = _PARTED.sub(rf"\1 with {alone[0].split()[0]}", f"I{plain[alone.end() :]}")
    repaired = _repaired(plain)
    repaired = repaired[:1].upper() + repaired[1:]
    return (repaired != quote.rstrip(".!") and to_third_person(repaired)) or _restated(repaired)


def _repaired(plain: str) -> str:
    """Correct a casual spelling, and make the plural a singular."""
    before = ""

    def fixed(match: re.Match[str]) -> str:
        nonlocal before
        word = match[0].lower()
        new = _PLURAL.get(word, _FIXED.get(word, match[0])) if before == "I" else _FIXED.get(word, match[0])
        before = new
        return new

    return _WORD.sub(fixed, plain)


def _restated(plain: str) -> str | None:
    """Restate the first verb only. `to_third_person` is stricter, because its result is kept as a fact."""
    if match := re.match(rf"(?:They|[Tt]he [a-z]+)(?:'ve| have| has)? (?={CHANGING} my\b)", plain):
        plain = f"I {plain[match.end() :]}"
    if match := re.match(r"(?:My|The) ", plain):
        plain = f"{SELF}'s {plain[match.end() :]}"
    elif match := re.match(r"I(?:'m| am) ", plain):
        plain = f"{SELF} is {plain[match.end() :]}"
    elif match := re.match(r"I(?:'ve| have) ", plain):
        plain = f"{SELF} has {plain[match.end() :]}"
    elif match := re.match(r"I (?:don't|do not) ", plain):
        plain = f"{SELF} does not {plain[match.end() :]}"
    elif match := re.match(r"I (?P<verb>[a-z]+)\b", plain):
        known = verb(match["verb"])
        third = known.third if known and known.tense == "present" else match["verb"]
        plain = f"{SELF} {third}{plain[match.end() :]}"
    else:
        return None
    return _ANY_I.sub(SELF, re.sub(r"\b[Mm]y\b", f"{SELF}'s", plain))
