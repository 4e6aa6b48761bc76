"""Bring a statement into the form that shapes match: clauses in the first person, "I" for "we", commas as words. Pure.

"kit has two cats and works at Siemens", and the quoted "We've got two cats", both become "I have two cats". A clause
that is negated ("I do not live in Rome") or over ("I no longer live in Rome") is marked, and given without that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from omoide.core.text_cache import text_cache
from omoide.reasoner.extractive.lexicon import third_form, verb, verb_lemma
from omoide.reasoner.extractive.smalltalk import without_opening
from omoide.reasoner.extractive.word_lists import word_lists

CACHED_STATEMENTS = 4_096
LONGEST = 300
"""A longer statement says more than one plain thing."""

_LISTS = word_lists("card_text")
_SPELLED = {short: full for line in _LISTS.lines("contractions") for short, _, full in [line.partition(" = ")]}
_WORD = re.compile(r"(?<![\w'@./-])[A-Za-z]+(?:'[a-z]+)?(?![\w'/-])")
_PLURAL = {"I are": "I am", "I were": "I was"}
_QUOTE = re.compile(r'["“](?P<quote>.*)["”]\s*(?:\([^()]*\))?\.?$', re.DOTALL)
_PLURAL_VERB = re.compile(r"\bI (?:are|were)\b")
_BRACKETED = re.compile(r" \(([^\W\d][^()]*)\)?")
_COMMA = re.compile(r"\s*[,:](?=\s)")
_OWNER, _OWNER_OF_WORD = re.compile(r"(?<=\w)'s\b"), re.compile(r"(?<=\w\w)'s\b")
_FAVOURITE = re.compile(r"^(my favourite .*? (?:is|are)) (?:probably|definitely|maybe|still|always) ")
_DATE = re.compile(r" \((?:[a-z]+ (?:of )?)?\d{4}(?:-\d\d){0,2}\)")
_END = re.compile(
    rf"(?:[\s,.!…]|\b(?:{_LISTS.any_of('closings')})\b|[^\w\s,.)\"'%€$£+/])+$",
    re.I,
)
_FILLERS = _LISTS.words("fillers")
_FILLED = re.compile(
    rf"^(I(?: (?:am|was|do|can|have|do not|am not|can not|have been))?) ((?:(?:{'|'.join(_FILLERS)}) )+)(?=\w)"
)
_FRONT = re.compile(rf"^(?P<front>{'|'.join(_LISTS.lines('fronts'))}) (?:, )?(?=(?:I|my) )", re.I)
_DROPPED_FRONT = re.compile(rf"^(?:{'|'.join(_LISTS.lines('dropped_fronts'))}) (?:, )?(?=\w)", re.I)
_AS_A = re.compile(r"^(?:as|being) (?P<what>an? [^,]{2,60}) , (?=I (?P<verb>[a-z]+))", re.I)
_BREAK = re.compile(
    r" ?(?:;|–|—| - |(?<![A-Z])\. |!+ ) ?"
    r"| (?:, )?(?:and|but|so|because|since|although|though|while|plus|cause|cuz|y|pero|und|aber)"
    r" (?:(?:now|then|also|so|yes) )?(?=(?:I|my) )| , (?=(?:I|my) )"
    r"| (?:, )?(?:but|because|although|though|whereas|cause|cuz|pero|aber|even though) "
    r"| , so | so (?=(?:I|my|it|he|she|they|that|please|no|for me) )"
    r"| , (?:which|where|especially|though|mostly|mainly) | (?:, )?and (?=(?:it|he|she|they|that|this|there) )"
    r"| , (?=(?:he|she|it)(?:'s)? )| , now (?=I )"
)
_HAVE_GOT = re.compile(
    r"\bI have got (?!married|engaged|into|promoted|to |used|divorced|better|worse|back|tired|hired)"
)
_NAMED_WHO = re.compile(
    r"(\b[^\W\d_a-z][\w'-]*)(?: ,)? (?:who|whose) (?!is (?:called|named)|are (?:called|named)|name ).*"
)
_BEFORE_SUBJECT = re.compile(
    r"^(?:on|in|at|every|each|most|during|before|after|for|by|from|since)(?: \S+){1,3},? $"
    r"|(?:[,;]|\b(?:and|but|so|because|since|although|though|while|when|where|that|if|which|until|before|after|than|whenever"
    r"|\w*days?|\w+ings?|home|work|ago|usually|sometimes)) $",
    re.IGNORECASE,
)
_BEFORE_NAME = re.compile(r"\b(?:is|am|called|named|by) $")
_COMPANY = re.compile(r"my [a-z-]+(?: [A-Z]\S+| [a-z-]+)?|(?!I\b)[A-Z]\w+")
"""Who is named with the speaker: "my wife Ana" of "my wife Ana and I"."""
_NESTING = re.compile(r"\b(?:who|that|which|because|when|where|while|how|what|why|if|says?|said|told|thinks?)\b")
_NEGATED = re.compile(r"^I (?:(?P<over>no longer)|(?P<not>(?:do|am|can|have) not))(?: (?P<verb>[a-z]+))?(?= |$)")
_STOPPED = re.compile(r"^I (?:have )?(?:stopped|quit|given up|gave up) (?P<verb>[a-z]+ing)\b")
_USED_TO = re.compile(r"^I used to (?P<verb>[a-z]+)\b")
_ANYMORE = re.compile(r" (?:anymore|any more|any longer)(?= |$)")
_ELIDED = re.compile(r" (?:, )?(?:and|but) (?:(?:also|now|then|currently|still) )*(?=[a-z]+ )")


@dataclass(frozen=True, slots=True)
class PlainClause:
    """A clause in the first person that ends with a space. `is_over`: the statement says that it does not hold."""

    text: str
    is_over: bool = False


@text_cache(maxsize=CACHED_STATEMENTS)
def plain_clauses(statement: str, peer_id: str) -> tuple[PlainClause, ...]:
    """Return the clauses of a conclusion about the peer, restated or quoted; none of a statement that is too long."""
    if len(statement) > LONGEST:
        return ()
    quote = quoted(statement, peer_id)
    text = _first_person(statement, peer_id) if quote is None else without_opening(quote.replace("’", "'"))
    plain = plain_text(text)
    parts = (part for clause in _split(plain) for part in _with_role(clause))
    return tuple(marked for part in parts for marked in _marked(_unfronted(part)))


def quoted(statement: str, peer_id: str) -> str | None:
    """Return what a conclusion quotes: `kit said: "…"`; None for a restated one."""
    lead = f"{peer_id} said: "
    match = _QUOTE.match(statement, len(lead)) if statement.startswith(lead) else None
    return match["quote"] if match else None


def plain_text(text: str) -> str:
    """Spell contractions out, drop closings, and put commas apart."""
    text = _END.sub("", _DATE.sub("", text)).strip()
    if "(" in text:
        text = _BRACKETED.sub(r", \1", text)
    if text.partition(" ")[0].lower().strip(",") not in _FOREIGN_STARTS:
        text = _WORD.sub(_spelled, text.replace("can't", "can not"))
    text = _COMMA.sub(" ,", " ".join(text.split()))
    text = _OWNER.sub(" 's", text)
    if text.startswith("my favourite"):
        text = _FAVOURITE.sub(r"\1 ", text)
    text = _HAVE_GOT.sub("I have ", text)
    if " who" in text:
        text = _NAMED_WHO.sub(r"\1", text)
    text = _PLURAL_VERB.sub(lambda match: _PLURAL[match[0]], text)
    return _DROPPED_FRONT.sub("", text)


def spelled_words(text: str) -> frozenset[str]:
    """The words of a text in lower case, contractions spelled out."""
    plain = _OWNER_OF_WORD.sub(" 's", text.replace("’", "'").lower())
    found = (word.strip('.,!?:;()"') for word in plain.split())
    return frozenset(part for word in found for part in _SPELLED.get(word, word).lower().split())


def _spelled(match: re.Match[str]) -> str:
    word = match[0]
    if word in ("US", "IT", "ID"):
        return word
    return _SPELLED.get(word.lower(), word)


def _first_person(statement: str, peer_id: str) -> str:
    """Put a restated statement back into the first person."""
    if statement[: len(peer_id)].casefold() == peer_id.casefold():
        statement = f"{peer_id}{statement[len(peer_id) :]}"
    own = re.sub(rf"(?<!\w){re.escape(peer_id)}(?:'s|(?<=s)')(?!\w)", "my", statement.replace("’", "'"))
    pieces = re.split(rf"(?<![\w@./-]){re.escape(peer_id)}(?![\w@/-])(?!\.\w)", own)
    text = pieces[0]
    for piece in pieces[1:]:
        is_subject = not text.strip() or _BEFORE_SUBJECT.search(text)
        if _BEFORE_NAME.search(text):
            text += f"{peer_id}{piece}"
        elif is_subject and (based := _based(piece)) is not None:
            text = f"{text}I {based}"
        else:
            text += f"{'I' if is_subject else 'me'}{piece}"
    return text.replace("themself", "myself")


def _based(piece: str) -> str | None:
    """Return the words after the subject with the base form of their verb; None if they are no predicate."""
    found = piece.split(" ")
    for at, word in enumerate(found[1:], 1):
        plain = word.rstrip(",;")
        if plain in _FILLERS or plain in _FREQUENCY:
            continue
        base = _BASES.get(plain) or _base_of(plain)
        return " ".join([*found[1:at], base + word[len(plain) :], *found[at + 1 :]])
    return None


_BASES = {"is": "am", "has": "have", "does": "do", "was": "was"}
_FREQUENCY = frozenset(
    [
        "always",
        "usually",
        "never",
        "often",
        "sometimes",
        "only",
        "mostly",
        "mainly",
        "rarely",
        "generally",
        "normally",
        "typically",
    ]
)


def _base_of(word: str) -> str:
    lemma = verb_lemma(word) if word.endswith("s") else None
    if lemma is None or lemma == word:
        return word
    return lemma if third_form(lemma) == word else word


def _split(plain: str) -> Iterator[str]:
    company = ""
    for clause in (part.strip(" ,") for part in _BREAK.split(plain)):
        if _COMPANY.fullmatch(clause):
            company = f"{clause} and "
        elif clause:
            if company and clause.startswith("I "):
                yield f"{company}{clause}"
            yield from _elided(clause)
            company = ""
    if company:
        yield company.removesuffix(" and ")


def _elided(clause: str) -> Iterator[str]:
    """Split coordinated verbs with one subject: "I live in Rome and work at Fiat"."""
    if not clause.startswith("I ") or _NESTING.search(clause):
        yield clause
        return
    start = 0
    for match in _ELIDED.finditer(clause):
        word, _, follower = clause[match.end() :].partition(" ")
        base = _BASES.get(word) or _base_of(word)
        is_verb = base != word or word in _SURE or follower.split(" ")[0] in _FOLLOWERS or follower[:1].isupper()
        if base in _COORDINATED and is_verb:
            yield clause[start : match.start()] if start == 0 else f"I {clause[start : match.start()]}"
            clause = clause[: match.end()] + base + clause[match.end() + len(word) :]
            start = match.end()
    yield clause if start == 0 else f"I {clause[start:]}"


_FOREIGN_STARTS = _LISTS.words("foreign_starts")
_COORDINATED = _LISTS.words("coordinated")
_SURE = _LISTS.words("surely_coordinated")
_FOLLOWERS = _LISTS.words("followers")


def _with_role(clause: str) -> Iterator[str]:
    """Yield "I am a nurse" of "As a nurse, I work nights" as well."""
    match = _AS_A.match(clause)
    if match is None:
        yield clause
        return
    known = verb(match["verb"])
    if match["verb"] in ("am", "have", "do", "can") or (known is not None and known.tense == "present"):
        yield f"I am {match['what']}"
    yield clause[match.end() :]


def _unfronted(clause: str) -> str:
    """Put a time from the front to the end: "I call my mother on Sundays"."""
    if match := _FRONT.match(clause):
        front = match["front"]
        clause = f"{clause[match.end() :]} {front[0].lower() + front[1:]}"
    filled = _FILLED.match(clause)
    return f"{filled[1]} {clause[filled.end() :]}" if filled else clause


def _marked(clause: str) -> Iterator[PlainClause]:
    """Yield the clause, or what it says to be over; of "I quit smoking" both."""
    text = _ANYMORE.sub("", clause)
    if match := _NEGATED.match(text):
        if not match["over"]:
            yield PlainClause(f"{text} ")
        auxiliary = "" if match["over"] else match["not"].split()[0]
        verb_text = match["verb"] or ""
        if auxiliary in ("am", "have") and verb_text:
            verb_text = f"{auxiliary} {verb_text}"
        yield PlainClause(f"I {_base_or_same(verb_text)}{text[match.end() :]} ", is_over=True)
        return
    for pattern in (_STOPPED, _USED_TO):
        if match := pattern.match(text):
            yield PlainClause(f"I {verb_lemma(match['verb']) or match['verb']}{text[match.end() :]} ", is_over=True)
    yield PlainClause(f"{text} ")


def _base_or_same(text: str) -> str:
    return _BASES.get(text) or (_base_of(text) if " " not in text else text)


def as_said(clause: str) -> str:
    """A clause as a sentence of the speaker."""
    return clause.strip().replace(" ,", ",").replace(" 's", "'s") + "."


def third_person(clause: str) -> str:
    """Return a clause about `I` as a predicate ("has two cats"), one about "my cat" without the possessive."""
    if clause.startswith("my "):
        return as_their(clause[3:])
    if not clause.startswith("I "):
        return as_their(clause)
    found = clause.split(" ")[1:]
    at = next((n for n, word in enumerate(found) if word not in _FREQUENCY and word not in _FILLERS), 0)
    joined = " ".join([*found[:at], _third(found[at]), *found[at + 1 :]])
    return as_their(joined.replace("can not", "cannot"))


def _third(word: str) -> str:
    for third, base in _BASES.items():
        if word == base:
            return third
    known = verb(word)
    if word in _MODALS or (known is not None and known.tense == "past"):
        return word
    return third_form(word) if known is None or known.tense == "present" or word == "read" else word


_MODALS = frozenset({"can", "could", "would", "will", "may", "might", "must", "should", "shall"})


def as_their(text: str) -> str:
    """Put possessives and objects of the first person into the third, and signs back to their words."""
    text = text.replace(" 's", "'s").replace(" ,", ",")
    for first, their in (("my", "their"), ("me", "them"), ("myself", "themself"), ("mine", "theirs")):
        text = re.sub(rf"\b{first}\b", their, text)
    return text
