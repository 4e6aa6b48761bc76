"""Claims: what a statement says about one topic, in a form in which two statements can be compared. Pure, English.

A topic is something that a person has one of at a time (a home, an employer, a best time), or a fact that holds or does
not (plays the guitar, plans to adopt a dog). A claim gives its value or ends it. Only statements about the peer itself
make claims; doubtful, momentary and vague ones make none, because a wrong supersession is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from omoide.core.text_cache import text_cache
from omoide.reasoner.equivalence import words
from omoide.reasoner.extractive import claim_patterns as patterns
from omoide.reasoner.extractive import slot_kinds as kinds
from omoide.reasoner.extractive.claim_words import BARE_VERBS, COUNTED, MOMENTARY, UNIQUE, VAGUE_VERBS
from omoide.reasoner.extractive.lexicon import verb_lemma
from omoide.reasoner.extractive.slots import Slot, ended_of, is_doubtful, slots_of

Topic = tuple[str, ...]
OWN = "own"
"""Stands for the possessive of the peer in normalized text: "own boat"."""
CACHED_STATEMENTS = 8_192
MOST_OBJECT_WORDS = 5
"""A longer object is more than the name of a thing, and two such statements are seldom about the same."""


@dataclass(frozen=True, slots=True)
class Claim:
    """`value` is what holds; `ends` says that the value, or with None any value, no longer holds."""

    topic: Topic
    value: tuple[str, ...] | None
    ends: bool = False
    slot: Slot | None = None
    """The slot behind the claim, whose values are compared by its rules."""
    needs_change: bool = False
    """Whether another value replaces this topic's only if its statement expresses a change ("now", "moved to")."""


@text_cache(maxsize=CACHED_STATEMENTS)
def claims_of(text: str, peer_id: str) -> tuple[tuple[Claim, ...], ...]:
    """Return the claims of each clause of a statement about the peer; a clause without claims gives an empty tuple."""
    plain = _without_dates(text)
    if is_doubtful(plain, peer_id) or MOMENTARY.search(plain):
        return ()
    statement = _normalized(plain, peer_id)
    if statement is None:
        return (tuple(_slot_claims(plain, peer_id)),)
    return tuple(
        (*_slot_claims(_about(peer_id, clause), peer_id), *_clause_claims(clause)) for clause in _clauses(statement)
    )


def _about(peer_id: str, clause: str) -> str:
    """Return a clause as a statement about the peer, for `slots`."""
    own = re.sub(r"\bown\b", f"{peer_id}'s", patterns.NOT_ANOTHER.sub("", clause))
    return own if clause.startswith(f"{OWN} ") else f"{peer_id} {own}"


def _without_dates(text: str) -> str:
    return re.sub(r" \((?:[^()]*\d{4}[^()]*)\)", "", text)


def _normalized(text: str, peer_id: str) -> str | None:
    """Return the predicate about the peer ("plays the guitar", "own rent is 900 euros"); None if it is about others."""
    quote = re.match(rf'{re.escape(peer_id)} said: ["“](?P<quote>.*)["”]\.?$', text, re.DOTALL)
    if quote:
        return _of_quote(quote["quote"])
    own = re.sub(rf"(?<!\w){re.escape(peer_id)}['’]s?(?!\w)", OWN, text, flags=re.IGNORECASE)
    if own.startswith(f"{OWN} "):
        return own.rstrip(".! ")
    start = own[: len(peer_id) + 1]
    return own[len(start) :].rstrip(".! ") if start.casefold() == f"{peer_id} ".casefold() else None


def _of_quote(quote: str) -> str | None:
    """As `_normalized`, for the peer's own words, as far as they are one plain sentence in the first person."""
    if re.search(r"[.!?…]\s+\S", quote) or "?" in quote:
        return None
    plain = re.sub(r"\b[Mm]y\b", OWN, quote.replace("’", "'")).strip(" .!…")
    plain = re.sub(r"^(?:Actually|Well|Also|So|Sadly|Unfortunately|Finally|Oh|Hey|Yes|No),? ", "", plain)
    if plain.startswith(f"{OWN} ") or patterns.THIRD_PARTY_END.match(plain) or patterns.SEPARATED_FROM.match(plain):
        return plain
    if match := re.match(r"(?:I|We)(?:'ve| have)? (?:just |recently |finally )?(?=moved |relocated )", plain):
        return plain[match.end() :]
    match = re.match(r"I(?P<form>'ve| have|'m| am)? ", plain)
    if match is None:
        return None
    rest = plain[match.end() :]
    return f"is {rest}" if match["form"] in ("'m", " am") else rest


