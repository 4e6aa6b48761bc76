"""Claims about what a peer does, does not do, plans and has done. Pure, English.

Each function reads the clause after a pattern of `claim_patterns`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from omoide.reasoner.equivalence import words
from omoide.reasoner.extractive import claim_patterns as patterns
from omoide.reasoner.extractive.claim import DENIED, DONE, DROPPED, HOLDS, NEVER, PLANNED, Claim, Topic
from omoide.reasoner.extractive.claim_objects import head, whole
from omoide.reasoner.extractive.claim_words import (
    BARE_VERBS,
    DEVICES,
    GETTING,
    PETS,
    PLAIN_ADJECTIVES,
    VAGUE_VERBS,
    VISITING,
)
from omoide.reasoner.extractive.lexicon import verb_lemma

MOST_OBJECT_WORDS = 5
"""A longer object is more than the name of a thing, and two such statements are seldom about the same."""
_HAVING = ("have", "own", "drive", "ride", "keep", "play", "wear")
_MANNER = re.compile(r"^(?:(?:part-time|full-time|part time|full time|mostly|mainly|remotely|regularly|still|also) )+")
_SELDOM = re.compile(
    r"\b(?:much|often|enough|regularly|every|always)\b"
    r"|\b(?:on|at|in the) (?:[A-Z]\w+days|weekdays|weekends|the weekend|nights?|mornings?|afternoons?|evenings?)\b"
)
"""A denial of only a part, or for a part of the time."""
_PERFECTIVE = ("finish", "complete", "run", "pass")


def deed(verb: str, thing: str, value: Topic, *, is_event: bool = False) -> Iterator[Claim]:
    """A deed that is planned, done, dropped or was never done."""
    lemma = verb_lemma(verb)
    what = whole(thing)
    if lemma is None or not what or what[0] in ("it", "that", "this", "them", "one"):
        return
    if lemma in VISITING and what[0] == "to" and len(what) > 1:
        lemma, what = "visit", what[1:]
    if lemma in GETTING:
        lemma = "get"
        if value == DONE and re.search(r"\bfor (?!self\b)", thing):
            return
    yield Claim(("deed", lemma, *head(what)), value, detail=what, is_event=is_event)


def _split(rest: str) -> tuple[str, str]:
    """Return the first word, a verb, and what follows it."""
    verb, _, thing = rest.partition(" ")
    return verb, thing


def plan(_: re.Match[str], rest: str) -> Iterator[Claim]:
    verb, thing = _split(rest)
    if trip := patterns.TRIP.match(thing):
        yield from deed("visit", trip["where"] or trip["place"], PLANNED)
    else:
        yield from deed(verb, thing, PLANNED)


def planned_trip(_: re.Match[str], rest: str) -> Iterator[Claim]:
    if trip := patterns.TRIP.match(rest):
        yield from deed("visit", trip["where"] or trip["place"], PLANNED)


def plan_over(_: re.Match[str], rest: str) -> Iterator[Claim]:
    verb, thing = _split(rest)
    yield from deed(verb, thing, DROPPED)


def cancelled(_: re.Match[str], rest: str) -> Iterator[Claim]:
    if trip := patterns.TRIP.match(rest):
        yield from deed("visit", trip["where"] or trip["place"], DROPPED, is_event=True)
    elif match := re.match(r"(?:own|the) ", rest):
        what = whole(rest[match.end() :])
        yield Claim(("attribute", *what), None, ends=True, is_event=True)


def never(match: re.Match[str], _: str) -> Iterator[Claim]:
    verb = "visit" if match["verb"] == "been to" else match["verb"]
    yield from deed(verb, match["what"], NEVER)


def goal(_: re.Match[str], rest: str) -> Iterator[Claim]:
    if what := whole(rest):
        yield Claim(("doing", *head(what)), HOLDS, detail=what)


def gone(_: re.Match[str], rest: str) -> Iterator[Claim]:
    """Something is no longer owned."""
    what = whole(rest)
    if not what or what[0] in ("some", "two", "three", "old"):
        return
    for verb in _HAVING:
        yield Claim(("does", verb, *head(what)), HOLDS, ends=True, detail=what, is_event=True)
    yield from thing_of(rest, ends=True)


def off(match: re.Match[str], _: str) -> Iterator[Claim]:
    for verb in ("have", "wear"):
        yield Claim(("does", verb, match["what"]), HOLDS, ends=True, detail=(match["what"],), is_event=True)


def recovered(_: re.Match[str], rest: str) -> Iterator[Claim]:
    if what := whole(rest):
        yield Claim(("does", "have", *head(what)), HOLDS, ends=True, detail=what, is_event=True)


def thing_of(text: str, *, ends: bool) -> Iterator[Claim]:
    """The last capitalised word of an object: "2009 Ford Fiesta" and "the Fiesta" are one."""
    names = re.findall(r"\b\w*[A-Z]\w*\b", re.split(r"[,;.]| and ", text)[0])
    if names:
        yield Claim(("thing", names[-1].lower()), HOLDS, ends=ends, is_event=ends)


def switched(match: re.Match[str], _: str) -> Iterator[Claim]:
    old, new = whole(match["old"]), whole(match["new"])
    if old and new:
        yield Claim(("uses", *old), HOLDS, ends=True, is_event=True)
        yield Claim(("uses", *new), HOLDS)
        yield Claim(("thing", old[-1]), HOLDS, ends=True, is_event=True)


def unsubscribed(match: re.Match[str], _: str) -> Iterator[Claim]:
    yield Claim(("uses", *whole(match["what"])), HOLDS, ends=True, is_event=True)


def upgraded(match: re.Match[str], _: str) -> Iterator[Claim]:
    device = DEVICES[match["device"].lower()]
    yield Claim(("device", device), words(match["what"]))
    yield Claim(("attribute", device), words(match["what"]))


def new_device(match: re.Match[str], _: str) -> Iterator[Claim]:
    for topic in ("attribute", "device"):
        yield Claim((topic, match["what"]), None, ends=True, is_event=True)


def has_device(match: re.Match[str], _: str) -> Iterator[Claim]:
    yield Claim(("device", DEVICES[match["device"].lower()]), words(match["what"]), needs_change=True)
    yield from habit("has", match["what"], HOLDS)


def tool(match: re.Match[str], rest: str) -> Iterator[Claim]:
    what = whole(match["what"])
    yield Claim(("uses", *what), HOLDS)
    yield Claim(("does", "use", *what), HOLDS, detail=what)


def has_no(_: re.Match[str], rest: str) -> Iterator[Claim]:
    yield from habit("has", rest, DENIED)


def stopped(match: re.Match[str], rest: str) -> Iterator[Claim]:
    for claim in habit(match["verb"], rest, DENIED):
        yield Claim(claim.topic, claim.value, detail=claim.detail, is_event=True)
    lemma = verb_lemma(match["verb"])
    if (
        lemma
        and lemma not in ("drink", "eat")
        and (not whole(rest) or whole(rest)[0] in ("on", "in", "after", "since"))
    ):
        yield Claim(("activity", lemma), DENIED, is_event=True)
    elif what := whole(rest):
        yield Claim(("doing", *head(what)), DENIED, detail=what, is_event=True)


def stopped_thing(match: re.Match[str], rest: str) -> Iterator[Claim]:
    """Something that went on is finished or given up."""
    is_event = not match[0].startswith("is ")
    if what := whole(rest):
        yield Claim(("doing", *head(what)), HOLDS, ends=True, detail=head(what), is_event=is_event)
        if (first := re.match(r"[a-z]+", match[0])) and (lemma := verb_lemma(first[0])):
            yield Claim(("deed", lemma, *head(what)), DONE, detail=what, is_event=True)
        if not match[0].startswith(("finished", "completed", "passed")):
            yield from (
                Claim(("does", verb, *head(what)), DENIED, detail=what, is_event=True) for verb in ("eat", "drink")
            )
            yield Claim(("deed", "learn", *head(what)), DROPPED, detail=what, is_event=True)
            if match[0].startswith(("quit", "left")):
                for at in ("in", "at", "for"):
                    yield Claim(("does", "work", at, *head(what)), DENIED, detail=(at, *what), is_event=True)
        else:
            yield Claim(("deed", "run", *head(what)), DONE, detail=what, is_event=True)
            yield Claim(("deed", "read", *head(what)), DONE, detail=what, is_event=True)


def negated(_: re.Match[str], rest: str) -> Iterator[Claim]:
    verb, thing = _split(rest)
    yield from habit(verb, thing, DENIED)


def progress(match: re.Match[str], rest: str) -> Iterator[Claim]:
    verb = match["verb"]
    lemma = verb_lemma(verb)
    if lemma is None or lemma in ("go", "try", "think", "hope"):
        return
    yield from habit(verb, rest, DENIED if match["not"] else HOLDS)
    what = whole(rest)
    if what and not match["not"]:
        yield Claim(("doing", *head(what)), HOLDS, detail=what)
        if lemma == "move":
            yield from deed(verb, rest, PLANNED)
        if lemma in ("learn", "study"):
            yield from deed(verb, rest, DONE)


def moved_out(_: re.Match[str], __: str) -> Iterator[Claim]:
    for verb in ("live", "stay"):
        yield Claim(("does", verb, "with", "parents"), HOLDS, ends=True, detail=("with", "parents"), is_event=True)


def being(match: re.Match[str], rest: str) -> Iterator[Claim]:
    what = whole(rest)
    if what and len(what) <= MOST_OBJECT_WORDS and not re.search(r"\b(?:so|too|very|not)\b", rest[:12]):
        yield Claim(("is", *head(what)), DENIED if match["not"] else HOLDS, detail=what)


def isnt(_: re.Match[str], rest: str) -> Iterator[Claim]:
    if what := whole(rest):
        yield Claim(("is", *head(what)), DENIED, detail=what)


def learned(match: re.Match[str], _: str) -> Iterator[Claim]:
    thing = match["what"].strip()
    lemma = verb_lemma(match["verb"])
    if lemma is None:
        return
    yield Claim(("able", lemma, *whole(thing)), HOLDS)
    what = whole(f"to {match['verb']} {thing}")
    for each in (what, ("how", *what)):
        yield Claim(("deed", "learn", *head(each)), DONE, detail=each, is_event=True)
        yield Claim(("doing", *head(each)), DENIED, detail=each, is_event=True)


def cannot(match: re.Match[str], _: str) -> Iterator[Claim]:
    if lemma := verb_lemma(match["verb"]):
        yield Claim(("able", lemma, *whole(match["what"])), DENIED)


def eating_again(_: re.Match[str], __: str) -> Iterator[Claim]:
    for diet in ("vegetarian", "vegan"):
        yield Claim(("is", diet), DENIED, is_event=True)
        yield Claim(("slot", "diet"), None, ends=True, is_event=True)


def verb(match: re.Match[str], rest: str) -> Iterator[Claim]:
    """Any other verb: a habit in the present, or something done, which ends the plan to do it."""
    word = match["verb"]
    lemma = verb_lemma(word)
    if lemma is None:
        return
    if patterns.is_present(word):
        yield from habit(word, rest, HOLDS)
    elif whole(rest):
        yield from deed(word, rest, DONE, is_event=True)
        if lemma in _PERFECTIVE:
            what = whole(rest)
            yield Claim(("doing", *head(what)), HOLDS, ends=True, detail=head(what), is_event=True)
        if lemma in GETTING:
            yield from _got(rest)


def _got(thing: str) -> Iterator[Claim]:
    """What one got, one has."""
    if not re.match(r"(?:an?|own|another|some|the) ", thing):
        return
    what = head(whole(thing))
    if re.search(r"\bfor (?!self\b)", thing):
        return
    is_plain = PLAIN_ADJECTIVES.issuperset(what[:-1]) or what[-1:] in (("puppy",), ("kitten",))
    names = [what, what[-1:]] if what and is_plain else [what]
    for each in dict.fromkeys(names):
        for having in ("have", "own"):
            yield Claim(("does", having, *each), HOLDS, detail=each, is_event=True)
    if what and what[-1] in PETS:
        yield Claim(("does", "have", "pets"), HOLDS, detail=("pets",), is_event=True)


def habit(verb_form: str, thing: str, value: Topic) -> Iterator[Claim]:
    lemma = verb_lemma(verb_form)
    what = whole(_MANNER.sub("", thing))
    if lemma is None or (not what and lemma not in BARE_VERBS):
        return
    if (
        lemma in VAGUE_VERBS
        and not (lemma == "go" and what[0] not in ("to",))
        and not (lemma == "go" and len(what) > 1)
    ):
        return
    if len(head(what)) > MOST_OBJECT_WORDS or patterns.VAGUE_OBJECT.search(thing.removeprefix("to ")):
        return
    if re.search(r"[,;]", thing) if value == HOLDS else _SELDOM.search(thing):
        return
    yield Claim(("does", lemma, *head(what)), value, detail=what)
    if value == HOLDS:
        yield Claim(("activity", lemma), value)
    if lemma in ("use", "bank", "drive", "prefer", "run", "ride") and what:
        used = head(what[1:] if what[0] in ("with", "at") else what)
        yield Claim(("uses", *used), value, detail=what)
    if lemma in ("have", "own", "drive", "ride", "use") and what and value == HOLDS:
        yield from thing_of(thing, ends=False)
