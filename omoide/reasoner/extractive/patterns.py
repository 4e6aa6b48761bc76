"""Find patterns: what a peer says in several sessions, and what it comes back to. Pure.

What is said again, if in other words, is a pattern: a taste, a standing instruction, a habit or a fact. Statements that
differ are not generalized, but what they are about may recur (`recurring_topics`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from omoide.core.records import Conclusion, Derived, Json
from omoide.inference.embedders import Vectors
from omoide.reasoner.equivalence import words
from omoide.reasoner.extractive.recurring_topics import RecurringTopic, recurring_topics
from omoide.reasoner.extractive.rewording import meaning
from omoide.reasoner.extractive.slot_kinds import INSTRUCTIONS, PREFERS, TASTES
from omoide.reasoner.extractive.slots import is_doubtful, sentence, slots_of
from omoide.reasoner.extractive.worth import weigh

# Minimum number of sessions for a pattern, and for high confidence (public description of the API: three or four
# sources are medium, five or more high).
LEAST_SESSIONS = 3
HIGH_CONFIDENCE = 5
# Only the newest sources are stored.
MOST_SOURCES = 40

FEW_MORE = 2
"""A topic is worth telling in addition to a pattern if it recurs in at least this many more sessions."""
LEAST_WORTH = 0.45
"""A plain fact has to be worth this much to be a pattern."""
LASTING = TASTES | INSTRUCTIONS | {PREFERS}

_SUPPORT = re.compile(r"\s*\((?:said )?in (\d+) sessions\)$")
_TOPIC = re.compile(r" often talks about: (.+) \(in \d+ sessions\)$")
_DATES = re.compile(r"\s*\([^()]*\d{4}[^()]*\)\s*\.?$|\.$")
_WHEN = re.compile(
    r"\b(?:today|tonight|tomorrow|yesterday|ago|last|next|this|wants?|plans?|hopes?|wish(?:es)?|tries|will|going to"
    r"|wanted|tried|should|used to)\b|\(",
)
_HABIT = re.compile(
    r"\b(?:every|each|always|usually|often|regularly|daily|weekly|normally|typically|never|rarely|seldom|sometimes"
    r"|in the (?:mornings?|evenings?|afternoons?)|on weekends|on weekdays|most (?:days|mornings|evenings|nights)"
    r"|(?:on|mon|tues|wednes|thurs|fri|satur|sun)days)\b",
    re.IGNORECASE,
)
_TENDENCY = re.compile(r"\b(?:tends to|feels|gets|struggles|worries|procrastinates|keeps \w+ing)\b")

Key = tuple[str, ...]


@dataclass(slots=True)
class _Pattern:
    type: str
    statement: str = ""
    by_session: dict[str, Conclusion] = field(default_factory=dict)


def find_patterns(
    conclusions: Sequence[Conclusion], vectors: Vectors, known: Sequence[Conclusion], peer_id: str
) -> tuple[list[Derived], list[str]]:
    """Return the patterns in explicit conclusions (oldest first) with more support than in `known` (inductive ones),
    and the ids of those that they replace. `vectors`: one row for each of the conclusions."""
    patterns: dict[Key, _Pattern] = {}
    for each in conclusions:
        for key, type, statement in _told(each.content, peer_id) if each.session_id is not None else ():
            pattern = patterns.setdefault(key, _Pattern(type))
            pattern.statement = statement
            pattern.by_session[each.session_id or ""] = each
    earlier = _by_key(known, peer_id)
    derived = []
    outdated: dict[str, None] = {}
    for key, pattern in patterns.items():
        support = len(pattern.by_session)
        if support >= LEAST_SESSIONS and all(support > _support(each) for each in earlier[key]):
            derived.append(_inductive(pattern))
            outdated |= dict.fromkeys(each.id for each in earlier[key])
    said = [pattern for pattern in patterns.values() if len(pattern.by_session) >= LEAST_SESSIONS]
    for topic in recurring_topics(conclusions, vectors, peer_id):
        if _is_told(topic, said):
            continue
        replaced = [each for each in known if _is_about(each, topic)]
        if all(len(topic.sources) > _support(each) for each in replaced):
            derived.append(_recurring(topic, peer_id))
            outdated |= dict.fromkeys(each.id for each in replaced)
    return derived, [*outdated]


def _is_told(topic: RecurringTopic, said: Iterable[_Pattern]) -> bool:
    """Whether the topic is that of a statement which was said in as many sessions."""
    return any(len(topic.sources.keys() - pattern.by_session.keys()) < FEW_MORE for pattern in said)


def _is_about(known: Conclusion, topic: RecurringTopic) -> bool:
    """Whether a known pattern is that of the topic."""
    told = _TOPIC.search(known.content)
    return told is not None and not {*told[1].casefold().split(", ")}.isdisjoint(map(str.casefold, topic.nouns[:1]))


def _recurring(topic: RecurringTopic, peer_id: str) -> Derived:
    pattern = _Pattern("tendency", f"{peer_id} often talks about: {', '.join(topic.nouns)}", dict(topic.sources))
    return _inductive(pattern, f"{pattern.statement} (in {len(topic.sources)} sessions)")


def _told(content: str, peer_id: str) -> list[tuple[Key, str, str]]:
    """Return the repeatable parts of a statement: key, pattern type and text."""
    slots = slots_of(content, peer_id)
    if any(slot.kind in LASTING for slot in slots):
        return [
            ((slot.kind, *words(slot.value)), "preference", sentence(slot)) for slot in slots if slot.kind in LASTING
        ]
    statement = _DATES.sub("", content)
    if _is_limited(statement, peer_id):
        return []
    type = "behavior" if _HABIT.search(statement) else "tendency" if _TENDENCY.search(statement) else ""
    if not type and weigh(content, peer_id).worth < LEAST_WORTH:
        return []
    return [(("statement", *meaning(statement)), type, statement)]


def _is_limited(statement: str, peer_id: str) -> bool:
    """Whether it is about another person, a quotation, an event, a wish or a doubt."""
    is_about_peer = statement.startswith((f"{peer_id} ", f"{peer_id}'s ")) and '"' not in statement
    return not is_about_peer or _WHEN.search(statement) is not None or is_doubtful(statement, peer_id)


def _by_key(known: Iterable[Conclusion], peer_id: str) -> dict[Key, list[Conclusion]]:
    by_key: dict[Key, list[Conclusion]] = defaultdict(list)
    for each in known:
        keys = [key for key, _, _ in _told(_SUPPORT.sub("", each.content), peer_id)]
        if len(keys) == 1:
            by_key[keys[0]].append(each)
    return by_key


def _support(known: Conclusion) -> int:
    said = _SUPPORT.search(known.content)
    return int(said[1]) if said else len(known.source_ids or ())


def _inductive(pattern: _Pattern, content: str | None = None) -> Derived:
    support = len(pattern.by_session)
    sources: Sequence[Conclusion] = sorted(
        pattern.by_session.values(), key=lambda each: (each.said_at, each.created_at, each.pk)
    )[-MOST_SOURCES:]
    details: Json = {
        "sources": [each.content for each in sources],
        "pattern_type": pattern.type,
        "confidence": "high" if support >= HIGH_CONFIDENCE else "medium",
    }
    if not pattern.type:
        del details["pattern_type"]
    content = content or f"{pattern.statement} (said in {support} sessions)"
    return Derived("inductive", content, tuple(each.id for each in sources), details)