def _clauses(statement: str) -> list[str]:
    """Split coordinated verbs; a coordination of objects ("tea and coffee") stays together."""
    parts = re.split(r"(?:,|;)?\s+(?:and|but)\s+|;\s+", statement)
    clauses = parts[:1]
    for part in parts[1:]:
        if patterns.STARTS_WITH_VERB.match(part):
            clauses.append(part)
        else:
            clauses[-1] += f" and {part}"
    return clauses


def _slot_claims(text: str, peer_id: str) -> Iterator[Claim]:
    """Claims from slots: home, employer, favourites, tastes and the like."""
    plain = re.sub(rf"({re.escape(peer_id)}['’]s) new ", r"\1 ", text)
    plain = re.sub(rf"^({re.escape(peer_id)}) is (?:now )?based in ", r"\1 lives in ", plain)
    for slot in slots_of(plain, peer_id):
        if slot.kind == kinds.INSTRUCTION:
            continue
        if slot.single or slot.kind in kinds.TASTES:
            yield Claim(("slot", *slot.place), words(slot.value), slot=slot)
        if slot.kind.startswith(kinds.PET):
            yield Claim(("pet", *words(slot.value)), (), slot=None)
        if slot.kind == kinds.ALLERGY:
            yield Claim(("is", *_object(f"allergic to {slot.value}")), ("yes",))
    for slot in ended_of(text, peer_id):
        if slot.kind.startswith(kinds.PET):
            yield Claim(("pet", *words(slot.value)), None, ends=True)
        else:
            yield Claim(("slot", *slot.place), words(slot.value), ends=True, slot=slot)


def _clause_claims(clause: str) -> Iterator[Claim]:
    clause = patterns.LEADING_ADVERBS.sub("", clause)
    for pattern, make in _READERS:
        if match := pattern.match(clause):
            found = list(make(match, clause[match.end() :]))
            if found:
                yield from found
                return


def _object(text: str) -> tuple[str, ...]:
    """Return the words of an object, without articles, adverbs and phrases of time around it."""
    plain = patterns.TRAILING.sub("", text.strip(" .,!"))
    while plain != (shorter := patterns.TRAILING.sub("", plain)):
        plain = shorter
    return tuple(word for word in words(plain) if word not in patterns.DETERMINERS)


def _job_over(_: re.Match[str], rest: str) -> Iterator[Claim]:
    if patterns.NOTHING_MORE.match(rest):
        yield Claim(("slot", kinds.EMPLOYER), None, ends=True)
        yield Claim(("slot", kinds.WORK), None, ends=True)


def _status(match: re.Match[str], rest: str) -> Iterator[Claim]:
    said = match["status"].split()[0]
    status = patterns.STATUSES[said]
    if status == "apart":
        for each in ("dating", "engaged"):
            yield Claim(("status",), (each,), ends=True)
        for partner in patterns.PARTNERS:
            yield Claim(("does", "have", partner), ("yes",), ends=True)
    elif said != "dating" or re.match(r"[A-Z]|someone\b", rest.strip()):
        yield Claim(("status",), (status,))


def _count(match: re.Match[str], rest: str) -> Iterator[Claim]:
    noun = COUNTED.get(match["noun"].lower())
    if noun and not re.match(r"\s+(?:of|who|that|in|at|from)\b", rest):
        yield Claim(("count", noun), (patterns.NUMBERS.get(match["count"].lower(), match["count"]),))


def _measure(match: re.Match[str], rest: str) -> Iterator[Claim]:
    if patterns.NOTHING_MORE.match(rest):
        yield Claim(("measure", match["what"]), words(match["value"]))


def _attribute(match: re.Match[str], rest: str) -> Iterator[Claim]:
    """A unique attribute and its value: "own phone number is 555"."""
    topic = _object(re.sub(r"\b(?:new|current|latest)\b", "", match["what"]))
    kind = next(
        (
            UNIQUE[" ".join(topic[n:m])]
            for n in range(len(topic))
            for m in range(len(topic), n, -1)
            if " ".join(topic[n:m]) in UNIQUE
        ),
        None,
    )
    value = words(re.split(r"[.;!]|, (?!\d)", rest)[0])
    if kind is None or not value:
        return
    yield Claim(("attribute", *topic), value, needs_change=kind == "event")


def _beaten(match: re.Match[str], _: str) -> Iterator[Claim]:
    yield Claim(("attribute", *_object(match["what"])), words(match["value"]))


def _changed_attribute(match: re.Match[str], rest: str) -> Iterator[Claim]:
    topic = _object(match["what"])
    if " ".join(topic) in UNIQUE:
        yield Claim(("attribute", *topic), words(rest))
    elif topic == ("name",):
        yield Claim(("slot", kinds.NAME), words(rest))


