"""Find patterns: tastes, standing instructions and habits that a peer repeats in several sessions. Pure.

Only repetition of the same words counts. Different statements are not generalized, and a frequently repeated plain
fact is not a pattern.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from omoide.core.records import Conclusion, Derived
from omoide.reasoner.equivalence import words
from omoide.reasoner.extractive.slot_kinds import INSTRUCTIONS, PREFERS, TASTES
from omoide.reasoner.extractive.slots import is_doubtful, sentence, slots_of

# Minimum number of sessions for a pattern, and for high confidence (public description of the API: three or four
# sources are medium, five or more high).
LEAST_SESSIONS = 3
HIGH_CONFIDENCE = 5
# Only the newest sources are stored.
MOST_SOURCES = 40

_SUPPORT = re.compile(r"\s*\(said in (\d+) sessions\)$")
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
    conclusions: Iterable[Conclusion], known: Iterable[Conclusion], peer_id: str
) -> tuple[list[Derived], list[str]]:
    """Return the patterns in explicit conclusions (oldest first) with more support than in `known` (inductive ones),
    and the ids of those that they replace."""
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
    return derived, [*outdated]


def _told(content: str, peer_id: str) -> list[tuple[Key, str, str]]:
    """Return the repeatable parts of a statement: key, pattern type and text."""
    slots = slots_of(content, peer_id)
    if slots:
        return [
            ((slot.kind, *words(slot.value)), "preference", sentence(slot))
            for slot in slots
            if slot.kind in TASTES or slot.kind in INSTRUCTIONS or slot.kind == PREFERS
        ]
    statement = _DATES.sub("", content)
    type = "behavior" if _HABIT.search(statement) else "tendency" if _TENDENCY.search(statement) else None
    is_about_peer = statement.startswith((f"{peer_id} ", f"{peer_id}'s ")) and '"' not in statement
    if type is None or not is_about_peer or _WHEN.search(statement) or is_doubtful(statement, peer_id):
        return []
    return [(("statement", *words(statement)), type, statement)]


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


def _inductive(pattern: _Pattern) -> Derived:
    support = len(pattern.by_session)
    sources: Sequence[Conclusion] = sorted(
        pattern.by_session.values(), key=lambda each: (each.said_at, each.created_at, each.pk)
    )[-MOST_SOURCES:]
    details = {
        "sources": [each.content for each in sources],
        "pattern_type": pattern.type,
        "confidence": "high" if support >= HIGH_CONFIDENCE else "medium",
    }
    content = f"{pattern.statement} (said in {support} sessions)"
    return Derived("inductive", content, tuple(each.id for each in sources), details)
