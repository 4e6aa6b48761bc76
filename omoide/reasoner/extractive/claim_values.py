"""Claims about values of a peer: status, numbers, attributes, conditions, times. Pure, English.

Each function reads the clause after a pattern of `claim_patterns`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from omoide.reasoner.equivalence import words
from omoide.reasoner.extractive import claim_patterns as patterns
from omoide.reasoner.extractive import slot_kinds as kinds
from omoide.reasoner.extractive.claim import DENIED, HOLDS, Claim, Topic
from omoide.reasoner.extractive.claim_deeds import thing_of
from omoide.reasoner.extractive.claim_objects import head, number, whole
from omoide.reasoner.extractive.claim_words import BAD, COUNTED, DEVICES, GOOD, UNIQUE, WORDED
from omoide.reasoner.extractive.slots import Slot

_WEIGHTS = frozenset(["kg", "kgs", "kilo", "kilos", "pounds", "lb", "lbs", "stone"])
_OF_ONE = ("weigh", "bench", "squat", "deadlift")
_FILLER = frozenset(
    ["new", "current", "latest", "old", "time", "in", "for", "on", "at", "the", "of", "my", "own", "is", "to"]
)


def job_over(_: re.Match[str], rest: str) -> Iterator[Claim]:
    if patterns.NOTHING_MORE.match(rest):
        yield Claim(("slot", kinds.EMPLOYER), None, ends=True, is_event=True)
        yield Claim(("slot", kinds.WORK), None, ends=True, is_event=True)


def left_employer(match: re.Match[str], _: str) -> Iterator[Claim]:
    slot = Slot("", kinds.EMPLOYER, match["name"])
    yield Claim(("slot", kinds.EMPLOYER), words(match["name"]), ends=True, slot=slot, is_event=True)


def idle(_: re.Match[str], __: str) -> Iterator[Claim]:
    yield Claim(("idle",), HOLDS)


def hired(_: re.Match[str], rest: str) -> Iterator[Claim]:
    if re.match(r"$|[,.;! ]+(?:$|again|at|as|in|with|for|last|this|on|now|yesterday|today|finally)\b|s? [A-Z]", rest):
        yield Claim(("idle",), HOLDS, ends=True, is_event=True)


def status(match: re.Match[str], rest: str) -> Iterator[Claim]:
    said = match["status"].split()[0]
    value = patterns.STATUSES[said]
    named = re.match(r" (?:to |with |someone called |a (?:guy|girl|man|woman|lady) called )*([A-Z]\w+)", rest)
    who = (named[1].lower(),) if named else ()
    if value == "apart":
        for each in ("dating", "engaged"):
            yield Claim(("status",), (each,), ends=True, detail=who, is_event=True)
        for partner in patterns.PARTNERS:
            yield Claim(("does", "have", partner), DENIED, detail=(partner,), is_event=True)
    else:
        yield Claim(("status",), (value,), detail=who)


def partner(_: re.Match[str], __: str) -> Iterator[Claim]:
    yield Claim(("status",), ("dating",), needs_change=True)


def count(match: re.Match[str], rest: str) -> Iterator[Claim]:
    noun = COUNTED.get(match["noun"].lower())
    if match["count"] in ("a", "an"):
        return
    if noun and not re.match(r"\s+(?:of|who|that|in|at|from|named|called)\b", rest):
        yield Claim(("count", noun), (number(match["count"]),))


def amount(match: re.Match[str], _: str) -> Iterator[Claim]:
    what = whole(match["what"])
    if what and not (len(what) == 1 and what[0] in ("time", "times", "people", "things", "days", "hours")):
        period = re.search(r"\bthis (?:year|month|week|season)\b", match["what"])
        what = (*what, *(period[0].split() if period else ()))
        is_tally = match[0].startswith(("read", "watched", "visited", "saved"))
        if match[0].startswith("saved"):
            what = ("saved", *what)
        changed = match[0].startswith(("hit", "reached", "has hit"))
        yield Claim(("amount", *what), (number(match["value"]),), needs_change=not changed, is_event=is_tally)


def new_one(match: re.Match[str], _: str) -> Iterator[Claim]:
    """Somebody new takes the place of another: "has a new boss"."""
    who = match["who"]
    for topic in (("slot", f"{kinds.RELATION}{who}"), ("attribute", who), ("attribute", "new", who)):
        yield Claim(topic, None, ends=True, is_event=True)


def major(match: re.Match[str], _: str) -> Iterator[Claim]:
    yield Claim(("attribute", "major"), whole(match["what"]))


def down_to(match: re.Match[str], _: str) -> Iterator[Claim]:
    what = whole(match["what"])
    value = (number(match["value"]),)
    if what and what[0] in _WEIGHTS:
        yield Claim(("measure", "weigh", what[0][:2]), value)
    elif what:
        yield Claim(("amount", *what), value)


def measure(match: re.Match[str], rest: str) -> Iterator[Claim]:
    verb = match["what"].removesuffix("s")
    if (match["what"].endswith("s") or verb in _OF_ONE) and (
        patterns.NOTHING_MORE.match(rest) or rest.startswith((" which", ","))
    ):
        unit = match["unit"][:2]
        yield Claim(("measure", verb, unit), (match["value"],), needs_change=verb not in _OF_ONE)


def dose(match: re.Match[str], _: str) -> Iterator[Claim]:
    yield Claim(("attribute", match["what"].lower()), words(match["value"]), needs_change=True)


def pay(match: re.Match[str], rest: str) -> Iterator[Claim]:
    value = (match["value"], match["per"])
    if patterns.NOTHING_MORE.match(rest) and not rest.startswith((" from", " in", " on")):
        yield Claim(("attribute", "salary"), value)


def attribute(match: re.Match[str], rest: str) -> Iterator[Claim]:
    """A unique attribute and its value: "own phone number is 555"."""
    topic = whole(re.sub(r"\b(?:new|current|latest)\b", "", match["what"]))
    value = words(re.split(r"[.;!]|, (?!\d)| (?:which|because) ", rest)[0])
    if not topic or not value or "not" in value[:1]:
        return
    if patterns.BEST.search(match["what"]) and (found := re.match(r"(?:now )?(\d+(?:[:.h]\d+)*)", rest)):
        yield Claim(best_topic(match["what"]), (found[1],))
        return
    kind = _kind_of(topic)
    if kind and not _is_value(topic, kind, rest):
        return
    if topic[-1] in ("car", "bike", "truck") and kind is None:
        yield from thing_of(rest, ends=False)
    if kind is None and not re.match(r"(?:about |around )?[$€£]?\d", rest):
        return
    if kind is None and (len(topic) > 3 or len(value) > 3):
        return
    yield Claim(("attribute", *topic), value, needs_change=kind != "state")
    if topic[-1] in ("phone", "laptop", "computer", "car", "bike", "editor", "bank", "ride", "truck", "provider"):
        yield from thing_of(rest, ends=False)


def _kind_of(topic: Topic) -> str | None:
    what = head(topic)
    return next((UNIQUE[part] for n in range(len(what)) if (part := " ".join(what[n:])) in UNIQUE), None)


def _is_value(topic: Topic, kind: str, text: str) -> bool:
    """Whether a text can be the value of an attribute: of an event, a time; of most others, a name or a number."""
    if kind == "event":
        return patterns.TIME.search(text) is not None
    if topic[-1] in _DEVICES and re.match(r"an? \w+", text):
        return True
    return re.match(_NAMED, text) is not None or any(" ".join(topic[n:]) in WORDED for n in range(len(topic)))


_NAMED = r"(?:(?:an?|the|at|in|on|about|around|over|called) )*[A-Z\d$€£]"
_DEVICES = frozenset(DEVICES.values()) | {"computer", "car", "bike"}


def best_topic(text: str) -> Topic:
    """The topic of a best result: what it is the best of."""
    disciplines = [re.sub(r"[ -]", "", each.lower()) for each in patterns.DISTANCE.findall(text)]
    plain = [each for each in words(patterns.BEST.sub(" ", patterns.DISTANCE.sub(" ", text))) if each not in _FILLER]
    return ("best", *disciplines[:1], *(() if disciplines else plain))


def beaten(match: re.Match[str], rest: str) -> Iterator[Claim]:
    said = f"{match[0]}{rest}"
    found = patterns.BEST_VALUE.search(said)
    if patterns.BEST.search(said) and found:
        value = re.match(r"\d+(?:[:.h]\d+)*", found["value"])
        about = patterns.DISTANCE.findall(said)
        named = re.search(
            r"(?:best time|personal best|best|record|pb|pr)(?: (?:in|for|on|at)"
            r" (?P<what>[^,.;]+?))?(?:,| to | with |: |$)",
            said,
            re.I,
        )
        topic = best_topic(said) if about else best_topic(named["what"] or "" if named else "")
        yield Claim(topic, (value[0] if value else found["value"],))


def changed_attribute(match: re.Match[str], rest: str) -> Iterator[Claim]:
    topic = whole(match["what"])
    if topic == ("name",):
        yield Claim(("slot", kinds.NAME), words(rest))
    elif topic and _is_changed(match[0], topic, rest):
        value = words(re.split(r"[.;!]|, (?!\d)", rest)[0])
        yield Claim(("attribute", *topic), value, is_event=True)
        yield Claim(("attribute", *head(topic)), value, is_event=True)


def _is_changed(said: str, topic: Topic, text: str) -> bool:
    kind = _kind_of(topic)
    if kind == "event":
        return patterns.TIME.search(text) is not None
    if re.match(r"(?:about |around )?[$€£]?\d", text):
        return True
    return kind == "state" and re.search(r"\b(?:changed|switched|updated)\b", said) is not None


def marrying(match: re.Match[str], _: str) -> Iterator[Claim]:
    who = (match["who"].lower(),) if match["who"] else ()
    yield Claim(("status",), ("engaged",), detail=who)
    if match["when"]:
        yield Claim(("attribute", "wedding"), words(match["when"]), needs_change=True)


def birth(_: re.Match[str], __: str) -> Iterator[Claim]:
    yield Claim(("is", "pregnant"), HOLDS, ends=True, detail=("pregnant",), is_event=True)
    for each in ("kids", "children"):
        yield Claim(("does", "have", each), HOLDS, detail=(each,), is_event=True)


def kin_died(match: re.Match[str], _: str) -> Iterator[Claim]:
    yield Claim(("kin", match["who"]), None, ends=True, is_event=True)


def died(match: re.Match[str], _: str) -> Iterator[Claim]:
    yield Claim(("pet", *words(match["name"])), None, ends=True, is_event=True)


def condition(match: re.Match[str], _: str) -> Iterator[Claim]:
    """A thing is broken, ill or being renovated, or it is well again."""
    what = tuple(word for word in whole(match["what"]) if word not in ("renovation", "repair"))
    state = match["state"].split(",")[0]
    if not what or " not " in f" {state}":
        return
    if match["state"].startswith(
        ("is gone", "are gone", "has gone", "have gone", "is over", "has cleared up", "cleared up")
    ):
        yield Claim(("does", "have", *what), HOLDS, ends=True, detail=what, is_event=True)
    if BAD.search(state):
        yield Claim(("condition", *what), ("bad",))
    elif GOOD.search(state):
        yield Claim(("condition", *what), ("good",))


def time_of_day(match: re.Match[str], _: str) -> Iterator[Claim]:
    yield Claim(("time", "bed" if match["bed"] else "up"), words(match["value"]), needs_change=True)


def commute(match: re.Match[str], _: str) -> Iterator[Claim]:
    yield Claim(("commute",), (match["what"] or match["how"],), needs_change=True)


def school(match: re.Match[str], _: str) -> Iterator[Claim]:
    is_start = match[0].startswith(("start", "has", "moved", "began"))
    yield Claim(("school",), (match["value"],), is_event=is_start, needs_change=not is_start)


def year(match: re.Match[str], _: str) -> Iterator[Claim]:
    yield Claim(("year",), (match["value"],))


def licence(_: re.Match[str], __: str) -> Iterator[Claim]:
    for each in (("driving", "licence"), ("driving", "license"), ("driver's", "license"), ("licence",), ("license",)):
        yield Claim(("does", "have", *each), HOLDS, detail=each, is_event=True)
    yield Claim(("able", "drive"), HOLDS, is_event=True)
    yield Claim(("doing", "driving", "test"), DENIED, detail=("driving", "test"), is_event=True)
    yield Claim(("deed", "learn", "to", "drive"), ("done",), detail=("to", "drive"), is_event=True)


def taste_turn(match: re.Match[str], rest: str) -> Iterator[Claim]:
    """A liking has turned: "went off coffee"."""
    what = re.split(r"[,;.]| and ", rest)[0]
    kind = kinds.LIKES if match["good"] else kinds.DISLIKES
    if value := " ".join(whole(what)):
        slot = Slot("", kind, value)
        yield Claim(("slot", *slot.place), words(value), slot=slot)
