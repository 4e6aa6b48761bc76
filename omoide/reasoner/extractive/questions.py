"""Parse a question with patterns: the peers it is about, the slots that answer it, the expected kind of answer. Pure.

A question for a slot ("Where does alice live?") has to match a pattern as a whole, so that "Where does alice's brother
live?" is not mistaken for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from omoide.inference.glosses import in_english_but
from omoide.reasoner.extractive import past_questions
from omoide.reasoner.extractive.question_patterns import SHAPES
from omoide.reasoner.extractive.slot_words import RELATIONS, SPECIES
from omoide.reasoner.extractive.terms import EMPTY, content_words, folded, words
from omoide.reasoner.extractive.word_lists import word_lists

Wanted = Literal["place", "time", "number", "other"]

LEAST_NAME = 2
"""Minimum letters of a part of an id that counts as a name: "alice" for `alice-smith`."""
_KIN = SPECIES | RELATIONS
_HOLLOW = word_lists("terms").words("hollow")
"""Names of object properties that do not describe their content."""
_CURRENT = re.compile(r"^(?:current|present|main|primary|known) ")
_NO_NAMES = frozenset({"user", "agent", "assistant", "bot", "peer", "the", "my"})


@dataclass(frozen=True, slots=True)
class ParsedQuestion:
    """A parsed question."""

    text: str
    about: tuple[str, ...]
    """Ids of the peers that it is about; empty if it names no peer."""
    names: frozenset[str]
    """Names of all known peers."""
    about_names: frozenset[str]
    """Names of the peers that it is about."""
    terms: tuple[str, ...]
    """Content words without names."""
    kinds: tuple[tuple[str, ...], ...]
    """For each clause that asks for a slot, the kinds that answer it, best first. A kind that ends with a colon is a
    prefix that matches all kinds that start with it."""
    is_all_slots: bool
    """Whether all clauses ask for slots."""
    wants: Wanted
    is_overview: bool
    """Whether it asks for everything known."""
    is_list: bool
    """Whether it asks for several things."""
    asks_past: bool
    """Whether it asks about the past."""
    asks_all_times: bool
    """Whether it asks about the past and the present: "where has she lived?"."""
    years: tuple[int, ...]
    """The years that it names."""
    is_against: bool
    """Whether it asks about dislikes."""


def parse_question(text: str, peers: Iterable[str], observer_id: str | None, target_id: str | None) -> ParsedQuestion:
    """Parse a question; `peers` are the ids that it may name."""
    called = {peer: _names(peer) for peer in dict.fromkeys(peers)}
    names = frozenset(name for each in called.values() for name in each)
    text = in_english_but(text, names)
    plain = re.sub(r"\s+", " ", folded(text)).strip()
    bare, about = _bare(plain, called)
    about = about or tuple(peer for peer in _meant(plain, observer_id, target_id) if peer)
    clauses = [_core(clause) for clause in _CLAUSES.split(bare) if clause.strip(" ?.!")]
    kinds = [kind for kind in map(_kinds, map(past_questions.as_present, clauses)) if kind]
    overview = any(_OVERVIEW.fullmatch(clause) for clause in clauses)
    return ParsedQuestion(
        text=text,
        about=about,
        names=names,
        about_names=frozenset(name for peer in about for name in called.get(peer, ())),
        terms=tuple(content_words(text, names)),
        kinds=() if overview else tuple(kinds),
        is_all_slots=bool(kinds) and len(kinds) == len(clauses),
        wants=_wanted(bare),
        is_overview=overview,
        is_list=overview or _LIST.search(bare) is not None,
        asks_past=past_questions.asks_past(bare),
        asks_all_times=past_questions.asks_all_times(bare),
        years=past_questions.years(bare),
        is_against=_AGAINST.search(bare) is not None,
    )


def parse_field(base: ParsedQuestion, path: Sequence[str], description: str, *, is_number: bool) -> ParsedQuestion:
    """Derive the question for a property of a response format from the question for the whole.

    `path` are the property names from the root. A nested name may belong to its parent: the `name` of a `dog`.
    """
    parts = [spelled(name) for name in path]
    outer = [part for part in parts[:-1] if not _HOLLOW.issuperset(words(part))]
    outer = outer or [term for term in base.terms if term in _KIN][:1]
    name = " ".join([*outer[-1:], *parts[-1:]])
    details = re.sub(r"\s+", " ", folded(description)).strip()
    kinds = _kinds(f"@'s {_CURRENT.sub('', name)}") or (
        () if outer else _kinds(_core(_bare(details, {"": tuple(base.about_names)})[0]))
    )
    # A sentence about the job may name the employer instead; a property value may not.
    kinds = kinds[:1]
    return replace(
        base,
        text=name,
        terms=tuple(content_words(name, base.names)) or tuple(content_words(details, base.names)),
        kinds=(kinds,) if kinds else (),
        is_all_slots=bool(kinds),
        wants="number" if is_number else _wanted(f"{name} {details}"),
        is_overview=False,
        is_list=False,
        asks_past=False,
        asks_all_times=False,
        years=(),
        is_against=False,
    )


def spelled(name: str) -> str:
    """Split `favoriteColor` or `favorite_color` into words."""
    return " ".join(words(re.sub(r"(?<=[a-z\d])(?=[A-Z])", " ", name).replace("_", " ")))


def _names(peer: str) -> tuple[str, ...]:
    """Return the names of a peer: its id, and the words in it."""
    whole = folded(peer)
    parts = words(whole.replace("_", " ").replace("-", " "))
    usable = [part for part in parts if not part.isdigit() and part not in _NO_NAMES]
    return tuple(name for name in dict.fromkeys([whole, *usable]) if len(name) >= LEAST_NAME and name not in EMPTY)


def _bare(plain: str, called: dict[str, tuple[str, ...]]) -> tuple[str, tuple[str, ...]]:
    """Replace names and pronouns by `@`. Returns the text and the ids of the named peers."""
    bearers: dict[str, list[str]] = {name: [] for names in called.values() for name in names}
    for peer, names in called.items():
        for name in names:
            bearers[name].append(peer)
    bearers |= {folded(peer): [peer] for peer in called if folded(peer) in bearers}
    about: dict[str, None] = {}

    def named(match: re.Match[str]) -> str:
        about.update(dict.fromkeys(bearers[match["name"]]))
        return "@"

    if bearers:
        longest_first = "|".join(map(re.escape, sorted(bearers, key=len, reverse=True)))
        plain = re.sub(rf"(?<!\w)(?:the )?(?P<name>{longest_first})(?!\w)", named, plain)
    plain = re.sub(r"\b(?:my|his|her(?= \w)|their|your|its)\b", "@'s", plain)
    plain = re.sub(r"\b(?:i|me|he|him|she|her|they|them|you|the user|everyone|everybody|(?:my|your)self)\b", "@", plain)
    return re.sub(r"@(?:(?:, | and | or |, and )@)+", "@", plain.replace("@' ", "@'s ")), tuple(about)


def _meant(plain: str, observer_id: str | None, target_id: str | None) -> tuple[str | None, ...]:
    """Return the peer that a question without names is about: the observer if it says "I" or "my", else the target."""
    said = re.sub(r"\b(?:tell|remind|show|give) me\b|\bi(?:'d| would) like\b|\b(?:can|may) i\b", "", plain)
    speaks_of_self = re.search(r"\b(?:i|me|my|mine|myself|i'm|i've|i'd)\b", said) is not None
    return (observer_id if speaks_of_self and observer_id else target_id,)


def _core(clause: str) -> str:
    """Strip polite phrases and words like "now" from a clause."""
    text = _LEAD.sub("", clause.strip(" ?.!,"))
    while (shorter := _TAIL.sub("", text)) != text:
        text = shorter
    return text


def _kinds(clause: str) -> tuple[str, ...]:
    for pattern, kinds in SHAPES:
        if match := pattern.fullmatch(clause):
            named = next(filter(None, match.groups()), "")
            return tuple(kind + named if kind.endswith(":") else kind for kind in kinds)
    return ()


def _wanted(bare: str) -> Wanted:
    for kind, pattern in _WANTED:
        if pattern.search(bare):
            return kind
    return "other"


_CLAUSES = re.compile(r"[?;] *|,? and (?=(?:what|where|who|when|which|how)\b)")
_LEAD = re.compile(
    r"^(?:(?:so|and|ok|okay|hey|hi|hello|well|please|now)\b[ ,]*"
    r"|(?:can|could|would|will) @ (?:please )?(?=tell|say|list|describe|summari)"
    r"|(?:tell|remind|show) @ (?!(?:more |everything |something |anything |all )*(?:@ know |known )?about)"
    r"|do @ (?:know|remember|recall) (?=wh|how|in )|i(?:'d| would) like to know |list |name |exactly )+"
)
_TAIL = re.compile(
    r" (?:now|nowadays|currently|today|these days|at the moment|at present|right now|again|exactly|anyway|still"
    r"|please)$"
)
_OVERVIEW = re.compile(
    r"(?:what|everything|anything|all)(?: all| else)?(?: that)?(?: do| does| can| is| has)?(?: @(?! about))?"
    r"(?: know| known| remember| learn| learned| tell| tell @| say)+(?: so far)?(?: about @| of @)?"
    r"|tell @(?: more| everything| something| anything| all| a bit)?(?: that)?(?: @ know| known)? about @"
    r"|(?:(?:everything|anything|something|more|all) )?about @|who(?:'s| is| are) @|what(?:'s| is) @ like"
    r"|(?:describe|introduce|profile|summari[sz]e|sum up)"
    r"(?:(?: to| for)? @)*(?: (?:everything|all|what|that|is|known|know|there|about|@))*"
    r"|(?:(?:give|write|make)(?: @)? )?(?:an? |the )?(?:short |brief |quick )?"
    r"(?:summary|overview|profile|description|portrait)(?: (?:of|about|on))?(?: @)?"
    r"|what (?:kind|sort) of (?:person|peer) is @"
)
_LIST = re.compile(
    r"^(?:list|name) |\b(?:all|every|each|several|which|what) (?:of )?(?:the |@'s )?(?!is\b|was\b|does\b|has\b|this\b)"
    r"\w+[^s\W]s\b|\bhow (?:many|much)\b|@'s \w+[^s\W]s$|\b(?:hobbies|tell @ about|summari[sz]e)\b"
    r"|\bwhat (?:else )?does @ (?:like|enjoy|love|hate|prefer)\b"
)
_AGAINST = re.compile(r"\b(?:what|which)\b.*\b(?:dislikes?|hates?|detests?|avoids?|not (?:like|eat|drink|enjoy))\b")

_WANTED: tuple[tuple[Wanted, re.Pattern[str]], ...] = (
    (
        "number",
        re.compile(
            r"\bhow (?:many|much|old|tall|big|high|far|long|often|frequently|fast|heavy|large|deep|wide)\b"
            r"|\b(?:what|which) (?:number|price|percentage|percent|mark|amount|share|size|temperature|score|salary)\b"
            r"|\bphone number\b|\bage\b|\bcost\b"
        ),
    ),
    (
        "time",
        re.compile(
            r"\bwhen\b|\b(?:what|which) (?:day|days|date|dates|month|year|time|weekend|weekday|evenings?|season)\b"
            r"|\b(?:until|since|till) (?:what|which|when)\b|\bon (?:what|which) (?:\w+ )?(?:day|date)s?\b"
        ),
    ),
    (
        "place",
        re.compile(
            r"\bwhere\b|\b(?:what|which) (?:city|town|country|place|street|village|region|part of town|continent)\b"
        ),
    ),
)