def _plan(match: re.Match[str], rest: str) -> Iterator[Claim]:
    verb, _, thing = rest.partition(" ")
    lemma = verb_lemma(verb)
    if lemma and (what := _object(thing)):
        yield Claim(("plan", lemma, *what), ("yes",))


def _plan_over(match: re.Match[str], rest: str) -> Iterator[Claim]:
    verb, _, thing = rest.partition(" ")
    lemma = verb_lemma(verb)
    if lemma:
        yield Claim(("plan", lemma, *_object(thing)), None, ends=True)


def _goal(match: re.Match[str], rest: str) -> Iterator[Claim]:
    if what := _object(rest):
        yield Claim(("goal", *what), ("yes",))


def _gone(match: re.Match[str], rest: str) -> Iterator[Claim]:
    """Something is no longer owned."""
    what = _object(rest)
    if not what or what[0] in ("some", "two", "three"):
        return
    for verb in ("have", "own", "drive", "ride"):
        yield Claim(("does", verb, *what), ("yes",), ends=True)


def _switched(match: re.Match[str], _: str) -> Iterator[Claim]:
    old, new = _object(match["old"]), _object(match["new"])
    if old and new:
        yield Claim(("uses", *old), ("yes",), ends=True)
        yield Claim(("uses", *new), ("yes",))


def _negated(match: re.Match[str], rest: str) -> Iterator[Claim]:
    verb, _, thing = rest.partition(" ")
    yield from _habit(verb, thing, "no")


def _stopped(match: re.Match[str], rest: str) -> Iterator[Claim]:
    verb, _, thing = rest.partition(" ")
    yield from _habit(verb, thing, "no")


def _birth(_: re.Match[str], rest: str) -> Iterator[Claim]:
    yield Claim(("is", "pregnant"), ("no",))


def _being(match: re.Match[str], rest: str) -> Iterator[Claim]:
    if what := _object(rest):
        yield Claim(("is", *what), ("no" if match["not"] else "yes",))


def _progress(match: re.Match[str], rest: str) -> Iterator[Claim]:
    verb, thing = match["verb"], rest
    yield from _habit(verb, thing, "yes")
    lemma = verb_lemma(verb)
    if lemma and (what := _object(thing)):
        yield Claim(("plan", lemma, *what), None, ends=True)


def _died(match: re.Match[str], _: str) -> Iterator[Claim]:
    yield Claim(("pet", *words(match["name"])), None, ends=True)


def _verb(match: re.Match[str], rest: str) -> Iterator[Claim]:
    """Any other verb: a habit in the present, or something done, which ends the plan to do it."""
    verb = match["verb"]
    lemma = verb_lemma(verb)
    if lemma is None:
        return
    what = _object(rest)
    if patterns.is_present(verb):
        yield from _habit(verb, rest, "yes")
    elif what:
        yield Claim(("plan", lemma, *what), None, ends=True)
        if lemma in patterns.COMPLETED:
            yield Claim(("goal", *what), None, ends=True)
            yield Claim(("plan", "run", *what), None, ends=True)


def _habit(verb: str, thing: str, value: str) -> Iterator[Claim]:
    lemma = verb_lemma(verb)
    what = _object(thing)
    if lemma is None or lemma in VAGUE_VERBS or (not what and lemma not in BARE_VERBS):
        return
    if len(what) > MOST_OBJECT_WORDS or patterns.VAGUE_OBJECT.search(thing) or re.search(r"[,;]", thing):
        return
    yield Claim(("does", lemma, *what), (value,))
    if lemma in ("use", "bank", "drive", "prefer", "run", "ride") and what:
        yield Claim(("uses", *(what[1:] if what[0] in ("with", "at") else what)), (value,))


_READERS = (
    (patterns.THIRD_PARTY_END, _died),
    (patterns.SEPARATED_FROM, _status),
    (patterns.JOB_OVER, _job_over),
    (patterns.BIRTH, _birth),
    (patterns.STATUS, _status),
    (patterns.MEASURE, _measure),
    (patterns.COUNT, _count),
    (patterns.BEATEN, _beaten),
    (patterns.CHANGED_ATTRIBUTE, _changed_attribute),
    (patterns.ATTRIBUTE, _attribute),
    (patterns.PLAN_OVER, _plan_over),
    (patterns.PLAN, _plan),
    (patterns.GOAL, _goal),
    (patterns.GONE, _gone),
    (patterns.SWITCHED, _switched),
    (patterns.SWITCHED_BACKWARDS, _switched),
    (patterns.STOPPED, _stopped),
    (patterns.NEGATED, _negated),
    (patterns.PROGRESS, _progress),
    (patterns.BEING, _being),
    (patterns.VERB, _verb),
)
